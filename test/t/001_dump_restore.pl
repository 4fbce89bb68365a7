# Models, columns, rights and their index survive pg_dump and restore unchanged.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
load_iris($node);
is(train($node), 1, 'first version');
is(train($node, method => 'whiten'), 2, 'second version');
$node->safe_psql(
	'postgres', q{
	CREATE ROLE reader;
	CREATE ROLE learner;
	SELECT dml_materialize('iris', 'embedding', model => 'iris', features => 'x');
	CREATE INDEX iris_embedding ON iris USING dml (embedding);
	SELECT dml_calibrate('iris', 'iris', label => 'class', false_accept_rate => 0.01);
	SELECT dml_grant('iris', 'reader', 'embed');
	SELECT dml_set_owner('iris', 'learner');
	SELECT dml_activate('iris', 1);
});
# features that need a function
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION halved(real[]) RETURNS real[] IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN ARRAY[$1[1] / 2, $1[2], $1[3], $1[4]]; END';
	CREATE TABLE half AS SELECT id, x FROM iris;
	SELECT dml_materialize('half', 'embedding', model => 'iris', features => 'halved(x)');
});
# a model of two inputs, a column of the second input, and an adapter to that column
$node->safe_psql(
	'postgres', q{
	CREATE TABLE caption AS SELECT i AS id, ARRAY[sin(i), cos(i), sin(2 * i)]::real[] AS image, ARRAY[sin(i + 1), cos(i + 1)]::real[] AS txt FROM generate_series(1, 60) i;
	SELECT version FROM dml_train_matches('clip', 'caption', 'image', 'txt', method => 'ntxent', network => '4', epochs => 3);
	SELECT dml_materialize('caption', 'embedding', model => 'clip/b');
	SELECT version FROM dml_train_matches('ask', 'caption', 'image', 'embedding', adapter => true, method => 'ntxent', epochs => 3);
	-- numbers that real cannot tell apart: the model has an origin
	SELECT version FROM dml_train('late', 'caption', 'ARRAY[1700000000 + id % 2, txt[1]]::float8[]', 'id % 2', method => 'lda');
});
my $sides = q{SELECT md5(string_agg(dml_embed('clip/a', image)::text || dml_embed('clip/b', txt)::text || embedding::text || dml_embed('ask', image)::text
	|| dml_embed('late', ARRAY[1700000000 + id % 2, txt[1]]::float8[])::text || (embedding <-> dml_embed('ask', image)) || (embedding <-> image), ',' ORDER BY id)) FROM caption};
my $sides_before = $node->safe_psql('postgres', $sides);
is($node->safe_psql('postgres', "SELECT dml_distance('late', ARRAY[1700000000, 0]::float8[], ARRAY[1700000001, 0]::float8[]) > 1"), 't', 'an origin');
my $catalogue = q{
	SELECT string_agg(t, '|' ORDER BY t) FROM (
		SELECT v::text AS t FROM (SELECT model, version, space, active, owner, method, settings, history, seconds, created, weight_bytes FROM dml_model_versions) v
		UNION ALL SELECT p::text FROM dml_model_privileges p
		UNION ALL SELECT c::text FROM dml_columns c
		UNION ALL SELECT t::text FROM dml_calibrations t) s};
my $before = $node->safe_psql('postgres', $catalogue);
like($before, qr/learner/, 'the catalogue has something to lose');
my %digest = map { $_ => embeddings($node, $_) } ('iris@1', 'iris@2');
isnt($digest{'iris@1'}, $digest{'iris@2'}, 'the versions differ');
same_answers($node, 'before');

my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '-Fp', '-f', "$dir/plain.sql", $node->connstr('postgres') ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", $node->connstr('postgres') ], 'pg_dump, custom');

foreach my $way (qw(plain custom))
{
	$node->safe_psql('postgres', "CREATE DATABASE $way");
	$node->command_ok(
		$way eq 'plain'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($way), '-f', "$dir/plain.sql" ]
		: [ 'pg_restore', '-e', '-j2', '-d', $node->connstr($way), "$dir/custom.dump" ],
		"$way: restored");
	is($node->safe_psql($way, $catalogue), $before, "$way: the catalogue is the same");
	is(embeddings($node, $_, $way), $digest{$_}, "$way: $_ embeds to the same bits") foreach ('iris@1', 'iris@2');
	same_answers($node, $way, $way);

	is($node->safe_psql($way, $sides), $sides_before, "$way: both sides and the adapter embed to the same bits");
	$node->safe_psql($way, "UPDATE caption SET txt = '{0.5,0.5}' WHERE id = 1");
	is( $node->safe_psql($way, "SELECT embedding = dml_embed('clip/b', '{0.5,0.5}'::real[]) FROM caption WHERE id = 1"),
		't', "$way: the column of side b stays fresh");

	my ($dropped, undef, $needed) = $node->psql($way, 'DROP FUNCTION halved(real[])');
	isnt($dropped, 0, "$way: a function that features use is not dropped");
	like($needed, qr/trigger zz_dml_embedding on table half/, "$way: and the message names the trigger");
	$node->safe_psql($way, q{ALTER FUNCTION halved(real[]) RENAME TO half_of; INSERT INTO half VALUES (1000, '{5,3,1.5,0.2}')});
	is( $node->safe_psql($way, "SELECT embedding = dml_embed('iris\@1', half_of(x)) FROM half WHERE id = 1000"),
		't', "$way: it can be renamed");

	# numbering continues where it was
	$node->safe_psql($way, "INSERT INTO iris (id, x, class) VALUES (1000, '{5,3,1.5,0.2}', 'setosa')");
	is( $node->safe_psql($way, "SELECT embedding = dml_embed('iris\@2', x) FROM iris WHERE id = 1000"),
		't', "$way: the column stays fresh");
	is(train($node, database => $way), 3, "$way: the next version");
	is( train($node, database => $way, name => 'another'), 1, "$way: another model");
	is( $node->safe_psql($way, "SET ROLE reader; SELECT dml_dims(dml_embed('iris', '{5,3,1.5,0.2}'::real[])) > 0"),
		't', "$way: the right to embed");
	my ($status, undef, $error) = $node->psql($way, "SELECT dml_drop_model('iris')");
	isnt($status, 0, "$way: a model that a column uses is not dropped");
	like($error, qr/embedding/, "$way: and the message names the column");
}

done_testing();
