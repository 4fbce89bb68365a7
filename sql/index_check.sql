-- dml_index_check and dml_index_stats: their results for a good index, and their errors.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

CREATE TABLE spot (id int, v dml_vector(8));
CREATE INDEX spot_v ON spot USING dml (v);
SELECT * FROM dml_index_check('spot_v');
SELECT height, pages, rows, dead, dims, space, metric, fill, recalls, search_leaves FROM dml_index_stats('spot_v');

-- Built by inserts, with rows that are dead in the table and still in the index, then vacuumed.
INSERT INTO spot SELECT i, array_agg((sin(i * j) + i % 5)::real ORDER BY j)::dml_vector
FROM generate_series(1, 2000) i, generate_series(1, 8) j GROUP BY i;
INSERT INTO spot VALUES (2001, NULL), (2002, array_fill(0::real, ARRAY[8])::dml_vector);
SELECT height > 1 AS grown, rows, dead, free, leaked FROM dml_index_check('spot_v', heap => true);
DELETE FROM spot WHERE id % 4 = 0;
UPDATE spot SET v = v + 1::float8 WHERE id % 7 = 0;
SELECT rows, dead, leaked FROM dml_index_check('spot_v', heap => true);
VACUUM spot;
SELECT rows, gone > 0 AS gone, leaked FROM dml_index_check('spot_v', true);
DELETE FROM spot WHERE id > 100;
VACUUM spot;
INSERT INTO spot SELECT id + 3000, v + 100::float8 FROM spot;
SELECT rows, leaked FROM dml_index_check('spot_v', true);
SELECT rows = (SELECT count(v) FROM spot) AS all_rows, inner_pages + leaf_pages = (dml_index_check('spot_v')).nodes AS all_pages,
	pages = pg_relation_size('spot_v') / current_setting('block_size')::int AS all_blocks, bytes_per_row > 8 AS some_bytes,
	fill > 0 AND fill <= 1 AS filled, dims, metric, leaf_bits, inner_bits
FROM dml_index_stats('spot_v');
-- Changes of this transaction count.
BEGIN;
DELETE FROM spot WHERE id = 1;
INSERT INTO spot SELECT 5000, v FROM spot WHERE id = 2;
SELECT leaked FROM dml_index_check('spot_v', true);
ROLLBACK;
SELECT leaked FROM dml_index_check('spot_v', true);

-- HOT updates, expressions, predicates, another metric.
ALTER TABLE spot ADD note text;
UPDATE spot SET note = 'x';
CREATE INDEX spot_cosine ON spot USING dml ((v * 2::float8) dml_cosine_ops) WHERE id <> 9;
UPDATE spot SET note = 'y' WHERE id < 50;
SELECT leaked FROM dml_index_check('spot_cosine', true);
CREATE INDEX CONCURRENTLY spot_later ON spot USING dml (v);
REINDEX INDEX CONCURRENTLY spot_cosine;
SELECT leaked, (dml_index_check('spot_cosine', true)).leaked AS cosine FROM dml_index_check('spot_later', true);

-- Columns behind the vector.
ALTER TABLE spot ADD tenant int, ADD paid boolean, ADD day timestamptz;
UPDATE spot SET tenant = nullif(id % 10, 3), paid = id % 3 = 0, day = timestamptz '2026-01-01 00:00+00' + id * interval '1 hour';
CREATE INDEX spot_columns ON spot USING dml (v, tenant, paid, day);
INSERT INTO spot SELECT i, array_agg((cos(i * j) + i % 5)::real ORDER BY j)::dml_vector, 'z', i % 7, NULL, NULL
FROM generate_series(7001, 8000) i, generate_series(1, 8) j GROUP BY i;
UPDATE spot SET tenant = -5 WHERE id % 11 = 0;
DELETE FROM spot WHERE id % 5 = 2 AND id > 7;
VACUUM spot;
INSERT INTO spot SELECT i, array_fill(0.5::real, ARRAY[8])::dml_vector, 'z', NULL, true, 'infinity' FROM generate_series(9001, 9100) i;
SELECT rows = (SELECT count(*) FROM spot WHERE v IS NOT NULL) AS all_rows, leaked FROM dml_index_check('spot_columns', true);
CREATE INDEX spot_ip ON spot USING dml (v dml_ip_ops, paid);
INSERT INTO spot SELECT id + 10000, v * 2::float8, note, tenant, paid, day FROM spot;
DELETE FROM spot WHERE id > 10000 AND id % 3 = 0;
VACUUM spot;
SELECT metric, leaked FROM dml_index_check('spot_ip', true), dml_index_stats('spot_ip');
DELETE FROM spot WHERE id > 10000;
DROP INDEX spot_columns, spot_ip;
ALTER TABLE spot DROP tenant, DROP paid, DROP day, DROP note;

-- The last search of the session.
SET enable_seqscan = off;
SET dml.recall = 1;
DROP INDEX spot_later;
SELECT id FROM spot ORDER BY v <-> (SELECT v FROM spot WHERE id = 7) LIMIT 1;
SELECT search_inner >= height - 1 AS inner, search_leaves > 0 AS leaves, search_codes >= search_exact AS codes, search_exact > 0 AS exact
FROM dml_index_stats('spot_v');
SELECT search_leaves FROM dml_index_stats('spot_cosine');
RESET enable_seqscan;
RESET dml.recall;

-- A calibrated one.
TRUNCATE spot;
INSERT INTO spot SELECT i, array_agg((sin(i * j) + i % 5)::real ORDER BY j)::dml_vector
FROM generate_series(1, 3000) i, generate_series(1, 8) j GROUP BY i;
REINDEX INDEX spot_v;
SELECT calibrated_leaves = leaf_pages AS calibrated, recalls[2] AS recall, array_length(recalls, 1) = array_length(recall_leaves, 1) AS leaves,
	array_length(recalls, 1) = array_length(recall_exact, 1) AS exact, (SELECT max(n) FROM unnest(recall_leaves) n) <= leaf_pages AS no_more_than_there_are
FROM dml_index_stats('spot_v');

-- What they refuse.
SELECT dml_index_check('spot');
SELECT dml_index_check('pg_class_oid_index');
SELECT dml_index_stats('pg_class_oid_index');
SELECT dml_index_check(NULL) IS NULL AS nothing;
SELECT dml_index_check(0::regclass);
CREATE TABLE parts (id int, v dml_vector) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE INDEX parts_v ON parts USING dml (v);
INSERT INTO parts SELECT i, ARRAY[i, 1]::real[]::dml_vector FROM generate_series(0, 9) i;
SELECT dml_index_check('parts_v');
SELECT relid, (dml_index_check(relid, true)).rows FROM pg_partition_tree('parts_v') WHERE isleaf;
CREATE ROLE dml_check_guest;
SET ROLE dml_check_guest;
SELECT dml_index_check('spot_v');
SELECT dml_index_stats('spot_v');
RESET ROLE;
GRANT SELECT ON spot TO dml_check_guest;
SET ROLE dml_check_guest;
SELECT rows FROM dml_index_stats('spot_v');
SELECT dml_index_check('spot_v');
RESET ROLE;
DROP TABLE spot, parts;
DROP ROLE dml_check_guest;
