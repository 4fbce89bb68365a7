# A subscriber that has the model embeds the rows that it applies.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = start_server('publisher', streaming => 'logical');
my $subscriber = start_server('subscriber', empty => 1);
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

done_testing();
