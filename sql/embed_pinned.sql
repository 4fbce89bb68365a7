-- dml_embed_pinned: an immutable embedding by a named version.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA embed_pinned_test;
SET search_path = embed_pinned_test, public;
SET dml.notice_interval = 0;
CREATE TABLE point AS SELECT i AS id, ARRAY[i % 7, i % 11]::real[] AS x, i % 2 AS class FROM generate_series(1, 300) i;
SELECT version FROM dml_train('pinned', 'point', 'x', 'class', method => 'whiten', options => '{"validation": 0}');

SELECT DISTINCT provolatile, proparallel, proisstrict FROM pg_proc WHERE proname = 'dml_embed_pinned';
-- Every form has the embedding of dml_embed.
SELECT bool_and(e = dml_embed('pinned@1', 1, 2)) AS same FROM (
	SELECT dml_embed_pinned('pinned@1', ARRAY[1, 2])
	UNION ALL SELECT dml_embed_pinned('pinned@1', ARRAY[1, 2]::real[])
	UNION ALL SELECT dml_embed_pinned('pinned@1', '[1,2]'::dml_vector)
	UNION ALL SELECT dml_embed_pinned('pinned@1', 1, 2)
	UNION ALL SELECT dml_embed_pinned(version => 'pinned@1', input => ARRAY[1, 2])) e (e);
SELECT dml_embed_pinned(NULL, 1, 2) IS NULL AS a, dml_embed_pinned('pinned@1', 1, NULL) IS NULL AS b, dml_embed_pinned('pinned@1', NULL::real[]) IS NULL AS c;

-- A version must be named, and be there.
SELECT dml_embed_pinned('pinned', x) FROM point;
SELECT dml_embed_pinned('pinned/a', x) FROM point;
SELECT dml_embed_pinned('', x) FROM point;
SELECT dml_embed_pinned('pinned@', x) FROM point;
SELECT dml_embed_pinned('pinned@x', x) FROM point;
SELECT dml_embed_pinned('pinned@0', x) FROM point;
\set VERBOSITY terse
SELECT dml_embed_pinned('pinned@9', x) FROM point;
SELECT dml_embed_pinned('pinned@1', '[1]'::dml_vector);
SELECT dml_embed_pinned('pinned@1', dml_embed('pinned', 1, 2));
CREATE INDEX ON point (dml_embed_pinned('pinned', x));
\set VERBOSITY default

-- A generated column, kept fresh by PostgreSQL; the next training does not change it.
CREATE TABLE shown (id int, x real[], e dml_vector GENERATED ALWAYS AS (dml_embed_pinned('pinned@1', x)) STORED);
INSERT INTO shown (id, x) SELECT id, x FROM point;
SELECT version FROM dml_train('pinned', 'point', 'x', 'class', method => 'pca', options => '{"validation": 0}');
UPDATE shown SET x = '{5,5}' WHERE id = 1;
INSERT INTO shown (id, x) VALUES (0, NULL), (-1, '{1,NULL}');
SELECT count(*), count(e), bool_and(e = dml_embed('pinned@1', x)) AS first FROM shown;

-- An expression index, by access method dml and by btree.
CREATE INDEX point_dml ON point USING dml (dml_embed_pinned('pinned@1', x));
CREATE INDEX point_btree ON point (dml_embed_pinned('pinned@1', x));
ANALYZE point;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM point ORDER BY dml_embed_pinned('pinned@1', x) <-> dml_embed('pinned@1', 3, 3) LIMIT 1;
SELECT x FROM point ORDER BY dml_embed_pinned('pinned@1', x) <-> dml_embed('pinned@1', 3, 3) LIMIT 1;
INSERT INTO point VALUES (1000, '{50,50}', 0);
SELECT x FROM point ORDER BY dml_embed_pinned('pinned@1', x) <-> dml_embed('pinned@1', 50, 50) LIMIT 1;
SELECT id FROM point WHERE dml_embed_pinned('pinned@1', x) = dml_embed('pinned@1', 50, 50);
RESET enable_seqscan;
RESET enable_sort;
INSERT INTO point VALUES (1001, '{1}', 0);

-- The right to embed is that of whoever writes, or builds the index.
CREATE ROLE regress_pinned;
GRANT USAGE ON SCHEMA embed_pinned_test TO regress_pinned;
GRANT SELECT, INSERT ON shown, point TO regress_pinned;
GRANT SELECT ON shown TO regress_pinned;
SET ROLE regress_pinned;
\set VERBOSITY terse
INSERT INTO shown (id, x) VALUES (2000, '{1,2}');
INSERT INTO point VALUES (2000, '{1,2}', 0);
\set VERBOSITY default
SELECT count(e) FROM shown;
RESET ROLE;
SELECT dml_grant('pinned', 'regress_pinned', 'embed');
SET ROLE regress_pinned;
INSERT INTO shown (id, x) VALUES (2000, '{1,2}');
INSERT INTO point VALUES (2000, '{1,2}', 0);
SELECT e = dml_embed('pinned@1', 1, 2) AS same FROM shown WHERE id = 2000;
RESET ROLE;

-- Parallel workers embed.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT sum(dml_embed_pinned('pinned@1', x)) FROM point;
SELECT count(DISTINCT dml_space(dml_embed_pinned('pinned@1', x))) FROM point;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- The uses of a version, and what happens without it: stored values stay, writes fail.
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS used_by
FROM pg_depend d JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
WHERE p.proname = 'dml_embed_pinned' AND d.deptype = 'n' ORDER BY 1;
SELECT dml_drop_model('pinned');
SELECT count(e) FROM shown;
\set VERBOSITY terse
INSERT INTO shown (id, x) VALUES (3000, '{1,2}');
INSERT INTO point VALUES (3000, '{1,2}', 0);
\set VERBOSITY default
DELETE FROM shown WHERE id = 2000;
DROP INDEX point_dml, point_btree;
INSERT INTO point VALUES (3000, '{1,2}', 0);
SET client_min_messages = warning;
DROP SCHEMA embed_pinned_test CASCADE;
DROP OWNED BY regress_pinned;
DROP ROLE regress_pinned;
