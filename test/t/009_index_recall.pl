# The index finds the share of the nearest rows that dml.recall asks for, by queries that are not in
# the table: after a build, after inserts into an empty index, after half of the rows were deleted,
# and after other data replaced them. With 1 the distances are those of a sequential scan.
#
# Fashion-MNIST comes from Debian's package dataset-fashion-mnist; without it these parts are left
# out. DML_ROWS=n is the number of rows of each kind of data (default 2500).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use Test::More;

# A target, and how far the measured recall may be below it: about three standard errors of the
# index's own measurement by 100 queries and of this one, since the recalls of single queries vary a
# lot.
my %allowed = (0.9 => 0.03, 0.95 => 0.02, 0.99 => 0.02, 1 => 0);
my $rows = $ENV{DML_ROWS} // 2500;
my $queries = 100;
srand 7;

my $node = start_server('main', conf => "autovacuum = off\nfsync = off\nmax_wal_size = 2GB\nshared_buffers = 256MB\nmax_parallel_maintenance_workers = 0\n");
$node->safe_psql(
	'postgres', q{
	-- part: 1 the first data, 2 what comes later; query: not in the table
	CREATE TABLE data (id serial, part int, query boolean, v dml_vector);
	ALTER TABLE data ALTER v SET STORAGE PLAIN;
	CREATE TABLE item (id int, v dml_vector);
	ALTER TABLE item ALTER v SET STORAGE PLAIN;

	-- For each target: the mean share of the 10 nearest that are found, ties counting, over queries of the parts up to one.
	CREATE FUNCTION recalls(targets float8[], parts int) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		q record;
		truth float8[];
		answer float8[];
		hits float8[] := array_fill(0.0, ARRAY[array_length(targets, 1)]);
		n int := 0;
		command CONSTANT text := 'SELECT array_agg(d) FROM (SELECT v <-> $1 AS d FROM item ORDER BY v <-> $1 LIMIT 10) s';
	BEGIN
		FOR q IN SELECT v FROM data WHERE query AND part <= parts ORDER BY id LOOP
			PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
			EXECUTE command INTO truth USING q.v;
			PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
			FOR i IN 1 .. array_length(targets, 1) LOOP
				PERFORM set_config('dml.recall', targets[i]::text, true);
				EXECUTE command INTO answer USING q.v;
				hits[i] := hits[i] + CASE WHEN targets[i] = 1 THEN 10 * (answer = truth)::int
					ELSE (SELECT count(*) FROM unnest(answer) a WHERE a <= truth[10] * (1 + 1e-7)) END;
			END LOOP;
			n := n + 10;
		END LOOP;
		RETURN (SELECT string_agg(round((h / n)::numeric, 4)::text, ',' ORDER BY o) FROM unnest(hits) WITH ORDINALITY u (h, o));
	END $$;
});

# Rows by COPY; $make->(part) gives an array of numbers.
sub load_rows
{
	my ($make) = @_;
	my $text = "TRUNCATE data RESTART IDENTITY;\nCOPY data (part, query, v) FROM stdin;\n";
	foreach my $part (1, 2)
	{
		foreach my $i (1 .. $rows + $queries)
		{
			$text .= join("\t", $part, $i > $rows ? 't' : 'f', '[' . join(',', map { sprintf '%.5g', $_ } @{ $make->($part) }) . ']') . "\n";
		}
	}
	$node->safe_psql('postgres', "$text\\.\n");
}

sub measure
{
	my ($what, $parts) = @_;
	my @targets = sort keys %allowed;
	my $answer = $node->safe_psql('postgres', "SELECT recalls(ARRAY[@{[ join ',', @targets ]}]::float8[], $parts)");
	my @recall = split /,/, $answer;
	foreach my $i (0 .. $#targets)
	{
		cmp_ok($recall[$i], '>=', $targets[$i] - $allowed{ $targets[$i] }, "$what: recall asked $targets[$i], found $recall[$i]");
	}
	is($node->safe_psql('postgres', q{SELECT leaked, rows - (SELECT count(*) FROM item) FROM dml_index_check('item_v', true)}), '0|0', "$what: the index is right");
}

# All phases for one kind of data, which is in the table data.
sub phases
{
	my ($what) = @_;
	my $began = time;
	$node->safe_psql('postgres', 'TRUNCATE item; INSERT INTO item SELECT id, v FROM data WHERE NOT query AND part = 1; CREATE INDEX item_v ON item USING dml (v)');
	measure("$what, built", 1);
	$node->safe_psql('postgres', 'TRUNCATE item; INSERT INTO item SELECT id, v FROM data WHERE NOT query AND part = 1');
	measure("$what, inserted", 1);
	$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 2 = 0');
	$node->safe_psql('postgres', 'VACUUM item');
	measure("$what, half deleted", 1);
	$node->safe_psql('postgres', 'INSERT INTO item SELECT id, v FROM data WHERE NOT query AND part = 2');
	measure("$what, refilled", 2);
	$node->safe_psql('postgres', 'DROP INDEX item_v');
	note "$what: " . (time - $began) . ' s';
}

sub normal { return sqrt(-2 * log(1 - rand())) * cos(6.283185307 * rand()) }

sub unit
{
	my $length = 0;
	$length += $_ * $_ foreach @_;
	return [ map { $_ / sqrt($length) } @_ ];
}

# Embeddings as models make them: length 1, ten tight classes in each part, each class on a few
# dimensions.
foreach my $dims (16, 128)
{
	my @class = map { unit(map { normal() } 1 .. $dims) } 1 .. 20;
	my @axes = map { [ map { unit(map { normal() } 1 .. $dims) } 1 .. 6 ] } 1 .. 20;
	load_rows(sub {
		my $k = int(rand(10)) + 10 * ($_[0] - 1);
		my @x = @{ $class[$k] };
		foreach my $axis (@{ $axes[$k] })
		{
			my $step = 0.15 * normal();
			$x[$_] += $step * $axis->[$_] foreach 0 .. $dims - 1;
		}
		return unit(map { $_ + 0.01 * normal() } @x);
	});
	phases("tight classes in $dims dimensions");
}

load_rows(sub { my ($part) = @_; return [ map { rand() + ($part - 1) * 0.5 } 1 .. 24 ] });
phases('uniform');

load_rows(sub { return [ ($_[0]) x 16 ] });
phases('all equal');

my $far = 0;
load_rows(sub { return $far++ == 1000 ? [ (1e6) x 16 ] : [ map { normal() + 3 * ($_[0] - 1) } 1 .. 16 ] });
phases('one far outlier');

# Fashion-MNIST: raw, and embedded by a model. Part 1 is classes 0 to 4, part 2 is 5 to 9.
my $images = '/usr/share/datasets/fashion-mnist';
SKIP:
{
	skip 'no Fashion-MNIST in ' . $images, 1 unless -e "$images/t10k-images-idx3-ubyte.gz";
	open my $pixels, '-|', 'gzip', '-dc', "$images/t10k-images-idx3-ubyte.gz" or die;
	open my $labels, '-|', 'gzip', '-dc', "$images/t10k-labels-idx1-ubyte.gz" or die;
	binmode $pixels;
	binmode $labels;
	read $pixels, my $head, 16;
	read $labels, $head, 8;
	my $n = $rows < 1500 ? $rows : 1500;
	my %loaded;
	my $text = "CREATE TABLE image (id serial, class int, part int, query boolean, pixels real[]);\nCOPY image (class, part, query, pixels) FROM stdin;\n";
	while (read($pixels, my $image, 784) == 784)
	{
		read $labels, my $label, 1;
		my $class = ord $label;
		my $part = $class < 5 ? 1 : 2;
		next if ++$loaded{$part} > $n + $queries;
		$text .= join("\t", $class, $part, $loaded{$part} > $n ? 't' : 'f', '{' . join(',', unpack 'C*', $image) . '}') . "\n";
	}
	$node->safe_psql('postgres', "$text\\.\n");
	$node->safe_psql('postgres', 'TRUNCATE data RESTART IDENTITY; INSERT INTO data (part, query, v) SELECT part, query, pixels::dml_vector FROM image ORDER BY id');
	phases('Fashion-MNIST, 784 dimensions');
	$node->safe_psql('postgres', q{
		SELECT method FROM dml_train('fashion', 'SELECT * FROM image WHERE NOT query', features => 'pixels', label => 'class', method => 'supcon', network => '256 relu, 32', epochs => 4);
		TRUNCATE data RESTART IDENTITY;
		INSERT INTO data (part, query, v) SELECT part, query, dml_embed('fashion', pixels) FROM image ORDER BY id});
	phases('Fashion-MNIST, a learned embedding of 32 dimensions');
}

done_testing();
