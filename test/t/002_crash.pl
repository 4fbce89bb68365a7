# After a crash, committed data is there and uncommitted data has left nothing behind.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use Test::More;

my $node = start_server('main', conf => "autovacuum = off\n");
load_iris($node);
is(train($node), 1, 'trained');
$node->safe_psql('postgres', q{SELECT dml_materialize('iris', 'embedding', model => 'iris', features => 'x')});
my $digest = embeddings($node, 'iris');
$node->stop('immediate');
$node->start;
is(embeddings($node, 'iris'), $digest, 'the model is there after a crash');
is($node->safe_psql('postgres', q{SELECT count(*) FROM iris WHERE embedding = dml_embed('iris', x)}), 150, 'and the column');

# A training that runs when the server dies.
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT i, x, class FROM iris, generate_series(1, 100) i');
my $training = IPC::Run::start(
	[ 'psql', '-X', '-d', $node->connstr('postgres'), '-c',
		q{SELECT dml_train('long', 'many', features => 'x', label => 'class', method => 'supcon', network => '512 relu, 64', epochs => 100000)} ],
	'>', '/dev/null', '2>', '/dev/null');
ok( $node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM dml_training_progress WHERE epoch > 0}),
	'a training runs');
$node->stop('immediate');
eval { $training->finish };
$node->start;
is($node->safe_psql('postgres', q{SELECT count(*) FROM dml_models WHERE model = 'long'}), 0, 'no trace of it');
is($node->safe_psql('postgres', 'SELECT count(*) FROM dml_training_progress'), 0, 'nor in the progress view');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, 'no temporary files');
is(train($node, name => 'long'), 1, 'the name is free');

# The index during inserts, deletes and vacuum, killed at any moment.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE item (id serial, v dml_vector(24));
	CREATE INDEX item_v ON item USING dml (v);
	CREATE FUNCTION fill(n int) RETURNS void LANGUAGE sql AS $$
		INSERT INTO item (v) SELECT array_agg(random() + i % 7)::real[]::dml_vector
		FROM generate_series(1, n) i, generate_series(1, 24) j GROUP BY i $$;
});
my $missing = q{
	SET dml.recall = 1; SET enable_seqscan = off;
	SELECT count(*) - count(DISTINCT id), count(*) - (SELECT count(*) FROM item) FROM
		(SELECT id FROM item ORDER BY v <-> array_fill(1::real, ARRAY[24])::dml_vector OFFSET 0) s};
foreach my $round (1 .. 4)
{
	my @writers = map {
		IPC::Run::start(
			[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c',
				$_ == 1
				? 'DO $$ BEGIN FOR i IN 1 .. 1000 LOOP DELETE FROM item WHERE id % 17 = i % 17; COMMIT; PERFORM pg_sleep(0.05); END LOOP; END $$'
				: 'DO $$ BEGIN FOR i IN 1 .. 100000 LOOP PERFORM fill(20); COMMIT; END LOOP; END $$' ],
			'>', '/dev/null', '2>', '/dev/null')
	} (1 .. 3);
	$node->safe_psql('postgres', 'SELECT pg_sleep(0.3)');
	$node->safe_psql('postgres', 'VACUUM item') foreach (1 .. $round);
	$node->stop('immediate');
	eval { $_->finish } foreach @writers;
	$node->start;
	is($node->safe_psql('postgres', $missing), '0|0', "round $round: every row is in the index, and once");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM item'), '>', 500, 'there were rows');

done_testing();
