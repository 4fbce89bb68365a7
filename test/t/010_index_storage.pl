# Storage of the index: data checksums, a tablespace, a base backup, partitions, and rebuilding
# while others read.
use strict;
use warnings;
use Cwd 'abs_path';
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => ['--data-checksums']);
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION dml;
	CREATE FUNCTION point(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
		SELECT array_agg((sin(i * j) + i % 5)::real ORDER BY j)::dml_vector FROM generate_series(1, 20) j $$;
	CREATE TABLE item (id int, v dml_vector(20), tenant int) PARTITION BY HASH (id);
	CREATE TABLE item_0 PARTITION OF item FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE item_1 PARTITION OF item FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO item SELECT i, point(i), i % 3 FROM generate_series(1, 2000) i;
	CREATE INDEX item_v ON item USING dml (v, tenant);
	INSERT INTO item SELECT i, point(i), i % 3 FROM generate_series(2001, 4000) i;
	DELETE FROM item WHERE id % 4 = 0;
});
$node->safe_psql('postgres', 'VACUUM item');
my $check = q{
	SELECT sum((dml_index_check(relid, true)).rows), sum((dml_index_check(relid, true)).leaked)
	FROM pg_partition_tree('item_v') WHERE isleaf};
my $nearest = q{
	SET enable_seqscan = off; SET dml.recall = 1;
	SELECT string_agg(id::text, ',') FROM (SELECT id FROM item WHERE tenant = 1 ORDER BY v <-> point(77) LIMIT 5) s};
my $answer = $node->safe_psql('postgres', $nearest);
like($answer, qr/^\d+,\d+,\d+,\d+,\d+$/, 'five rows of two partitions');
is($node->safe_psql('postgres', $check), '3000|0', 'partitions');

# A backup while rows are inserted and deleted; its checksums are verified as it is taken.
my $writer = IPC::Run::start(
	[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), map { ('-c', $_) } map {
		("INSERT INTO item SELECT i, point(i), i % 3 FROM generate_series(10000 + $_ * 100, 10099 + $_ * 100) i", "DELETE FROM item WHERE id % 37 = $_") } 1 .. 20 ],
	'>', '/dev/null', '2>', '/dev/null');
$node->backup('base', backup_options => [ '--checkpoint', 'fast' ]);
$writer->finish;
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'base');
$copy->start;
like($copy->safe_psql('postgres', $check), qr/^\d+\|0$/, 'the index of a backup is right');
$node->safe_psql('postgres', 'DELETE FROM item WHERE id >= 10000');
$node->safe_psql('postgres', 'VACUUM item');
my $left = $node->safe_psql('postgres', 'SELECT count(*) FROM item') . '|0';
$answer = $node->safe_psql('postgres', $nearest);
my $space = abs_path(PostgreSQL::Test::Utils::tempdir);
$node->safe_psql('postgres', "CREATE TABLESPACE apart LOCATION '$space'");
$node->safe_psql('postgres', 'ALTER INDEX item_0_v_tenant_idx SET TABLESPACE apart');
$node->safe_psql('postgres', 'CREATE INDEX apart_v ON item_1 USING dml (v dml_cosine_ops) TABLESPACE apart');
is($node->safe_psql('postgres', $check), $left, 'moved to another tablespace');
is($node->safe_psql('postgres', q{SELECT leaked FROM dml_index_check('apart_v', true)}), '0', 'made in another tablespace');
is($node->safe_psql('postgres', $nearest), $answer, 'and answers as before');
$node->safe_psql('postgres', 'REINDEX TABLE CONCURRENTLY item_0');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY apart_v');
is($node->safe_psql('postgres', $check), $left, 'rebuilt concurrently');

foreach my $server ($node, $copy)
{
	$server->stop;
	command_ok([ 'pg_checksums', '--check', '-D', $server->data_dir ], 'checksums of all pages hold: ' . $server->name);
}

done_testing();
