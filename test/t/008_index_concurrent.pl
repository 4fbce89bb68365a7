# Eight sessions on the indexes of one table: they insert, update, delete, search, and one vacuums.
# Nothing is lost, nothing is duplicated, no session gets an error, and none waits without end.
#
# DML_SECONDS=n is the duration (default 12).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my $seconds = $ENV{DML_SECONDS} // 12;
my $node = start_server('main',
	conf => "autovacuum = off\ndeadlock_timeout = 200ms\nstatement_timeout = 0\nlock_timeout = '60s'\nfsync = off\nmax_wal_size = 1GB\n");

# Rows belong to sessions, so that sessions meet in the index and not at a row.  All put half of
# their rows into one place: a hot leaf.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE item (owner int, n int, v dml_vector(16), tenant int, PRIMARY KEY (owner, n));
	CREATE INDEX item_v ON item USING dml (v, tenant);
	CREATE INDEX item_cosine ON item USING dml (v dml_cosine_ops) WHERE tenant <> 3;
	CREATE FUNCTION point(kind int) RETURNS dml_vector LANGUAGE sql VOLATILE AS $$
		SELECT array_agg((random() * CASE WHEN kind % 2 = 0 THEN 0.01 ELSE 1 END
			+ kind * j % 11)::real)::dml_vector FROM generate_series(1, 16) j $$;
	CREATE PROCEDURE work(me int, seconds int) LANGUAGE plpgsql AS $$
	DECLARE
		top int := 0;
		until timestamptz := clock_timestamp() + seconds * interval '1 second';
		q dml_vector;
		found bigint;
		others bigint;
	BEGIN
		PERFORM setseed(me / 10.0);
		WHILE clock_timestamp() < until LOOP
			INSERT INTO item SELECT me, top + i, point(CASE WHEN i % 2 = 0 THEN 2 ELSE (random() * 9)::int END), i % 7
				FROM generate_series(1, 40) i;
			top := top + 40;
			COMMIT;
			UPDATE item SET v = point((random() * 9)::int), tenant = tenant + 1
				WHERE owner = me AND n IN (SELECT (random() * top)::int FROM generate_series(1, 10));
			IF random() < 0.2 THEN
				DELETE FROM item WHERE owner = me AND n BETWEEN top - 200 AND top - 40 AND n % 3 <> 0;
				IF random() < 0.3 THEN ROLLBACK; END IF;
			END IF;
			COMMIT;
			-- what this session has committed is found, the nearest first, whoever splits its leaf now
			q := (SELECT v FROM item WHERE owner = me AND n % 3 = 0 ORDER BY random() LIMIT 1);
			PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
				set_config('enable_sort', 'off', true), set_config('dml.recall', '1', true);
			SELECT count(*), count(DISTINCT (owner, n)) INTO found, others
				FROM (SELECT owner, n FROM item WHERE v <-> q = 0 OR owner = me ORDER BY v <-> q LIMIT 30) s;
			IF found <> others OR NOT EXISTS (SELECT FROM (SELECT v <-> q AS d FROM item ORDER BY v <-> q LIMIT 1) s WHERE d = 0) THEN
				RAISE 'session % does not find its row, or finds one twice', me;
			END IF;
			PERFORM set_config('dml.recall', '0.9', true);
			PERFORM n FROM item WHERE tenant = 2 ORDER BY v <-> q LIMIT 10;
			PERFORM n FROM item WHERE tenant <> 3 ORDER BY v <=> q LIMIT 10;
			COMMIT;
		END LOOP;
	END $$});

my @sessions;
foreach my $me (1 .. 8)
{
	my %run = (out => '', err => '');
	$run{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', "CALL work($me, $seconds)" ],
		'>', \$run{out}, '2>', \$run{err});
	push @sessions, \%run;
}
my $until = time + $seconds;
my $vacuums = 0;
my ($out, $err) = ('', '');
while (time < $until)
{
	$node->psql('postgres', $vacuums % 5 == 4 ? q{SELECT dml_index_check('item_v')} : 'VACUUM item', stderr => \$err);
	$vacuums++;
	is($err, '', 'vacuum and the walk over the index beside the others') if $err ne '';
	usleep(300_000);
}
foreach my $i (0 .. $#sessions)
{
	$sessions[$i]{handle}->finish;
	is($sessions[$i]{err}, '', 'session ' . ($i + 1) . ' has no error');
}
foreach my $when ('afterwards', 'after vacuum')
{
	is($node->safe_psql('postgres', "SELECT leaked, rows >= (SELECT count(*) FROM item) FROM dml_index_check('item_v', true)"), '0|t', "item_v $when");
	is($node->safe_psql('postgres', "SELECT leaked FROM dml_index_check('item_cosine', true)"), '0', "item_cosine $when");
	$node->safe_psql('postgres', 'VACUUM item');
}
is($node->safe_psql('postgres', q{SELECT rows - (SELECT count(*) FROM item) FROM dml_index_check('item_v', true)}), 0, 'all rows and no others');
note $node->safe_psql('postgres', "SELECT 'rows ' || count(*) || ', passes of vacuum $vacuums' FROM item");
note $node->safe_psql('postgres', q{SELECT dml_index_stats('item_v')});
unlike(slurp_file($node->logfile), qr/deadlock detected|PANIC|signal 11/, 'no deadlock');

done_testing();
