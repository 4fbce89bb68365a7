-- sum and avg of dml_vector.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

SELECT sum(v), avg(v), count(v) FROM (VALUES ('[1,2]'::dml_vector), (NULL), ('[3,5]'), ('[5,5]')) t(v);
SELECT sum(v), avg(v) FROM (VALUES ('[1,2]@00000000000000ff'::dml_vector), ('[3,5]@00000000000000ff')) t(v);
SELECT sum(v), avg(v) FROM (VALUES (NULL::dml_vector), (NULL)) t(v);
SELECT sum(v), avg(v) FROM (SELECT '[1]'::dml_vector WHERE false) t(v);
SELECT g, sum(v), avg(v) FROM (VALUES (1, '[1]'::dml_vector), (2, '[1,2]'), (1, '[2]'), (3, NULL)) t(g, v) GROUP BY g ORDER BY g;
SELECT i, sum(v) OVER w, avg(v) OVER w FROM (VALUES (1, '[1]'::dml_vector), (2, '[3]'), (3, '[8]')) t(i, v)
WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

-- Sums in double precision: real would lose the ones, and overflow before the mean.
SELECT sum(v) FROM (VALUES ('[16777216]'::dml_vector), ('[1]'), ('[1]')) t(v);
SELECT avg(v) FROM (VALUES ('[3e38]'::dml_vector), ('[3e38]')) t(v);
SELECT sum(v) FROM (VALUES ('[3e38]'::dml_vector), ('[3e38]')) t(v);

SELECT sum(v) FROM (VALUES ('[1]'::dml_vector), ('[1,2]')) t(v);
SELECT avg(v) FROM (VALUES ('[1]'::dml_vector), ('[1]@00000000000000ff')) t(v);
SELECT avg(v) FROM (VALUES ('[1]@00000000000000fe'::dml_vector), ('[1]@00000000000000ff')) t(v);

-- By parallel workers.
CREATE TABLE vector_agg AS SELECT i AS id, ARRAY[i, -i, i % 3]::dml_vector AS v FROM generate_series(1, 20000) i;
ALTER TABLE vector_agg SET (parallel_workers = 2);
ANALYZE vector_agg;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT sum(v), avg(v) FROM vector_agg;
SELECT sum(v), avg(v) FROM vector_agg;
-- The same states in one process and in three, with and without groups and a space.
CREATE TABLE vector_agg_part AS SELECT id, id % 3 AS g, ('[' || id / 8.0 || ',' || -id || ']@00000000000000ff')::dml_vector AS v FROM vector_agg;
ALTER TABLE vector_agg_part SET (parallel_workers = 2);
ANALYZE vector_agg_part;
EXPLAIN (COSTS OFF) SELECT avg(v) FROM vector_agg_part;
CREATE TEMPORARY TABLE by_three AS SELECT g, sum(v) AS s, avg(v) AS a FROM vector_agg_part GROUP BY g
	UNION ALL SELECT NULL, sum(v), avg(v) FROM vector_agg_part;
SET max_parallel_workers_per_gather = 0;
CREATE TEMPORARY TABLE by_one AS SELECT g, sum(v) AS s, avg(v) AS a FROM vector_agg_part GROUP BY g
	UNION ALL SELECT NULL, sum(v), avg(v) FROM vector_agg_part;
SET max_parallel_workers_per_gather = 2;
SELECT count(*), count(DISTINCT dml_space(t.a)) AS spaces, bool_and(t.s = o.s AND t.a = o.a) AS same,
	bool_and(o.a = (SELECT sum(v) / count(v) FROM vector_agg_part p WHERE p.g = o.g)) AS by_sum
FROM by_three t JOIN by_one o ON t.g IS NOT DISTINCT FROM o.g;
DROP TABLE vector_agg_part, by_three, by_one;
SELECT avg(v) FROM vector_agg WHERE id <= 1;
SELECT avg(v) FROM vector_agg WHERE id < 1;
UPDATE vector_agg SET v = v || '[1]' WHERE id = 20000;
\set VERBOSITY terse
SELECT DISTINCT 'no result' FROM (SELECT sum(v) FROM vector_agg) t(v) WHERE v IS NOT NULL;
\set VERBOSITY default
DROP TABLE vector_agg;
DO $$ BEGIN PERFORM dml_vector_sum(NULL);
EXCEPTION WHEN undefined_function OR feature_not_supported THEN RAISE NOTICE 'no state of an aggregate from SQL'; END $$;
