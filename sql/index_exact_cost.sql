-- Exact search is chosen where its bounds prove something, and not where a scan is cheaper.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.recall = 1;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT setseed(0.2);
-- 300 dimensions that have nothing to do with each other, and 200 small clusters
CREATE TABLE noise AS SELECT i AS id, array_agg((random() + random() + random() - 1.5)::real)::dml_vector(300) AS v
FROM generate_series(1, 4000) i, generate_series(1, 300) j GROUP BY i;
CREATE TABLE clusters AS SELECT i AS id, array_agg((sin(i % 200 * j) + 0.01 * sin(i * j))::real ORDER BY j)::dml_vector(300) AS v
FROM generate_series(1, 4000) i, generate_series(1, 300) j GROUP BY i;
CREATE INDEX noise_v ON noise USING dml (v);
CREATE INDEX clusters_v ON clusters USING dml (v);
ANALYZE noise, clusters;
CREATE FUNCTION scan(rel text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT json) SELECT id FROM %I ORDER BY v <-> %L::dml_vector LIMIT 10', rel, array_fill(0.5::real, ARRAY[300])::dml_vector) INTO plan;
	RETURN substring(plan::text FROM 'Seq Scan|Index Scan');
END
$$;
SELECT rel, scan(rel) FROM unnest('{noise,clusters}'::text[]) rel;
SET dml.recall = 0.9;
SELECT rel, scan(rel) FROM unnest('{noise,clusters}'::text[]) rel;
DROP TABLE noise, clusters;
DROP FUNCTION scan;
