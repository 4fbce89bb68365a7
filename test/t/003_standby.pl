# A streaming standby embeds, searches and evaluates; it does not train.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = start_server('primary', streaming => 1, conf => "wal_consistency_checking = 'generic'\n");
load_iris($primary);
train($primary);
$primary->safe_psql(
	'postgres', q{
	SELECT dml_materialize('iris', 'embedding', model => 'iris', features => 'x');
	CREATE INDEX iris_embedding ON iris USING dml (embedding)});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

is(embeddings($standby, 'iris'), embeddings($primary, 'iris'), 'the standby embeds to the same bits');
same_answers($standby, 'standby');

# Later changes are replayed: rows, splits of the index, a new version, a dropped model.
$primary->safe_psql(
	'postgres', q{
	INSERT INTO iris SELECT 1000 + i, ARRAY[5 + i % 13, 3, 1.5 + i % 7, 0.2], 'setosa' FROM generate_series(1, 3000) i;
	DELETE FROM iris WHERE id % 4 = 0 AND id > 1000;
	VACUUM iris});
is(train($primary, method => 'whiten'), 2, 'another version');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is(embeddings($standby, 'iris@2'), embeddings($primary, 'iris@2'), 'the new version');
same_answers($standby, 'standby, after a load');
is( $standby->safe_psql('postgres', q{SELECT round(dml_distance('iris', '{5,3,1.5,0.2}'::real[], '{5,3,1.5,0.2}'::real[])::numeric, 6)}),
	'0.000000', 'dml_distance');
is( $standby->safe_psql('postgres',
		q{SELECT count(*) > 0 FROM dml_evaluate('iris@1', 'SELECT * FROM iris WHERE id <= 150', features => 'x', label => 'class')}),
	't', 'dml_evaluate');

# An index without a live row takes another space, by WAL too.
$primary->safe_psql(
	'postgres', q{
	CREATE TABLE other_space (id int, v dml_vector);
	CREATE INDEX other_space_v ON other_space USING dml (v);
	INSERT INTO other_space SELECT i, ARRAY[i, 1, 2]::real[] FROM generate_series(1, 1000) i});
$primary->safe_psql('postgres', 'DELETE FROM other_space');
$primary->safe_psql('postgres', 'INSERT INTO other_space SELECT i, ARRAY[i, 1]::real[] FROM generate_series(1, 1000) i');
my $nearest = q{SET enable_seqscan = off; SELECT id FROM other_space ORDER BY v <-> '[17.1,1]' LIMIT 2};
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', $nearest), "17\n18", 'an index with a tree of another space');
$primary->safe_psql('postgres', 'VACUUM other_space');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', $nearest), "17\n18", 'and without the old tree');

my ($status, undef, $error) = $standby->psql('postgres',
	q{SELECT dml_train('other', 'iris', features => 'x', label => 'class')});
isnt($status, 0, 'dml_train fails');
like($error, qr/read-only|recovery/, 'and says why');
($status, undef, $error) = $standby->psql('postgres', q{SELECT dml_materialize('iris', 'e2', model => 'iris', features => 'x')});
isnt($status, 0, 'dml_materialize fails');
like($error, qr/read-only|recovery/, 'and says why');

# The standby is promoted.
$standby->promote;
is(train($standby), 3, 'after promotion it trains');
$standby->safe_psql('postgres', q{INSERT INTO iris VALUES (9999, '{5,3,1.5,0.2}', 'setosa')});
same_answers($standby, 'promoted');

done_testing();
