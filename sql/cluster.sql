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

-- more memory than there is, and the hint works as it is written
SET work_mem = '64kB';
SELECT count(c) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3]::real[]::dml_vector, 3, starts => 1) OVER () AS c FROM generate_series(1, 5000) i) s;
SET work_mem = '162kB';
SELECT count(c) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3]::real[]::dml_vector, 3, starts => 1) OVER () AS c FROM generate_series(1, 5000) i) s;
-- vectors that do not fit go to a file, with equal results
SET work_mem = '170kB';
SELECT c, count(*) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]::real[]::dml_vector, 3, starts => 2) OVER () AS c FROM generate_series(1, 5000) i) s GROUP BY 1 ORDER BY 1;
SET work_mem = '4MB';
SELECT c, count(*) FROM (SELECT dml_cluster_kmeans(ARRAY[i % 5, i % 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]::real[]::dml_vector, 3, starts => 2) OVER () AS c FROM generate_series(1, 5000) i) s GROUP BY 1 ORDER BY 1;
RESET work_mem;
DROP TABLE spot;
