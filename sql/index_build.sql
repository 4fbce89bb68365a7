-- CREATE INDEX USING dml: with and without workers, in little memory, on data that is hard to
-- divide.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION IF NOT EXISTS dml;
SET jit = off;					-- with enable_sort = off every plan that sorts costs enough to be compiled

SELECT phase, pg_indexam_progress_phasename((SELECT oid FROM pg_am WHERE amname = 'dml'), phase) AS name
FROM generate_series(1, 7) phase;

-- i-th of vectors that spread along a curve, in five groups
CREATE FUNCTION curve(i int, dims int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((sin(i::float8 * j * 0.37) + i % 5)::real ORDER BY j)::dml_vector FROM generate_series(1, dims) j $$;

-- Exact search by the index finds the rows that reading the table finds. A search without LIMIT
-- returns every row once.
CREATE FUNCTION agrees(tbl regclass, probes int[], OUT same boolean, OUT every boolean) LANGUAGE plpgsql
	SET enable_seqscan = off SET enable_sort = off SET dml.recall = 1 AS $$
DECLARE
	q int;
	x dml_vector;
	truth float8[];
	answer float8[];
	plan text;
	n bigint;
	total bigint;
BEGIN
	same := true;
	FOREACH q IN ARRAY probes LOOP
		EXECUTE format('SELECT v FROM %s WHERE id = %s', tbl, q) INTO x;
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v <-> $1 AS d FROM %s ORDER BY (v <-> $1) + 0 LIMIT 10) s', tbl) INTO truth USING x;
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v <-> $1 AS d FROM %s ORDER BY v <-> $1 LIMIT 10) s', tbl) INTO answer USING x;
		same := same AND answer = truth;
	END LOOP;
	EXECUTE format('EXPLAIN SELECT id FROM %s ORDER BY v <-> $1', tbl) INTO plan USING x;
	IF plan NOT LIKE 'Index Scan%' THEN
		RAISE EXCEPTION 'not by the index: %', plan;
	END IF;
	EXECUTE format('SELECT count(DISTINCT id), count(*) FROM (SELECT id FROM %s ORDER BY v <-> $1) s', tbl) INTO n, total USING x;
	EXECUTE format('SELECT count(v) = $1 AND $1 = $2 FROM %s', tbl) INTO every USING n, total;
END
$$;

CREATE TABLE site (id int, v dml_vector);
INSERT INTO site SELECT i, curve(i, 16) FROM generate_series(1, 4000) i;
INSERT INTO site VALUES (0, NULL);
CREATE INDEX site_v ON site USING dml (v);
SELECT * FROM agrees('site', ARRAY[1, 2000, 4000]);
SELECT reltuples FROM pg_class WHERE relname IN ('site', 'site_v') ORDER BY relname;
SELECT pg_relation_size('site_v') AS alone \gset

-- With workers, which scan, assign and sort: the same rows in about as many pages.
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
ALTER TABLE site SET (parallel_workers = 2);
REINDEX INDEX site_v;
SELECT * FROM agrees('site', ARRAY[1, 2000, 4000]);
SELECT reltuples FROM pg_class WHERE relname IN ('site', 'site_v') ORDER BY relname;
SELECT pg_relation_size('site_v') BETWEEN :alone * 0.9 AND :alone * 1.1 AS as_large;
REINDEX INDEX CONCURRENTLY site_v;
SELECT * FROM agrees('site', ARRAY[1, 2000, 4000]);
DROP INDEX site_v;
CREATE INDEX CONCURRENTLY site_v ON site USING dml (v);
SELECT * FROM agrees('site', ARRAY[1, 2000, 4000]);
CREATE INDEX site_part ON site USING dml ((v * 2::float8)) WHERE id % 2 = 0;
DROP INDEX site_part;

-- Updated in a transaction that has not ended: old versions are indexed if a snapshot sees them.
BEGIN;
UPDATE site SET v = curve(id + 5000, 16) WHERE id BETWEEN 1 AND 500;
DROP INDEX site_v;
CREATE INDEX site_v ON site USING dml (v);
COMMIT;
SELECT * FROM agrees('site', ARRAY[1, 500, 4000]);

-- An error in a row is reported by the statement, also if a worker meets it.
DROP INDEX site_v;
INSERT INTO site SELECT 9001, curve(1, 8);
CREATE INDEX site_wrong ON site USING dml (v);
DELETE FROM site WHERE id = 9001;
VACUUM site;
INSERT INTO site SELECT 9001, (curve(1, 16)::text || '@00000000000000aa')::dml_vector;
\set VERBOSITY terse
CREATE INDEX site_wrong ON site USING dml (v); -- the detail tells which of the two the sample met first
\set VERBOSITY default
SELECT count(*) FROM pg_class WHERE relname = 'site_wrong';
DROP TABLE site;

-- An empty table, and a table of NULLs, with workers available.
CREATE TABLE bare (id int, v dml_vector(16)) WITH (parallel_workers = 2);
CREATE INDEX bare_v ON bare USING dml (v);
INSERT INTO bare SELECT i, NULL FROM generate_series(1, 1000) i;
REINDEX INDEX bare_v;
SELECT reltuples FROM pg_class WHERE relname = 'bare';
INSERT INTO bare SELECT i, curve(i, 16) FROM generate_series(1001, 2000) i;
SELECT * FROM agrees('bare', ARRAY[1001, 2000]);
DROP TABLE bare;

-- Unlogged.
CREATE UNLOGGED TABLE fleeting WITH (parallel_workers = 2) AS SELECT i AS id, curve(i, 16) AS v FROM generate_series(1, 1000) i;
CREATE INDEX ON fleeting USING dml (v);
SELECT * FROM agrees('fleeting', ARRAY[1, 500]);
DROP TABLE fleeting;

-- The smallest memory: long vectors, with and without workers.
SET maintenance_work_mem = '1MB';
CREATE TABLE long (id int, v dml_vector);
INSERT INTO long SELECT i, curve(i, 784) FROM generate_series(1, 600) i;
CREATE INDEX long_v ON long USING dml (v);
SELECT * FROM agrees('long', ARRAY[1, 300]);
ALTER TABLE long SET (parallel_workers = 2);
REINDEX INDEX long_v;
SELECT * FROM agrees('long', ARRAY[1, 300]);
DROP TABLE long;
CREATE TABLE long (id int, v dml_vector);
INSERT INTO long SELECT i, curve(i, 4096) FROM generate_series(1, 120) i;
CREATE INDEX long_v ON long USING dml (v);
SELECT * FROM agrees('long', ARRAY[1, 100]);
DROP TABLE long;
CREATE TABLE many AS SELECT i AS id, curve(i, 16) AS v FROM generate_series(1, 20000) i;
CREATE INDEX many_v ON many USING dml (v);
SELECT * FROM agrees('many', ARRAY[1, 20000]);
DROP TABLE many;
RESET maintenance_work_mem;

-- Equal rows: the tree does not consist of tiny leaves, and inserts of more equal rows split well.
CREATE TABLE alike AS SELECT i AS id, array_fill(0.1::real, ARRAY[16])::dml_vector AS v FROM generate_series(1, 20000) i;
CREATE INDEX alike_v ON alike USING dml (v);
SELECT pg_relation_size('alike_v') < pg_relation_size('alike') / 2 AS compact;
INSERT INTO alike SELECT id + 20000, v FROM alike;
SELECT fill > 0.7 AS full, height <= 4 AS low FROM dml_index_stats('alike_v');
SELECT * FROM agrees('alike', ARRAY[1]);
DROP TABLE alike;

-- Recently deleted rows before the first live row: the index has them, so every snapshot can use
-- it.
BEGIN;
CREATE TABLE went AS SELECT i AS id, curve(i, 16) AS v FROM generate_series(1, 100) i;
DELETE FROM went WHERE id <= 10;
CREATE INDEX went_v ON went USING dml (v);
SELECT indcheckxmin FROM pg_index WHERE indexrelid = 'went_v'::regclass;
COMMIT;
DROP TABLE went;

DROP FUNCTION agrees;
DROP FUNCTION curve;
