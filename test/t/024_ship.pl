# A model as a file: from one server to another, by the numpy lines of docs/models.md, and a table
# that comes before its model.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $staging = start_server('staging');
load_iris($staging);
$staging->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE TABLE many AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5, sqrt(i)]::real[] AS x, i % 4 AS class FROM generate_series(1, 120) i;
	SELECT dml_train('m_lda', 'many', 'x', 'class', method => 'lda', options => '{"validation": 0}');
	SELECT dml_train('m_relu', 'many', 'x', 'class', method => 'triplet', network => '16 relu, 4', epochs => 3, options => '{"validation": 0}');
	SELECT dml_train('m_norms', 'many', 'x', 'class', method => 'triplet', network => '16 layernorm gelu, 16 batchnorm tanh residual, 4 linear, raw', epochs => 3, options => '{"validation": 0}');
	SELECT dml_train_unlabeled('m_pca', 'many', 'x', method => 'pca', dims => 2);
	SELECT dml_train('m_far', 'SELECT ARRAY[1000000000 + id / 8.0, x[1], x[2], x[3]] AS x, class FROM many', 'x', 'class', method => 'lda', options => '{"validation": 0}');
	SELECT dml_train_matches('m_two', 'SELECT x AS a, x[1:3] AS b FROM many', 'a', 'b', method => 'ntxent', network => '8 relu, 4', epochs => 2);
});

# ---------- numpy ----------

my $python = $ENV{PYTHON} || 'python3';
my ($code) = slurp_file("$FindBin::Bin/../docs/models.md") =~ /```python\n(.*?)```/s;
SKIP:
{
	skip "$python has no numpy", 7 if system("$python -c 'import numpy' 2>/dev/null") != 0;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$dir/apply.py", $code . q{
import sys
for line in sys.stdin:
    path, side, row, expected = line.rstrip('\n').split('|')
    meta, w = load(path)
    got = embed(meta, w, [json.loads(row)], side)[0]
    want = np.array(json.loads(expected))
    print(len(got) == len(want) and bool(np.all(np.abs(got - want) <= 2e-5 * (1 + np.abs(want)))))
});
	foreach my $case ([ 'm_lda', '', 'x' ], [ 'm_relu', '', 'x' ], [ 'm_norms', '', 'x' ], [ 'm_pca', '', 'x' ],
		[ 'm_far', '', 'ARRAY[1000000000 + id / 8.0, x[1], x[2], x[3]]::float8[]' ], [ 'm_two', '', 'x' ], [ 'm_two', 'b.', 'x[1:3]' ])
	{
		my ($model, $side, $row) = @$case;
		my $name = $model . ($model eq 'm_two' ? ($side ? '/b' : '/a') : '');
		my $hex = $staging->safe_psql('postgres', "SELECT encode(dml_export('$model'), 'hex')");
		open my $file, '>:raw', "$dir/$model.safetensors" or die;
		print $file pack('H*', $hex);
		close $file;
		my $rows = $staging->safe_psql('postgres', "SELECT format('$dir/$model.safetensors|$side|%s|%s', to_jsonb($row), to_jsonb(dml_embed('$name', $row)::real[])) FROM many WHERE id % 10 = 3");
		append_to_file("$dir/$model$side.rows", "$rows\n");
		my $result = `$python $dir/apply.py < '$dir/$model$side.rows' 2>&1`;
		is($result, "True\n" x 12, "numpy: $name");
	}
}

# ---------- a table without its model, and the model after it ----------

my $dir = PostgreSQL::Test::Utils::tempdir();
$staging->safe_psql('postgres', q{
	SELECT dml_materialize('many', 'e', 'm_relu');
	SELECT dml_materialize('many', 'f', 'm_two/b', features => 'x[1:3]');
	CREATE INDEX many_e ON many USING dml (e);
});
my $before = $staging->safe_psql('postgres', 'SELECT id, e, f FROM many ORDER BY id');
$staging->command_ok([ 'pg_dump', '-t', 'many', '-f', "$dir/many.sql", $staging->connstr('postgres') ], 'the table is dumped alone');

my $production = start_server('production');
$production->safe_psql('postgres', q{
	CREATE TABLE other AS SELECT i AS id, ARRAY[sin(i), i % 3, i % 5, i]::real[] AS x, i % 4 AS class FROM generate_series(1, 120) i;
	SELECT dml_train('m_relu', 'other', 'x', 'class', method => 'lda', options => '{"validation": 0}');
});
$production->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/many.sql", $production->connstr('postgres') ], 'and restored');
is($production->safe_psql('postgres', 'SELECT id, e, f FROM many ORDER BY id'), $before, 'the embeddings are there');
my ($status, $stdout, $stderr) = $production->psql('postgres', q{INSERT INTO many (id, x) VALUES (1000, '{1,2,3,4}')});
like($stderr, qr/ERROR:  model "m_relu" version 1 is not in this database\nDETAIL:  Its space is [0-9a-f]{16}\.\nHINT:  Take it from the database where it was trained: SELECT dml_export\('m_relu\@1'\); there, and SELECT \* FROM dml_import\(file, 'm_relu'\); here\./,
	'an INSERT says which model is missing, though another one has its name');

sub ship
{
	my ($model, $name) = @_;
	my $hex = $staging->safe_psql('postgres', "SELECT encode(dml_export('$model'), 'hex')");
	return $production->safe_psql('postgres', "SELECT version FROM dml_import(decode('$hex', 'hex'), '$name')");
}
is(ship('m_relu', 'm_relu'), '2', 'the model is the second version there');
($status, $stdout, $stderr) = $production->psql('postgres', q{INSERT INTO many (id, x) VALUES (1000, '{1,2,3,4}')});
like($stderr, qr/model "m_two" version 1 is not in this database/, 'now the other model is missing');
is(ship('m_two', 'towers'), '1', 'which gets another name');
my $insert = q{INSERT INTO many (id, x) SELECT 1000 + i, ARRAY[i, 2, 3, 4] FROM generate_series(1, 5) i};
$_->safe_psql('postgres', $insert) foreach $staging, $production;
my $after = 'SELECT id, e, f FROM many ORDER BY id';
is($production->safe_psql('postgres', $after), $staging->safe_psql('postgres', $after), 'rows are embedded as on staging');
my $nearest = q{SET enable_seqscan = off; SELECT id FROM many ORDER BY e <-> '{1,2,3,4}'::real[] LIMIT 5};
is($production->safe_psql('postgres', $nearest), $staging->safe_psql('postgres', $nearest), 'and found as there');
is($production->safe_psql('postgres', q{
	SELECT dml_materialize('many', 'e', 'm_relu@2') IS NOT NULL;
	SELECT model, version, kept_fresh FROM dml_columns}), "t\nm_relu|2|t", 'dml_materialize records the column');
is($production->safe_psql('postgres', "SELECT encode(dml_weights('m_relu\@2'), 'hex')"), $staging->safe_psql('postgres', "SELECT encode(dml_weights('m_relu'), 'hex')"), 'equal weights');

done_testing();
