# The pictures of dml_plot and the page of dml_report in a browser: each renders, has the marks that it
# must have, no text leaves the picture or covers another one, and text of users runs nothing.
#
# Chromium lays all pictures out in one page, where a script measures them and writes down what it
# found; then each picture and the report are opened as files. Without Chromium the test is skipped;
# `make check-all` installs it.
use strict;
use warnings;
use File::Spec;
use FindBin;
use lib $FindBin::Bin;
use DmlTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my ($chromium) = grep { -x } map { my $d = $_; map { "$d/$_" } 'chromium', 'chromium-browser', 'google-chrome' } split /:/, $ENV{PATH};
plan skip_all => 'no Chromium' unless $chromium;

my $node = start_server('main');
my $dir = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir());

sub in_browser
{
	my (@args) = @_;
	my ($out, $err) = ('', '');
	local $ENV{HOME} = $dir;
	my $ok = IPC::Run::run([ $chromium, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', "--user-data-dir=$dir/profile", @args ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	return ($ok, $out, $err);
}

sub write_file { my ($name, $text) = @_; open my $out, '>', "$dir/$name" or die "$name: $!"; print $out $text; close $out; }

load_iris($node);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE many AS SELECT 'a rather long label of class ' || i % 200 AS label, ARRAY[sin(i) + (i % 200) / 14, cos(i), (i % 200) % 14] AS x FROM generate_series(1, 1000) i;
	CREATE TABLE single AS SELECT 'the only class' AS label, ARRAY[sin(i), cos(3 * i)] AS x FROM generate_series(1, 30) i;
	CREATE TABLE image AS SELECT CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS label, (SELECT array_agg((j * (i % 2 + 1) + i) % 256) FROM generate_series(1, 64) j) AS x FROM generate_series(1, 20) i;
	CREATE TABLE evil AS SELECT CASE i % 3 WHEN 0 THEN '<script>window.hit = 1</script>' WHEN 1 THEN '"/><img src="x" onerror="window.hit = 1"/>' ELSE '</svg><iframe src="javascript:parent.hit = 1"></iframe>' END AS label,
		ARRAY[i % 3 + sin(i), cos(i)] AS x FROM generate_series(1, 60) i;
	SELECT dml_train('iris', 'iris', 'x', 'class', method => 'supcon', network => '8 relu, 4', epochs => 5);
	SELECT dml_calibrate('iris', 'iris', label => 'class', false_accept_rate => 0.05);
});

my %picture = (
	(map { $_ => "'$_', 'iris', 'iris', label => 'class'" } qw(space clusters distances roc confusion neighbours)),
	curve => "'curve', 'iris'",
	tsne => "'space', 'iris', 'iris', label => 'class', projection => 'tsne', theme => 'dark'",
	lda => "'space', 'iris', 'iris', label => 'class', projection => 'lda', baseline => false",
	(map { $_ . '_many' => "'$_', source => 'many', features => 'x', label => 'label'" } qw(space confusion neighbours distances)),
	(map { $_ . '_single' => "'$_', source => 'single', features => 'x', label => 'label'" } qw(space clusters confusion neighbours)),
	images => "'neighbours', source => 'image', features => 'x', label => 'label'",
	(map { $_ . '_evil' => "'$_', source => 'evil', features => 'x', label => 'label', title => '<script>window.hit = 1</script>'" } qw(space confusion neighbours)));
my @names = sort keys %picture;
my $page = '<!DOCTYPE html><html><head><meta charset="utf-8"/></head><body>';
for my $name (@names)
{
	my $svg = $node->safe_psql('postgres', "SELECT dml_plot($picture{$name})");
	write_file("$name.svg", $svg);
	$page .= qq(<div class="one" id="$name">$svg</div><img id="img_$name" src="$name.svg"/>\n);
}
$page .= <<'HTML';
<pre id="result"></pre><script>
addEventListener('load', () => {
	const lines = [];
	for (const one of document.querySelectorAll('.one')) {
		const svg = one.querySelector('svg'), frame = svg.getBoundingClientRect();
		const texts = [...svg.querySelectorAll('text')].map(t => ({t, r: t.getBoundingClientRect(),
			slanted: t.closest('[transform*="rotate(-45)"]') !== null, name: t.closest('.names') !== null || t.classList.contains('halo')}));
		let outside = 0, overlaps = [], empty = 0;
		for (const a of texts) {
			if (a.r.width === 0) empty++;
			if (a.r.left < frame.left - 1 || a.r.right > frame.right + 1 || a.r.top < frame.top - 1 || a.r.bottom > frame.bottom + 1) { outside++; overlaps.push('outside: ' + a.t.textContent); }
		}
		for (let i = 0; i < texts.length; i++)
			for (let j = i + 1; j < texts.length; j++) {
				const a = texts[i], b = texts[j];
				if (a.slanted || b.slanted || a.name !== b.name) continue;
				const w = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left), h = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
				if (w > 2 && h > 4) overlaps.push(a.t.textContent + ' / ' + b.t.textContent);
			}
		const count = s => svg.querySelectorAll(s).length, image = document.getElementById('img_' + one.id);
		lines.push([one.id, 'circle=' + count('circle'), 'panel=' + count('.panel'), 'legend=' + count('.legend'), 'line=' + count('path.line'), 'heat=' + count('rect.heat'),
			'question=' + count('.question'), 'found=' + count('.is-right, .is-wrong'), 'image=' + [...svg.querySelectorAll('image')].filter(i => i.getBoundingClientRect().width > 0).length,
			'title=' + count('.title'), 'threshold=' + count('.threshold'), 'outside=' + outside, 'empty=' + empty, 'alone=' + (image.complete && image.naturalWidth === Math.round(frame.width)),
			'foreign=' + one.querySelectorAll('script, iframe, img, a, foreignObject').length, 'overlaps=' + (overlaps.length - outside), overlaps.slice(0, 3).join(' ; ')].join('|'));
	}
	document.getElementById('result').textContent = 'hit=' + (window.hit || 0) + '\n' + lines.join('\n') + '\nend';
});
</script></body></html>
HTML
write_file('all.html', $page);

my ($ok, $dom, $error) = in_browser('--dump-dom', '--virtual-time-budget=10000', "file://$dir/all.html");
ok($ok, "Chromium shows the page") or diag($error);
my ($result) = $dom =~ m{<pre id="result">(.*?)</pre>}s;
like($result // '', qr/^hit=0\n.*\nend$/s, 'the pictures were measured, and no text of a user ran') or diag(substr $dom, -2000);
my %found;
for my $line (split /\n/, $result // '')
{
	my ($name, @fields) = split /\|/, $line;
	$found{$name} = { map { /^([a-z]+)=(.*)$/ ? ($1 => $2) : (pairs => $_) } @fields } if @fields;
}

for my $name (@names)
{
	my $f = $found{$name} // {};
	is_deeply([ @$f{qw(title outside empty foreign overlaps alone)} ], [ 1, 0, 0, 0, 0, 'true' ],
		"$name: has a title, is a picture as a file, no text leaves it or covers another one, nothing foreign")
	  or diag(join ' ', map { "$_=" . ($f->{$_} // '') } sort keys %$f);
}
# Marks: 150 rows a panel, and a mark in the legend for each class or cluster.
is($found{space}{circle}, 2 * 150 + 3, 'space: a mark for each row and class');
is($found{tsne}{circle}, 2 * 150 + 3, 't-SNE, too');
is($found{lda}{circle}, 150 + 3, 'LDA, too');
is($found{clusters}{circle}, 150 + 8, 'clusters: a mark for each row and cluster');
is($found{distances}{panel}, 2, 'distances: a panel for each space');
is($found{distances}{threshold}, 1, 'distances: the threshold');
is($found{roc}{threshold}, 2, 'roc: the threshold in both panels');
cmp_ok($found{roc}{line}, '>=', 6, 'roc: two curves and chance, in both panels');
cmp_ok($found{confusion}{heat}, '>=', 3, 'confusion: cells');
is($found{neighbours}{found}, 10 * 8 * 2, 'neighbours: eight of ten rows in two spaces');
is($found{images}{image}, 10 * 9, 'neighbours: images');
is($found{curve}{panel}, 2, 'curve: loss and score');
is($found{space_many}{legend}, 1, '200 classes: a legend');
cmp_ok($found{confusion_many}{heat}, '<=', 32 * 32, '200 classes: a matrix that can be read');

# What is on the screen: the size is the picture's, and it is not blank.
($ok) = in_browser("--screenshot=$dir/space.png", '--window-size=1000,500', "file://$dir/space.svg");
my $png = -e "$dir/space.png" ? PostgreSQL::Test::Utils::slurp_file("$dir/space.png") : '';
is(join('x', unpack 'x16 N2', $png . "\0" x 24), '1000x500', 'a screenshot');
cmp_ok(length $png, '>', 20000, 'that shows something');

# The report.
my $report = $node->safe_psql('postgres', q{SELECT dml_report('iris', 'iris', label => 'class', intended_use => '<script>document.title = "hit"</script>')});
write_file('report.html', $report);
($ok, $dom) = in_browser('--dump-dom', "file://$dir/report.html");
ok($ok, 'Chromium shows the report');
like($dom, qr{<title>Model card: iris, version 1</title>}, 'its title, which no text of a user changed');
is(() = $dom =~ /<svg [^>]*class="dml-plot /g, 6, 'six pictures');
like($dom, qr/<section id="$_">/, "section $_") for qw(details use training evaluation figures pictures threshold untested);
like($dom, qr{<td class="k">recall_at_1</td><td class="n">0\.\d{4}</td>}, 'figures');
unlike($dom, qr/<script|<iframe|<img/, 'nothing that runs or loads');
like($dom, qr/&lt;script&gt;document\.title/, 'text of a user is shown as it is');

$node->stop;
done_testing();
