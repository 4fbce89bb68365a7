# Calls of every function of the extension with arguments good and bad, from a fixed seed: no call
# crashes the server, fails with an internal error or an assertion, or leaks a resource. DML_CALLS
# is the number of calls, DML_SEED the seed.
#
# The functions and the types of their arguments come from pg_proc, so a new function is called
# without a change here. The value of an argument depends on its name and its type: mostly a value
# that makes sense there, else one of its type, else one of another type. Calls come from a
# superuser and from a role without rights, in transactions that are mostly rolled back; some meet
# damaged rows of the catalogue.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $calls = $ENV{DML_CALLS} || 2000;
my $seed = $ENV{DML_SEED} || 1;
my $batch = 1000;	# calls between two times that everything is made anew

srand($seed);
sub one_of { return $_[ int(rand(scalar @_)) ]; }
sub chance { return rand() < $_[0]; }
sub quoted { my ($s) = @_; return 'NULL' unless defined $s; $s =~ s/'/''/g; return "'$s'"; }

my $node = start_server('main', conf => "statement_timeout = '3s'\nlock_timeout = '3s'\nrestart_after_crash = off\nmaintenance_work_mem = '32MB'\n");

# ---------- what calls find ----------

my $setup = q{
SET client_min_messages = error;
RESET ROLE;
SET statement_timeout = '60s';
DROP SCHEMA IF EXISTS fuzz CASCADE;
SELECT dml_drop_model(model) FROM dml_models;
DELETE FROM dml_catalog.column_info;
CREATE SCHEMA fuzz;
GRANT USAGE ON SCHEMA fuzz TO PUBLIC;
CREATE FUNCTION fuzz.sometimes(anyelement) RETURNS anyelement LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN CASE WHEN random() < 0.5 THEN $1 END; END';
CREATE FUNCTION fuzz.raises(anyelement) RETURNS anyelement LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''as asked''; END';
CREATE TYPE fuzz.shade AS (name text);
CREATE FUNCTION fuzz.nothing(fuzz.shade) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text';
CREATE CAST (fuzz.shade AS text) WITH FUNCTION fuzz.nothing(fuzz.shade);
CREATE DOMAIN fuzz.arr AS real[];
CREATE TABLE fuzz.t (gone int, id int, x real[], dropped text, a real, b float8, l text, y real[], n int, f bool, w float8, at timestamptz, p numeric, d fuzz.arr, x2 real[], x3 real[]);
INSERT INTO fuzz.t SELECT i, i, ARRAY[sin(i), cos(i) + i % 3, i % 5], 'd', i % 3 + sin(i), i % 4, 'c' || i % 3, ARRAY[cos(i), i % 3], i % 3, i % 2 = 0, i % 2 + 0.5,
	'2024-01-01'::timestamptz + i * interval '1 day', i, ARRAY[i, 1, 2], ARRAY[sin(i + 3), cos(i + 3) + i % 3, i % 4], ARRAY[sin(i), cos(i + 1) + (i + 1) % 3, i % 5] FROM generate_series(1, 40) i;
ALTER TABLE fuzz.t DROP COLUMN gone, DROP COLUMN dropped;
INSERT INTO fuzz.t (id, x, a) VALUES (100, NULL, NULL), (101, '{1,NULL,2}', 1);
CREATE TABLE fuzz.empty (LIKE fuzz.t);
CREATE TABLE fuzz.one AS SELECT * FROM fuzz.t LIMIT 1;
CREATE TABLE fuzz.two AS SELECT * FROM fuzz.t LIMIT 2;
CREATE TABLE fuzz.odd AS SELECT id, ARRAY['NaN', 1e38, i]::real[] AS x, 'Infinity'::real AS a, '-1e308'::float8 AS b, l, y, n, f, -w AS w, at, 'NaN'::numeric AS p, d, x2, x3 FROM fuzz.t, generate_series(1, 2) i;
CREATE TABLE fuzz.huge AS SELECT id, ARRAY[3e38, -3e38, id]::real[] AS x, 1e-45::real AS a, 1e308 AS b, l, ARRAY[1e-45, 1e-40]::real[] AS y, n, f, 1e300 AS w, at, p, d, x2, x3 FROM fuzz.t;
CREATE TABLE fuzz.same AS SELECT id, '{1,2,3}'::real[] AS x, 1::real AS a, 1::float8 AS b, 'c'::text AS l, '{1,2}'::real[] AS y, 1 AS n, true AS f, 1::float8 AS w, at, 1::numeric AS p, d, x2, x3 FROM fuzz.t;
CREATE TABLE fuzz.part (LIKE fuzz.t) PARTITION BY RANGE (id);
CREATE TABLE fuzz.part1 PARTITION OF fuzz.part FOR VALUES FROM (0) TO (20);
CREATE TABLE fuzz.part2 PARTITION OF fuzz.part DEFAULT;
INSERT INTO fuzz.part SELECT * FROM fuzz.t;
CREATE TABLE fuzz.child () INHERITS (fuzz.two);
CREATE VIEW fuzz.v AS SELECT * FROM fuzz.t;
CREATE MATERIALIZED VIEW fuzz.mv AS SELECT * FROM fuzz.t;
CREATE SEQUENCE fuzz.s;
CREATE TABLE fuzz."odd ""name" ("x y" real[], "select" text);
CREATE TABLE fuzz.mine AS SELECT * FROM fuzz.t;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA fuzz TO fuzz_user;
SELECT dml_train('lin', 'fuzz.t', 'a, b', 'l', method => 'lda', options => '{"validation": 0}');
SELECT dml_train('net', 'fuzz.t', 'x', 'l', method => 'triplet', network => '4 relu, 2', epochs => 1);
SELECT dml_train('net', 'fuzz.t', 'x', 'l', method => 'whiten', options => '{"validation": 0}');
SELECT dml_train_matches('two', 'fuzz.t', 'x', 'y', method => 'ntxent', network => '4', epochs => 1);
SELECT dml_train_unlabeled('same', 'fuzz.t', 'y', method => 'pca');
SELECT dml_materialize('fuzz.t', 'e', 'net', 'x');
SELECT dml_train_matches('adapter', 'fuzz.t', 'y', 'e', adapter => true, method => 'ntxent', epochs => 1);
SELECT dml_materialize('fuzz.part', 'e', 'lin', 'a, b');
SELECT dml_calibrate('net', 'fuzz.t', label => 'l', false_accept_rate => 0.1);
SELECT dml_grant('net', 'fuzz_user', 'embed');
CREATE INDEX t_e ON fuzz.t USING dml (e);
CREATE INDEX t_n ON fuzz.t USING dml (e, n);
CREATE INDEX part_e ON fuzz.part USING dml (e);
CREATE INDEX t_b ON fuzz.t (id);
CREATE TABLE fuzz.plain AS SELECT id, ARRAY[sin(id), id]::dml_vector AS e, l, n FROM fuzz.t WHERE id < 100;
CREATE INDEX plain_e ON fuzz.plain USING dml (e dml_cosine_ops);
GRANT SELECT ON fuzz.plain TO fuzz_user;
ALTER TABLE fuzz.mine OWNER TO fuzz_user;
GRANT CREATE ON SCHEMA fuzz TO fuzz_user;
SET ROLE fuzz_user;
SELECT dml_train('mine', 'fuzz.mine', 'x', 'n', method => 'lda', options => '{"validation": 0}');
SELECT dml_materialize('fuzz.mine', 'e', 'mine', 'x');
RESET ROLE;
RESET statement_timeout;
};

# ---------- what arguments get ----------

my @models = ('lin', 'net', 'net', 'net', 'mine', 'net@1', 'net@2', 'two', 'two/a', 'two/b', 'two@1/b', 'adapter', 'same', 'mine', 'mine');
my @no_models = ('nobody', 'lin@99', 'lin/a', 'lin@0', 'net@', '@1', '/', '', 'lin@99999999999', 'x' x 300, '"lin"', "li'n", 'new1', 'new2');
my @sources = ('fuzz.t', 'fuzz.t', 'fuzz.mine', 'fuzz.part', 'fuzz.v', 'SELECT * FROM fuzz.t', 'fuzz.plain', 'SELECT x AS a, y AS b, x AS c, x AS d, f AS same FROM fuzz.t');
my @no_sources = ('fuzz.empty', 'fuzz.one', 'fuzz.two', 'fuzz.odd', 'fuzz.huge', 'fuzz.same', 'fuzz.mv', 'fuzz.s', 'fuzz.nothing', 't', '', 'SELECT', 'SELECT 1; SELECT 2',
	'DELETE FROM fuzz.t RETURNING *', 'VALUES (1, 2)', 'SELECT * FROM fuzz.t WHERE random() < 0.5', 'SELECT fuzz.raises(1) AS x', 'fuzz."odd ""name"', 'pg_class',
	'SELECT * FROM fuzz.t, generate_series(1, 3)', 'SELECT NULL AS x, NULL AS l', 'fuzz.t_e', 'SELECT * FROM nowhere', ';', '--', '/*', "\x{1}");
my @features = ('x', 'x', 'x', 'x', 'a, b', 'a, b', 'y', 'x || y', 'ARRAY[a, b]', 'a', 'n', 'e', 'd', 'x::dml_vector', 'x::numeric[]', 'a AS one, b');
my @no_features = ('l', '*', '', 'NULL', 'nothing', 'random()', 'fuzz.sometimes(x)', 'fuzz.sometimes(a), b', 'fuzz.raises(x)', '1/0', 'x, a', 'x[2:3]', 'x[9]', 'ARRAY[]::real[]', 'ARRAY[[1,2],[3,4]]',
	'count(*)', 'generate_series(1,2)', '(SELECT 1)', 'a, b FROM fuzz.t', 'a;', 'a --', 'NULL::real[]', "'NaN'::real", 'ctid', 'fuzz.t', 't.*', 'row_number() OVER ()', 'p', 'array_fill(1, ARRAY[17000])', 'a, a', 'a::text', 'ROW(a, b)', 'w', "x y", 'CASE WHEN a > 1 THEN x ELSE y END');
my @labels = ('l', 'n', 'f', 'at', 'ROW(l, n)', 'l, n', 'p');
my @no_labels = ('NULL', 'NULL::text', 'x', 'random()', 'fuzz.sometimes(l)', 'ROW(l)::fuzz.shade', "'c'", 'id', '', 'nothing', 'to_json(l)', 'fuzz.raises(l)', '1/0', 'count(*)', 'unnest(x)', 'l::xml', 'point(1,2)', 'ctid', 'fuzz.sometimes(n)');
my @numbers = ('w', 'a', 'n', 'p', '1', 'b');
my @no_numbers = ('-1', 'NULL', "'NaN'::float8", "'Infinity'::float8", '1e308', 'random()', 'fuzz.sometimes(w)', 'l', 'x', '', '0', '-w', '1/0');

my %named = (
	model => [ \@models, \@no_models ],
	source => [ \@sources, \@no_sources ],
	(map { $_ => [ \@sources, \@no_sources ] } qw(gallery questions normal)),
	(map { $_ => [ \@features, \@no_features ] } qw(features gallery_features)),
	(map { $_ => [ [ 'x', 'x', 'x', 'a, b' ], \@no_features ] } qw(a anchor)),
	(map { $_ => [ [ 'x2', 'x2', 'x2', 'y' ], [ @no_features, 'x' ] ] } qw(b positive)),
	(map { $_ => [ [ 'x3', 'x3', 'x2' ], \@no_features ] } qw(c d negative)),
	(map { $_ => [ \@labels, \@no_labels ] } qw(label chunklet group_by groups)),
	(map { $_ => [ \@numbers, \@no_numbers ] } qw(weight target time grade)),
	same => [ [ 'f', 'n = 1', 'l = \'c1\'', 'true' ], \@no_labels ],
	embedding => [ [ 'e', 'x::dml_vector' ], [ @no_features, 'fuzz.sometimes(e)', "'[1]'::dml_vector" ] ],
	"table" => [ [ 'fuzz.t', 'fuzz.part', 'fuzz.two', 'fuzz.plain', 'fuzz.mine', 'fuzz.mine' ], [ 'fuzz.v', 'fuzz.mv', 'fuzz.s', 'fuzz.t_e', 'fuzz.part1', 'fuzz.child', 'pg_catalog.pg_class', '4294967295', '0', 'fuzz.empty', 'fuzz.odd', 'fuzz.huge', 'dml_catalog.model' ] ],
	(map { $_ => [ [ 'e', 'x::dml_vector' ], [ @no_features ] ] } qw(embedding_a embedding_b)),
	(map { $_ => [ \@sources, \@no_sources ] } qw(source_a source_b)),
	(map { $_ => [ [ 'id', 'ctid' ], [ 'nothing', '', 'NULL', 'count(*)', 'id, id' ] ] } qw(key key_a key_b entity id)),
	metric => [ [ 'l2', 'cosine' ], [ '', 'l1' ] ],
	within => [ [ 0, 0.5, 3 ], [ -1, "'NaN'", "'Infinity'" ] ],
	index => [ [ 'fuzz.t_e', 'fuzz.t_n', 'fuzz.plain_e' ], [ 'fuzz.part_e', 'fuzz.t_b', 'fuzz.t', 'fuzz.v', '4294967295', 'pg_catalog.pg_class' ] ],
	column => [ [ 'e', 'e2', 'e3' ], [ 'x', 'a', 'l', 'ctid', '', 'nothing', 'E "2', 'x' x 63, 'id' ] ],
	role => [ [ 'fuzz_user', 'public', 'postgres' ], [ 'nobody', '', 'PUBLIC', 'x' x 63 ] ],
	privilege => [ [ 'embed', 'weights' ], [ 'all', '', 'EMBED' ] ],
	method => [ [ 'dbscan', 'hdbscan', 'kmeans' ], [ 'nothing', '', 'lda + triplet', 'triplet + 0.5 * center', '+', '1e308 * triplet', 'triplet + -1 * center' ] ],
	network => [ [ '4', '4 relu, 2', '3 tanh', '2 linear', '4 relu residual, 4' ], [ '', ',', '0', '-1', '99999999', '4 nothing', '4 relu, ', '4,' x 100, '1e9' ] ],
	protocol => [ [ 'closed_set', 'open_set' ], [ '', 'nothing' ] ],
	(map { $_ => [ [ 0.1, 0.01 ], [ 0, 1, -1, 2, "'NaN'" ] ] } qw(false_accept_rate false_alarm_rate)),
	version => [ [ 1 ], [ 0, -1, 2, 99 ] ],
	kind => [ [ 'space', 'clusters', 'distances', 'roc', 'confusion', 'neighbours', 'curve' ], [ '', 'pie' ] ],
	projection => [ [ 'pca', 'lda', 'tsne' ], [ '', 'umap' ] ],
	theme => [ [ 'light', 'dark', 'auto' ], [ '', 'pink' ] ],
	cluster => [ \@labels, \@no_labels ],
	image_width => [ [ 0, 1, 3 ], [ -1, 7, 2147483647 ] ],
	criterion => [ [ 'accuracy', 'f_beta', 'equal_error' ], [ '', 'nothing' ] ],
	metric => [ [ 'l2', 'cosine' ], [ '', 'l1' ] ],
	eps => [ [ 0.5, 1, 5 ], [ 0, -1, "'NaN'", "'Infinity'", 1e-300 ] ],
	min_points => [ [ 1, 2, 5 ], [ 0, -1, 2147483647 ] ],
	min_cluster_size => [ [ 2, 5 ], [ 0, 1, 2147483647 ] ],
	weights => [ [ 'distance', 'uniform' ], [ '', 'best' ] ],
	dims => [ [ 1, 2, 3 ], [ 0, -1, 2147483647, 16001 ] ],
	epochs => [ [ 1, 2 ], [ 0, -1 ] ],
	trials => [ [ 1, 2 ], [ 0, -1, 2147483647 ] ],
	folds => [ [ 2, 3 ], [ 0, 1, -1, 2147483647 ] ],
	time_limit => [ [ 0.1, 0.5 ], [ 0, -1, "'NaN'", "'Infinity'", 1e-300 ] ],
	max_rows => [ [ 2, 100 ], [ 0, -1, '9223372036854775807' ] ],
	triples => [ [ 10, 1000 ], [ 0, -1, '9223372036854775807' ] ],
	options => [
		[ '{}', '{"validation": 0}', '{"batch": 4}', '{"seed": 3}', '{"learning_rate": 0.1}' ],
		[ '[]', '1', 'null', '{"nothing": 1}', '{"validation": 2}', '{"batch": -1}', '{"batch": "x"}', '{"seed": 1e400}', '{"learning_rate": 1e300}', '{"learning_rate": null}', '{"margin": {}}', '{"validation": true}', '{"preprocess": "nothing"}', '{"unlabeled": 1e30}', '{"hard_negatives": "index"}', '{"miner": "nothing"}' ] ]);

my @scalars = ('0', '1', '-1', '2', '5', '100');
my @arrays = ('{}', '{NULL}', '{1,2}', '{1,2,3}', '{1,NULL,3}', '{{1,2},{3,4}}', '[0:2]={1,2,3}', '{0,0,0}', '{1}', '{-1,-2,-3,-4}');
my @float_arrays = (@arrays, '{NaN,1,2}', '{1e30,-1e30,1e30}', '{Infinity,0}', '{1e-45,1e-40,0}', '{3e38,3e38,3e38}');
my %typed = (
	integer => [ @scalars, '2147483647', '-2147483648' ],
	smallint => [ @scalars, '32767', '-32768' ],
	bigint => [ @scalars, '9223372036854775807', '-9223372036854775808' ],
	oid => [ '0', '1', '4294967295', '1259' ],
	real => [ @scalars, '0.5', 'NaN', 'Infinity', '-Infinity', '3e38', '1e-45' ],
	'double precision' => [ @scalars, '0.5', 'NaN', 'Infinity', '-Infinity', '1e308', '5e-324', '0.001' ],
	numeric => [ @scalars, '0.5', 'NaN', '1e1000', '1e-1000' ],
	boolean => [ 'true', 'false' ],
	text => [ '', 'x', 'NULL', 'fuzz.t', 'e', '[1,2]', '1', 'x' x 300, "a'b", '{', 'lin' ],
	name => [ '', 'x', 'e', 'fuzz_user', 'x' x 63 ],
	cstring => [ '', '[1,2]', '[', '[1', '1,2]', '[]', '[1,2]@', '[1,2]@0000000000000001', '[1,2]@zz', '[NaN]', '[1e400]', '[1e-400]', '[ 1 , 2 ]', '[1,2]x', '-', 'public', '"', '"a', 'a.b.c', 'a.b', '"a"."b"."c"', '', '...', 'x' x 100 ],
	regclass => [ 'fuzz.t', 'fuzz.t_e', '0', '4294967295', 'pg_catalog.pg_class' ],
	jsonb => [ '{}', '[]', '1', 'null' ],
	bytea => [ '', '\\x00', '\\xffffffffffffffffffff' ],
	dml_vector => [ '[1]', '[1,2]', '[1,2,3]', '[0,0,0]', '[3e38,3e38,3e38]', '[1e-45,0,0]', '[-1,-2,-3]', '[1,2,3]@0000000000000001', '[1,2]@ffffffffffffffff' ],
	'dml_catalog.stored_role' => [ '-', 'public', 'fuzz_user', 'nobody', '"' ],
	'dml_catalog.stored_column' => [ '-', 'fuzz.t.e', 'fuzz.t.nothing', 'a.b.c', 'a' ],
	'cstring[]' => [ '{}', '{1}', '{1,2}', '{-1}', '{x}', '{NULL}', '{99999}', '{16001}', '{{1}}' ],
	(map { ("$_\[]" => \@arrays) } qw(integer smallint bigint)),
	'text[]' => [ '{}', '{recall@1}', '{NULL}', '{nothing}', '{nmi,ami}', '{{a}}' ],
	(map { ("$_\[]" => \@float_arrays) } 'real', 'double precision', 'numeric'));

# A value of a type, as an expression.
sub typed_value
{
	my ($type) = @_;
	return "NULL::$type" if chance(0.08);
	if ($type =~ /^any(element|array|nonarray|compatible.*)?$/ || $type eq '"any"')
	{
		my $array = $type =~ /array/ && $type !~ /nonarray/;
		return typed_value(one_of(grep { $array ? /\[\]$/ : $type =~ /nonarray/ ? !/\[\]$/ : 1 } grep { !/cstring/ } sort keys %typed));
	}
	return "array_fill(1::$1, ARRAY[" . one_of(16000, 16001, 20000) . "])" if $type =~ /^(.*)\[\]$/ && $type !~ /text|cstring/ && chance(0.03);
	return '(SELECT e FROM ' . one_of('fuzz.t', 'fuzz.part', 'fuzz.plain') . ' WHERE id = ' . one_of(1, 2, 30) . ')' if $type eq 'dml_vector' && chance(0.3);
	return "dml_embed(" . quoted(one_of(@models)) . ", " . quoted(one_of('{1,2}', '{1,2,3}')) . '::real[])' if $type eq 'dml_vector' && chance(0.15);
	return one_of("dml_ball(" . typed_value('dml_vector') . ", " . typed_value('double precision') . ")", "ROW(NULL, 1)::dml_ball", "ROW('[1,2]', NULL)::dml_ball", "ROW('[1,2]', 'NaN')::dml_ball")
	  if $type eq 'dml_ball';
	return one_of("dml_ball(" . typed_value('real[]') . ", " . typed_value('double precision') . ")", "ROW(NULL, 1)::dml_raw_ball", "ROW('{1,2}', NULL)::dml_raw_ball", "ROW('{}', -1)::dml_raw_ball", "ROW('{{1},{2}}', 1)::dml_raw_ball")
	  if $type eq 'dml_raw_ball';
	return quoted(one_of(@{ $typed{$type} // [ 'x', '' ] })) . "::$type";
}

# An argument: of its name, of its type, or of any type.  careful: nearly always one that makes
# sense.
sub argument
{
	my ($name, $type, $careful) = @_;
	if (defined $name && $named{$name} && $type !~ /^"?any/ && chance($careful ? 0.99 : 0.93))
	{
		my ($good, $bad) = @{ $named{$name} };
		my $value = one_of(@$good && chance($careful ? 0.97 : 0.6) ? @$good : @$bad);
		return ($value =~ /^'/ ? $value : quoted($value)) . "::$type";
	}
	return typed_value(one_of(grep { !/cstring|stored/ } sort keys %typed)) if !$careful && chance(0.05);
	return typed_value($type);
}

# ---------- the functions ----------

my $functions = $node->safe_psql(
	'postgres', q{
	SELECT p.oid::regproc, p.prokind, p.provolatile, p.proretset, p.pronargs - p.pronargdefaults, p.provariadic <> 0,
		coalesce((SELECT string_agg(format_type(t, NULL) || ':' || coalesce(p.proargnames[i], ''), ';' ORDER BY i) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, i)), '')
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'dml'
	WHERE NOT 'internal'::regtype = ANY (p.proargtypes) ORDER BY p.proname COLLATE "C", p.proargtypes::text});
my @functions;
foreach my $line (split /\n/, $functions)
{
	my ($name, $kind, $volatile, $set, $needed, $variadic, $arguments) = split /\|/, $line, -1;
	my @arguments = map { [ /^(.*):(.*)$/ ] } split /;/, $arguments;
	push @functions, { name => $name, kind => $kind, volatile => $volatile eq 'v', set => $set eq 't', needed => $needed, variadic => $variadic eq 't', arguments => \@arguments };
}
cmp_ok(scalar @functions, '>', 150, 'functions of the extension');
push @{ $named{method}[0] }, split /\n/, $node->safe_psql('postgres', 'SELECT name FROM dml_methods ORDER BY name COLLATE "C"');

# Operators, casts and types are called less often, or they would crowd out the rest. A training
# takes as long as a hundred of them.
my @plain = grep { !$_->{volatile} } @functions;
my @working = grep { $_->{volatile} && $_->{name} !~ /^dml_(train|tune|evaluate)/ } @functions;
my @heavy = grep { $_->{name} =~ /^dml_(train|tune|evaluate)/ } @functions;
my @model_functions = grep { grep { $_->[1] eq 'model' || $_->[1] eq 'source' } @{ $_->{arguments} } } @plain;

# Statements that reach the extension without a call of a function by its name.
sub statement
{
	my $vector = sub { typed_value(one_of('dml_vector', 'real[]', 'integer[]', 'double precision[]')) };
	my $table = one_of('fuzz.t', 'fuzz.t', 'fuzz.part', 'fuzz.plain', 'fuzz.mine');
	return one_of(
		sub { "SET LOCAL dml.recall = " . one_of(1, 0.5, 0.99) . "; SET LOCAL enable_seqscan = off; SELECT * FROM $table ORDER BY e " . one_of('<->', '<=>', '<#>', '<+>') . ' ' . $vector->() . " LIMIT " . one_of(0, 1, 10) },
		sub { "SELECT * FROM $table WHERE n " . one_of('=', '<', 'IS NOT DISTINCT FROM') . " 1 ORDER BY e <-> " . $vector->() . " LIMIT 3" },
		sub { "SELECT * FROM $table WHERE dml_within(e, " . $vector->() . ', ' . typed_value('double precision') . ")" },
		sub { "INSERT INTO $table (id, " . one_of('x', 'a', 'e') . ") VALUES (1000, " . typed_value(one_of('real[]', 'real', 'dml_vector')) . ")" },
		sub { "UPDATE $table SET " . one_of('x', 'a', 'e') . " = " . typed_value(one_of('real[]', 'real', 'dml_vector')) . " WHERE id < 5" },
		sub { "SELECT e " . one_of('+', '-', '*', '||', '=', '<', '<->') . ' ' . typed_value(one_of('dml_vector', 'double precision', 'real[]')) . " FROM $table" },
		sub { "SELECT " . one_of('avg', 'sum', 'min', 'max', 'count') . "(e) FROM $table GROUP BY " . one_of('l', 'n', 'e') },
		sub { "SELECT * FROM " . one_of(qw(dml_models dml_model_versions dml_model_privileges dml_columns dml_calibrations dml_options dml_trials dml_answer_progress)) },
		sub { "SELECT " . typed_value('dml_vector') . "::" . one_of('real[]', 'text', 'integer[]', 'dml_vector(2)', 'dml_vector(0)', 'dml_vector(99999)', 'jsonb') },
		sub { one_of('REINDEX TABLE', 'ANALYZE', 'TRUNCATE') . " $table" },
		sub { "CREATE INDEX ON $table USING dml (" . one_of('e', 'e dml_cosine_ops', 'e dml_ip_ops', 'x', 'e, n', 'e, l', 'e, e', '(e + e)') . ")" })->();
}

sub call
{
	my $which = rand();
	return (statement(), 1) if chance(0.08);
	my $f = one_of($which < 0.04 && @heavy ? @heavy : $which < 0.25 ? @working : $which < 0.5 ? @model_functions : @plain);
	my $careful = chance(0.5);
	my @given;
	my $i = 0;

	# alternatives that exclude each other: labelled rows, or judged pairs
	my $without = $careful ? one_of('^(a|b|same|target)$', '^label$') : '^$';
	$without = '^$' unless $f->{name} =~ /^dml_(calibrate|train|evaluate)$/;
	foreach my $argument (@{ $f->{arguments} })
	{
		my ($type, $name) = @$argument;
		my $value;
		$i++;
		next if $i > $f->{needed} && $name =~ /$without/;
		next if $i > $f->{needed} && !chance($name =~ /^(time_limit|epochs)$/ ? 0.9 : $careful && $name =~ /^(label|same|target|a|b|c|d|anchor|positive|negative)$/ ? 0.9 : $careful ? 0.2 : 0.35);
		$type =~ s/^"(.*)"$/$1/;
		$value = $careful && $name eq 'model' && $f->{name} =~ /^dml_(train|tune)/ ? quoted(one_of('new1', 'new2', 'mine')) : argument($name, $type, $careful);
		if ($f->{variadic} && $i == @{ $f->{arguments} })
		{
			$type =~ s/\[\]$//;
			$value = chance(0.5) ? "VARIADIC $value" : join(', ', map { typed_value($type) } 1 .. one_of(1, 2, 3, 5));
			push @given, $value;
		}
		else
		{
			push @given, $i > $f->{needed} ? "\"$name\" => $value" : $value;
		}
	}
	my $call = "$f->{name}(" . join(', ', @given) . ")";
	if ($f->{kind} eq 'w')
	{
		$given[0] = one_of('e', 'e', 'x::dml_vector', 'NULL::dml_vector') if $f->{arguments}[0][0] eq 'dml_vector';
		return ("SELECT $f->{name}(" . join(', ', @given) . ") OVER (" . one_of('', 'PARTITION BY n', 'ORDER BY id', 'PARTITION BY l ORDER BY id ROWS 1 PRECEDING') .
			") FROM " . one_of('fuzz.t', 'fuzz.part', 'fuzz.plain', 'fuzz.mine', "fuzz.same, LATERAL (SELECT x::dml_vector AS e) s", "fuzz.huge, LATERAL (SELECT x::dml_vector AS e) s"), 0);
	}
	my $statement = $f->{kind} eq 'a' ? "SELECT $call FROM generate_series(1, " . one_of(0, 1, 2) . ")"
	  : $f->{set} || chance(0.3) ? "SELECT * FROM $call"
	  : chance(0.1) ? "SELECT $call FROM fuzz.t" : "SELECT $call";
	return ($statement, $f->{volatile});
}

my @damage = (
	"UPDATE dml_catalog.version SET columns = '{}'", "UPDATE dml_catalog.version SET columns = '{a,NULL}'", 'UPDATE dml_catalog.version SET columns = NULL',
	"UPDATE dml_catalog.version SET features = ''", "UPDATE dml_catalog.version SET features = '1; 2'", 'UPDATE dml_catalog.version SET features_b = NULL', "UPDATE dml_catalog.version SET features_b = 'x'",
	'UPDATE dml_catalog.version SET columns_b = \'{}\'', 'UPDATE dml_catalog.version SET inputs = 0', 'UPDATE dml_catalog.version SET inputs = inputs + 1', 'UPDATE dml_catalog.version SET inputs_b = 7',
	'UPDATE dml_catalog.version SET dims = -1', 'UPDATE dml_catalog.version SET space = 0', 'UPDATE dml_catalog.version SET space = 7', 'UPDATE dml_catalog.version SET number = 2147483647 WHERE number = 1',
	"UPDATE dml_catalog.version SET weights = ''", "UPDATE dml_catalog.version SET weights = substr(weights, 1, 100)", 'UPDATE dml_catalog.version SET weights = set_byte(weights, octet_length(weights) / 2, 255)',
	"UPDATE dml_catalog.version SET settings = '1'", "UPDATE dml_catalog.version SET settings = '{\"a\": 1}'", "UPDATE dml_catalog.version SET history = '1', candidates = '1'",
	'UPDATE dml_catalog.model SET active = 0', 'UPDATE dml_catalog.model SET active = 77', "UPDATE dml_catalog.model SET name = ''", "UPDATE dml_catalog.model SET owner = '-'", 'DELETE FROM dml_catalog.model',
	'DELETE FROM dml_catalog.version', "UPDATE dml_catalog.privilege SET grantee = '-'", "UPDATE dml_catalog.calibration SET threshold = 'NaN'", 'UPDATE dml_catalog.calibration SET threshold = -1',
	"UPDATE dml_catalog.column_info SET features = '', number = 99", "UPDATE dml_catalog.column_info SET place = '-'", 'UPDATE dml_catalog.column_info SET model_id = -1',
	'UPDATE pg_catalog.pg_trigger SET tgargs = \'\' WHERE false', 'ALTER TABLE fuzz.t DROP COLUMN e CASCADE', 'ALTER TABLE fuzz.t DROP COLUMN x CASCADE', 'ALTER TABLE fuzz.t RENAME COLUMN e TO e9',
	'TRUNCATE fuzz.t', 'DROP SCHEMA fuzz CASCADE');

# ---------- running them ----------

my $dir = PostgreSQL::Test::Utils::tempdir();
my %state;
my (%called, %failed);
my ($done, $bad) = (0, 0);

sub run_batch
{
	my ($n) = @_;
	my $file = "$dir/calls.sql";
	my @line = (undef);
	my $script = '';
	my $add = sub { push @line, $_[0]; $script .= "$_[0]\n"; };

	$node->safe_psql('postgres', $setup);
	$add->('SET client_min_messages = warning;');
	foreach (1 .. $n)
	{
		my ($statement, $volatile) = call();
		my $as = chance(0.25) ? 'SET LOCAL ROLE fuzz_user;' : '';
		my $damage = $volatile && chance(0.7) ? '' : chance(0.08) ? one_of(@damage) . ';' : '';
		my $end = $volatile && !$damage && chance(0.15) ? 'COMMIT' : 'ROLLBACK';
		$statement =~ s/\n/ /g;
		$called{$1}++ if !$damage && $statement =~ /^SELECT (?:\* FROM )?([\w.]+)\(/;
		$add->("BEGIN; $damage $as $statement; $end;");
	}
	PostgreSQL::Test::Utils::append_to_file($file, '') unless -e $file;
	open(my $out, '>:encoding(UTF-8)', $file) or die "$file: $!";
	print $out $script;
	close $out;
	my ($stdout, $stderr) = ('', '');
	my $run = IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-o', '/dev/null', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-f', $file ],
		'>', \$stdout, '2>', \$stderr, IPC::Run::timeout(1200));
	foreach my $message (split /^(?=psql:)/m, $stderr)
	{
		my ($at, $severity, $code) = $message =~ /^psql:[^\n]*?:(\d+): (\w+):\s+([0-9A-Z]{5})?/;
		$state{ $code // 'none' }++;
		$failed{$2}++ if $at && $line[$at] =~ /^BEGIN;  (SET LOCAL ROLE fuzz_user;)? ?SELECT (?:\* FROM )?([\w.]+)\(/ && $severity eq 'ERROR';
		next if defined $code && $severity eq 'ERROR' && $code !~ /^XX/;
		next if defined $code && $code eq 'XX001' && $line[$at] =~ /dml_catalog\.\w+ SET|DELETE FROM dml_catalog/;
		next if defined $severity && $severity eq 'WARNING' && $message =~ /WARNING:\s+01000: skipping "|25P01/;
		$bad++;
		diag("seed $seed: " . ($at ? $line[$at] : '') . "\n$message") if $bad <= 20;
	}
	return $node->poll_query_until('postgres', 'SELECT true') && $stderr !~ /server closed the connection|connection to server was lost/;
}

$node->safe_psql('postgres', 'CREATE ROLE fuzz_user');
while ($done < $calls)
{
	my $n = $calls - $done < $batch ? $calls - $done : $batch;
	my $alive = run_batch($n);
	$done += $n;
	if (!$alive)
	{
		$bad++;
		diag("seed $seed: the server is gone within calls " . ($done - $n) . " to $done");
		last;
	}
}
is($bad, 0, "$calls calls from seed $seed: no crash, no internal error, no leak");
note("errors by SQLSTATE: " . join(', ', map { "$_ $state{$_}" } sort { $state{$b} <=> $state{$a} } keys %state));
note("successes of calls: " . join(', ', map { sprintf('%s %d of %d', $_, $called{$_} - ($failed{$_} // 0), $called{$_}) } sort keys %called));
cmp_ok($state{none} // 0, '==', 0, 'every error has its SQLSTATE');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/terminated by signal|TRAP:|PANIC:|leak/, "nothing of the kind in the server's log");
$node->stop;
done_testing();
