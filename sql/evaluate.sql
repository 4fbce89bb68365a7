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
CREATE TABLE reference (data text, gallery text, k int, embedding text, metric text, value float8);
\copy reference FROM 'test/data/evaluate_reference.csv' WITH (FORMAT csv, HEADER)

-- The figures of make_evaluate_reference.py.
CREATE FUNCTION prepare(x float8[]) RETURNS real[] IMMUTABLE LANGUAGE sql AS
	'SELECT array_agg((v * (1 + (i - 1) / 97::float8) + v * v / 89)::real ORDER BY i) FROM unnest(x) WITH ORDINALITY u (v, i)';
CREATE TABLE iris AS
SELECT row_number() OVER () - 1 AS id, prepare(ARRAY[sepal_length, sepal_width, petal_length, petal_width]) AS x, class FROM iris_columns;
CREATE TABLE digits AS
SELECT number - 2 AS id, prepare((string_to_array(line, ',')::float8[])[1:64]) AS x, (string_to_array(line, ',')::int[])[65] AS class
FROM lines WHERE number > 1;
SELECT version, dims FROM dml_train('ev_iris', 'iris', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version, dims FROM dml_train('ev_digits', 'digits', 'x', 'class', method => 'whiten', options => '{"validation": 0}');

-- Without learning and whitened, compared with scikit-learn, from the first to the last neighbour.
-- The whitened figures agree up to rounding. With this many pairs of digits, distances are counted
-- in bins.
CREATE TABLE result AS
SELECT data, gallery, k, metric, embedding, value, low, high FROM (
	SELECT 'iris' AS data, 'self' AS gallery, 5 AS k, e.* FROM dml_evaluate('ev_iris', 'iris', label => 'class', keep_duplicates => true) e
	UNION ALL
	SELECT 'iris', 'rest', 3, e.* FROM dml_evaluate('ev_iris', 'SELECT * FROM iris WHERE id % 3 = 0', label => 'class',
		gallery => 'SELECT * FROM iris WHERE id % 3 <> 0', k => 3, keep_duplicates => true) e
	UNION ALL
	SELECT 'digits', 'self', 5, e.* FROM dml_evaluate('ev_digits', 'digits', label => 'class', keep_duplicates => true) e
	UNION ALL
	SELECT 'digits', 'rest', 3, e.* FROM dml_evaluate('ev_digits', 'SELECT * FROM digits WHERE id % 3 = 0', label => 'class',
		gallery => 'SELECT * FROM digits WHERE id % 3 <> 0', k => 3, keep_duplicates => true) e) r,
	LATERAL (VALUES ('no learning', no_learning, no_learning_low, no_learning_high), ('whitened', whitened, whitened_low, whitened_high),
		('learned', learned, learned_low, learned_high), ('difference', difference, difference_low, difference_high)) v (embedding, value, low, high);
SELECT data, gallery, embedding, count(*), count(*) FILTER (WHERE abs(r.value - f.value) <= margin) AS same,
	string_agg(metric || ' ' || coalesce(r.value::text, 'NULL') || ' for ' || f.value, ', ') FILTER (WHERE r.value IS NULL OR abs(r.value - f.value) > margin) AS others
FROM reference f LEFT JOIN result r USING (data, gallery, k, embedding, metric),
	LATERAL (SELECT CASE WHEN embedding = 'whitened' THEN 0.004 WHEN metric IN ('silhouette', 'class_margin', 'margin_ratio') THEN 1e-6 ELSE 1e-10 END AS margin) m
GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2 DESC, 3;
-- A model that is whitening is as good as whitening.
SELECT metric, w.value = l.value AS same FROM result w JOIN result l USING (data, gallery, metric)
WHERE (data, gallery, w.embedding, l.embedding) = ('digits', 'self', 'whitened', 'learned') AND metric IN ('recall_at_1', 'map_at_r', 'knn_accuracy') ORDER BY 1;
-- A figure is within its interval, and a difference equals that of its figures. Without a bootstrap
-- there is no interval.
SELECT data, gallery, embedding, count(low) > 20 AS intervals,
	count(*) FILTER (WHERE embedding <> 'difference' AND NOT (value >= low - 0.02 AND value <= high + 0.02)) AS outside,
	count(*) FILTER (WHERE low > high OR (embedding <> 'difference' AND (low < -1 OR high > 1))) AS odd
FROM result GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(*) AS differences, bool_and(abs(d.value - (l.value - n.value)) < 1e-12) AS right
FROM result d JOIN result l USING (data, gallery, metric) JOIN result n USING (data, gallery, metric)
WHERE d.embedding = 'difference' AND l.embedding = 'learned' AND n.embedding = 'no learning' AND d.value IS NOT NULL;

-- All three, compared with the definitions in SQL on the embeddings of dml_embed.
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
		coalesce(sum(hits::float8 / place) FILTER (WHERE same AND place <= r), 0) / min(r) AS map_r,
		sum(hits::float8 / place) FILTER (WHERE same) / min(r) AS ap,
		1.0 / min(place) FILTER (WHERE same) AS rr
	FROM ranked GROUP BY id),
vote AS (
	SELECT DISTINCT ON (id) id, same FROM (
		SELECT id, same, count(*) AS votes, min(place) AS first FROM neighbour WHERE place <= 5 GROUP BY id, class, same) v
	ORDER BY id, votes DESC, first),
naive AS (
	SELECT metric, value FROM (
		SELECT avg(r1::int) AS recall_at_1, avg(r2::int) AS recall_at_2, avg(r4::int) AS recall_at_4, avg(r8::int) AS recall_at_8,
			avg(rp) AS r_precision, avg(map_r) AS map_at_r, avg(ap) AS map, avg(rr) AS mrr, avg(vote.same::int) AS knn_accuracy
		FROM query JOIN vote USING (id)) n,
		LATERAL (SELECT key AS metric, value::float8 FROM jsonb_each_text(to_jsonb(n))) v)
SELECT metric, abs(n.value - l.value) < 1e-10 AS same FROM naive n JOIN result l USING (metric)
WHERE (l.data, l.gallery, l.embedding) = ('iris', 'self', 'learned') ORDER BY 1;

-- The figures do not change with the order of rows, with a temporary file, or with two threads.
CREATE FUNCTION figures(source text, gallery text DEFAULT NULL) RETURNS text LANGUAGE sql AS
	'SELECT md5(string_agg(e::text, '';'')) FROM dml_evaluate(''ev_digits'', source, label => ''class'', gallery => gallery) e';
SELECT figures('digits') AS once, figures('digits', 'digits') AS with_itself \gset
SELECT figures('SELECT * FROM digits ORDER BY md5(id::text)') = :'once' AS in_another_order;
SET maintenance_work_mem = '1MB';
SELECT figures('digits') = :'once' AS from_a_file, figures('digits', 'digits') = :'with_itself' AS both_from_a_file;
RESET maintenance_work_mem;
-- The last digits of clusters and of figures from sums of products depend on the number of threads.
CREATE TABLE one_thread AS SELECT * FROM dml_evaluate('ev_digits', 'digits', label => 'class');
SET dml.threads = 2;
SELECT count(*) > 40 AS compared, bool_and(a.no_learning IS NOT DISTINCT FROM b.no_learning AND a.learned IS NOT DISTINCT FROM b.learned) AS with_two_threads
FROM one_thread a JOIN dml_evaluate('ev_digits', 'digits', label => 'class') b USING (metric) WHERE metric NOT IN ('nmi', 'ami', 'silhouette', 'effective_rank');
RESET dml.threads;
-- In a gallery that holds the queries, each query finds itself,
SELECT no_learning, whitened, learned FROM dml_evaluate('ev_digits', 'digits', label => 'class', gallery => 'digits', keep_duplicates => true) WHERE metric = 'recall_at_1';
-- unless duplicates are hidden, which equals leaving each query out of its own search.
SELECT metric, a.no_learning = b.no_learning AS same FROM dml_evaluate('ev_digits', 'digits', label => 'class', gallery => 'digits') a
JOIN dml_evaluate('ev_digits', 'digits', label => 'class') b USING (metric) WHERE metric IN ('recall_at_1', 'map_at_r', 'map', 'knn_accuracy') ORDER BY 1;

-- Unseen classes: the names and the seed decide which are held out.
SELECT c, dml_held_out(c) AS half, dml_held_out(c::text) AS as_text, dml_held_out(c, 0.2) AS fifth, dml_held_out(c, seed => 1) AS other, dml_held_out(c, 1) AS "all"
FROM generate_series(0, 9) c;
SELECT count(*) FROM generate_series(1, 10000) c WHERE dml_held_out(c, 0.3);
SELECT count(*) FROM generate_series(1, 10000) c WHERE dml_held_out(c, 0.3) AND NOT dml_held_out(c, 0.31);
RESET client_min_messages;
SELECT version FROM dml_train('ev_open', 'SELECT * FROM digits WHERE NOT dml_held_out(class)', 'x', 'class', method => 'lda', options => '{"validation": 0}');
CREATE TABLE open AS SELECT * FROM dml_evaluate('ev_open', 'digits', label => 'class', protocol => 'open_set');
SELECT metric, no_learning, whitened, learned FROM open WHERE metric IN ('dims', 'queries', 'lone_queries', 'gallery_rows', 'classes');
SELECT count(*), count(DISTINCT class) FROM digits WHERE dml_held_out(class);
CREATE TABLE closed AS SELECT * FROM dml_evaluate('ev_open', 'SELECT * FROM digits WHERE dml_held_out(class)', label => 'class');
SELECT count(*), bool_and(open.no_learning IS NOT DISTINCT FROM closed.no_learning) AS same, bool_and(open.learned IS NOT DISTINCT FROM closed.learned) AS same,
	count(*) FILTER (WHERE open.whitened <> closed.whitened) > 10 AS whitened_by_others FROM open JOIN closed USING (metric);
SELECT metric, no_learning FROM dml_evaluate('ev_open', 'SELECT * FROM digits WHERE id % 3 = 0', label => 'class',
	gallery => 'SELECT * FROM digits WHERE id % 3 <> 0', protocol => 'open_set', share => 0.3, seed => 7) WHERE metric IN ('queries', 'gallery_rows', 'classes');
SELECT metric, learned FROM dml_evaluate('ev_open', 'digits', label => 'class', protocol => 'open_set', share => 1) WHERE metric = 'queries';
SELECT * FROM dml_evaluate('ev_open', 'SELECT * FROM digits WHERE class IN (SELECT min(c) FROM generate_series(0, 9) c WHERE dml_held_out(c))', label => 'class', protocol => 'open_set');

-- A sample of the queries: always the same queries, searched among all rows.
SET client_min_messages = warning;
SELECT metric, learned FROM dml_evaluate('ev_iris', 'iris', label => 'class', max_queries => 10) WHERE metric IN ('queries', 'gallery_rows');
CREATE TABLE a_few AS SELECT * FROM dml_evaluate('ev_iris', 'iris', label => 'class', max_queries => 10);
SELECT count(*), bool_and(a_few.* IS NOT DISTINCT FROM e.*) AS same FROM a_few
JOIN dml_evaluate('ev_iris', 'SELECT * FROM iris ORDER BY random()', label => 'class', max_queries => 10) e USING (metric);
SELECT metric, learned FROM dml_evaluate('ev_iris', 'iris', label => 'class', max_queries => 1000) WHERE metric = 'queries';

-- By class: the mean over classes is the macro mean; weighted by queries it is the micro mean.
CREATE TABLE by_class AS SELECT * FROM dml_evaluate('ev_iris', 'iris', label => 'class', per_class => true);
SELECT class, learned FROM by_class WHERE class IS NOT NULL AND metric = 'queries' ORDER BY 1;
SELECT c.metric, abs(avg(c.learned) - (SELECT learned FROM by_class m WHERE m.metric = 'macro_' || c.metric)) < 1e-12 AS macro,
	abs(sum(c.learned * q.learned) / sum(q.learned) - (SELECT learned FROM by_class m WHERE m.metric = c.metric AND m.class IS NULL)) < 1e-12 AS micro
FROM by_class c JOIN by_class q ON q.class = c.class AND q.metric = 'queries'
WHERE c.metric IN ('recall_at_1', 'map_at_r', 'knn_accuracy', 'map') GROUP BY 1 ORDER BY 1;

-- Rows of the query's group, and rows that are not earlier, are not found. gallery has a value only
-- if a gallery is given.
CREATE TABLE walk (x real[], class text, camera int, taken timestamptz);
INSERT INTO walk VALUES ('{0,0}', 'a', 1, '2020-01-01'), ('{1,0}', 'a', 1, '2020-01-02'), ('{2,1}', 'b', 2, '2020-01-03'), ('{4,1}', 'a', 2, '2020-01-04'), ('{9,0}', 'b', 1, '2020-01-05');
SELECT version FROM dml_train('ev_walk', 'walk', 'x', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT metric, no_learning FROM dml_evaluate('ev_walk', 'walk', label => 'class') WHERE metric IN ('recall_at_1', 'recall_at_2', 'lone_queries', 'genuine_pairs', 'impostor_pairs');
-- a at 0: b, a (place 2); a at 1: b, a; b at 2: a, a, b; a at 4: a, a, b; b at 9: b, a
SELECT metric, no_learning FROM dml_evaluate('ev_walk', 'walk', label => 'class', protocol => 'grouped', group_by => 'camera')
WHERE metric IN ('recall_at_1', 'recall_at_2', 'lone_queries', 'genuine_pairs', 'impostor_pairs');
-- the first finds nothing; a at 1: a; b at 2: only a; a at 4: b; b at 9: a, b
SELECT metric, no_learning FROM dml_evaluate('ev_walk', 'walk', label => 'class', protocol => 'temporal', time_by => 'taken')
WHERE metric IN ('recall_at_1', 'recall_at_2', 'lone_queries', 'genuine_pairs', 'impostor_pairs');
SELECT metric, no_learning FROM dml_evaluate('ev_walk', 'walk', label => 'class', protocol => 'query_gallery', gallery => 'walk', keep_duplicates => true) WHERE metric = 'mrr';
-- Grades: gains of 0, 3 and 1 among the rows with the query's label.
SELECT metric, round(no_learning::numeric, 6) FROM dml_evaluate('ev_walk', $$VALUES ('{0,0}'::real[], 'a', 0)$$, 'column1', 'column2', grade => 'column3',
	gallery => $$VALUES ('{1,0}'::real[], 'a', 0), ('{2,0}', 'b', 5), ('{3,0}', 'a', 3), ('{4,0}', 'a', 1)$$) WHERE metric IN ('ndcg', 'map');
SELECT round(((3 / log(2, 4) + 1 / log(2, 5)) / (3 + 1 / log(2, 3)))::numeric, 6) AS ndcg;

SET client_min_messages = warning;
DROP SCHEMA evaluate_test CASCADE;
SELECT dml_drop_model('ev_iris'), dml_drop_model('ev_digits'), dml_drop_model('ev_open'), dml_drop_model('ev_walk');
