-- Pictures: what is in them, and that users' text cannot become markup.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA plot;
SET search_path = plot, public;
-- Marks of a kind in a picture.
CREATE FUNCTION marks(svg text, mark text) RETURNS int LANGUAGE sql AS
	$$ SELECT (length(svg) - length(replace(svg, '<' || mark, ''))) / (length(mark) + 1) $$;
-- Every picture is well-formed, ASCII, has a title, and nothing that runs or loads.
CREATE FUNCTION sound(svg text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT xml_is_well_formed_document(svg) AND octet_length(svg) = length(svg) AND svg ~ '^<svg [^>]*><title>[^<]+</title>' AND svg ~ '</svg>$'
		AND svg !~* '<script|<foreignObject|<[^<>]*\s(on[a-z]+=|href="(?!data:image/png;base64,))|[\x01-\x08\x0b-\x1f]' $$;

CREATE TABLE thing AS
SELECT i AS id, 'c' || i % 3 AS label, ARRAY[i % 3 + sin(i), cos(7 * i), (i % 3) * cos(3 * i)]::real[] AS x, i % 2 AS half
FROM generate_series(1, 90) i;
SELECT rows FROM dml_train('plot', 'thing', 'x', 'label', method => 'supcon', network => '8 relu, 4', epochs => 3, options => '{"validation": 0}');
SELECT threshold > 0 AS calibrated FROM dml_calibrate('plot', 'thing', label => 'label', false_accept_rate => 0.1);

-- A mark for each row in each panel, and one for each class in the legend; all is well-formed.
CREATE TABLE picture AS
SELECT kind, dml_plot(kind, 'plot', 'thing', label => 'label') AS svg
FROM unnest('{space,clusters,distances,roc,confusion,neighbours}'::text[]) kind
UNION ALL SELECT 'curve', dml_plot('curve', 'plot');
SELECT kind, sound(svg), marks(svg, 'g class="panel"') AS panels, marks(svg, 'circle') AS circles, substring(svg FROM '<title>([^<]*)</title>') AS title
FROM picture ORDER BY 1;
SELECT kind, marks(svg, 'g class="pts') AS groups FROM picture WHERE kind IN ('space', 'clusters') ORDER BY 1;
SELECT marks(svg, 'circle class="strong threshold"') AS points, svg ~ 'area 0\.\d{4}, equal error rate' AS area, svg ~ 'the calibrated threshold' AS told
FROM picture WHERE kind = 'roc';
SELECT marks(svg, 'path class="strong dash threshold"') AS lines, svg ~ '>1305 pairs of one class<' AS same, svg ~ '>2700 pairs of two classes<' AS different
FROM picture WHERE kind = 'distances';
SELECT marks(svg, 'g class="question"') AS questions, marks(svg, 'g class="is-right"') + marks(svg, 'g class="is-wrong"') AS found FROM picture WHERE kind = 'neighbours';

-- The matrix counts what dml_evaluate calls knn_accuracy.
SELECT (regexp_match(svg, '>(\d+) of 90 rows are right'))[1]::int = round(90 * (SELECT learned FROM dml_evaluate('plot', 'thing', label => 'label', metrics => '{knn_accuracy}') WHERE metric = 'knn_accuracy')) AS agrees
FROM picture WHERE kind = 'confusion';
SELECT dml_plot('confusion', 'plot', 'SELECT * FROM thing WHERE half = 0', label => 'label', gallery => 'SELECT * FROM thing WHERE half = 1') ~ '>\d+ of 45 rows are right' AS among_others;

-- The same input and seed give the same picture; another seed another one.
SELECT dml_plot('space', 'plot', 'thing', label => 'label', projection => 'tsne', baseline => false) AS a \gset
SELECT dml_plot('space', 'plot', 'SELECT * FROM thing ORDER BY -id', label => 'label', projection => 'tsne', baseline => false, title => 't') AS b \gset
SELECT dml_plot('space', 'plot', 'thing', label => 'label', projection => 'tsne', baseline => false, seed => 2) AS c \gset
SELECT substring(:'a' FROM '<g class="panel">.*$') = substring(:'b' FROM '<g class="panel">.*$') AS same, :'a' = :'c' AS other_seed;
SELECT marks(dml_plot('space', 'plot', 'thing', label => 'label', projection => 'lda'), 'circle') AS lda, marks(dml_plot('space', 'plot', 'thing'), 'circle') AS no_label,
	marks(dml_plot('space', source => 'thing', features => 'x'), 'circle') AS no_model, marks(dml_plot('space', 'plot', 'thing', max_rows => 20, baseline => false), 'circle') AS sample,
	dml_plot('space', 'plot', 'thing', theme => 'auto') ~ '@media \(prefers-color-scheme:dark\)' AS auto;

-- The scores by epoch of the runs that were judged are stored with a model that was then trained on all rows, and drawn.
SELECT rows FROM dml_train('plot_judged', 'thing', 'x', 'label', method => 'triplet', network => '4', epochs => 4);
SELECT array_agg((e ->> 'epoch')::int ORDER BY place) AS epochs, bool_and((e ->> 'judged')::float8 BETWEEN 0 AND 1) AS judged, bool_or(e ->> 'loss' IS NOT NULL) AS loss
FROM dml_model_versions, jsonb_array_elements(history) WITH ORDINALITY h (e, place) WHERE model = 'plot_judged';
SELECT sound(svg), marks(svg, 'circle class="strong best"') AS best, svg ~ '>Score on held-out rows, of the runs that were judged<' AS told
FROM (SELECT dml_plot('curve', 'plot_judged') AS svg) p;

-- Clusters of a column; NULL is no cluster.
SELECT sound(svg), marks(svg, 'circle') AS circles, svg ~ '>no cluster<' AS noise
FROM (SELECT dml_plot('clusters', 'plot', 'thing', cluster => 'nullif(id % 4, 3)') AS svg) p;

-- Odd data: one row, equal rows, one class, 200 classes, long labels, NULL labels, huge numbers.
CREATE TABLE odd AS
SELECT 'one' AS what, 'a' AS label, '{1,2}'::real[] AS x
UNION ALL SELECT 'equal', 'a' || i % 2, '{1,2}' FROM generate_series(1, 10) i
UNION ALL SELECT 'single', 'a', ARRAY[i, i % 3] FROM generate_series(1, 20) i
UNION ALL SELECT 'many', repeat('long label ', 20) || i % 200, ARRAY[sin(i), cos(i)] FROM generate_series(1, 400) i
UNION ALL SELECT 'null', CASE WHEN i % 2 = 0 THEN 'a' || i % 4 END, ARRAY[i, i % 3] FROM generate_series(1, 20) i
UNION ALL SELECT 'huge', 'a' || i % 2, ARRAY[i * 1e37, -i * 1e37] FROM generate_series(1, 20) i
UNION ALL SELECT 'tiny', 'a' || i % 2, ARRAY[i * 1e-40, 0] FROM generate_series(1, 20) i;
SELECT what, kind, sound(svg), marks(svg, 'circle') AS circles, marks(svg, 'rect class="heat"') AS cells
FROM (SELECT what, kind, dml_plot(kind, source => format('SELECT * FROM odd WHERE what = %L', what), features => 'x', label => 'label') AS svg
	FROM (SELECT DISTINCT what FROM odd) w, unnest('{space,clusters,confusion,neighbours}'::text[]) kind) p ORDER BY 1, 2;
SELECT what, kind, sound(dml_plot(kind, source => format('SELECT * FROM odd WHERE what = %L', what), features => 'x', label => 'label'))
FROM unnest('{equal,many,"null",huge,tiny}'::text[]) what, unnest('{distances,roc}'::text[]) kind ORDER BY 1, 2;
SELECT svg ~ '>\d+ other classes<' AS others, marks(svg, 'text') < 80 AS few_words
FROM (SELECT dml_plot('space', source => 'SELECT * FROM odd WHERE what = ''many''', features => 'x', label => 'label') AS svg) p;

-- Text of users stays text: markup, quotes, controls, characters that XML forbids, changes of direction.
CREATE TABLE evil (label text, x real[]);
INSERT INTO evil SELECT l, ARRAY[i, j]
FROM unnest(ARRAY['<script>alert(1)</script>', '"/><img src=x onerror=alert(1)>', ''' onload=''alert(1)', ']]>', '&lt;b&gt;', '<!--', '&#0;',
	E'a\x01b\x1f', chr(65534), chr(8238) || 'txt.exe', chr(127), E'tab\tline\nend', 'Größe', chr(128512)]) WITH ORDINALITY t (l, i), generate_series(1, 4) j;
SELECT kind, sound(svg), svg ~ '&lt;script&gt;' AS escaped, svg ~ 'Gr&#246;&#223;e' AS umlaut
FROM (SELECT kind, dml_plot(kind, source => 'evil', features => 'x', label => 'label', title => '<script>"''&') AS svg
	FROM unnest('{space,clusters,confusion,neighbours,distances,roc}'::text[]) kind) p ORDER BY 1;
SELECT sound(dml_plot('space', source => 'SELECT x AS "<script>alert(1)</script>", label AS "</text><a" FROM evil', features => '"<script>alert(1)</script>"',
	label => '"</text><a"')) AS names;

-- Images: whole numbers from 0 to 255 in a square array, or a width that is given.
CREATE TABLE image AS SELECT 'c' || i % 2 AS label, (SELECT array_agg((j * i) % 256) FROM generate_series(1, 64) j) AS x FROM generate_series(1, 12) i;
SELECT marks(dml_plot('neighbours', source => 'image', features => 'x', label => 'label', k => 3, max_rows => 4), 'image') AS square,
	marks(dml_plot('neighbours', source => 'image', features => 'x', label => 'label', k => 3, max_rows => 4, image_width => 16), 'image') AS wide,
	marks(dml_plot('neighbours', source => 'image', features => 'x', label => 'label', k => 3, max_rows => 4, image_width => 0), 'image') AS none,
	sound(dml_plot('neighbours', source => 'image', features => 'x', label => 'label'));

-- What does not fit into memory goes to temporary files, which do not stay behind.
CREATE TABLE wide AS SELECT 'c' || i % 2 AS label, (SELECT array_agg(sin(i * j) + i % 2) FROM generate_series(1, 300) j) AS x FROM generate_series(1, 1100) i;
SET maintenance_work_mem = '1MB';
SELECT kind, sound(dml_plot(kind, source => 'wide', features => 'x', label => 'label', gallery => 'wide', max_rows => 50))
FROM unnest('{space,confusion,neighbours,distances}'::text[]) kind ORDER BY 1;
RESET maintenance_work_mem;

-- Errors.
\set VERBOSITY default
SELECT dml_plot(NULL);
SELECT dml_plot('pie');
SELECT dml_plot('space', 'plot');
SELECT dml_plot('space', source => 'thing');
SELECT dml_plot('roc', 'plot', 'thing');
SELECT dml_plot('curve');
SELECT dml_plot('space', 'plot', 'thing', projection => 'umap');
SELECT dml_plot('space', 'plot', 'thing', projection => 'lda');
SELECT dml_plot('space', 'plot', 'thing', theme => 'pink');
SELECT dml_plot('space', 'plot', 'thing', max_rows => 0);
SELECT dml_plot('space', 'plot', 'thing', projection => 'tsne', max_rows => 6000);
SELECT dml_plot('confusion', 'plot', 'thing', label => 'label', k => 0);
SELECT dml_plot('clusters', 'plot', 'thing', label => 'label', cluster => 'half');
SELECT dml_plot('roc', 'plot', 'SELECT * FROM thing WHERE label = ''c1''', label => 'label');
SELECT dml_plot('neighbours', source => 'image', features => 'x', label => 'label', image_width => 7);
SELECT dml_plot('neighbours', source => 'image', features => 'x', label => 'label', image_width => -1);
\set VERBOSITY terse
SELECT dml_plot('space', 'nobody', 'thing');
\set VERBOSITY default
SELECT dml_plot('space', 'plot', 'image');
SELECT dml_plot('space', 'plot', 'SELECT * FROM thing WHERE false');
SELECT rows FROM dml_train('plot_closed', 'thing', 'x', 'label', method => 'lda', options => '{"validation": 0}');
SELECT dml_plot('curve', 'plot_closed');

-- Rights are the caller's: on the source, and on the model.
CREATE ROLE plot_reader;
GRANT USAGE ON SCHEMA plot TO plot_reader;
SET ROLE plot_reader;
SELECT dml_plot('space', 'plot', 'plot.thing');
SELECT dml_plot('curve', 'plot');
RESET ROLE;
SELECT dml_grant('plot', 'plot_reader', 'embed');
SET ROLE plot_reader;
SELECT dml_plot('space', 'plot', 'plot.thing');
RESET ROLE;
GRANT SELECT ON thing TO plot_reader;
SET ROLE plot_reader;
SELECT plot.marks(dml_plot('space', 'plot', 'plot.thing'), 'circle') AS circles;
RESET ROLE;

DROP SCHEMA plot CASCADE;
SELECT dml_drop_model('plot'), dml_drop_model('plot_closed'), dml_drop_model('plot_judged');
DROP ROLE plot_reader;
