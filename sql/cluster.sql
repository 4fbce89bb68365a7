-- Clusters as window functions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

-- three groups of 100, 60 and 40 rows, one row without an embedding
CREATE TABLE spot AS
SELECT i AS id, CASE WHEN i <= 100 THEN 0 WHEN i <= 160 THEN 1 ELSE 2 END AS part, NULL::dml_vector AS e
FROM generate_series(1, 200) i;
UPDATE spot SET e = ARRAY[10 * part + sin(id), cos(id * 1.7), 10 * (part % 2) + sin(id * 0.3)]::real[]::dml_vector;
INSERT INTO spot VALUES (201, 3, NULL);

-- k-means: the largest cluster is 1
SELECT part, cluster, count(*)
FROM (SELECT part, dml_cluster_kmeans(e, k => 3) OVER () AS cluster FROM spot) c GROUP BY 1, 2 ORDER BY 1, 2;

-- the order of rows and the rest of the window do not matter, the partition does
SELECT count(*) FILTER (WHERE a = b) AS equal, count(*) FILTER (WHERE a = c) AS also, count(*) FROM (
	SELECT dml_cluster_kmeans(e, 5, seed => 3) OVER () AS a,
		dml_cluster_kmeans(e, 5, seed => 3) OVER (ORDER BY id % 17, id DESC) AS b,
		dml_cluster_kmeans(e, 5, seed => 3) OVER (ORDER BY id ROWS 1 PRECEDING) AS c FROM spot) s
WHERE a IS NOT NULL;
SELECT part, array_agg(DISTINCT cluster ORDER BY cluster) FROM (
	SELECT part, dml_cluster_kmeans(e, 2) OVER (PARTITION BY part) AS cluster FROM spot) c GROUP BY 1 ORDER BY 1;

-- fewer distinct rows than clusters: each is one; no rows; one row
SELECT v, dml_cluster_kmeans(v, 5) OVER () FROM (VALUES ('[1,2]'::dml_vector), ('[3,4]'), ('[1,2]'), (NULL)) t(v) ORDER BY 1;
SELECT dml_cluster_kmeans(v, 5) OVER () FROM (SELECT '[1]'::dml_vector) t(v) WHERE false;
SELECT dml_cluster_kmeans(v, 2147483647) OVER () FROM (SELECT '[1]'::dml_vector) t(v);
SELECT dml_cluster_kmeans(NULL::dml_vector, 2) OVER ();

-- cosine: directions, whatever the length; a vector of zeros has none
SELECT v, dml_cluster_kmeans(v, 2, metric => 'cosine') OVER ()
FROM (VALUES ('[1,0.1]'::dml_vector), ('[1000,99]'), ('[1e-20,0]'), ('[0.1,1]'), ('[-3e38,3e38]'), ('[0,0]')) t(v) ORDER BY 2, 1;
-- numbers at the ends of the range of real
SELECT v, dml_cluster_kmeans(v, 2) OVER ()
FROM (VALUES ('[3e38,-3e38]'::dml_vector), ('[-3e38,3e38]'), ('[3.1e38,-3e38]'), ('[1e-45,0]'), ('[0,0]')) t(v) ORDER BY 2, 1;

-- errors
SELECT dml_cluster_kmeans(e, 0) OVER () FROM spot;
SELECT dml_cluster_kmeans(e, NULL) OVER () FROM spot;
SELECT dml_cluster_kmeans(e, 2, metric => 'l1') OVER () FROM spot;
SELECT dml_cluster_kmeans(e, 2, max_iterations => 0) OVER () FROM spot;
SELECT dml_cluster_kmeans(e, 2, starts => 1001) OVER () FROM spot;
SELECT dml_cluster_kmeans(v, 2) OVER () FROM (VALUES ('[1,2]'::dml_vector), ('[1,2,3]')) t(v);
SELECT dml_cluster_kmeans(e, 2) FROM spot;


-- DBSCAN by its definition, in SQL: rows with their neighbours, links between core rows, the nearest core row
CREATE FUNCTION dbscan(eps float8, min_points int, OUT id int, OUT root int) RETURNS SETOF record LANGUAGE sql AS $$
	WITH RECURSIVE near AS MATERIALIZED (SELECT a.id, b.id AS other, a.e <-> b.e AS distance FROM spot a JOIN spot b ON a.e <-> b.e <= eps),
	core AS MATERIALIZED (SELECT n.id FROM near n GROUP BY 1 HAVING count(*) >= min_points),
	reached(id, root) AS (SELECT c.id, c.id FROM core c UNION
		SELECT n.other, r.root FROM reached r JOIN near n ON n.id = r.id JOIN core c ON c.id = n.other),
	part AS (SELECT r.id, min(r.root) AS root FROM reached r GROUP BY 1)
	SELECT p.id, p.root FROM part p UNION ALL
	(SELECT DISTINCT ON (n.id) n.id, p.root FROM near n JOIN part p ON p.id = n.other WHERE n.id NOT IN (SELECT c.id FROM core c) ORDER BY n.id, n.distance)
$$;
SELECT eps, min_points, count(DISTINCT w.cluster) AS clusters, count(*) FILTER (WHERE w.cluster IS NULL) AS noise,
	count(DISTINCT (w.cluster, d.root)) = count(DISTINCT w.cluster) + (count(*) FILTER (WHERE w.cluster IS NULL) > 0)::int
		AND bool_and((w.cluster IS NULL) = (d.root IS NULL)) AND count(DISTINCT w.cluster) = count(DISTINCT d.root) AS as_defined
FROM (VALUES (0.1, 1), (0.3, 3), (0.4, 5), (0.5, 8), (0.75, 12), (3, 5), (30, 5)) v(eps, min_points),
	LATERAL (SELECT id, dml_cluster_dbscan(e, eps, min_points) OVER () AS cluster FROM spot WHERE e IS NOT NULL) w
	LEFT JOIN LATERAL dbscan(eps, min_points) d USING (id)
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT part, cluster, count(*) FROM (SELECT part, dml_cluster_dbscan(e, eps => 1.5) OVER () AS cluster FROM spot) c GROUP BY 1, 2 ORDER BY 1, 2;
SELECT v, dml_cluster_dbscan(v, 0.01, 2, metric => 'cosine') OVER ()
FROM (VALUES ('[1,1]'::dml_vector), ('[1000,1001]'), ('[1,0]'), ('[1e30,1e-9]'), ('[0,0]'), ('[-1,1]'), (NULL)) t(v) ORDER BY 2, 1;
SELECT v, dml_cluster_dbscan(v, 0, 2) OVER (), dml_cluster_dbscan(v, 'infinity', 6) OVER ()
FROM (VALUES ('[1,1]'::dml_vector), ('[1,1]'), ('[0]'::dml_vector || '[0]'), ('[-0,0]'), ('[3e38,-3e38]'), ('[-3e38,3e38]')) t(v) ORDER BY 2, 1;
SELECT dml_cluster_dbscan(v, 1) OVER () FROM (SELECT '[1]'::dml_vector) t(v) WHERE false;
SELECT dml_cluster_dbscan(v, 1, 1) OVER (), dml_cluster_dbscan(v, 1) OVER () FROM (SELECT '[1]'::dml_vector) t(v);

-- HDBSCAN*: no radius, and parts of unlike density
SELECT part, cluster, count(*) FROM (SELECT part, dml_cluster_hdbscan(e, min_points => 5, min_cluster_size => 30) OVER () AS cluster FROM spot) c GROUP BY 1, 2 ORDER BY 1, 2;
SELECT g, count(DISTINCT cluster), count(*) FILTER (WHERE cluster IS NULL) AS noise FROM (
	SELECT g, dml_cluster_hdbscan(ARRAY[g * 10 + sin(i) / (1 + g * g * g), cos(i * 1.7) / (1 + g * g * g)]::real[]::dml_vector, 5, 20) OVER () AS cluster
	FROM generate_series(0, 3) g, generate_series(1, 50) i) c GROUP BY 1 ORDER BY 1;
SELECT count(*), count(c) FROM (SELECT dml_cluster_hdbscan('[1,2]'::dml_vector) OVER () AS c FROM generate_series(1, 50)) s;
SELECT count(*), count(c) FROM (SELECT dml_cluster_hdbscan(e, 2147483647, 2147483647) OVER () AS c FROM spot) s;
SELECT dml_cluster_hdbscan('[1]'::dml_vector) OVER (), dml_cluster_hdbscan(NULL::dml_vector) OVER ();

-- eps NULL: the threshold of the embeddings' model
SET client_min_messages = warning;
SELECT rows FROM dml_train('cluster_spot', 'SELECT * FROM (SELECT e::real[] AS x, part FROM spot WHERE e IS NOT NULL) s', 'x', 'part', method => 'whiten', options => '{"validation": 0}');
ALTER TABLE spot ADD x real[], ADD embedded dml_vector;
UPDATE spot SET x = e::real[], embedded = dml_embed('cluster_spot', e::real[]);
SELECT dml_cluster_dbscan(embedded) OVER () FROM spot;
SELECT version FROM dml_calibrate('cluster_spot', 'SELECT x, part FROM spot WHERE e IS NOT NULL', label => 'part', false_accept_rate => 0.01);
SELECT count(DISTINCT a) AS clusters, bool_and(a IS NOT DISTINCT FROM b) AS same, bool_and(a IS NOT DISTINCT FROM c) AS also FROM (
	SELECT dml_cluster_dbscan(embedded) OVER () AS a, dml_cluster_dbscan(embedded, false_merge_rate => 0.01) OVER () AS b,
		dml_cluster_dbscan(embedded, (SELECT threshold FROM dml_calibrations WHERE model = 'cluster_spot')) OVER () AS c FROM spot) s;
\set VERBOSITY terse
SELECT dml_cluster_dbscan(embedded, false_merge_rate => 1e-9) OVER () FROM spot;
\set VERBOSITY default
SELECT dml_cluster_dbscan(embedded, 0.5, false_merge_rate => 0.01) OVER () FROM spot;
SELECT dml_cluster_dbscan(embedded, false_merge_rate => 'NaN') OVER () FROM spot;
SELECT dml_cluster_dbscan(CASE WHEN id % 2 = 0 THEN e ELSE embedded END, 1) OVER (ORDER BY id) FROM spot;
-- whoever may not embed with the model may not take its threshold
CREATE ROLE cluster_reader;
GRANT SELECT ON spot TO cluster_reader;
SET ROLE cluster_reader;
SELECT dml_cluster_dbscan(embedded) OVER () FROM spot;
SELECT count(DISTINCT c) FROM (SELECT dml_cluster_dbscan(embedded, 0.5) OVER () AS c FROM spot) s;
RESET ROLE;
RESET client_min_messages;

SELECT dml_cluster_dbscan(e) OVER () FROM spot;
SELECT dml_cluster_dbscan(e, metric => 'cosine') OVER () FROM spot;
SELECT dml_cluster_dbscan(e, -1) OVER () FROM spot;
SELECT dml_cluster_dbscan(e, 'NaN') OVER () FROM spot;
SELECT dml_cluster_dbscan(e, 1, 0) OVER () FROM spot;
SELECT dml_cluster_hdbscan(e, 0) OVER () FROM spot;
SELECT dml_cluster_hdbscan(e, 5, 1) OVER () FROM spot;

-- more memory than there is, and the hint works as it is written
SET work_mem = '64kB';
SELECT count(c) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3]::real[]::dml_vector, 3, starts => 1) OVER () AS c FROM generate_series(1, 5000) i) s;
SET work_mem = '221kB';
SELECT count(c) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3]::real[]::dml_vector, 3, starts => 1) OVER () AS c FROM generate_series(1, 5000) i) s;
-- vectors that do not fit go to a file, with equal results
SET work_mem = '230kB';
SELECT c, count(*) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]::real[]::dml_vector, 3, starts => 2) OVER () AS c FROM generate_series(1, 5000) i) s GROUP BY 1 ORDER BY 1;
SET work_mem = '4MB';
SELECT c, count(*) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]::real[]::dml_vector, 3, starts => 2) OVER () AS c FROM generate_series(1, 5000) i) s GROUP BY 1 ORDER BY 1;
RESET work_mem;
SET client_min_messages = warning;
SELECT dml_drop_model('cluster_spot');
DROP TABLE spot;
DROP FUNCTION dbscan;
DROP ROLE cluster_reader;
