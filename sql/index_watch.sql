-- dml_index_recall: the share of the nearest rows that searches find.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE TABLE watched AS
SELECT i AS id, array_agg(sin(i * j * 1.7) + (hashint8extended(i * 100 + j, 5) % 1000) / 700.0 ORDER BY j)::real[]::dml_vector AS v
FROM generate_series(1, 5000) i, generate_series(1, 32) j GROUP BY i;
CREATE INDEX watched_v ON watched USING dml (v);

-- The recall asked for is found, within chance; the interval holds it, and exact search finds all.
SET dml.recall = 0.9;
SELECT questions, asked, found > 0.85 AS found, low < found AND found < high AS inside, high - low < 0.1 AS narrow
FROM dml_index_recall('watched_v', 400);
SET dml.recall = 0.8;
SELECT asked, found < 0.97 AS not_all, low > 0.7 AS low FROM dml_index_recall('watched_v', 400);
SET dml.recall = 1;
SELECT questions, asked, found, high FROM dml_index_recall('watched_v', 30, k => 25);
RESET dml.recall;

-- The index's own recall counts unless dml.recall is set.  What was set stays.
ALTER INDEX watched_v SET (recall = 0.97);
SELECT asked FROM dml_index_recall('watched_v', 3);
SHOW dml.recall;

-- Updated and deleted rows; equal rows, of which any will do.
UPDATE watched SET id = -id WHERE id % 3 = 0;
DELETE FROM watched WHERE id > 4000;
SELECT found > 0.9 AS found FROM dml_index_recall('watched_v', 100);
INSERT INTO watched SELECT 1, (SELECT v FROM watched LIMIT 1) FROM generate_series(1, 400);
SELECT found > 0.9 AS found FROM dml_index_recall('watched_v', 100);

-- An expression, other metrics, columns behind the vector.
CREATE TABLE watched_array AS SELECT id, (v::real[])[1:8] AS x FROM watched LIMIT 1000;
CREATE INDEX watched_expression ON watched_array USING dml ((x::dml_vector) dml_cosine_ops, id);
SELECT questions, found > 0.9 AS found FROM dml_index_recall('watched_expression', 50);
CREATE INDEX watched_product ON watched USING dml (v dml_ip_ops);
SELECT questions, found > 0.9 AS found FROM dml_index_recall('watched_product', 50);

-- Nothing to ask: an empty table, few rows, all rows equal to one.
TRUNCATE watched;
SELECT * FROM dml_index_recall('watched_v');
INSERT INTO watched VALUES (1, '[1,2]');
SELECT found IS NULL OR found = 1 AS one FROM dml_index_recall('watched_v');
INSERT INTO watched SELECT i, '[1,2]' FROM generate_series(1, 100) i;
SELECT found FROM dml_index_recall('watched_v', 5);
SELECT * FROM dml_index_recall(NULL);

-- Errors.
SELECT dml_index_recall('watched_v', 0);
SELECT dml_index_recall('watched_v', k => 1001);
SELECT dml_index_recall('watched_v', time_limit => 'NaN');
SELECT dml_index_recall('watched_v', time_limit => 0);
SELECT dml_index_recall('watched');
CREATE INDEX watched_id ON watched (id);
SELECT dml_index_recall('watched_id');
CREATE ROLE watcher;
SET ROLE watcher;
SELECT dml_index_recall('watched_v');
RESET ROLE;
GRANT pg_stat_scan_tables TO watcher;
SET ROLE watcher;
SELECT questions FROM dml_index_recall('watched_v', 2);
RESET ROLE;

DROP TABLE watched, watched_array;
DROP ROLE watcher;
