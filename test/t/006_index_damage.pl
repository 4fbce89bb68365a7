# Damaged pages of an index cause errors and nothing worse. Whatever bytes of its file are wrong, a
# search, an insert, VACUUM and dml_index_check end, the server stays up, and REINDEX repairs the
# index.
#
# DML_DAMAGE=n damages n indexes (default 12), DML_SEED=n repeats a run.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{DML_DAMAGE} // 12;
my $seed = $ENV{DML_SEED} // time;
srand $seed;
note "DML_SEED=$seed";
my $block_size = 8192;

my $node = start_server('main', conf => "autovacuum = off\nstatement_timeout = '60s'\nfsync = off\nshared_buffers = '16MB'\n");
$node->safe_psql(
	'postgres', qq{
	SELECT setseed(0.5);
	CREATE TABLE base AS SELECT i AS id, array_agg(random() + i % 7)::real[]::dml_vector AS v
		FROM generate_series(1, 1500) i, generate_series(1, 8) j GROUP BY i;
	CREATE TABLE wide AS SELECT i AS id, array_agg(random() + i % 7)::real[]::dml_vector AS v
		FROM generate_series(1, 300) i, generate_series(1, 300) j GROUP BY i;
	DO \$\$ BEGIN
		FOR i IN 1 .. $count LOOP
			EXECUTE format('CREATE TABLE t%s (id int, v dml_vector)', i);
			IF i % 2 = 0 THEN
				EXECUTE format('INSERT INTO t%s SELECT * FROM %s', i, CASE WHEN i % 4 = 0 THEN 'wide' ELSE 'base' END);
			END IF;
			EXECUTE format('CREATE INDEX i%s ON t%s USING dml (v)', i, i);
			IF i % 2 = 1 THEN
				EXECUTE format('INSERT INTO t%s SELECT * FROM %s', i, CASE WHEN i % 4 = 1 THEN 'wide' ELSE 'base' END);
			END IF;
			EXECUTE format('DELETE FROM t%s WHERE id %% 9 = 0', i);
		END LOOP;
	END \$\$});
$node->safe_psql('postgres', "VACUUM t$_") for 1 .. $count;

# Damage a file of pages; returns a description.
sub damage
{
	my ($bytes) = @_;
	my $blocks = length($$bytes) / $block_size;
	my $block = rand() < 0.15 ? 0 : int(rand($blocks));
	my $way = int(rand(10));
	if ($way == 0)
	{
		substr($$bytes, $block * $block_size, $block_size) = "\0" x $block_size;
		return "block $block zeroed";
	}
	if ($way == 1)
	{
		my $other = int(rand($blocks));
		substr($$bytes, $block * $block_size, $block_size) = substr($$bytes, $other * $block_size, $block_size);
		return "block $block overwritten by block $other";
	}
	if ($way == 2 && $block > 0)
	{
		$$bytes = substr($$bytes, 0, $block * $block_size);
		return "cut before block $block";
	}
	my $n = 1 + int(rand(8));
	my @where;
	for (1 .. $n)
	{
		# the page as a whole, its own header, where numbers and pointers are, its end
		my $region = int(rand(4));
		my $at =
			$region == 0 ? int(rand($block_size))
		  : $region == 1 ? 24 + int(rand(40))
		  : $region == 2 ? 64 + int(rand(1000))
		  :                $block_size - 16 + int(rand(16));
		my $byte = (0, 255, 128, int(rand(256)))[ int(rand(4)) ];
		substr($$bytes, $block * $block_size + $at, 1) = chr($byte);
		push @where, "$at=$byte";
	}
	return "block $block: @where";
}

my %file = map { $_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('i$_')") } 1 .. $count;
$node->stop;
my %done;
foreach my $i (1 .. $count)
{
	my $bytes = slurp_file($file{$i});
	$done{$i} = damage(\$bytes);
	open my $out, '>:raw', $file{$i} or die "$file{$i}: $!";
	print $out $bytes;
	close $out;
}
$node->start;
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# Pointers to rows and children beyond the files are damage of the index, not a file that cannot be
# opened.
$node->safe_psql('postgres', q{
	CREATE TABLE places (id int, v dml_vector(8)) WITH (autovacuum_enabled = off);
	INSERT INTO places SELECT i, array_agg((sin(i * j))::real ORDER BY j)::dml_vector FROM generate_series(1, 3000) i, generate_series(1, 8) j GROUP BY i;
	CREATE INDEX places_v ON places USING dml (v);
	CHECKPOINT});
my ($row_block, $row_offset) = split /,/,
  $node->safe_psql('postgres', q{SELECT trim('()' FROM ctid::text) FROM places WHERE id = 17});
my $places = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('places_v')});
my $whole;
foreach my $what (['a row', pack('S4', 0, $row_block, $row_offset, 0), pack('S4', 1000, $row_block, $row_offset, 0), 'It has a row in block'],
	['a child', pack('L2', 2, 1), pack('L2', 70_000_000, 1), 'A pointer leads there'])
{
	my ($name, $from, $to, $says) = @$what;
	$node->stop;
	$whole //= slurp_file($places);
	my $bytes = $whole;
	for (my $at = 0; ($at = index($bytes, $from, $at)) >= 0; $at += 8)
	{
		substr($bytes, $at, 8) = $to;
	}
	isnt($bytes, $whole, "$name was found in the file");
	open my $out, '>:raw', $places or die "$places: $!";
	print $out $bytes;
	close $out;
	$node->start;
	foreach my $recall (0.99, 1)
	{
		my ($result, $stdout, $stderr) = $node->psql('postgres',
			"SET enable_seqscan = off; SET dml.recall = $recall; SELECT id FROM places ORDER BY v <-> (SELECT v FROM places WHERE id = 17) LIMIT 2900");
		like($stderr, qr/index "places_v" is damaged.*$says/s, "$name that no file has, recall $recall");
	}
}
$node->stop;
open my $empty, '>:raw', $places or die "$places: $!";
close $empty;
$node->start;
foreach my $sql ("SELECT dml_index_stats('places_v')", "SELECT dml_index_check('places_v')",
	"INSERT INTO places SELECT * FROM places LIMIT 1", "SELECT id FROM places ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 1")
{
	my ($result, $stdout, $stderr) = $node->psql('postgres', $sql);
	like($stderr, qr/index "places_v" has no pages/, "an empty file: $sql");
}
$node->safe_psql('postgres', 'REINDEX INDEX places_v');
$started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

my $noticed = 0;
foreach my $i (1 .. $count)
{
	my $source = $i % 4 < 2 ? 'wide' : 'base';
	my $search = sub { my ($recall, $rest) = @_; return qq{
		SET dml.recall = $recall;
		SELECT count(*) FROM (SELECT id FROM t$i ORDER BY v <-> (SELECT v FROM $source WHERE id = 7) $rest) s;} };
	my ($out, $err) = ('', '');
	my $result = $node->psql(
		'postgres',
		"\\set VERBOSITY verbose\nSET enable_seqscan = off; SET max_parallel_workers_per_gather = 0;"
		  . $search->(0.9, 'LIMIT 10') . $search->(0.9, 'OFFSET 0') . $search->(1, 'LIMIT 10') . $search->(1, 'OFFSET 0')
		  . "SELECT 'check', rows FROM dml_index_check('i$i'); SELECT 'heap', rows FROM dml_index_check('i$i', true);
			SELECT pages FROM dml_index_stats('i$i');
			INSERT INTO t$i SELECT id + 10000, v + 0.01 FROM $source LIMIT 100;
			INSERT INTO t$i SELECT id + 20000, v * 3 FROM $source;
			DELETE FROM t$i WHERE id % 3 = 0;
			VACUUM t$i; VACUUM t$i;
			INSERT INTO t$i SELECT id + 30000, v FROM $source;"
		  . $search->(0.9, 'OFFSET 0') . $search->(1, 'OFFSET 0') . "SELECT rows FROM dml_index_check('i$i', true);
			REINDEX INDEX i$i;
			SELECT 'healed', leaked FROM dml_index_check('i$i', true);",
		stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 600);
	my %state;
	$state{$1}++ while $err =~ /ERROR:  (\w{5}):/g;
	# a damaged index, page or file, pointers beyond the files' ends, another format, vectors out of
	# range
	delete @state{qw(XX000 58P01)} unless grep { !/could not open file "base/ } $err =~ /ERROR:  (?:XX000|58P01): (.*)/g;
	my @other = grep { !/^(?:XX002|XX001|22003|22000|0A000)$/ } sort keys %state;
	ok($result == 0 && !@other, "index $i: nothing but errors ($done{$i})") or diag("psql: $result, @other\n$err");
	like($out, qr/^healed\|0$/m, "index $i: REINDEX heals it") or diag("$done{$i}\n$out\n$err");
	$noticed++ if $state{XX002} || $state{XX001};
}
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server stayed up');
my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC|TRAP|canceling statement due to statement timeout/, 'no crash and no endless loop');
cmp_ok($noticed, '>', $count / 4, "damage is noticed ($noticed of $count)");

done_testing();
