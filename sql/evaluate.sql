-- dml_evaluate: the figures.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA evaluate_test;
SET search_path = evaluate_test, public;
SET dml.notice_interval = 0;

\cd `echo "${PG_ABS_SRCDIR:-.}"`
CREATE TABLE iris_columns (sepal_length float8, sepal_width float8, petal_length float8, petal_width float8, class int);
\copy iris_columns FROM 'test/data/iris.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE lines (number serial, line text);
\copy lines (line) FROM 'test/data/digits.csv' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CREATE TABLE reference (data text, gallery text, k int, embedding text, dims int, queries bigint, lone bigint, gallery_rows bigint, classes int,
	recall_at_1 float8, recall_at_2 float8, recall_at_4 float8, recall_at_8 float8, r_precision float8, map_at_r float8, knn_accuracy float8);
\copy reference FROM 'test/data/evaluate_reference.csv' WITH (FORMAT csv, HEADER)

-- As make_evaluate_reference.py has them.
CREATE FUNCTION prepare(x float8[]) RETURNS real[] IMMUTABLE LANGUAGE sql AS
	'SELECT array_agg((v * (1 + (i - 1) / 97::float8) + v * v / 89)::real ORDER BY i) FROM unnest(x) WITH ORDINALITY u (v, i)';
CREATE TABLE iris AS
SELECT row_number() OVER () - 1 AS id, prepare(ARRAY[sepal_length, sepal_width, petal_length, petal_width]) AS x, class FROM iris_columns;
CREATE TABLE digits AS
SELECT number - 2 AS id, prepare((string_to_array(line, ',')::float8[])[1:64]) AS x, (string_to_array(line, ',')::int[])[65] AS class
FROM lines WHERE number > 1;
SELECT version, dims FROM dml_train('ev_iris', 'iris', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version, dims FROM dml_train('ev_digits', 'digits', 'x', 'class', method => 'whiten', options => '{"validation": 0}');

-- Without learning and whitened, against scikit-learn: the first to the last neighbour, whitened but for rounding.
CREATE TABLE result AS
SELECT 'iris' AS data, 'self' AS gallery, 5 AS k, e.* FROM dml_evaluate('ev_iris', 'iris', label => 'class') e
UNION ALL
SELECT 'iris', 'rest', 3, e.* FROM dml_evaluate('ev_iris', 'SELECT * FROM iris WHERE id % 3 = 0', label => 'class', gallery => 'SELECT * FROM iris WHERE id % 3 <> 0', k => 3) e
UNION ALL
SELECT 'digits', 'self', 5, e.* FROM dml_evaluate('ev_digits', 'digits', label => 'class') e
UNION ALL
SELECT 'digits', 'rest', 3, e.* FROM dml_evaluate('ev_digits', 'SELECT * FROM digits WHERE id % 3 = 0', label => 'class', gallery => 'SELECT * FROM digits WHERE id % 3 <> 0', k => 3) e;
SELECT data, gallery, embedding, r.dims = f.dims AND r.queries = f.queries AND r.lone = f.lone AND r.gallery_rows = f.gallery_rows AND r.classes = f.classes AS counts,
	abs(r.recall_at_1 - f.recall_at_1) < margin AND abs(r.recall_at_2 - f.recall_at_2) < margin AND
	abs(r.recall_at_4 - f.recall_at_4) < margin AND abs(r.recall_at_8 - f.recall_at_8) < margin AS recall,
	abs(r.r_precision - f.r_precision) < margin AS r_precision, abs(r.map_at_r - f.map_at_r) < margin AS map_at_r,
	abs(r.knn_accuracy - f.knn_accuracy) < margin AS knn_accuracy
FROM result r JOIN reference f USING (data, gallery, k, embedding),
	LATERAL (SELECT CASE WHEN embedding = 'whitened' THEN 0.002 ELSE 1e-10 END AS margin) m
ORDER BY 1 DESC, 2 DESC, 3;
-- A model that is whitening is as good as whitening.
SELECT (w.recall_at_1, w.map_at_r, w.knn_accuracy) = (l.recall_at_1, l.map_at_r, l.knn_accuracy) AS same
FROM result w JOIN result l USING (data, gallery)
WHERE (data, gallery, w.embedding, l.embedding) = ('digits', 'self', 'whitened', 'learned');

-- All three, against the definitions in SQL on the embeddings as dml_embed makes them.
CREATE FUNCTION square_distance(a real[], b real[]) RETURNS float8 IMMUTABLE LANGUAGE sql AS
	'SELECT sum((x::float8 - y) ^ 2) FROM unnest(a, b) u (x, y)';
CREATE TABLE embedded AS SELECT id, class, dml_embed('ev_iris', x)::real[] AS e FROM iris;
CREATE TABLE neighbour AS
SELECT q.id, q.class = g.class AS same, g.class, row_number() OVER (PARTITION BY q.id ORDER BY square_distance(q.e, g.e), g.id) AS place,
	count(*) FILTER (WHERE q.class = g.class) OVER (PARTITION BY q.id) AS r
FROM embedded q JOIN embedded g ON q.id <> g.id;
WITH ranked AS (
	SELECT *, count(*) FILTER (WHERE same) OVER (PARTITION BY id ORDER BY place) AS hits FROM neighbour),
query AS (
	SELECT id, bool_or(same AND place <= 1) AS r1, bool_or(same AND place <= 2) AS r2, bool_or(same AND place <= 4) AS r4, bool_or(same AND place <= 8) AS r8,
		count(*) FILTER (WHERE same AND place <= r)::float8 / min(r) AS rp,
		coalesce(sum(hits::float8 / place) FILTER (WHERE same AND place <= r), 0) / min(r) AS map
	FROM ranked GROUP BY id),
vote AS (
	SELECT DISTINCT ON (id) id, same FROM (
		SELECT id, same, count(*) AS votes, min(place) AS first FROM neighbour WHERE place <= 5 GROUP BY id, class, same) v
	ORDER BY id, votes DESC, first)
SELECT abs(avg(r1::int) - l.recall_at_1) < 1e-10 AS r1, abs(avg(r2::int) - l.recall_at_2) < 1e-10 AS r2,
	abs(avg(r4::int) - l.recall_at_4) < 1e-10 AS r4, abs(avg(r8::int) - l.recall_at_8) < 1e-10 AS r8,
	abs(avg(rp) - l.r_precision) < 1e-10 AS rp, abs(avg(map) - l.map_at_r) < 1e-10 AS map,
	abs(avg(vote.same::int) - l.knn_accuracy) < 1e-10 AS knn
FROM query JOIN vote USING (id), result l WHERE (l.data, l.gallery, l.embedding) = ('iris', 'self', 'learned')
GROUP BY l.recall_at_1, l.recall_at_2, l.recall_at_4, l.recall_at_8, l.r_precision, l.map_at_r, l.knn_accuracy;

-- The same figures in another order of rows, from a file, with two threads.
CREATE FUNCTION figures(source text, gallery text DEFAULT NULL) RETURNS text LANGUAGE sql AS
	'SELECT md5(string_agg(e::text, '';'')) FROM dml_evaluate(''ev_digits'', source, label => ''class'', gallery => gallery) e';
SELECT figures('digits') AS once, figures('digits', 'digits') AS with_itself \gset
SELECT figures('SELECT * FROM digits ORDER BY md5(id::text)') = :'once' AS in_another_order;
SET maintenance_work_mem = '1MB';
SELECT figures('digits') = :'once' AS from_a_file, figures('digits', 'digits') = :'with_itself' AS both_from_a_file;
RESET maintenance_work_mem;
SET dml.threads = 2;
SELECT figures('digits') = :'once' AS with_two_threads;
RESET dml.threads;
-- A gallery that holds the queries finds them themselves.
SELECT embedding, recall_at_1 FROM dml_evaluate('ev_digits', 'digits', label => 'class', gallery => 'digits');

-- Unseen classes: which are held out follows from their names and the seed.
SELECT c, dml_held_out(c) AS half, dml_held_out(c::text) AS as_text, dml_held_out(c, 0.2) AS fifth, dml_held_out(c, seed => 1) AS other, dml_held_out(c, 1) AS "all"
FROM generate_series(0, 9) c;
SELECT count(*) FROM generate_series(1, 10000) c WHERE dml_held_out(c, 0.3);
SELECT count(*) FROM generate_series(1, 10000) c WHERE dml_held_out(c, 0.3) AND NOT dml_held_out(c, 0.31);
RESET client_min_messages;
SELECT version FROM dml_train('ev_open', 'SELECT * FROM digits WHERE NOT dml_held_out(class)', 'x', 'class', method => 'lda', options => '{"validation": 0}');
CREATE TABLE open AS SELECT * FROM dml_evaluate('ev_open', 'digits', label => 'class', protocol => 'open_set');
SELECT embedding, dims, queries, lone, gallery_rows, classes FROM open;
SELECT count(*), count(DISTINCT class) FROM digits WHERE dml_held_out(class);
CREATE TABLE closed AS SELECT * FROM dml_evaluate('ev_open', 'SELECT * FROM digits WHERE dml_held_out(class)', label => 'class');
SELECT embedding, open.* IS NOT DISTINCT FROM closed.* AS same FROM open JOIN closed USING (embedding);
SELECT embedding, queries, gallery_rows, classes FROM dml_evaluate('ev_open', 'SELECT * FROM digits WHERE id % 3 = 0', label => 'class',
	gallery => 'SELECT * FROM digits WHERE id % 3 <> 0', protocol => 'open_set', share => 0.3, seed => 7);
SELECT embedding, queries FROM dml_evaluate('ev_open', 'digits', label => 'class', protocol => 'open_set', share => 1);
SELECT * FROM dml_evaluate('ev_open', 'SELECT * FROM digits WHERE class IN (SELECT min(c) FROM generate_series(0, 9) c WHERE dml_held_out(c))', label => 'class', protocol => 'open_set');

-- Some of the queries: the same ones every time, among all rows.
SELECT embedding, queries, gallery_rows FROM dml_evaluate('ev_iris', 'iris', label => 'class', max_queries => 10);
CREATE TABLE a_few AS SELECT * FROM dml_evaluate('ev_iris', 'iris', label => 'class', max_queries => 10);
SELECT a_few.* IS NOT DISTINCT FROM e.* AS same FROM a_few JOIN dml_evaluate('ev_iris', 'SELECT * FROM iris ORDER BY random()', label => 'class', max_queries => 10) e USING (embedding);
SELECT embedding, queries FROM dml_evaluate('ev_iris', 'iris', label => 'class', max_queries => 1000);

SET client_min_messages = warning;
DROP SCHEMA evaluate_test CASCADE;
SELECT dml_drop_model('ev_iris'), dml_drop_model('ev_digits'), dml_drop_model('ev_open');
