# A subscriber that has the model embeds the rows that it applies.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = start_server('publisher', streaming => 'logical');
my $subscriber = start_server('subscriber', empty => 1, conf => "wal_retrieve_retry_interval = 100ms\n");
load_iris($publisher);
train($publisher);

# the subscriber's schema, models included, is a dump of the publisher's without iris's rows
my $dir = PostgreSQL::Test::Utils::tempdir();
$publisher->command_ok(
	[ 'pg_dump', '--exclude-table-data=iris', '-f', "$dir/schema.sql", $publisher->connstr('postgres') ], 'dump');
$subscriber->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $subscriber->connstr('postgres'), '-f', "$dir/schema.sql" ], 'restored');
$subscriber->safe_psql('postgres', q{SELECT dml_materialize('iris', 'embedding', model => 'iris', features => 'x')});
$publisher->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE iris');
$subscriber->safe_psql('postgres',
	sprintf("CREATE SUBSCRIPTION s CONNECTION '%s dbname=postgres' PUBLICATION p", $publisher->connstr));
$subscriber->wait_for_subscription_sync($publisher, 's') if $subscriber->can('wait_for_subscription_sync');
$subscriber->poll_query_until('postgres', 'SELECT count(*) = 150 FROM iris');
is( $subscriber->safe_psql('postgres', q{SELECT count(*) FROM iris WHERE embedding = dml_embed('iris', x)}),
	150, 'rows of the initial copy are embedded');

$publisher->safe_psql(
	'postgres', q{
	INSERT INTO iris VALUES (1000, '{5,3,1.5,0.2}', 'setosa');
	UPDATE iris SET x = '{6,3,4,1}' WHERE id = 1;
	UPDATE iris SET class = 'other' WHERE id = 2});
$publisher->wait_for_catchup('s');
is( $subscriber->safe_psql('postgres', q{SELECT count(*) FROM iris WHERE embedding = dml_embed('iris', x)}),
	151, 'rows that were applied are embedded anew');
is( $subscriber->safe_psql('postgres', q{SELECT embedding = dml_embed('iris', '{6,3,4,1}'::real[]) FROM iris WHERE id = 1}),
	't', 'also the updated one');
is(embeddings($subscriber, 'iris'), embeddings($publisher, 'iris'), 'with the same model, bit for bit');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s');

# The publisher's column is materialised, too, and gets a number of dimensions that the subscriber's
# does not have. "listed" is published without it, the subscriber's column of "loose" has no number
# of dimensions, and that of "fixed" has one.
my $lists = $publisher->pg_version >= 15;
my @tables = ($lists ? 'listed' : (), 'loose', 'fixed');
foreach my $table (@tables)
{
	$_->safe_psql('postgres', "CREATE TABLE $table (id int PRIMARY KEY, x real[])") foreach ($publisher, $subscriber);
	$publisher->safe_psql('postgres',
		"INSERT INTO $table SELECT id, x FROM iris WHERE id <= 20; SELECT dml_materialize('$table', 'embedding', model => 'iris\@1', features => 'x')");
	$subscriber->safe_psql('postgres', "ALTER TABLE $table ADD embedding dml_vector") if $table eq 'loose';
	$subscriber->safe_psql('postgres', "SELECT dml_materialize('$table', 'embedding', model => 'iris\@1', features => 'x')");
	$publisher->safe_psql('postgres',
		"CREATE PUBLICATION p_$table FOR TABLE $table" . ($table eq 'listed' ? ' (id, x)' : ''));
	$subscriber->safe_psql('postgres',
		sprintf("CREATE SUBSCRIPTION s_$table CONNECTION '%s dbname=postgres' PUBLICATION p_$table", $publisher->connstr));
	$subscriber->poll_query_until('postgres', "SELECT count(*) = 20 FROM $table");
}
is(train($publisher, method => 'whiten'), 2, 'another version of the publisher alone');
my $fresh = sub { return "SELECT count(*) FROM $_[0] WHERE embedding = dml_embed('iris\@1', x)" };
foreach my $table (@tables)
{
	is( $publisher->safe_psql('postgres', "SELECT version, dims FROM dml_materialize('$table', 'embedding', model => 'iris')"),
		'2|4', "$table: the publisher's column moves on");
	$publisher->safe_psql('postgres', "INSERT INTO $table VALUES (1000, '{5,3,1.5,0.2}'); UPDATE $table SET x = '{6,3,4,1}' WHERE id = 1");
	next if $table eq 'fixed';
	$publisher->wait_for_catchup("s_$table");
	is($subscriber->safe_psql('postgres', $fresh->($table)), 21, "$table: the subscriber embeds the rows by its own version");
}
my $log = '';
for (my $i = 0; $i < 300 && $log !~ /expected 2 dimensions, not 4/; $i++)
{
	select(undef, undef, undef, 0.1);
	$log = PostgreSQL::Test::Utils::slurp_file($subscriber->logfile);
}
like($log, qr/expected 2 dimensions, not 4/, 'fixed: the log says what does not fit');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM fixed'), 20, 'fixed: a column of another number of dimensions takes no row');
$subscriber->safe_psql('postgres', q{
	SELECT dml_dematerialize('fixed', 'embedding', drop_column => false);
	ALTER TABLE fixed ALTER embedding TYPE dml_vector;
	SELECT dml_materialize('fixed', 'embedding', model => 'iris@1', features => 'x')});
$publisher->wait_for_catchup('s_fixed');
is($subscriber->safe_psql('postgres', $fresh->('fixed')), 21, 'fixed: without a number of dimensions it goes on where it stopped');
$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION s_$_") foreach (@tables);

done_testing();
