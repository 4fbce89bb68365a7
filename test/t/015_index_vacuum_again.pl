# VACUUM divides the nodes of an index again if that helps, remembers where it has looked, and looks
# again only below nodes that have changed. The test checks below how many nodes it looked, and the
# size of the file.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use Test::More;

my $node = start_server('main', conf => "autovacuum = off\nmax_parallel_maintenance_workers = 0\n");
$node->safe_psql(
	'postgres', q{
	-- no clusters: the leaves of a build are as good as any others
	CREATE TABLE data AS
	SELECT i AS id, array_agg(hashint8extended(i * 1000 + j, 5) / 9.3e18 ORDER BY j)::real[]::dml_vector AS v
	FROM generate_series(1, 6000) i, generate_series(1, 200) j GROUP BY i ORDER BY i;
	CREATE TABLE built AS SELECT * FROM data;
	VACUUM built;
	CREATE INDEX built_v ON built USING dml (v);
	CREATE TABLE filled (id int, v dml_vector);
	CREATE INDEX filled_v ON filled USING dml (v);
	INSERT INTO filled SELECT * FROM data ORDER BY (v::real[])[1]});

# VACUUM a table; returns below how many nodes of its index it looked, and below how many it divided
# them again.
sub vacuum
{
	my ($table) = @_;
	my ($status, $out, $messages) = $node->psql('postgres', "SET client_min_messages = debug2; VACUUM $table");

	return $messages =~ /index "${table}_v": looked below (\d+) nodes, and divided anew below (\d+)/ ? ($1, $2) : (-1, -1);
}

# The bytes of a table's index on disk.
sub bytes
{
	my ($table) = @_;

	return $node->safe_psql('postgres',
		"CHECKPOINT; SELECT pg_relation_size('${table}_v'), md5(pg_read_binary_file(pg_relation_filepath('${table}_v')))");
}

my $before = bytes('built');
for my $time (1 .. 3)
{
	is_deeply([ vacuum('built') ], [ 0, 0 ], "VACUUM number $time looks nowhere in an index that was just built");
	is(bytes('built'), $before, 'and leaves every byte of it as it was');
}

my ($looked, $divided) = vacuum('filled');
cmp_ok($divided, '>', 0, 'rows that came in a bad order are divided anew');
$before = bytes('filled');
is_deeply([ vacuum('filled') ], [ 0, 0 ], 'the next VACUUM looks nowhere');
is(bytes('filled'), $before, 'and changes nothing');

# A few rows cause a look at the nodes that were split for them, at most.
my $parents = $node->safe_psql('postgres', q{SELECT inner_pages FROM dml_index_stats('filled_v')});
$node->safe_psql('postgres', q{INSERT INTO filled SELECT id + 20000, v FROM data WHERE id <= 10});
($looked, $divided) = vacuum('filled');
cmp_ok($looked, '<=', 10, "a few rows are no reason to look below all $parents nodes");
is($divided, 0, 'or to divide any');

# So do many new rows, and many deleted ones.
$node->safe_psql('postgres', q{INSERT INTO filled SELECT id + 40000, v FROM data WHERE id <= 3000});
($looked, $divided) = vacuum('filled');
cmp_ok($looked, '>', 0, 'many rows are a reason to look');
$node->safe_psql('postgres', q{DELETE FROM filled WHERE id % 5 > 0});
($looked, $divided) = vacuum('filled');
cmp_ok($divided, '>', 0, 'leaves that were emptied are divided anew');
is_deeply([ vacuum('filled') ], [ 0, 0 ], 'once');
is($node->safe_psql('postgres', q{SELECT rows FROM dml_index_check('filled_v', true)}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM filled'), 'the index is whole');
$node->stop;
done_testing();
