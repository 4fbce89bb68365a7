-- dml_train_chunklets: groups of rows that belong together.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
SET dml.notice_interval = 0;
CREATE TABLE chunklet_row AS
SELECT i AS id, ARRAY[sin(i / 4), cos(i / 4), 5 * sin(i * 7.3), 5 * cos(i * 3.1)]::real[] AS x, CASE WHEN i < 60 THEN i / 4 END AS session
FROM generate_series(1, 100) i;

SELECT model, version, method, dims, rows, skipped, chunklets, metric, learned > without_learning AS better
FROM dml_train_chunklets('chunklets', 'chunklet_row', 'x', 'session', method => 'lda');
SELECT learned >= without_learning AS never_worse
FROM dml_train_chunklets('chunklets', 'chunklet_row', 'x', 'session', time_limit => 5, epochs => 3);
SELECT version, supervision, label, classes, constraints FROM dml_model_versions WHERE model = 'chunklets' ORDER BY version;
-- Equal rows give an equal model.
SELECT version FROM dml_train_chunklets('chunklets', 'SELECT * FROM chunklet_row ORDER BY -id', 'x', 'session', method => 'lda');
SELECT count(DISTINCT space) FROM dml_model_versions WHERE model = 'chunklets' AND method = 'lda';

-- One chunklet of several rows is enough for methods that use only chunklets.
SELECT method, dims FROM dml_train_chunklets('chunklets', 'chunklet_row', 'x', 'greatest(id, 5)', method => 'rca', options => '{"validation": 0}');
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', NULL);
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', 'no_column');
\set VERBOSITY terse
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', 'session', method => 'magic');
\set VERBOSITY default
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', '1', method => 'lda');
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', 'id', method => 'lda');
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', 'NULL::int', method => 'lda');
BEGIN READ ONLY;
SELECT * FROM dml_train_chunklets('chunklets_bad', 'chunklet_row', 'x', 'session');
ROLLBACK;
SELECT count(*) FROM dml_models WHERE model = 'chunklets_bad';

SELECT dml_drop_model('chunklets');
DROP TABLE chunklet_row;
