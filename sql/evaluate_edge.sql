-- dml_evaluate: few rows, odd rows, wrong arguments, rights, cancelling.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA evaluate_edge;
SET search_path = evaluate_edge, public;
CREATE TABLE points AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3]::real[] AS x, i % 3 AS class FROM generate_series(1, 60) i;
SELECT version FROM dml_train('ev_edge', 'points', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('ev_columns', 'SELECT x[1] AS a, x[2] AS b, class FROM points', 'a, b', 'class', method => 'lda', options => '{"validation": 0}');
RESET client_min_messages;
CREATE FUNCTION evaluate(source text, gallery text DEFAULT NULL, k int DEFAULT 5,
	OUT embedding text, OUT queries bigint, OUT lone bigint, OUT gallery_rows bigint, OUT classes int, OUT r1 float8, OUT r2 float8, OUT r8 float8, OUT rp float8, OUT map float8, OUT knn float8)
RETURNS SETOF record LANGUAGE sql AS $$
	SELECT embedding, queries, lone, gallery_rows, classes, recall_at_1, recall_at_2, recall_at_8, r_precision, map_at_r, knn_accuracy
	FROM dml_evaluate('ev_edge', source, label => 'class', gallery => gallery, k => k) WHERE embedding <> 'whitened'
$$;

-- Worked by hand: on a line at 0, 1, 2.5, 4.5 are the classes a, b, a, a.
CREATE TABLE line (x real[], class text);
INSERT INTO line VALUES ('{0,0}', 'a'), ('{1,0}', 'b'), ('{2.5,0}', 'a'), ('{4.5,0}', 'a');
-- queries of a find b a a, b a a, a b a: recall@1 1/3, R-precision 1/2 each, MAP@R (1/4 + 1/4 + 1/2) / 3
SELECT * FROM evaluate('line', k => 3) LIMIT 1;
-- the class of most neighbours; among as many, the one that comes first
SELECT k, knn FROM generate_series(1, 4) k, evaluate('line', k => k) WHERE embedding = 'no learning';

-- One class, one row a class, one row; a gallery with other classes, or one row.
SELECT * FROM evaluate('SELECT x, 1 AS class FROM points');
SELECT * FROM evaluate('SELECT x, id AS class FROM points');
SELECT * FROM dml_evaluate('ev_edge', 'SELECT x, class FROM points WHERE id = 1', label => 'class');
SELECT * FROM evaluate('SELECT x, class FROM points', 'SELECT x, class + 100 AS class FROM points');
SELECT * FROM evaluate('SELECT x, class FROM points WHERE id <= 3', 'SELECT x, class FROM points WHERE id = 7');
SELECT * FROM evaluate('SELECT x, class FROM points WHERE id = 7', 'SELECT x, class FROM points');
SELECT * FROM evaluate('SELECT x, class FROM points WHERE id <= 6', k => 1000);

-- Equal rows are at distance 0 of each other: one of another class may come first.
SELECT * FROM evaluate('SELECT ''{1,2}''::real[] AS x, i % 2 AS class FROM generate_series(1, 20) i');
SELECT r1 FROM evaluate('SELECT x, class FROM points UNION ALL SELECT x, class FROM points');

-- NULLs, other types of labels and features.
SELECT embedding, queries FROM evaluate('SELECT CASE WHEN id > 3 THEN x END AS x, CASE WHEN id < 58 THEN class END AS class FROM points');
SELECT embedding, queries, classes FROM evaluate('SELECT x::dml_vector AS x, (ARRAY[''red'', ''green'', ''blue''])[class + 1] AS class FROM points');
SELECT embedding, queries, classes FROM dml_evaluate('ev_columns', 'SELECT x[1]::numeric AS a, x[2]::int AS b, class FROM points', label => 'class = 1');
SELECT embedding, queries, classes FROM dml_evaluate('ev_columns', 'points', 'x[1], x[2]', 'class');
SELECT embedding, queries, classes FROM dml_evaluate('ev_edge', 'points', label => 'ROW(class, id % 2)');
-- a version by number, a constant column, one column
SELECT embedding, dims FROM dml_evaluate('ev_edge@1', 'SELECT ARRAY[x[1], 5] AS x, class FROM points', label => 'class');

-- Errors.
SELECT * FROM dml_evaluate(NULL, 'points', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', NULL, label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points');
SELECT * FROM dml_evaluate('no_such_model', 'points', label => 'class');
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
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', k => 0);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', k => 1001);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', share => 0);
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', share => 'NaN');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class', max_queries => 0);
SELECT dml_held_out(1, 2);
SELECT dml_held_out(NULL::int) IS NULL AS null_label;

-- Rights: reading the source, embedding with the model.
CREATE ROLE ev_reader;
GRANT USAGE ON SCHEMA evaluate_edge TO ev_reader;
SET ROLE ev_reader;
SELECT * FROM dml_evaluate('ev_edge', 'SELECT ''{1,2}''::real[] AS x, 1 AS class', label => 'class');
RESET ROLE;
SELECT dml_grant('ev_edge', 'ev_reader', 'embed');
SET ROLE ev_reader;
SELECT embedding FROM dml_evaluate('ev_edge', 'SELECT ''{1,2}''::real[] AS x, 1 AS class', label => 'class');
SELECT * FROM dml_evaluate('ev_edge', 'points', label => 'class');
RESET ROLE;
-- In a read-only transaction; nothing is written.
BEGIN READ ONLY;
SELECT embedding FROM dml_evaluate('ev_edge', 'points', label => 'class');
ROLLBACK;

-- Cancelled while it searches.
SET client_min_messages = warning;
CREATE TABLE many AS SELECT ARRAY[sin(i), cos(i::float8 * i)]::real[] AS x, i % 2 AS class FROM generate_series(1, 100000) i;
SET statement_timeout = '1s';
SELECT * FROM dml_evaluate('ev_edge', 'many', label => 'class');
RESET statement_timeout;
-- Far more distances than memory: a block of queries at a time.
SET maintenance_work_mem = '1MB';
SELECT embedding, queries, gallery_rows FROM dml_evaluate('ev_edge', 'many', label => 'class', max_queries => 20);
RESET maintenance_work_mem;

DROP SCHEMA evaluate_edge CASCADE;
SELECT dml_drop_model('ev_edge'), dml_drop_model('ev_columns');
DROP ROLE ev_reader;
