-- VACUUM of an index: space is reused, and nodes that inserts and deletes have divided badly are
-- divided again.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE FUNCTION cloud(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((i / 1500.0 + sin(i::float8 * j * 0.73) + cos(i::float8 * i * j))::real ORDER BY j)::dml_vector FROM generate_series(1, 16) j $$;

-- In the order of their position, into an empty index: leaves are slices until VACUUM divides them
-- again.
CREATE TABLE flow (id int, v dml_vector) WITH (autovacuum_enabled = off);
CREATE INDEX flow_v ON flow USING dml (v);
INSERT INTO flow SELECT i, cloud(i) FROM generate_series(1, 9000) i;
SELECT count(*) FROM dml_index_check('flow_v', true);
SELECT leaf_pages AS leaves_grown, calibrated_leaves AS calibrated FROM dml_index_stats('flow_v') \gset
VACUUM flow;
SELECT leaf_pages > 0.8 * :leaves_grown AS as_many, calibrated_leaves = leaf_pages AS calibrated, rows FROM dml_index_stats('flow_v');
SELECT count(*) FROM dml_index_check('flow_v', true);

-- Nine of ten rows deleted: fewer leaves are left.
DELETE FROM flow WHERE id % 10 <> 0;
VACUUM flow;
SELECT leaf_pages < 0.4 * :leaves_grown AS fewer, rows FROM dml_index_stats('flow_v');
SELECT count(*) FROM dml_index_check('flow_v', true);
SET enable_seqscan = off;
SET dml.recall = 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM flow ORDER BY v <-> cloud(1)) s;
SET dml.recall = 0.9;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM flow ORDER BY v <-> cloud(1)) s;
RESET enable_seqscan;
RESET dml.recall;

-- All rows replaced, several times: pages that were freed are used again.
DELETE FROM flow;
VACUUM flow;
INSERT INTO flow SELECT i, cloud(i + 500) FROM generate_series(1, 3000) i;
DELETE FROM flow;
VACUUM flow;
INSERT INTO flow SELECT i, cloud(i + 3000) FROM generate_series(1, 3000) i;
SELECT pages AS pages_then FROM dml_index_stats('flow_v') \gset
DELETE FROM flow;
VACUUM flow;
INSERT INTO flow SELECT i, cloud(i + 5000) FROM generate_series(1, 3000) i;
DELETE FROM flow;
VACUUM flow;
INSERT INTO flow SELECT i, cloud(i + 500) FROM generate_series(1, 3000) i;
VACUUM flow;
SELECT pages <= 1.2 * :pages_then AS no_more FROM dml_index_stats('flow_v');
SELECT count(*) FROM dml_index_check('flow_v', true);
DROP TABLE flow;
DROP FUNCTION cloud;
