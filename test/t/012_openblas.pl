# OpenBLAS that is missing: everything but training and evaluation works, VACUUM and a restore of an
# index too.  OpenBLAS that has too little memory: an error at once, whatever calls it.
use strict;
use warnings;
use Cwd 'abs_path';
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $drift = q{
	SELECT i, array_agg((sin(i % 997 * j * 1.7) + i / 2000.0)::real ORDER BY j)::dml_vector
	FROM generate_series(%d, %d) i, generate_series(1, 16) j GROUP BY i ORDER BY i};
my $recall = q{
	SET enable_seqscan = off; SET dml.recall = 1;
	SELECT string_agg(id::text, ',') FROM (SELECT id FROM drift ORDER BY v <-> (SELECT v FROM drift WHERE id = 77) LIMIT 10) t};

my $node = start_server('main', conf => "autovacuum = off\nmax_parallel_maintenance_workers = 2\nmin_parallel_table_scan_size = 0\n");
load_iris($node);
train($node);
$node->safe_psql('postgres', q{
	SELECT dml_materialize('iris', 'embedding', model => 'iris', features => 'x');
	SELECT dml_calibrate('iris', 'iris', features => 'x', label => 'class');
	CREATE INDEX iris_embedding ON iris USING dml (embedding);
	CREATE TABLE drift (id int, v dml_vector(16));
	CREATE INDEX drift_v ON drift USING dml (v);
} . 'INSERT INTO drift ' . sprintf($drift, 1, 20000));
my $nearest = $node->safe_psql('postgres', $recall);
my $dump = "$node->{_basedir}/dump.sql";
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump with indexes');

# psql, with the SQLSTATE of an error; it must end within seconds.
sub error_of
{
	my ($sql, $database) = @_;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr($database // 'postgres'), '-f', '-' ],
		'<', \"\\set VERBOSITY verbose\n$sql;\n", '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	eval { $run->finish };
	$run->kill_kill if $@;
	return $@ ? "no end: $@" : $err;
}

# ---------- no OpenBLAS ----------

# A file of that name that is no library hides the installed one.
my $hiding = abs_path(PostgreSQL::Test::Utils::tempdir);
append_to_file("$hiding/$_", "not a library\n") foreach qw(libopenblas.so.0 libopenblasp.so.0);
{
	local $ENV{LD_LIBRARY_PATH} = $hiding;
	$node->restart;
}
like(error_of(q{SELECT version FROM dml_train('other', 'iris', features => 'x', label => 'class')}),
	qr/ERROR:  58P01: could not load OpenBLAS.*HINT:.*libopenblas0-pthread/s, 'training says what to install');
like(error_of(q{SELECT * FROM dml_evaluate('iris', 'iris', features => 'x', label => 'class')}),
	qr/ERROR:  58P01: could not load OpenBLAS/, 'so does an evaluation');
is($node->safe_psql('postgres', $recall), $nearest, 'a search works');
foreach my $sql (
	q{SELECT count(dml_embed('iris', x)) FROM iris},
	q{INSERT INTO iris SELECT id + 1000, x, class FROM iris},
	q{SELECT * FROM dml_classify('iris', 'embedding', 'class', (SELECT embedding FROM iris WHERE id = 1))},
	q{SELECT dml_match('iris', a.x, b.x) FROM iris a, iris b WHERE a.id = 1 AND b.id = 2},
	q{SELECT count(*) FROM dml_explain('iris')},
	q{SELECT dml_materialize('iris', 'embedding', model => 'iris', features => 'x')},
	'VACUUM drift',
	'REINDEX INDEX drift_v',
	'CREATE INDEX drift_cosine ON drift USING dml (v dml_cosine_ops)',
	'VACUUM (FULL) drift',
	'INSERT INTO drift ' . sprintf($drift, 20001, 40000),
	'VACUUM drift')
{
	is(error_of($sql), '', "without it: $sql");
}
is($node->safe_psql('postgres', q{SELECT rows FROM dml_index_check('drift_v', true)}), '40000', 'the index is right');
is(
	$node->safe_psql('postgres', $recall),
	$node->safe_psql('postgres', $recall =~ s/enable_seqscan = off/enable_indexscan = off/r),
	'and finds what a scan finds');
my $share = $node->safe_psql('postgres', q{
	SET enable_seqscan = off;
	SELECT avg(hits) FROM (SELECT (
		SELECT count(*) FROM (SELECT id FROM drift ORDER BY v <-> q.v LIMIT 10) near
		WHERE id IN (SELECT id FROM (SELECT id, v::real[] AS w FROM drift) d ORDER BY w::dml_vector <-> q.v LIMIT 10)) AS hits
		FROM drift q WHERE id % 1000 = 0) t});
cmp_ok($share, '>=', 9, "at the recall that is set, $share of 10");
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'a restore with indexes');
is($node->safe_psql('restored', $recall), $nearest, 'has the same answers');
$node->safe_psql('postgres', 'DROP INDEX drift_cosine; DROP INDEX drift_v; TRUNCATE drift; CREATE INDEX drift_v ON drift USING dml (v); '
	  . 'INSERT INTO drift ' . sprintf($drift, 1, 20000));

# ---------- OpenBLAS, and too little memory ----------

$node->restart;
SKIP:
{
	skip 'needs prlimit', 1 if system('prlimit --version > /dev/null 2>&1') != 0;
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my ($size) = slurp_file("/proc/$postmaster/status") =~ /^VmSize:\s+(\d+) kB/m;
	skip 'a sanitizer maps its shadow', 1 if $size > 1 << 30;
	foreach my $more (30, 60, 100, 150)
	{
		my $limit = $size * 1024 + ($more << 20);
		system('prlimit', '--pid', $postmaster, "--as=$limit:") == 0 or die 'prlimit failed';
		foreach my $sql (
			q{SELECT version FROM dml_train('other', 'iris', features => 'x', label => 'class', method => 'lda')},
			q{SELECT * FROM dml_evaluate('iris', 'iris', features => 'x', label => 'class')},
			'CREATE INDEX ON drift USING dml (v)',
			'REINDEX INDEX drift_v',
			'VACUUM drift')
		{
			like(error_of($sql), qr/ERROR:  53200: /, "$more MB: $sql");
		}
	}
	system('prlimit', '--pid', $postmaster, '--as=unlimited:') == 0 or die 'prlimit failed';
	is($node->safe_psql('postgres', $recall), $nearest, 'the index is as it was');
	is(error_of('VACUUM drift'), '', 'and with memory VACUUM works');
	like($node->safe_psql('postgres', q{SELECT rows FROM dml_index_check('drift_v', true)}), qr/^20000$/, 'and leaves it right');
}

done_testing();
