# DmlTest.pm - what the TAP tests share: a server with dml, and something to learn from.
package DmlTest;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_server load_iris train embeddings same_answers);

# A running server; extra: lines for postgresql.conf.
sub start_server
{
	my ($name, %param) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => $param{streaming});
	$node->append_conf('postgresql.conf', "client_min_messages = warning\n" . ($param{conf} // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION dml') unless $param{empty};
	return $node;
}

# The table iris: id, x real[4], class.
sub load_iris
{
	my ($node, $database) = @_;
	$database //= 'postgres';
	my $csv = PostgreSQL::Test::Utils::slurp_file("$FindBin::Bin/../data/iris.csv");
	my @rows;
	foreach my $line (split /\n/, $csv)
	{
		my @field = split /,/, $line;
		next unless $field[0] =~ /^[0-9.]+$/;
		push @rows, sprintf("(%d, '{%s}', '%s')", @rows + 1, join(',', @field[ 0 .. 3 ]), $field[4]);
	}
	is(scalar @rows, 150, 'iris has 150 rows');
	$node->safe_psql($database,
		'CREATE TABLE iris (id int PRIMARY KEY, x real[], class text); INSERT INTO iris VALUES ' . join(', ', @rows));
}

# Train the model iris; returns the version.
sub train
{
	my ($node, %param) = @_;
	my $method = $param{method} // 'lda';
	my $name = $param{name} // 'iris';
	return $node->safe_psql($param{database} // 'postgres',
		"SELECT version FROM dml_train('$name', 'iris', features => 'x', label => 'class', method => '$method')");
}

# A digest of what a model makes of all rows, bit for bit.
sub embeddings
{
	my ($node, $model, $database) = @_;
	return $node->safe_psql($database // 'postgres',
		"SELECT md5(string_agg(dml_embed('$model', x)::text, ';' ORDER BY id)) FROM iris");
}

# Does the index on iris.embedding give exactly what a sequential scan gives?
sub same_answers
{
	my ($node, $what, $database) = @_;
	my $by_index = "SELECT string_agg(d::text, ',') FROM (SELECT embedding <-> (SELECT embedding FROM iris WHERE id = 77) AS d"
	  . " FROM iris ORDER BY embedding <-> (SELECT embedding FROM iris WHERE id = 77) LIMIT 20) t";
	my $truth = $node->safe_psql($database // 'postgres', "SET enable_indexscan = off; $by_index");
	my $answer = $node->safe_psql($database // 'postgres', "SET enable_seqscan = off; SET dml.recall = 1; $by_index");
	isnt($answer, '', "$what: there is an answer");
	is($answer, $truth, "$what: the index answers as a sequential scan");
}

1;
