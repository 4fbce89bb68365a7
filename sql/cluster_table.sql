-- Clusters of a table's rows: dml_cluster.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

CREATE TABLE place (gone int, id int PRIMARY KEY, part int, e dml_vector, x real[]);
ALTER TABLE place DROP COLUMN gone;
INSERT INTO place
SELECT i, i % 3, ARRAY[10 * (i % 3) + sin(i) + 1, cos(i * 1.7) + 1, sin(i * 0.3), cos(i * 0.9)]::real[]::dml_vector
FROM generate_series(1, 300) i;
INSERT INTO place VALUES (301, 3, NULL), (302, 3, '[0,0,0,0]');
-- rows that are dead, and versions that an index finds through another one
DELETE FROM place WHERE id IN (5, 6);
UPDATE place SET x = '{1}' WHERE id % 7 = 0;
UPDATE place SET e = e * 1.01 WHERE id % 11 = 0;

-- As many rows have the cluster of the window function as there are rows.
CREATE FUNCTION agree(method text, metric text, eps float8, min_points int, OUT equal bigint, OUT rows bigint, OUT clusters bigint, OUT noise bigint) LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE t.cluster IS NOT DISTINCT FROM w.cluster), count(*), count(DISTINCT t.cluster), count(*) FILTER (WHERE t.cluster IS NULL)
	FROM dml_cluster('place', 'e', method => method, metric => metric, eps => eps, min_points => min_points, k => 5) t
	JOIN (SELECT id, CASE method WHEN 'dbscan' THEN dml_cluster_dbscan(e, coalesce(eps, 1), min_points, metric) OVER ()
			WHEN 'hdbscan' THEN dml_cluster_hdbscan(e, min_points, NULL, metric) OVER ()
			ELSE dml_cluster_kmeans(e, 5, metric) OVER () END AS cluster FROM place) w ON w.id::text = t.key
$$;
SELECT agree('dbscan', 'l2', 0.8, 5);
CREATE INDEX place_e ON place USING dml (e, part);
SELECT eps, min_points, agree('dbscan', 'l2', eps, min_points) FROM (VALUES (0, 1), (0.3, 2), (0.8, 5), (0.8, 12), (2, 5), (1e30, 5), ('infinity', 5), (1, 1000000)) v(eps, min_points);
SELECT method, metric, (agree(method, metric, NULL, 5)).equal FROM (VALUES ('hdbscan', 'l2'), ('kmeans', 'l2'), ('hdbscan', 'cosine'), ('kmeans', 'cosine')) v(method, metric);
-- each metric has an index of its own
SELECT agree('dbscan', 'cosine', 0.01, 5);
CREATE INDEX place_cosine ON place USING dml (e dml_cosine_ops);
SELECT agree('dbscan', 'cosine', 0.01, 5);
SELECT agree('dbscan', 'cosine', 2, 5);
-- the recall of searches does not matter, and comes back
SET dml.recall = 0.5;
SELECT agree('dbscan', 'l2', 0.8, 5);
SHOW dml.recall;
RESET dml.recall;

-- the key: the primary key, or what is named
SELECT * FROM dml_cluster('place', 'e', eps => 0.8) WHERE key IN ('1', '2', '301') ORDER BY key;
SELECT count(*) FROM place p JOIN dml_cluster('place', 'e', eps => 2, key => 'ctid') c ON c.key = p.ctid::text;
SELECT * FROM dml_cluster('place', 'e', eps => 2, key => 'part * 10 + id % 2') WHERE key = '30' ORDER BY 1, 2;

-- rows of this transaction, and those that it deleted
BEGIN;
DELETE FROM place WHERE part = 0;
INSERT INTO place SELECT 1000 + i, 4, ARRAY[100 + i * 0.01, 0, 0, 0]::real[]::dml_vector FROM generate_series(1, 7) i;
SELECT cluster, count(*) FROM dml_cluster('place', 'e', eps => 2) GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- sources without an index: a query, a view, a partitioned table, an expression; one with it: a materialized view
CREATE VIEW place_view AS SELECT * FROM place WHERE part < 2;
CREATE MATERIALIZED VIEW place_copy AS SELECT * FROM place;
CREATE INDEX ON place_copy USING dml (e);
CREATE TABLE place_parts (LIKE place) PARTITION BY LIST (part);
CREATE TABLE place_parts_0 PARTITION OF place_parts FOR VALUES IN (0);
CREATE TABLE place_parts_rest PARTITION OF place_parts DEFAULT;
INSERT INTO place_parts SELECT * FROM place;
CREATE INDEX ON place_parts USING dml (e);
SELECT cluster, count(*) FROM dml_cluster('SELECT id, e FROM place WHERE part = 1', 'e', eps => 2, key => 'id') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM dml_cluster('place_view', 'e', eps => 2, key => 'id') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM dml_cluster('place_parts', 'e', eps => 2, key => 'id') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM dml_cluster('place_parts_0', 'e', eps => 2, key => 'id') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM dml_cluster('place', 'e * 2', eps => 4, key => 'id') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM dml_cluster('place_copy', 'e', eps => 2, key => 'id') GROUP BY 1 ORDER BY 1;
-- a child table's rows are in no index of its parent
CREATE TABLE place_child () INHERITS (place);
INSERT INTO place_child SELECT id + 2000, part, e FROM place WHERE part = 0;
SELECT cluster, count(*) FROM dml_cluster('place', 'e', eps => 2) GROUP BY 1 ORDER BY 1;
DROP TABLE place_child;

-- no rows; one row; no vectors
CREATE TABLE place_none (id int PRIMARY KEY, e dml_vector);
CREATE INDEX ON place_none USING dml (e);
SELECT * FROM dml_cluster('place_none', 'e', eps => 1);
SELECT * FROM dml_cluster('place_none', 'e', method => 'hdbscan');
INSERT INTO place_none VALUES (1, NULL);
SELECT * FROM dml_cluster('place_none', 'e', eps => NULL);
INSERT INTO place_none VALUES (2, '[1,2]');
SELECT * FROM dml_cluster('place_none', 'e', eps => 1, min_points => 1) ORDER BY key;
SELECT * FROM dml_cluster('place_none', 'e', method => 'kmeans', k => 3) ORDER BY key;

-- rights: those of the caller
CREATE ROLE cluster_caller;
SET ROLE cluster_caller;
SELECT * FROM dml_cluster('place', 'e', eps => 1);
RESET ROLE;
GRANT SELECT (id, e) ON place TO cluster_caller;
SET ROLE cluster_caller;
-- the place of a row is no column of these two, so the index cannot be used
SELECT cluster, count(*) FROM dml_cluster('place', 'e', eps => 2) GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM dml_cluster('place', 'e', eps => 2, key => 'part') GROUP BY 1 ORDER BY 1;
RESET ROLE;
GRANT SELECT ON place TO cluster_caller;
ALTER TABLE place ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_some ON place USING (part = 1);
SET ROLE cluster_caller;
SELECT cluster, count(*) FROM dml_cluster('place', 'e', eps => 100) GROUP BY 1 ORDER BY 1;
RESET ROLE;
ALTER TABLE place DISABLE ROW LEVEL SECURITY;

-- errors
SELECT * FROM dml_cluster(NULL, 'e');
SELECT * FROM dml_cluster('place', NULL);
SELECT * FROM dml_cluster('nowhere', 'e');
SELECT * FROM dml_cluster('place', 'nothing');
SELECT * FROM dml_cluster('place', 'gone', eps => 1);
SELECT * FROM dml_cluster('place', 'x', eps => 1);
SELECT * FROM dml_cluster('place', 'count(*)', eps => 1);
SELECT * FROM dml_cluster('place_view', 'e', eps => 1);
SELECT * FROM dml_cluster('place', 'e', method => 'optics');
SELECT * FROM dml_cluster('place', 'e');
SELECT * FROM dml_cluster('place', 'e', eps => -1);
SELECT * FROM dml_cluster('place', 'e', eps => 'NaN');
SELECT * FROM dml_cluster('place', 'e', method => 'kmeans');
SELECT dml_cluster('place', 'e', method => 'kmeans', k => 2) IS NULL LIMIT 1;
SET work_mem = '64kB';
INSERT INTO place SELECT i, 5, ARRAY[i, 0, 0, 0]::real[]::dml_vector FROM generate_series(2001, 5000) i;
SELECT count(*) FROM dml_cluster('place', 'e', eps => 1);
RESET work_mem;
SELECT count(*) FROM dml_answer_progress;

SET client_min_messages = warning;
DROP TABLE place CASCADE;
DROP TABLE place_none, place_parts;
DROP FUNCTION agree;
DROP ROLE cluster_caller;
