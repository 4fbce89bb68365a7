-- Errors about a row name its key, and a feature that is NULL in every row.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA rows_test;
SET search_path = rows_test, public;
CREATE TABLE thing (a int, b text, x real, y real, z real, kind int, PRIMARY KEY (a, b));
INSERT INTO thing SELECT i, 'row ' || i, i, CASE WHEN i = 7 THEN 'NaN'::real ELSE 1 END, NULL, i % 3 FROM generate_series(1, 20) i;
CREATE TABLE pair AS SELECT a AS id, ARRAY[x, 1] AS x1, ARRAY[CASE WHEN a = 5 THEN 'Infinity'::real ELSE 1 END, x]::real[] AS x2, NULL::boolean AS same, ARRAY[x, z] AS hole FROM thing;
ALTER TABLE pair ADD PRIMARY KEY (id);
RESET client_min_messages;
-- Which feature is always NULL.
SELECT * FROM dml_train('rows', 'thing', 'x, z', 'kind');
SELECT * FROM dml_train('rows', 'thing', 'x, z', 'kind', options => '{"missing": "skip"}');
SELECT * FROM dml_train('rows', 'thing', 'x', 'NULLIF(kind, kind)');
SELECT * FROM dml_train('rows', 'SELECT CASE WHEN a % 2 = 0 THEN 1 END AS p, CASE WHEN a % 2 = 1 THEN 1 END AS q, kind FROM thing', 'p, q', 'kind', options => '{"missing": "skip"}');
SELECT * FROM dml_train('rows', 'pair', 'hole', 'id');
SELECT * FROM dml_train_pairs('rows', 'pair', 'x1', 'x1', 'same');
SELECT * FROM dml_train_triplets('rows', 'pair', 'x1', 'x1', 'hole[2], hole[2]');
-- Which row has a value that is not a number.
SELECT * FROM dml_train('rows', 'thing', 'x, y', 'kind');
SELECT * FROM dml_train('rows', 'SELECT * FROM thing', 'x, y', 'kind');
SELECT * FROM dml_train_pairs('rows', 'pair', 'x1', 'x2', 'id % 2 = 0');
SELECT * FROM dml_train('rows', 'thing', 'x', target => 'y');
-- Aggregates are refused; the key is left out for a user who may not read it.
SELECT * FROM dml_train('rows', 'thing', 'avg(x)', 'kind');
CREATE ROLE rows_reader;
GRANT USAGE ON SCHEMA rows_test TO rows_reader;
GRANT SELECT (x, y, kind) ON thing TO rows_reader;
SET ROLE rows_reader;
SELECT * FROM dml_train('rows', 'thing', 'x, y', 'kind');
SELECT method FROM dml_train('rows', 'thing', 'x', 'kind', method => 'pca');
SELECT dml_drop_model('rows');
RESET ROLE;
SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA rows_test CASCADE;
DROP ROLE rows_reader;
