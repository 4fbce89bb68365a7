# The catalogue with several roles and clusters: nobody crashes the server, a session that has a
# model cached keeps the right one, and owners and rights follow their roles through renaming, every
# form of dump, and pg_upgrade.
use strict;
use warnings;
use File::Basename;
use File::Spec;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
my $dir = PostgreSQL::Test::Utils::tempdir();

# ---------- any role, and the server stays ----------

$node->safe_psql(
	'postgres', q{
	CREATE ROLE mallory LOGIN;
	CREATE SCHEMA attack AUTHORIZATION mallory;
	SET ROLE mallory;
	SET search_path = attack, public;
	CREATE TABLE c1 AS SELECT i AS id, ('[' || i || ',1]')::dml_vector AS e, 'x' || i % 2 AS l, ARRAY[i, i % 3]::real[] AS x FROM generate_series(1, 60) i;
	CREATE TYPE shade AS (name text);
	CREATE FUNCTION nothing(shade) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text';
	CREATE CAST (shade AS text) WITH FUNCTION nothing(shade);
	CREATE FUNCTION sometimes(anyelement) RETURNS anyelement LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN CASE WHEN random() < 0.5 THEN $1 END; END';
	SELECT version FROM dml_train('attack', 'c1', 'x', 'l', method => 'lda', options => '{"validation": 0}');
});
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

sub attack
{
	my ($what, $sql, $state) = @_;
	my ($status, $out, $error) = $node->psql('postgres', "SET search_path = attack, public; $sql",
		extra_params => [ '-U', 'mallory', '-v', 'VERBOSITY=verbose' ]);
	unlike($error, qr/server closed the connection|XX000/, "$what: no crash and no internal error");
	like($error, $state ? qr/$state/ : qr/^(?!.*ERROR)/s, "$what: " . ($state // 'an answer'));
}
my $q = "'[3,1]'::dml_vector";
attack('volatile label', "SELECT dml_classify('c1', 'e', 'attack.sometimes(l)', $q, 10) FROM generate_series(1, 100)");
attack('random label', "SELECT dml_classify('c1', 'e', 'case when random() < 0.5 then l end', $q, 10) FROM generate_series(1, 100)");
attack('a cast that gives NULL', "SELECT dml_classify('c1', 'e', 'row(l)::attack.shade', $q, 10)");
attack('volatile embedding', "SELECT dml_classify('c1', 'attack.sometimes(e)', 'l', $q, 10) FROM generate_series(1, 100)");
attack('volatile features', "SELECT dml_train('a2', 'c1', 'attack.sometimes(x)', 'l', method => 'whiten', options => '{\"validation\": 0}')");
attack('volatile label in training', "SELECT dml_train('a2', 'c1', 'x', 'attack.sometimes(l)', method => 'whiten', options => '{\"validation\": 0}')");
attack('labels of a type whose text is NULL', "SELECT dml_train('a2', 'c1', 'x', 'row(l)::attack.shade', method => 'whiten', options => '{\"validation\": 0}')");
attack('volatile weight', "SELECT dml_train_pairs('a2', 'SELECT a.x AS a, b.x AS b, a.l = b.l AS same FROM attack.c1 a, attack.c1 b', 'a', 'b', "
	  . "'attack.sometimes(same)', weight => 'attack.sometimes(1.0::float8)', method => 'itml', options => '{\"validation\": 0}')");
attack('volatile groups', "SELECT count(*) FROM dml_evaluate('attack', 'c1', 'x', 'l', group_by => 'attack.sometimes(id)')");
attack('labels that vanish', "SELECT count(*) FROM dml_evaluate('attack', 'c1', 'x', 'attack.sometimes(l)')");
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server has not restarted');

# A superuser damages a row; another role reads it, and the server stays up.
foreach my $damage ("columns = '{}'", "columns = '{a}'", "features_b = 'a'", 'inputs = 3', 'dims = 77', "weights = '\\x00'", "settings = '1'")
{
	my ($column) = $damage =~ /^(\w+)/;
	$node->safe_psql('postgres', "CREATE TABLE keep AS SELECT model_id, number, $column AS was FROM dml_catalog.version; UPDATE dml_catalog.version SET $damage");
	attack("damage $damage, $_->[0]", $_->[1], 'XX001')
	  foreach (
		[ 'dml_explain', "SELECT * FROM dml_explain('attack')" ],
		[ 'dml_embed', "SELECT dml_embed('attack', '{1,2}'::real[])" ],
		[ 'dml_verify_axioms', "SELECT * FROM dml_verify_axioms('attack', 'c1')" ]);
	$node->safe_psql('postgres', "UPDATE dml_catalog.version v SET $column = was FROM keep k WHERE v.model_id = k.model_id AND v.number = k.number; DROP TABLE keep");
}
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server has not restarted');
$node->safe_psql('postgres', "SELECT dml_drop_model(model) FROM dml_models; DROP SCHEMA attack CASCADE; DROP ROLE mallory");

# ---------- one session has models cached, another one moves their rows ----------

load_iris($node);
$node->safe_psql(
	'postgres', q{
	BEGIN;
	SELECT dml_train('a', 'iris', 'ARRAY[x[1], x[2]]', 'class', method => 'lda');
	SELECT dml_train('b', 'iris', 'ARRAY[x[3], x[4]]', 'class', method => 'lda');
	SELECT dml_train('c', 'iris', 'ARRAY[x[1], x[4]]', 'class', method => 'lda');
	COMMIT;
	SELECT dml_materialize('iris', 'eb', 'b', 'ARRAY[x[3], x[4]]');
});
my $other = "\\! psql -X -q -d \"" . $node->connstr('postgres') . "\" -c";
my $embed = "SELECT md5(string_agg(dml_embed('b', ARRAY[x[3], x[4]])::text || dml_embed('c', ARRAY[x[1], x[4]])::text, ',' ORDER BY id)) FROM iris";
my ($before, $after, $stored) = split /\n/, $node->safe_psql(
	'postgres', "SELECT dml_embed('a', ARRAY[1, 2]::real[]) \\gset\n$embed;\n"
	  . "$other \"SELECT dml_drop_model('a')\" > /dev/null\n$other 'VACUUM FULL dml_catalog.version'\n$embed;\n"
	  . "INSERT INTO iris VALUES (1000, '{1,2,3,4}', 'new');\nSELECT eb = (SELECT dml_embed('b', ARRAY[3, 4]::real[])) FROM iris WHERE id = 1000;");
is($after, $before, 'VACUUM FULL of another session changes no embedding');
is($stored, 't', 'nor what the trigger stores');
is($node->safe_psql('postgres', "SELECT eb = dml_embed('b', ARRAY[3, 4]::real[]) FROM iris WHERE id = 1000"), 't', 'as a new session sees it');
$node->safe_psql('postgres', "DROP TABLE iris; SELECT dml_drop_model(model) FROM dml_models");

# ---------- roles that are renamed, and dumps ----------

# boss trains, owns a table with a materialised column, and lets reader embed; then both are
# renamed, others take their names, and a third role with a right is dropped.
$node->safe_psql(
	'postgres', q{
	CREATE ROLE boss LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE ROLE gone;
	GRANT CREATE ON SCHEMA public TO boss;
	CREATE SCHEMA aaa AUTHORIZATION boss;	-- its rows come before the catalogue's
	SET ROLE boss;
	CREATE TABLE part AS SELECT i AS id, ARRAY[i, i % 7, i % 3]::real[] AS x, i % 3 AS class FROM generate_series(1, 90) i;
	CREATE TABLE other (LIKE part);
	SELECT dml_train('part', 'part', 'x', 'class', method => 'lda', options => '{"validation": 0}');
	SELECT dml_materialize('part', 'e', 'part', 'x');
	CREATE TABLE aaa.early AS SELECT x FROM part;
	SELECT dml_materialize('aaa.early', 'e', 'part', 'x');
	SELECT dml_materialize('other', 'e', 'part', 'x');
	SELECT dml_materialize('other', 'stale', 'part', 'x');
	ALTER TABLE other DROP COLUMN stale CASCADE;
	ALTER TABLE other ADD COLUMN stale dml_vector;
	ALTER TABLE part RENAME COLUMN e TO embedding;
	SELECT dml_grant('part', 'reader', 'embed');
	SELECT dml_grant('part', 'gone', 'embed');
	RESET ROLE;
	ALTER ROLE boss RENAME TO "Boss's ""new"" name";
	ALTER ROLE reader RENAME TO reader_new;
	DROP ROLE gone;
	CREATE ROLE boss LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE ROLE gone;
	GRANT CREATE ON SCHEMA public TO boss;
});

# Checks that hold in a database, however it was made.
sub check_rights
{
	my ($on, $db, $what, %param) = @_;
	my $may = sub {
		my ($role) = @_;
		my ($status) = $on->psql($db, "SET ROLE $role; SELECT dml_embed('part', '{1,2,3}'::real[])");
		return $status == 0 ? 'may' : 'may not';
	};
	my $boss = q{"Boss's ""new"" name"};

	is($on->safe_psql($db, "SELECT owner FROM dml_models"), q{Boss's "new" name}, "$what: the owner");
	is($on->safe_psql($db, "SELECT string_agg(role || ' ' || privilege, ',') FROM dml_model_privileges WHERE role NOT LIKE 'unknown%'"),
		'reader_new embed', "$what: rights");
	is(join(', ', map { $may->($_) } ($boss, 'reader_new', 'boss', 'reader', 'gone')), 'may, may, may not, may not, may not', "$what: who may embed");
	is($on->safe_psql($db, q{SELECT string_agg(relation::text || '.' || "column", ',' ORDER BY relation::text) FROM dml_columns}),
		$param{columns} // 'aaa.early.e,other.e,part.embedding', "$what: columns");
	return if $param{no_table};
	is( $on->safe_psql($db, "SET ROLE $boss; INSERT INTO part (id, x, class) VALUES (1000, '{1,2,3}', 1); "
			  . "SELECT bool_and(embedding = dml_embed('part', x)) FROM part WHERE id = 1000"), 't', "$what: the owner's rows are embedded") unless $param{no_owner};

	# a later rename is followed, and no other role takes the old name over
	$on->safe_psql($db, "ALTER ROLE $boss RENAME TO boss3; ALTER ROLE reader_new RENAME TO reader3; CREATE ROLE $boss; CREATE ROLE reader_new");
	is(join(', ', map { $may->($_) } ('boss3', 'reader3', $boss, 'reader_new')), 'may, may, may not, may not', "$what: a later rename is followed");
	is($on->safe_psql($db, 'SELECT owner FROM dml_models'), 'boss3', "$what: the view follows, too");
	$on->safe_psql($db, "DROP ROLE $boss; DROP ROLE reader_new; ALTER ROLE boss3 RENAME TO $boss; ALTER ROLE reader3 RENAME TO reader_new");
}

sub restore
{
	my ($on, $db, $file, @option) = @_;
	$on->safe_psql('postgres', "CREATE DATABASE $db");
	$on->command_ok(
		$file =~ /\.sql$/
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $on->connstr($db), '-f', $file ]
		: [ 'pg_restore', '-e', @option, '-d', $on->connstr($db), $file ],
		"$db: restored");
}

check_rights($node, 'postgres', 'as it was made');
my $db = $node->connstr('postgres');
my %dump = (
	plain => [ 'plain.sql', [ '-Fp' ] ],
	inserts => [ 'inserts.sql', [ '-Fp', '--inserts' ] ],
	custom => [ 'custom.dump', [ '-Fc' ] ],
	tar => [ 'all.tar', [ '-Ft' ] ],
	directory => [ 'directory', [ '-Fd', '-j2' ], [ '-j2' ] ],
	quoted => [ 'quoted.sql', [ '-Fp', '--quote-all-identifiers' ] ],
	no_owner => [ 'no_owner.sql', [ '-Fp', '--no-owner' ] ],
	no_owner_restored => [ 'custom2.dump', [ '-Fc' ], [ '--no-owner' ] ],
	no_privileges => [ 'no_privileges.sql', [ '-Fp', '--no-privileges' ] ],
	role => [ 'role.dump', [ '-Fc', '--role=postgres' ], [ '--role=postgres' ] ]);
foreach my $way (sort keys %dump)
{
	my ($file, $option, $restore) = @{ $dump{$way} };
	$node->command_ok([ 'pg_dump', @$option, '-f', "$dir/$file", $db ], "$way: dumped");
	restore($node, $way, "$dir/$file", @{ $restore // [] });
	check_rights($node, $way, $way, no_owner => $way =~ /no_owner/);
}

# A schema-only dump has no models, as it has no rows; a data-only dump restores them.
$node->command_ok([ 'pg_dump', '--schema-only', '-f', "$dir/schema.sql", $db ], 'schema only: dumped');
$node->command_ok([ 'pg_dump', '--data-only', '--disable-triggers', '-f', "$dir/data.sql", $db ], 'data only: dumped');
restore($node, 'parts', "$dir/schema.sql");
is($node->safe_psql('parts', 'SELECT count(*) FROM dml_models'), '0', 'schema only: no model');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('parts'), '-f', "$dir/data.sql" ], 'data only: restored');
check_rights($node, 'parts', 'schema, then data');
$node->safe_psql('parts', "SELECT dml_materialize('aaa.early', 'e', 'part')");
is($node->safe_psql('parts', "SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'aaa.early'::regclass"), 'A', 'dml_materialize makes the trigger fire always again');

# A table that the dump leaves out does not take a model along.
$node->command_ok([ 'pg_dump', '--exclude-table=part', '-f', "$dir/exclude.sql", $db ], 'without a table: dumped');
restore($node, 'without_table', "$dir/exclude.sql");
check_rights($node, 'without_table', 'without a table', no_table => 1, columns => 'aaa.early.e,other.e');

# A copy of the database within the cluster.
$node->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE plain');
check_rights($node, 'copied', 'copied');
$node->safe_psql('postgres', "DROP DATABASE $_") foreach (sort(keys %dump), qw(parts without_table copied));

# The whole cluster by pg_dumpall.
my $second = start_server('second', empty => 1);
$node->command_ok([ 'pg_dumpall', '-f', "$dir/all.sql", '-d', $db ], 'pg_dumpall');
$second->command_ok([ 'psql', '-X', '-q', '-d', $second->connstr('postgres'), '-f', "$dir/all.sql" ], 'pg_dumpall: restored');
check_rights($second, 'postgres', 'pg_dumpall');
$second->stop;

# Without the roles: the models are restored, and the rights wait for the names.
my $third = start_server('third', empty => 1);
restore($third, 'waiting', "$dir/custom.dump", '--no-owner', '--no-privileges');
is($third->safe_psql('waiting', 'SELECT owner FROM dml_models'), q{Boss's "new" name}, 'without roles: the owner that is waited for');
$third->safe_psql('waiting', q{CREATE ROLE boss; CREATE ROLE gone; CREATE ROLE reader_new; CREATE ROLE "Boss's ""new"" name"});
is( join(
		', ',
		map { ($third->psql('waiting', "SET ROLE $_; SELECT dml_embed('part', '{1,2,3}'::real[])"))[0] == 0 ? 'may' : 'may not' }
		  ('boss', 'gone', 'reader_new', q{"Boss's ""new"" name"})),
	'may not, may not, may, may',
	'without roles: a role that is created gets what waited for its name, and a dropped one left nothing');
$third->safe_psql('waiting', q{SELECT dml_grant('part', 'reader_new', 'embed'); SELECT dml_set_owner('part', 'Boss''s "new" name');});
check_rights($third, 'waiting', 'without roles, given again', no_owner => 1);
$third->stop;

# pg_upgrade, to the same major version.
my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init;
$upgraded->append_conf('postgresql.conf', "client_min_messages = warning\n");
my $bin = dirname((grep { -x } map { "$_/pg_upgrade" } split /:/, $ENV{PATH})[0]);
$node->stop;
my ($old_data, $new_data, $here) = map { File::Spec->rel2abs($_) } ($node->data_dir, $upgraded->data_dir, '.');
chdir $dir or die "chdir: $!";	# where pg_upgrade writes
command_ok([ 'pg_upgrade', '-d', $old_data, '-D', $new_data, '-b', $bin, '-B', $bin,
		'-s', $upgraded->host, '-p', $node->port, '-P', $upgraded->port ], 'pg_upgrade');
chdir $here or die "chdir: $!";
$upgraded->start;
check_rights($upgraded, 'postgres', 'pg_upgrade');

# A column that got a dropped one's name belongs to its owner, and is not materialised.
my ($status, undef, $error) = $upgraded->psql('postgres', "SET ROLE reader_new; SELECT dml_dematerialize('other', 'stale')");
like($error, qr/must be owner of table other/, 'another role does not dematerialise');
$upgraded->safe_psql('postgres', q{SET ROLE "Boss's ""new"" name"; INSERT INTO other (id, stale) VALUES (1, '[7]'); SELECT dml_dematerialize('other', 'stale')});
is($upgraded->safe_psql('postgres', 'SELECT stale FROM other'), '[7]', 'dml_dematerialize leaves a column alone that took the name of a dropped one');
$upgraded->stop;

done_testing();
