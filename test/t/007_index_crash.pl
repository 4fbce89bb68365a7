# The index in a crash: backends and postmaster killed under inserts, updates, deletes and vacuum,
# over and over; each time recovery, and dml_index_check against the table.  A standby replays all
# of it with wal_consistency_checking and is searched meanwhile.
#
# DML_CRASHES=n is the number of crashes (default 4).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my $crashes = $ENV{DML_CRASHES} // 4;
my $conf = "autovacuum = off\nrestart_after_crash = on\nwal_consistency_checking = 'generic'\nfull_page_writes = on\nmax_wal_size = 256MB\n"
  . "checkpoint_timeout = 30s\nshared_buffers = 32MB\nwal_keep_size = 8GB\nmax_standby_streaming_delay = 2s\nhot_standby_feedback = off\n";
my $node = start_server('main', streaming => 1, conf => $conf);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE item (id bigserial PRIMARY KEY, v dml_vector(16), tenant int) WITH (fillfactor = 80);
	CREATE UNLOGGED TABLE lost (id int, v dml_vector(16));
	CREATE INDEX item_v ON item USING dml (v, tenant);
	CREATE INDEX item_cosine ON item USING dml (v dml_cosine_ops);
	CREATE INDEX lost_v ON lost USING dml (v);
	CREATE FUNCTION point(seed int) RETURNS dml_vector LANGUAGE sql VOLATILE AS $$
		SELECT array_agg(random() + seed * j % 11)::real[]::dml_vector FROM generate_series(1, 16) j $$;
	CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 100000 LOOP
			INSERT INTO item (v, tenant) SELECT point((random() * 20)::int), i % 9 FROM generate_series(1, 30);
			UPDATE item SET v = point(i % 20), tenant = i % 5
				WHERE id IN (SELECT (random() * (SELECT max(id) FROM item))::int FROM generate_series(1, 15));
			DELETE FROM item WHERE id % 41 = i % 41 AND id < (SELECT max(id) FROM item) - 2000 * random();
			IF i % 7 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
		END LOOP;
	END $$;
	INSERT INTO lost SELECT i, point(i) FROM generate_series(1, 500) i;
	INSERT INTO item (v, tenant) SELECT point(i % 20), i % 9 FROM generate_series(1, 3000) i;
});
$node->backup('base', backup_options => [ '--checkpoint', 'fast' ]);
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# Sessions that run until they are killed.
sub session
{
	my ($server, @sql) = @_;
	return IPC::Run::start([ 'psql', '-X', '-q', '-d', $server->connstr('postgres'), map { ('-c', $_) } @sql ],
		'>', '/dev/null', '2>', '/dev/null');
}

# The postmaster and all its children die at once; then the server starts again, when the last of
# them is gone.
sub kill_all
{
	my ($server) = @_;
	my ($postmaster) = slurp_file($server->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = split ' ', $server->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	kill 'KILL', $postmaster, @children;
	usleep(100_000) while kill 0, $postmaster;
	$server->{_pid} = undef;
	for (1 .. 50)
	{
		return if $server->start(fail_ok => 1);
		usleep(200_000);
	}
	BAIL_OUT('the server does not start');
}
my $search = 'SET enable_seqscan = off; SET dml.recall = %s; DO $$ DECLARE q dml_vector; BEGIN
	FOR i IN 1 .. 20 LOOP
		q := (SELECT v FROM item WHERE id > random() * 2000 ORDER BY id LIMIT 1);
		PERFORM id FROM item WHERE tenant < 5 ORDER BY v <-> q LIMIT 20;
		PERFORM id FROM item ORDER BY v <=> q LIMIT 20;
	END LOOP; END $$';

my ($searches, $refused) = (0, 0);
foreach my $round (1 .. $crashes)
{
	my @sessions = map { session($node, 'CALL work()') } 1 .. 3;
	push @sessions, session($node, ('SELECT pg_sleep(0.3)', 'VACUUM item') x 100);
	my $until = time + 2 + $round % 2;
	while (time < $until)
	{
		foreach my $recall (0.9, 1)
		{
			my ($out, $err) = ('', '');
			$standby->psql('postgres', sprintf($search, $recall), stdout => \$out, stderr => \$err);
			$searches++;
			if ($err =~ /ERROR/)
			{
				# replay does not wait for the search: its rows or pages may be removed
				$refused++;
				like($err, qr/canceling statement due to conflict with recovery|changed under a long search/, "round $round: the standby's search");
			}
		}
	}
	usleep(1000 * int(rand(500)));
	if ($round % 2)
	{
		# a backend dies, and the postmaster terminates all others and restarts
		my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query = 'CALL work()' LIMIT 1});
		kill 'KILL', $pid if $pid;
		usleep(300_000);
		$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('no recovery');
	}
	else
	{
		kill_all($node);
	}
	eval { $_->kill_kill } foreach @sessions;
	my ($out, $err) = ('', '');
	foreach my $index (qw(item_v item_cosine))
	{
		# a killed vacuum may leave pages that no pointer leads to (leaked), and no other damage
		$node->psql('postgres', "SELECT rows >= (SELECT count(*) FROM item), leaked FROM dml_index_check('$index', heap => true)",
			stdout => \$out, stderr => \$err);
		like("$out$err", qr/^t\|\d+$/, "round $round: $index is right after a crash ($out)");
	}
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	is($node->safe_psql('postgres', q{SELECT rows FROM dml_index_check('lost_v', true)}), 0, "round $round: the unlogged index is empty") if $round == 1;
}
note "$searches searches on the standby, $refused of them ended by replay";

# The remaining rows are vacuumed and new ones inserted; the standby has the same.
$node->safe_psql('postgres', 'INSERT INTO lost SELECT i, point(i) FROM generate_series(1, 300) i');
is($node->safe_psql('postgres', q{SELECT rows FROM dml_index_check('lost_v', true)}), 300, 'the unlogged index takes rows again');
$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 3 > 0');
$node->safe_psql('postgres', 'VACUUM item');
is($node->safe_psql('postgres', "SELECT leaked FROM dml_index_check('$_')"), 0, "VACUUM takes back what leaked: $_") foreach qw(item_v item_cosine);
$node->safe_psql('postgres', 'INSERT INTO item (v, tenant) SELECT point(i % 20), i % 9 FROM generate_series(1, 2000) i');
is($node->safe_psql('postgres', q{SELECT rows - (SELECT count(*) FROM item) FROM dml_index_check('item_v', true)}), 0, 'all rows and no others');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my ($out, $err) = ('', '');
isnt($standby->psql('postgres', q{SELECT dml_index_check('item_v')}, stderr => \$err), 0, 'a standby that replays is not checked');
like($err, qr/only while replay is paused/, 'and says why');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
# PostgreSQL 13 reports at once that it was asked to pause, and cannot report that it has.
$standby->poll_query_until('postgres', $standby->safe_psql('postgres', 'SHOW server_version_num') < 140000
	? 'SELECT pg_is_wal_replay_paused()' : q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
foreach my $index (qw(item_v item_cosine))
{
	is($standby->safe_psql('postgres', "SELECT rows - (SELECT count(*) FROM item) FROM dml_index_check('$index', true)"),
		0, "$index is right on the standby");
}
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
$standby->promote;
$standby->safe_psql('postgres', 'INSERT INTO item (v, tenant) SELECT point(i % 20), i % 9 FROM generate_series(1, 500) i');
is($standby->safe_psql('postgres', q{SELECT rows - (SELECT count(*) FROM item) FROM dml_index_check('item_v', true)}),
	0, 'and after its promotion');
foreach my $server ($node, $standby)
{
	unlike(slurp_file($server->logfile), qr/inconsistent page found|PANIC|TRAP:|signal 11/, 'no inconsistent page on ' . $server->name);
}

done_testing();
