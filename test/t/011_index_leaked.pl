# Nodes of an index that no pointer leads to, as a crash or an error while regrouping leaves them:
# VACUUM frees them, and later rows use their pages.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $block_size = 8192;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => ['--wal-segsize=1']);
$node->append_conf('postgresql.conf', "autovacuum = off\nclient_min_messages = warning\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION dml');
$node->safe_psql(
	'postgres', q{
	SELECT setseed(0.5);
	CREATE TABLE item AS SELECT i AS id, array_agg(random() + i % 7)::real[]::dml_vector AS v
		FROM generate_series(1, 20000) i, generate_series(1, 16) j GROUP BY i;
	CREATE INDEX item_v ON item USING dml (v);
	CREATE INDEX item_cosine ON item USING dml (v dml_cosine_ops);
	VACUUM item;
	CHECKPOINT});
my $path = $node->safe_psql('postgres', q{SELECT pg_relation_filepath('item_v')});
my $answer = q{SET enable_seqscan = off; SET dml.recall = 1;
	SELECT string_agg(id::text, ',') FROM (SELECT id FROM item ORDER BY v <-> (SELECT v FROM item WHERE id = 77) LIMIT 50) s};
my $before = $node->safe_psql('postgres', $answer);
my ($rows, $gone) = split /\|/, $node->safe_psql('postgres', q{SELECT rows, gone FROM dml_index_check('item_v', true)});

# Copies of leaves and of an inner node at the end of the file: in use, and children of no node.
sub leak
{
	$node->stop;
	run_log([ 'pg_checksums', '--disable', '-D', $node->data_dir ]);
	my $file = $node->data_dir . "/$path";
	my $bytes = slurp_file($file);
	my @pages = grep { unpack('v', substr($_, -8, 2)) == 3 } unpack("(a$block_size)*", $bytes);
	my @leaves = grep { unpack('v', substr($_, -6, 2)) == 0 } @pages;
	my @inner = grep { unpack('v', substr($_, -6, 2)) == 1 } @pages;
	open(my $out, '>>:raw', $file) or die $!;
	print $out @_ == 1 ? $leaves[5] : ($leaves[3], $inner[0], $leaves[9]);
	close $out;
	$node->start;
}
leak();
my $check = q{SELECT rows, leaked, gone FROM dml_index_check('item_v', true)};
is($node->safe_psql('postgres', $check), "$rows|3|$gone", 'three nodes that nothing leads to');
is($node->safe_psql('postgres', $answer), $before, 'searches do not meet them');

# Nothing was deleted: this pass is for the pages alone.
$node->safe_psql('postgres', 'VACUUM item');
is($node->safe_psql('postgres', $check), "$rows|0|" . ($gone + 3), 'VACUUM takes them back');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE oid = 'item_v'::regclass}), $rows, 'their rows do not count');
is($node->safe_psql('postgres', q{SELECT leaked, rows FROM dml_index_check('item_cosine', true)}), "0|$rows", 'another index has none');

# With rows to delete, and an older snapshot: the page is freed after the snapshot ends.
leak(1);
my $old = $node->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM item');
$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 10 = 0');
$node->safe_psql('postgres', 'VACUUM item');
is($node->safe_psql('postgres', q{SELECT leaked FROM dml_index_check('item_v', true)}), 0, 'and so does one with rows to delete');
$old->query_safe('COMMIT');
$old->quit;
$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 10 = 1');
$node->safe_psql('postgres', 'VACUUM item');
$node->safe_psql('postgres', 'VACUUM item');

# The pages are used again.
my ($pages, $unused) = split /\|/, $node->safe_psql('postgres', q{SELECT pages, gone_pages FROM dml_index_stats('item_v')});
$node->safe_psql('postgres', q{INSERT INTO item SELECT i + 100000, v + (i * 1e-6) FROM item, generate_series(1, 200) i WHERE id = 77});
my ($now, $left) = split /\|/, $node->safe_psql('postgres', q{SELECT pages, gone_pages FROM dml_index_stats('item_v')});
is($now, $pages, 'the file does not grow');
cmp_ok($left, '<', $unused, "as splits use their pages ($unused before, $left left)");
is($node->safe_psql('postgres', q{SELECT rows - (SELECT count(*) FROM item) || ' ' || leaked FROM dml_index_check('item_v', true)}), '0 0', 'and the index is right');

# An error while regrouping: its new pages exceed the largest file that its process may write.
SKIP:
{
	skip 'needs prlimit', 4 if system('prlimit --version > /dev/null 2>&1') != 0;
	my $reader = $node->background_psql('postgres');
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM item');	# so that no page of a split is free
	$node->safe_psql(
		'postgres', q{
		CREATE TABLE drift (id int, v dml_vector(16));
		CREATE INDEX drift_v ON drift USING dml (v);
		INSERT INTO drift SELECT i, array_agg((sin(i % 997 * j * 1.7) + i / 2000.0)::real ORDER BY j)::dml_vector
			FROM generate_series(1, 60000) i, generate_series(1, 16) j GROUP BY i ORDER BY i;
		CHECKPOINT});
	my ($size, $drifted) = split /\|/, $node->safe_psql('postgres', q{SELECT pg_relation_size('drift_v'), rows FROM dml_index_check('drift_v')});
	cmp_ok($size, '>', 1 << 20, 'an index larger than a file of WAL');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $limit = $size + 5 * $block_size;
	system('prlimit', '--pid', $session->query_safe('SELECT pg_backend_pid()'), "--fsize=$limit") == 0 or die 'prlimit failed';
	$session->query('VACUUM drift');
	$session->quit;
	$reader->quit;
	like(slurp_file($node->logfile), qr/could not (?:extend|write to) file.*File too large/, 'VACUUM fails');
	my ($leaked, $right) = split /\|/, $node->safe_psql('postgres', q{SELECT leaked, rows >= (SELECT count(*) FROM drift) FROM dml_index_check('drift_v', true)});
	ok($leaked > 0 && $right eq 't', "$leaked pages leak, and nothing else is wrong");
	$node->safe_psql('postgres', 'VACUUM drift');
	is($node->safe_psql('postgres', q{SELECT leaked, rows - (SELECT count(*) FROM drift) FROM dml_index_check('drift_v', true)}), '0|0', 'the next VACUUM takes them back');
}

done_testing();
