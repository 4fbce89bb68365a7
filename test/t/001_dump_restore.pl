# Models, columns, rights and their index go through pg_dump and come back the same.
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
	SELECT dml_grant('iris', 'reader', 'embed');
	SELECT dml_set_owner('iris', 'learner');
	SELECT dml_activate('iris', 1);
});
my $catalogue = q{
	SELECT string_agg(t, '|' ORDER BY t) FROM (
		SELECT v::text AS t FROM (SELECT model, version, space, active, owner, method, settings, history, seconds, created, weight_bytes FROM dml_model_versions) v
		UNION ALL SELECT p::text FROM dml_model_privileges p
		UNION ALL SELECT c::text FROM dml_columns c) s};
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

	# what follows goes on where it was
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
