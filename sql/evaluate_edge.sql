-- dml_evaluate: few rows, odd rows, wrong arguments, rights, cancelling.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA evaluate_edge;
SET search_path = evaluate_edge, public;
CREATE TABLE points AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3]::real[] AS x, i % 3 AS class FROM generate_series(1, 60) i;
SELECT version FROM dml_train('ev_edge', 'points', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('ev_columns', 'SELECT x[1] AS a, x[2] AS b, class FROM points', 'a, b', 'class', method => 'lda', options => '{"validation": 0}');
RESET client_min_messages;
CREATE FUNCTION evaluate(source text, gallery text DEFAULT NULL, k int DEFAULT 5)
RETURNS TABLE (embedding text, queries float8, lone float8, gallery_rows float8, classes float8, r1 float8, r2 float8, r8 float8, rp float8, map float8, knn float8, auc float8, eer float8)
LANGUAGE sql AS $$
	SELECT embedding, max(v) FILTER (WHERE metric = 'queries'), max(v) FILTER (WHERE metric = 'lone_queries'), max(v) FILTER (WHERE metric = 'gallery_rows'),
		max(v) FILTER (WHERE metric = 'classes'), max(v) FILTER (WHERE metric = 'recall_at_1'), max(v) FILTER (WHERE metric = 'recall_at_2'),
		max(v) FILTER (WHERE metric = 'recall_at_8'), max(v) FILTER (WHERE metric = 'r_precision'), max(v) FILTER (WHERE metric = 'map_at_r'),
		max(v) FILTER (WHERE metric = 'knn_accuracy'), max(v) FILTER (WHERE metric = 'roc_auc'), max(v) FILTER (WHERE metric = 'eer')
	FROM dml_evaluate('ev_edge', source, label => 'class', gallery => gallery, k => k),
		LATERAL (VALUES ('no learning', no_learning), ('learned', learned)) e (embedding, v) GROUP BY 1 ORDER BY 1 DESC
$$;

-- Worked by hand: on a line at 0, 1, 2.5, 4.5 are the classes a, b, a, a.
CREATE TABLE line (x real[], class text);
INSERT INTO line VALUES ('{0,0}', 'a'), ('{1,0}', 'b'), ('{2.5,0}', 'a'), ('{4.5,0}', 'a');
-- queries of a find b a a, b a a, a b a: recall@1 1/3, R-precision 1/2 each, MAP@R (1/4 + 1/4 + 1/2) / 3
SELECT * FROM evaluate('line', k => 3) LIMIT 1;
-- pairs: 2.5 and 4.5, 0 and 2.5, 0 and 4.5 of a; 1, 1.5, 3.5 of two classes; the second rank by AUC
SELECT round(no_learning::numeric, 6) AS auc FROM dml_evaluate('ev_edge', 'line', label => 'class') WHERE metric = 'roc_auc';
-- the class of most neighbours; if two classes have equally many, the one that comes first
SELECT k, knn FROM generate_series(1, 4) k, evaluate('line', k => k) WHERE embedding = 'no learning';

-- One class; one row in each class; one row; a gallery with other classes, or with one row.
SELECT * FROM evaluate('SELECT x, 1 AS class FROM points');
SELECT * FROM evaluate('SELECT x, id AS class FROM points');
SELECT metric, no_learning, whitened, learned, learned_low FROM dml_evaluate('ev_edge', 'SELECT x, class FROM points WHERE id = 1', label => 'class') WHERE metric <> 'norm_spread';
SELECT * FROM evaluate('SELECT x, class FROM points', 'SELECT x, class + 100 AS class FROM points');
SELECT * FROM evaluate('SELECT x, class FROM points WHERE id <= 3', 'SELECT x, class FROM points WHERE id = 7');
SELECT * FROM evaluate('SELECT x, class FROM points WHERE id = 7', 'SELECT x, class FROM points');
SELECT * FROM evaluate('SELECT x, class FROM points WHERE id <= 6', k => 1000);

-- Equal rows are at distance 0 from each other: a row of another class may come first.
SELECT * FROM evaluate('SELECT ''{1,2}''::real[] AS x, i % 2 AS class FROM generate_series(1, 20) i');
SELECT r1 FROM evaluate('SELECT x, class FROM points UNION ALL SELECT x, class FROM points');

-- All rows in one group: no query finds any row. A collapsed embedding.
SELECT metric, round(no_learning::numeric, 4) FROM dml_evaluate('ev_edge', 'points', label => 'class', group_by => '1') WHERE metric IN ('lone_queries', 'recall_at_1', 'knn_accuracy', 'roc_auc', 'silhouette');
SELECT metric, learned FROM dml_evaluate('ev_edge', 'SELECT ''{1,2}''::real[] AS x, i % 2 AS class FROM generate_series(1, 20) i', label => 'class', keep_duplicates => true)
WHERE metric IN ('nmi', 'ami', 'silhouette', 'roc_auc', 'eer', 'effective_rank', 'norm_spread');
SELECT metric, learned FROM dml_evaluate('ev_edge', 'points', label => 'class', recall_at => '{3,100}') WHERE metric ~ '^recall';

-- Margin and scatter of classes by hand: centres 2 and 7, every row 2 from its centre.  A row leaves
-- its centre before it is compared: 4 is 4 away from the rest of its class, and 3 from the other.
CREATE FUNCTION separation(source text, gallery text DEFAULT NULL, OUT errors numeric, OUT margin numeric, OUT scatter numeric, OUT ratio numeric, OUT fisher numeric) LANGUAGE sql AS $$
	SELECT max(round(no_learning::numeric, 6)) FILTER (WHERE metric = 'centre_error'), max(round(no_learning::numeric, 6)) FILTER (WHERE metric = 'class_margin'),
		max(round(no_learning::numeric, 6)) FILTER (WHERE metric = 'class_scatter'), max(round(no_learning::numeric, 6)) FILTER (WHERE metric = 'margin_ratio'),
		max(round(no_learning::numeric, 6)) FILTER (WHERE metric = 'fisher_ratio')
	FROM dml_evaluate('ev_edge', source, label => 'class', gallery => gallery, metrics => '{centre_error,class_margin,class_scatter,margin_ratio,fisher_ratio}', keep_duplicates => true) $$;
SELECT * FROM separation('SELECT ARRAY[v, 1] AS x, v >= 5 AS class FROM unnest(''{0,4,5,9}''::real[]) v');
SELECT metric, no_learning, no_learning_low IS NOT NULL AS interval, difference IS NOT NULL AS compared
FROM dml_evaluate('ev_edge', 'SELECT ARRAY[v, 1] AS x, v >= 5 AS class FROM unnest(''{0,4,5,9}''::real[]) v', label => 'class', per_class => true, metrics => '{centre_error,macro_centre_error,class_margin}')
WHERE metric ~ 'centre|margin' ORDER BY class NULLS FIRST, metric;
-- Queries beside a gallery; classes that only one of them has.
SELECT * FROM separation('SELECT ARRAY[v, 1] AS x, 1 AS class FROM unnest(''{0,4,5,9}''::real[]) v', 'SELECT ARRAY[v, 1] AS x, (v >= 5)::int AS class FROM unnest(''{0,4,5,9}''::real[]) v');
SELECT * FROM separation('SELECT ARRAY[v, 1] AS x, 7 AS class FROM unnest(''{0,4,5,9}''::real[]) v', 'SELECT ARRAY[v, 1] AS x, (v >= 5)::int AS class FROM unnest(''{0,4,5,9}''::real[]) v');
-- Unequal classes; one row in each; equal rows; one class; huge and tiny numbers.
SELECT * FROM separation('SELECT ARRAY[v, 1] AS x, v >= 5 AS class FROM unnest(''{0,3,6,5}''::real[]) v');
SELECT * FROM separation('SELECT x, id AS class FROM points');
SELECT * FROM separation('SELECT ''{1,2}''::real[] AS x, i % 2 AS class FROM generate_series(1, 20) i');
SELECT * FROM separation('SELECT ARRAY[i % 2, 1]::real[] AS x, i % 2 AS class FROM generate_series(1, 20) i');
SELECT * FROM separation('SELECT x, 1 AS class FROM points');
SELECT errors, ratio, fisher FROM separation('SELECT ARRAY[v * 1e36, 1] AS x, v >= 5 AS class FROM unnest(''{0,4,5,9}''::real[]) v');
SELECT errors, ratio, fisher FROM separation('SELECT ARRAY[v * 1e-30, 1] AS x, v >= 5 AS class FROM unnest(''{0,4,5,9}''::real[]) v');

-- NULLs, other types of labels and features.
SELECT embedding, queries FROM evaluate('SELECT CASE WHEN id > 3 THEN x END AS x, CASE WHEN id < 58 THEN class END AS class FROM points');
SELECT embedding, queries, classes FROM evaluate('SELECT x::dml_vector AS x, (ARRAY[''red'', ''green'', ''blue''])[class + 1] AS class FROM points');
SELECT metric, learned FROM dml_evaluate('ev_columns', 'SELECT x[1]::numeric AS a, x[2]::int AS b, class FROM points', label => 'class = 1') WHERE metric IN ('queries', 'classes');
SELECT metric, learned FROM dml_evaluate('ev_columns', 'points', 'x[1], x[2]', 'class') WHERE metric IN ('queries', 'classes');
SELECT metric, learned FROM dml_evaluate('ev_edge', 'points', label => 'ROW(class, id % 2)') WHERE metric IN ('queries', 'classes');
-- a version by number, a constant column, one column
SELECT metric, no_learning, whitened, learned FROM dml_evaluate('ev_edge@1', 'SELECT ARRAY[x[1], 5] AS x, class FROM points', label => 'class') WHERE metric = 'dims';

-- Errors.
SELECT * FROM dml_evaluate(NULL, 'points', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', NULL, label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points');
SELECT * FROM dml_evaluate('ev_egde', 'points', label => 'class');
SELECT * FROM dml_evaluate('ev_edge@9', 'points', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'no_such_table', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'no_such_column');
SELECT * FROM dml_evaluate('ev_edge', 'points', 'no_such_column', 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', 'ARRAY[1, id, class]', 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', gallery => 'SELECT x || 1::real AS x, class FROM points');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', gallery => 'SELECT x, class::text FROM points');
SELECT * FROM dml_evaluate('ev_edge', 'points WHERE false', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'SELECT * FROM points WHERE false', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', gallery => 'SELECT * FROM points WHERE false');
SELECT * FROM dml_evaluate('ev_edge', 'SELECT ''{1,NaN}''::real[] AS x, 1 AS class', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'SELECT ''{3e38,-3e38}''::real[] AS x, i AS class FROM generate_series(1, 3) i', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', protocol => 'half_open');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', protocol => 'grouped');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', protocol => 'temporal');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', protocol => 'query_gallery');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', time_by => 'x');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', time_by => '''NaN''::float8');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', group_by => 'no_such_column');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', grade => '-1');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', recall_at => '{}');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', recall_at => '{1,0}');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', k => 0);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', k => 1001);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', share => 0);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', share => 'NaN');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', max_queries => 0);
SELECT dml_held_out(1, 2);
SELECT dml_held_out(NULL::int) IS NULL AS null_label;

-- Metrics that are named equal those of an evaluation of all, and only counts are added.
CREATE TEMP TABLE every AS SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', recall_at => '{1,3}');
SELECT count(*) > 30 AS asked, count(*) FILTER (WHERE (e.*) IS DISTINCT FROM (o.*)) AS differ
FROM every e LEFT JOIN LATERAL (SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', metrics => ARRAY[e.metric]) o WHERE o.metric = e.metric) o ON true
WHERE e.metric NOT IN ('dims', 'queries', 'lone_queries', 'duplicate_queries', 'gallery_rows', 'classes');
SELECT metric, class, whitened IS NULL AS no_whitening FROM dml_evaluate('ev_edge', 'points', label => 'class', metrics => '{macro_map,recall_at_3}', per_class => true, whiten => false);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', metrics => '{recall}');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', metrics => '{macro_eer}');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', metrics => '{}');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', metrics => '{map,NULL}');

-- Rights: to read the source and to embed with the model.
CREATE ROLE ev_reader;
GRANT USAGE ON SCHEMA evaluate_edge TO ev_reader;
SET ROLE ev_reader;
SELECT * FROM dml_evaluate('ev_edge', 'SELECT ''{1,2}''::real[] AS x, 1 AS class', label => 'class');
RESET ROLE;
SELECT dml_grant('ev_edge', 'ev_reader', 'embed');
SET ROLE ev_reader;
SELECT count(*) > 40 AS measured FROM dml_evaluate('ev_edge', 'SELECT ''{1,2}''::real[] AS x, 1 AS class', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class');
RESET ROLE;
-- In a read-only transaction; nothing is written.
BEGIN READ ONLY;
SELECT count(*) > 40 AS measured FROM dml_evaluate('ev_edge', 'points', label => 'class');
ROLLBACK;

-- Cancelled while it searches.
SET client_min_messages = warning;
CREATE TABLE many AS SELECT ARRAY[sin(i), cos(i::float8 * i)]::real[] AS x, i % 2 AS class FROM generate_series(1, 100000) i;
SET statement_timeout = '1s';
SELECT * FROM dml_evaluate('ev_edge', 'many', label => 'class');
RESET statement_timeout;
-- Far more distances than memory: queries are searched in blocks.
SET maintenance_work_mem = '1MB';
SELECT metric, learned FROM dml_evaluate('ev_edge', 'many', label => 'class', max_queries => 20) WHERE metric IN ('queries', 'gallery_rows');
RESET maintenance_work_mem;

DROP SCHEMA evaluate_edge CASCADE;
SELECT dml_drop_model('ev_edge'), dml_drop_model('ev_columns');
DROP ROLE ev_reader;
