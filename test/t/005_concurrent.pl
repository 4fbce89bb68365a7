# Sessions that train, materialise and drop at the same time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use Test::More;

my $node = start_server('main');
load_iris($node);

# Run statements at once; returns [exit status, standard output, standard error] of each.
sub at_once
{
	my @commands = @_;
	my @runs;
	foreach my $sql (@commands)
	{
		my ($out, $err) = ('', '');
		my $run = { out => \$out, err => \$err };
		$run->{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql ],
			'>', \$out, '2>', \$err);
		push @runs, $run;
	}
	return map { $_->{handle}->finish; [ ($_->{handle}->full_results)[0], ${ $_->{out} }, ${ $_->{err} } ] } @runs;
}

# One name, eight sessions: eight successive versions.
my @methods = qw(lda pca whiten supcon lda pca whiten supcon);
my @results = at_once(
	map { "SELECT version FROM dml_train('iris', 'iris', features => 'x', label => 'class', method => '$_')" } @methods);
is(join(',', map { $_->[0] } @results), join(',', (0) x 8), 'all trainings of one name succeed')
  or diag(map { $_->[2] } @results);
is(join(',', sort { $a <=> $b } map { $_->[1] + 0 } @results), '1,2,3,4,5,6,7,8', 'each is a version of its own');
is($node->safe_psql('postgres', q{SELECT count(*), max(version) FROM dml_model_versions WHERE model = 'iris'}), '8|8', 'and all are there');
my $by_result = join ',', sort map { $results[$_][1] + 0 . " $methods[$_]" } 0 .. 7;
my $by_catalogue = join ',', sort split /\n/,
  $node->safe_psql('postgres', q{SELECT version || ' ' || method FROM dml_model_versions WHERE model = 'iris'});
is($by_catalogue, $by_result, 'under the numbers that the sessions were told');

# Two sessions materialise one column: the second waits and finds it done.
@results = at_once((q{SELECT * FROM dml_materialize('iris', 'embedding', model => 'iris@1', features => 'x')}) x 2);
ok((grep { $_->[0] == 0 } @results) >= 1, 'materialised') or diag(map { $_->[2] } @results);
unlike($_->[2], qr/deadlock|internal/i, 'no deadlock') foreach @results;
is($node->safe_psql('postgres', q{SELECT count(*) FROM iris WHERE embedding = dml_embed('iris@1', x)}), 150, 'every row is embedded');
is($node->safe_psql('postgres', q{SELECT count(*) FROM dml_columns}), 1, 'one record');

# A model is dropped while a column is made with it: one of the two fails.
foreach my $round (1 .. 5)
{
	train($node, name => 'brief');
	my ($drop, $materialize) = at_once(
		q{SELECT dml_drop_model('brief')},
		q{SELECT dml_materialize('iris', 'brief', model => 'brief', features => 'x')});
	my $models = $node->safe_psql('postgres', q{SELECT count(*) FROM dml_models WHERE model = 'brief'});
	my $columns = $node->safe_psql('postgres', q{SELECT count(*) FROM dml_columns WHERE "column" = 'brief'});
	ok($models >= $columns, "round $round: no column without its model");
	ok(($drop->[0] == 0) != ($materialize->[0] == 0), "round $round: one of them succeeds") or diag($drop->[2], $materialize->[2]);
	$node->safe_psql('postgres', q{SELECT dml_dematerialize('iris', 'brief')}) if $columns;
	$node->safe_psql('postgres', q{SELECT dml_drop_model('brief')}) if $models;
}

# Trainings that are cancelled or killed leave nothing behind.
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT i, x, class FROM iris, generate_series(1, 100) i');
foreach my $way (qw(pg_cancel_backend pg_terminate_backend))
{
	my ($out, $err) = ('', '');
	my $training = IPC::Run::start(
		[ 'psql', '-X', '-d', $node->connstr('postgres'), '-c',
			q{SELECT dml_train('long', 'many', features => 'x', label => 'class', method => 'supcon', network => '512 relu, 64', epochs => 100000)} ],
		'>', \$out, '2>', \$err);
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM dml_training_progress WHERE epoch > 0}), "$way: a training runs");
	is($node->safe_psql('postgres', "SELECT $way(pid) FROM dml_training_progress"), 't', "$way: sent");
	$training->finish;
	isnt(($training->full_results)[0], 0, "$way: it ends");
	like($err, $way eq 'pg_cancel_backend' ? qr/canceling statement/ : qr/terminating connection/, "$way: with the usual message");
	is( $node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM dml_models WHERE model = 'long') + (SELECT count(*) FROM dml_training_progress)}),
		0, "$way: no model, no progress");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, "$way: no temporary files");
}

done_testing();
