# Two roles: one without rights writes models, functions, operators, triggers and views; the other,
# a superuser or the owner of a table, uses dml on tables of its own.
#
# mal.ran has a row for each run of a function of mal's, with the role whose rights it had.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('roles');

# Runs SQL as a role; returns exit status, output and errors.
sub run_as
{
	my ($role, $sql) = @_;
	my ($out, $err);
	my $status = $node->psql('postgres', "SET SESSION AUTHORIZATION $role; SET search_path = $role, public; $sql",
		stdout => \$out, stderr => \$err, on_error_stop => 1);
	return ($status, $out, $err);
}

sub ok_as
{
	my ($role, $sql, $name) = @_;
	my ($status, $out, $err) = run_as($role, $sql);
	is($status, 0, $name) or diag($err);
	return $out;
}

sub fails_as
{
	my ($role, $sql, $error, $name) = @_;
	my ($status, $out, $err) = run_as($role, $sql);
	like($err, $error, $name) or diag($out);
}

# No function of mal's ran with another role's rights.
sub only_mal
{
	my ($name) = @_;
	is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT seen, ', ') FROM mal.ran WHERE seen <> 'mal'}),
		'', $name);
	$node->safe_psql('postgres', 'TRUNCATE mal.ran');
}

$node->safe_psql('postgres', q{
	CREATE ROLE mal LOGIN;
	CREATE ROLE ward LOGIN;
	CREATE SCHEMA mal AUTHORIZATION mal;
	CREATE SCHEMA ward AUTHORIZATION ward;
	GRANT USAGE ON SCHEMA mal, ward TO PUBLIC;
	GRANT CREATE ON SCHEMA public TO PUBLIC;
	CREATE SCHEMA postgres;
	GRANT USAGE ON SCHEMA postgres TO PUBLIC;
	CREATE TABLE postgres.t AS
		SELECT sin(i)::real AS f, (i % 3 + cos(i) / 4)::real AS g, i % 3 AS class, i::double precision AS n
		FROM generate_series(1, 120) i;
	CREATE TABLE ward.t AS TABLE postgres.t;
	ALTER TABLE ward.t OWNER TO ward;
	GRANT SELECT ON postgres.t TO PUBLIC;
});

ok_as('mal', q{
	CREATE TABLE ran (seen name);
	GRANT INSERT, SELECT ON ran TO PUBLIC;
	CREATE FUNCTION log_it() RETURNS void LANGUAGE sql AS 'INSERT INTO mal.ran VALUES (current_user)';
	CREATE FUNCTION pwn(real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM mal.log_it(); RETURN $1; END';
	CREATE FUNCTION pwn(real, integer) RETURNS real IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM mal.log_it(); RETURN $1 OPERATOR(pg_catalog.+) $2; END';
	CREATE OPERATOR mal.+ (LEFTARG = real, RIGHTARG = integer, FUNCTION = pwn);
	CREATE OPERATOR public.+ (LEFTARG = real, RIGHTARG = integer, FUNCTION = pwn);
	CREATE FUNCTION public.sneak(real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM mal.log_it(); RETURN $1; END';
	CREATE FUNCTION public.dml_norm(real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS
		'BEGIN PERFORM mal.log_it(); RETURN $1; END';
	CREATE DOMAIN dom AS real CHECK (mal.pwn(VALUE) IS NOT NULL);
	CREATE DOMAIN public.dom AS real CHECK (mal.pwn(VALUE) IS NOT NULL);
	CREATE TYPE comp AS (d dom);
	CREATE FUNCTION sets(real) RETURNS real IMMUTABLE LANGUAGE plpgsql SECURITY INVOKER AS
		'BEGIN PERFORM mal.reset_it(); RETURN $1; END';
	CREATE FUNCTION reset_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN RESET ROLE; RESET SESSION AUTHORIZATION; END';
	CREATE VIEW spy AS SELECT mal.pwn(1);
	GRANT SELECT ON spy TO PUBLIC;
	CREATE TABLE t AS TABLE postgres.t;
}, 'mal prepares');

# ---------- the default features of a model ----------

my $hostile = [
	[ 'function',           'mal.pwn(f), g' ],
	[ 'unqualified',        'pwn(f), g' ],
	[ 'operator',           'f OPERATOR(mal.+) 1, g' ],
	[ 'domain',             '(f::mal.dom)::real, g' ],
	[ 'domain by path',     '(f::dom)::real, g' ],
	[ 'array literal',      q{f + cardinality('{1}'::mal.dom[])::real, g} ],
	[ 'array cast',         q{f + ('{1}'::text::mal.dom[])[1], g} ],
	[ 'composite literal',  q{f + (('(1)'::mal.comp).d)::real, g} ],
	[ 'attribute notation', '(f).sneak, g' ],
	[ 'name of dml',        'dml_norm(f), g' ],
	[ 'set_config',         q{f + length(set_config('dml.notice_interval', '7', false)), g} ],
	[ 'server file',        q{f OPERATOR(pg_catalog.+) length(pg_read_file('PG_VERSION')), g} ],
	[ 'nested',             'CASE WHEN f > 0 THEN coalesce(least(mal.pwn(f), g), g) ELSE g END, g' ],
	[ 'array element',      'ARRAY[f, mal.pwn(g)]' ],
];
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_catalog.pg_proc WHERE proname = 'pg_input_is_valid'}) eq '1')
{
	push @$hostile, [ 'input test', q{f + pg_input_is_valid('1', 'mal.dom')::int, g} ];
}
my ($xml) = $node->psql('postgres', q{SELECT query_to_xml('SELECT 1', false, false, '')});
if ($xml == 0)
{
	push @$hostile, [ 'query_to_xml', q{f + length(query_to_xml('SELECT mal.pwn(1)', false, false, '')::text), g} ];
	push @$hostile, [ 'table_to_xml', q{f + length(table_to_xml('mal.spy'::regclass, false, false, '')::text), g} ];
}

my @calls = (
	[ 'dml_evaluate',          q{SELECT * FROM dml_evaluate('%s', 't', label => 'class', metrics => '{recall_at_1}', whiten => false)} ],
	[ 'dml_evaluate, gallery', q{SELECT * FROM dml_evaluate('%s', 't', label => 'class', protocol => 'query_gallery', gallery => 'SELECT * FROM t')} ],
	[ 'dml_evaluate_target',   q{SELECT * FROM dml_evaluate_target('%s', 't', target => 'n')} ],
	[ 'dml_verify_axioms',     q{SELECT * FROM dml_verify_axioms('%s', 't')} ],
	[ 'dml_explain',           q{SELECT * FROM dml_explain('%s', 't')} ],
	[ 'dml_calibrate',         q{SELECT * FROM dml_calibrate('%s', 't', label => 'class')} ],
	[ 'dml_materialize',       q{SELECT * FROM dml_materialize('t', 'e', '%s'); SELECT dml_dematerialize('t', 'e')} ]);

# As mal, train a model on features that must not harm others, and grant it to all.
sub train_as_mal
{
	my ($model, $features) = @_;
	(my $quoted = $features) =~ s/'/''/g;
	my $role = $features =~ /pg_read_file/ ? 'postgres' : 'mal';
	ok_as($role, "SELECT version FROM dml_train('$model', 't', '$quoted', 'class', method => 'whiten')", "$model: trained");
	if ($role ne 'mal')
	{
		ok_as($role, "SELECT dml_set_owner('$model', 'mal')", "$model: given to mal");
	}
	ok_as('mal', "SELECT dml_grant('$model', 'public', 'embed')", "$model: granted");
}

foreach my $case (@$hostile)
{
	my ($what, $features) = @$case;
	train_as_mal($what, $features);
	only_mal("$what: training runs as the trainer");
	foreach my $call (@calls)
	{
		foreach my $role ('postgres', $what eq 'function' ? 'ward' : ())
		{
			next if $role eq 'ward' && $call->[0] eq 'dml_calibrate';
			fails_as($role, sprintf($call->[1], $what), qr/features must be given for model "$what"/,
				"$what: $call->[0] as $role asks for the features");
		}
	}
	only_mal("$what: nothing of mal's ran");
}
fails_as('postgres', sprintf($calls[0][1], 'function'),
	qr/DETAIL: +It was trained with the features mal\.pwn\(f\), g, which use function mal\.pwn.*\nHINT: .* features => 'mal\.pwn\(f\), g'/,
	'the error shows the features');
my $given = ok_as('postgres', q{SELECT count(*) > 0 FROM dml_verify_axioms('function', 't', features => 'mal.pwn(f), g')},
	'what the error asks for works');
is($given, 't', 'there is a result');
$node->safe_psql('postgres', 'TRUNCATE mal.ran');

# The owner of the model need not give features.
foreach my $call (@calls)
{
	my $model = 'function';
	ok_as('mal', sprintf($call->[1], $model), "$call->[0]: the model's owner needs no features");
}
only_mal('they ran as mal');

# Columns, and functions of PostgreSQL and dml, are accepted silently, with their own meaning.
my @harmless = (
	'f, g', 'abs(f) * 2, g - 1.5', 'f + 1, g', '(f > 0.5), (g IS NULL), f::double precision AS h',
	'ARRAY[f, g]', q{CASE WHEN f > 0 THEN 'a' ELSE 'b' END = 'a', g}, 'dml_normalize(ARRAY[f, g, 1]::dml_vector)',
	q{extract(hour FROM to_timestamp(n * 1000)), g}, 'n::integer % 7, g');
my $i = 0;
foreach my $features (@harmless)
{
	my $model = 'harmless' . $i++;
	(my $quoted = $features) =~ s/'/''/g;
	train_as_mal($model, $features);
	foreach my $call (@calls)
	{
		ok_as('postgres', sprintf($call->[1], $model), "$features: $call->[0] is silent");
	}
	only_mal("$features: nothing of mal's ran");
	my $default = ok_as('postgres', "SELECT string_agg(axiom || checked || violations, ' ') FROM dml_verify_axioms('$model', 't')", 'without features');
	is($default, ok_as('postgres', "SET search_path = postgres; SELECT string_agg(axiom || checked || violations, ' ') "
		  . "FROM public.dml_verify_axioms('$model', 't', features => " . ($features =~ /dml_/ ?
			q{'public.dml_normalize(ARRAY[f, g, 1]::public.dml_vector)'} : "'$quoted'") . ')', 'with features'),
		"$features: the default means the same");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM postgres.t WHERE f IS NULL}), 0, 'the table is as it was');

# ---------- the trigger of a materialised column ----------

ok_as('mal', q{SELECT dml_materialize('t', 'e', 'function'); GRANT INSERT, UPDATE, SELECT, TRIGGER ON t TO PUBLIC}, 'mal materialises');
ok_as('postgres', q{INSERT INTO mal.t (f, g) VALUES (1, 2); UPDATE mal.t SET f = 2 WHERE class IS NULL}, 'a superuser writes');
ok_as('ward', q{INSERT INTO mal.t (f, g) VALUES (1, 2)}, 'another role writes');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mal.t WHERE class IS NULL AND e IS NULL}), 0, 'the column is filled');
isnt($node->safe_psql('postgres', 'SELECT count(*) FROM mal.ran'), 0, 'the features were evaluated');
only_mal('in the trigger the features run as the owner of the table');
ok_as('mal', q{ALTER TABLE t RENAME f TO h; ALTER TABLE t RENAME e TO e2}, 'columns get other names');
ok_as('postgres', q{INSERT INTO mal.t (h, g) VALUES (1, 2)}, 'a superuser writes again');
only_mal('and the features still run as the owner');

ok_as('mal', q{CREATE TABLE esc AS SELECT f, g FROM postgres.t;
	SELECT dml_materialize('esc', 'e', 'harmless0', 'f, g'); SELECT dml_dematerialize('esc', 'e')}, 'a table to escape from');
ok_as('mal', q{CREATE TABLE part (f real, g real) PARTITION BY RANGE (f);
	CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10);
	CREATE TABLE part2 PARTITION OF part FOR VALUES FROM (10) TO (20);
	SELECT dml_materialize('part', 'e', 'harmless0', 'mal.pwn(f), g')}, 'a partitioned table');
ok_as('postgres', q{INSERT INTO mal.part VALUES (1, 2), (11, 2); INSERT INTO mal.part1 VALUES (2, 2)}, 'a superuser writes to partitions');
isnt($node->safe_psql('postgres', 'SELECT count(*) FROM mal.ran'), 0, 'the features were evaluated');
only_mal('in partitions, too');
$node->safe_psql('postgres', q{GRANT USAGE, CREATE ON SCHEMA mal TO ward; CREATE TABLE ward.esc (f real, g real, e dml_vector);
	ALTER TABLE ward.esc OWNER TO ward});
fails_as('mal', q{CREATE TABLE low (f real, g real); SELECT dml_materialize('low', 'e', 'harmless0', 'mal.sets(f), g'); INSERT INTO low VALUES (1, 2)},
	qr/security-restricted operation/, 'features cannot leave the owner\'s identity');

# A better matching function that is created later is not called: the column was not made with it.
$node->safe_psql('postgres', q{CREATE TABLE ward.small (f smallint, g real); ALTER TABLE ward.small OWNER TO ward});
ok_as('ward', q{CREATE FUNCTION public.twice(integer) RETURNS real IMMUTABLE LANGUAGE sql AS 'SELECT (2 * $1)::real';
	SELECT dml_materialize('small', 'e', 'harmless0', 'public.twice(f), g')}, 'ward materialises');
ok_as('mal', q{CREATE FUNCTION public.twice(smallint) RETURNS real IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM mal.log_it(); RETURN $1; END'}, 'mal overloads');
ok_as('postgres', 'INSERT INTO ward.small VALUES (1, 2)', 'a superuser writes to ward\'s table');
only_mal('the overload was not called');

# A trigger made by hand gives no rights of the table's owner or of the role that writes.
$node->safe_psql('postgres', 'GRANT TRIGGER, INSERT ON ward.esc TO mal');
ok_as('mal', q{CREATE TRIGGER hand BEFORE INSERT OR UPDATE OF f, e ON ward.esc FOR EACH ROW
	WHEN (true OR (mal.pwn(new.f)) IS NULL OR (new.g) IS NULL)
	EXECUTE FUNCTION dml_embed_trigger('harmless0@1', 'mal.pwn(f), g', '', 'f', 'e')}, 'mal makes a trigger');
foreach my $role ('postgres', 'ward', 'mal')
{
	fails_as($role, 'INSERT INTO ward.esc (f, g) VALUES (1, 2)', qr/trigger "hand" has features that dml_materialize did not record/,
		"a trigger by hand runs no function for $role");
}
ok_as('ward', 'DROP TRIGGER hand ON esc', 'ward drops it');
ok_as('mal', q{CREATE TRIGGER hand BEFORE INSERT OR UPDATE OF f, e ON ward.esc FOR EACH ROW
	WHEN (true OR ((new.f::mal.dom)::real) IS NULL OR (new.g) IS NULL)
	EXECUTE FUNCTION dml_embed_trigger('harmless0@1', 'f, g', '', 'f', 'e')}, 'mal makes another');
fails_as('postgres', 'INSERT INTO ward.esc (f, g) VALUES (1, 2)', qr/did not record/, 'nor is a domain of mal\'s tested');
only_mal('nothing of mal\'s ran');
ok_as('ward', 'DROP TRIGGER hand ON esc', 'ward drops that, too');

# Nor is it one when the column is materialised again: the features of a trigger were not typed by
# whoever calls.
$node->safe_psql('postgres', q{CREATE TABLE postgres.again AS SELECT f, g FROM postgres.t;
	SELECT public.dml_materialize('postgres.again', 'e', 'harmless0', 'f, g'); GRANT TRIGGER ON postgres.again TO mal});
ok_as('mal', q{CREATE TRIGGER hand BEFORE INSERT OR UPDATE OF f, e ON postgres.again FOR EACH ROW
	WHEN (true OR (mal.pwn(new.f)) IS NULL OR (new.g) IS NULL)
	EXECUTE FUNCTION dml_embed_trigger('harmless0@1', 'mal.pwn(f), g', '', 'f', 'e')}, 'mal makes a second trigger');
foreach my $more ('', ', refresh => true')
{
	fails_as('postgres', "SELECT dml_materialize('again', 'e', 'harmless0'$more)", qr/trigger "hand" has features that dml_materialize did not record/,
		"dml_materialize$more does not take features from it");
}
ok_as('postgres', q{SELECT dml_materialize('again', 'e', 'harmless0', 'f, g')}, 'features that are typed replace them');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'postgres.again'::regclass}), 1, 'no trigger by hand is left');
only_mal('nothing of mal\'s ran');
ok_as('ward', q{CREATE FUNCTION seen_by(real) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''seen by %'', current_user; RETURN true; END';
	CREATE DOMAIN number AS real CHECK (ward.seen_by(value)); CREATE TABLE literal AS SELECT f, g FROM t;
	SELECT dml_materialize('literal', 'e', 'harmless0', $$f + ('{0}'::number[])[1], g$$)}, 'features with a literal of a domain');
{
	my ($status, $out, $err) = run_as('postgres', q{SELECT dml_materialize('ward.literal', 'e', 'harmless0', refresh => true)});
	is($status, 0, 'a superuser materialises again') or diag($err);
	like($err, qr/seen by ward/, 'the domain is tested');
	unlike($err, qr/seen by postgres/, 'but not with the rights of a superuser');
}

# The owner has chosen functions of a third role as long as the features are those on record.
$node->safe_psql('postgres', q{CREATE ROLE third LOGIN; CREATE SCHEMA third AUTHORIZATION third; GRANT USAGE ON SCHEMA third TO PUBLIC;
	SET SESSION AUTHORIZATION third;
	CREATE FUNCTION third.half(real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 / 2; END';
	RESET SESSION AUTHORIZATION; CREATE TABLE ward.chosen AS SELECT f, g FROM ward.t; ALTER TABLE ward.chosen OWNER TO ward;
	GRANT TRIGGER, INSERT ON ward.chosen TO mal});
ok_as('ward', q{SELECT dml_materialize('chosen', 'e', 'harmless0', 'third.half(f), g')}, 'ward materialises by a function of a third role');
ok_as('postgres', 'INSERT INTO ward.chosen VALUES (1, 2)', 'a superuser writes');
ok_as('ward', q{ALTER TABLE chosen RENAME f TO h; ALTER TABLE chosen RENAME g TO f; ALTER TABLE chosen RENAME h TO g},
	'ward renames columns');
ok_as('postgres', 'INSERT INTO ward.chosen VALUES (1, 2)', 'a superuser writes again');
ok_as('ward', q{ALTER TABLE chosen RENAME f TO h; ALTER TABLE chosen RENAME g TO f; ALTER TABLE chosen RENAME h TO g},
	'the columns have their names again');
SKIP:
{
	skip 'CREATE OR REPLACE TRIGGER', 2 if $node->safe_psql('postgres', 'SHOW server_version_num') < 140000;
	my $trigger = $node->safe_psql('postgres', q{SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 'ward.chosen'::regclass});
	ok_as('mal', qq{CREATE OR REPLACE TRIGGER $trigger BEFORE INSERT OR UPDATE OF f, e ON ward.chosen FOR EACH ROW
		WHEN (true OR (mal.pwn(new.f)) IS NULL OR (new.g) IS NULL)
		EXECUTE FUNCTION dml_embed_trigger('harmless0\@1', 'third.half(f), g', '', 'f', 'e')}, 'mal replaces the trigger');
	fails_as('ward', 'INSERT INTO chosen VALUES (1, 2)', qr/did not record/, 'what replaced the trigger is not evaluated');
}
only_mal('nothing of mal\'s ran');

# ---------- a search ----------

# It evaluates the expression that it is by, and no other of the index.
ok_as('mal', q{CREATE TABLE searched AS SELECT f, ARRAY[f, g]::dml_vector AS v FROM postgres.t;
	CREATE INDEX ON searched USING dml ((v::dml_vector(2)), (mal.pwn(f)::integer)); TRUNCATE ran}, 'an index of mal\'s');
is(ok_as('postgres', q{SET enable_seqscan = off; SELECT f FROM mal.searched ORDER BY v::dml_vector(2) <-> '[1,1]' LIMIT 1}),
	ok_as('postgres', q{SET enable_indexscan = off; SELECT f FROM mal.searched ORDER BY v::dml_vector(2) <-> '[1,1]' LIMIT 1}), 'a superuser searches in it');
only_mal('nothing of mal\'s ran');

# ---------- who can keep a model from being dropped ----------

ok_as('postgres', q{SELECT version FROM dml_train('kept', 't', 'f, g', 'class', method => 'whiten')}, 'a model of a superuser\'s');
ok_as('mal', q{CREATE TABLE hold (f real, g real, e dml_vector);
	CREATE TRIGGER hold BEFORE INSERT OR UPDATE OF f, g, e ON hold FOR EACH ROW WHEN (true OR new.f IS NULL OR new.g IS NULL)
	EXECUTE FUNCTION dml_embed_trigger('kept@1', 'f, g', '', 'f', 'g', 'e')}, 'a trigger of mal\'s names it');
fails_as('mal', 'INSERT INTO hold VALUES (1, 2)', qr/permission denied for model "kept"/, 'without a right on it');
ok_as('postgres', q{SELECT dml_drop_model('kept')}, 'the trigger does not keep the model');
ok_as('postgres', q{SELECT version FROM dml_train('kept', 't', 'f, g', 'class', method => 'whiten'); SELECT dml_grant('kept', 'ward', 'embed')}, 'again');
ok_as('ward', q{CREATE TABLE keeps AS SELECT f, g FROM t; SELECT dml_materialize('keeps', 'e', 'kept'); ALTER TABLE keeps RENAME e TO other}, 'a column of ward\'s');
fails_as('postgres', q{SELECT dml_drop_model('kept')}, qr/cannot drop model "kept".*\nDETAIL: +Columns: ward\.keeps\.other\./, 'it keeps the model');
ok_as('postgres', q{SELECT dml_revoke('kept', 'ward', 'embed'); SELECT dml_drop_model('kept')}, 'but not without the right to embed');
is($node->safe_psql('postgres', q{SELECT count(*) FROM dml_columns WHERE model = 'kept'}), 0, 'nor is it on record');

# ---------- settings ----------

fails_as('mal', q{SELECT dml_dims('[1]'); SET dml.max_threads = 256}, qr/permission denied to set parameter "dml.max_threads"/, 'only superusers set dml.max_threads');
{
	my ($status, $out, $err) = run_as('mal', q{SELECT dml_dims('[1]'); SET dml.threads = 256; SHOW dml.threads});
	is($status, 0, 'anybody may ask for threads') or diag($err);
}
# A value that is set before the library is loaded.
{
	my ($out, $err);
	$node->safe_psql('postgres', 'GRANT SELECT ON postgres.t TO mal');
	$node->psql('postgres', q{SET dml.max_threads = 256; SELECT dml_dims('[1]'); SHOW dml.max_threads},
		extra_params => [ '-U', 'mal' ], stdout => \$out, stderr => \$err);
	unlike($out, qr/256/, 'nor before the library is loaded');
}
# The threads of a training are bounded, whatever was requested.
{
	my $unbounded = threads_of_training(8);
	$node->append_conf('postgresql.conf', 'dml.max_threads = 1');
	$node->reload;
	is(threads_of_training(8), threads_of_training(1), "dml.threads = 8 gives no thread more than 1 ($unbounded without the bound)");
	$node->append_conf('postgresql.conf', 'dml.max_threads = 0');
	$node->reload;
}

# How many threads a session has after a training with dml.threads.
sub threads_of_training
{
	my ($threads) = @_;
	my $out = $node->safe_psql('postgres', qq{SET dml.threads = $threads;
		SELECT version FROM dml_train('threads', 'SELECT ARRAY(SELECT sin(i * j) FROM generate_series(1, 256) j) AS x, i % 5 AS c FROM generate_series(1, 500) i', 'x', 'c', method => 'lda');
		SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/task')});
	return (split /\n/, $out)[-1];
}

# ---------- names in the extension's own SQL ----------

# Objects that match better than PostgreSQL's own if a name is looked up through the search_path.
my @operators = (
	[ '=', 'oid', 'regclass', 'boolean' ], [ '=', 'regclass', 'oid', 'boolean' ], [ '=', 'oid', 'regprocedure', 'boolean' ],
	[ '=', 'oid', 'integer', 'boolean' ], [ '=', 'name', 'name[]', 'boolean' ], [ '=', 'smallint', 'bigint', 'boolean' ],
	[ '=', 'text', 'unknown', 'boolean' ], [ '=', 'anyelement', 'anyelement', 'boolean' ],
	[ '<>', '"char"', 'text', 'boolean' ], [ '<>', 'anyelement', 'anyelement', 'boolean' ],
	[ '->>', 'jsonb', 'jsonb', 'text' ], [ '->>', 'jsonb', 'anyelement', 'text' ], [ '?', 'jsonb', 'jsonb', 'boolean' ],
	[ '?', 'jsonb', 'anyelement', 'boolean' ], [ '||', 'bytea', 'anyelement', 'bytea' ], [ '||', 'text', 'anyelement', 'text' ],
	[ '||', 'text', 'jsonb', 'text' ], [ '-', 'integer', 'numeric', 'integer' ], [ '-', 'anyelement', 'anyelement', 'integer' ]);
my @functions = (
	[ 'to_hex', 'numeric', 'text' ], [ 'octet_length', 'name', 'integer' ], [ 'unnest', 'text[]', 'text' ],
	[ 'jsonb_each', 'anyelement', 'text' ], [ 'jsonb_array_elements', 'anyelement', 'jsonb' ], [ 'coalesce', 'anyelement', 'boolean' ],
	[ 'lpad', 'text, bigint, text', 'text' ], [ 'cardinality', 'int2vector', 'integer' ], [ 'now', '', 'timestamptz' ],
	[ 'row_number', '', 'bigint' ], [ 'dml_norm', 'integer', 'real' ]);

# Set the traps in a database, except those that PostgreSQL does not allow.
sub set_traps
{
	my ($database) = @_;
	my ($sql, $made) = ('', 0);
	foreach my $o (@operators)
	{
		my ($name, $left, $right, $returns) = @$o;
		my ($status) = $node->psql($database, qq{
			CREATE FUNCTION public.trap_$made($left, $right) RETURNS $returns IMMUTABLE LANGUAGE plpgsql AS
				\$\$BEGIN RAISE EXCEPTION 'trapped by $name'; END\$\$;
			CREATE OPERATOR public.$name (LEFTARG = $left, RIGHTARG = $right, FUNCTION = public.trap_$made)}, on_error_stop => 1);
		$made++ if $status == 0;
	}
	foreach my $f (@functions)
	{
		my ($name, $arguments, $returns) = @$f;
		my ($status) = $node->psql($database, qq{CREATE FUNCTION public."$name"($arguments) RETURNS $returns IMMUTABLE LANGUAGE plpgsql AS
			\$\$BEGIN RAISE EXCEPTION 'trapped by $name'; END\$\$}, on_error_stop => 1);
		$made++ if $status == 0;
	}
	return $made;
}

# Everything that the extension runs by itself, with the traps first in the path.
sub use_all
{
	my ($database, $path, $schema) = @_;
	my $set = "SET search_path = $path;";
	foreach my $view ($node->safe_psql($database, q{SELECT viewname FROM pg_catalog.pg_views WHERE viewname LIKE 'dml\_%' ORDER BY 1}) =~ /\S+/g)
	{
		my ($status, $out, $err) = $node->psql($database, "$set TABLE $schema.$view");
		is($err, '', "$path: $view");
	}
	foreach my $sql (
		"SELECT * FROM $schema.dml_explain('named')", "SELECT * FROM $schema.dml_explain('named', 'public.t')",
		"SELECT * FROM $schema.dml_classify('public.t', 'e', 'class', (SELECT e FROM public.t LIMIT 1))",
		"SELECT * FROM $schema.dml_materialize('public.t', 'e', 'named', refresh => true)",
		"SELECT * FROM $schema.dml_tune('tuned', 'public.t', 'f, g', 'class', 'margin', open_set => false, trials => 2, folds => 2, epochs => 2)",
		"SELECT * FROM $schema.dml_calibrate('named', 'public.t', label => 'class')",
		"TABLE $schema.dml_trials", "SELECT $schema.dml_within(e, e::text, 1) FROM public.t LIMIT 1",
		"SELECT $schema.dml_grant('named', 'public', 'embed')", "SELECT $schema.dml_revoke('named', 'public', 'embed')",
		"UPDATE public.t SET f = 2", "SELECT $schema.dml_dematerialize('public.t', 'e')", "SELECT $schema.dml_drop_model('named')")
	{
		my ($status, $out, $err) = $node->psql($database, "$set $sql");
		unlike($err, qr/ERROR|trapped/, "$path: $sql");
	}
}

my $setup = q{SET search_path = pg_catalog; CREATE TABLE public.t AS
		SELECT sin(i)::real AS f, (i % 3 + cos(i) / 4)::real AS g, i % 3 AS class FROM generate_series(1, 60) i;};
foreach my $schema ('public', 'own')
{
	foreach my $when ('before', 'after')
	{
		my $database = "names_${schema}_$when";
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		$node->safe_psql($database, 'CREATE SCHEMA own');
		cmp_ok(set_traps($database), '>', 20, "traps $when CREATE EXTENSION") if $when eq 'before';
		$node->safe_psql($database, "CREATE EXTENSION dml SCHEMA $schema");
		cmp_ok(set_traps($database), '>', 20, "traps $when CREATE EXTENSION") if $when eq 'after';
		$node->safe_psql($database, $setup . qq{SELECT $schema.dml_train('named', 'public.t', 'f, g', 'class', method => 'lda');
			SELECT $schema.dml_materialize('public.t', 'e', 'named', 'f, g')});
		use_all($database, $schema eq 'own' ? 'public, own, pg_catalog' : 'public, pg_catalog', $schema);
		is($node->safe_psql($database, q{
			WITH member AS (SELECT classid, objid FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) 'pg_extension'::regclass::oid
					AND deptype OPERATOR(pg_catalog.=) 'e'::"char"),
				made AS (SELECT classid, objid FROM member UNION ALL
					SELECT 'pg_rewrite'::regclass::oid, r.oid FROM pg_catalog.pg_rewrite r JOIN member ON objid OPERATOR(pg_catalog.=) r.ev_class)
			SELECT pg_catalog.string_agg(pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
			FROM pg_catalog.pg_depend d JOIN made USING (classid, objid)
			WHERE d.refclassid OPERATOR(pg_catalog.=) ANY (ARRAY['pg_proc'::regclass::oid, 'pg_operator'::regclass::oid, 'pg_cast'::regclass::oid])
				AND NOT EXISTS (SELECT FROM member m WHERE m.classid OPERATOR(pg_catalog.=) d.refclassid AND m.objid OPERATOR(pg_catalog.=) d.refobjid)
				AND d.refobjid OPERATOR(pg_catalog.>=) 16384::oid}), '', "$database: the extension depends on nobody's functions and operators");
	}
}

$node->stop;
done_testing();
