-- dml_mmr, dml_nearest_entities, dml_expand_query, dml_rocchio: against their definitions in SQL.  dml_rerank: against numpy.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

CREATE TABLE photo (id int PRIMARY KEY, object text, v dml_vector);
INSERT INTO photo
SELECT i, 'o' || i % 40, ARRAY(SELECT sin(i % 40 * 0.7 * j) + (hashint4(i * 6 + j) % 1000) * 0.0003 FROM generate_series(1, 6) j)::real[]::dml_vector
FROM generate_series(1, 600) i;
UPDATE photo SET v = NULL WHERE id % 100 = 0;
UPDATE photo SET object = NULL WHERE id % 101 = 0;

-- Maximal marginal relevance by its definition, one row after the other.
CREATE FUNCTION mmr(query dml_vector, rows int, lambda float8, metric text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	chosen int[] := '{}';
BEGIN
	CREATE TEMP TABLE candidate AS SELECT id, v, CASE metric WHEN 'l2' THEN v <-> query ELSE v <=> query END AS d FROM photo WHERE v IS NOT NULL ORDER BY v <-> query LIMIT rows;
	FOR step IN 1 .. rows LOOP
		chosen := chosen || (SELECT c.id FROM candidate c
			WHERE c.id <> ALL (chosen)
			ORDER BY CASE WHEN step = 1 THEN d ELSE lambda * d - (1 - lambda) * (SELECT min(CASE metric WHEN 'l2' THEN c.v <-> o.v ELSE c.v <=> o.v END) FROM candidate o WHERE o.id = ANY (chosen)) END, d LIMIT 1);
	END LOOP;
	DROP TABLE candidate;
	RETURN chosen;
END
$$;
SELECT lambda, metric, mmr(q, 40, lambda, metric) = (
	SELECT array_agg(id ORDER BY rank) FROM (
		SELECT id, dml_mmr(v, CASE metric WHEN 'l2' THEN v <-> q ELSE v <=> q END, lambda => lambda, metric => metric) OVER () AS rank
		FROM (SELECT id, v FROM photo WHERE v IS NOT NULL ORDER BY v <-> q LIMIT 40) c) r) AS equal
FROM unnest(ARRAY[0, 0.3, 0.5, 0.9, 1]) lambda, unnest(ARRAY['l2', 'cosine']) metric, (SELECT v AS q FROM photo WHERE id = 5) q;

-- lambda of 1 is the order by distance; k bounds the work; partitions are apart; the order of rows does not matter.
SELECT array_agg(id ORDER BY rank) = array_agg(id ORDER BY d, id) AS by_distance FROM (
	SELECT id, d, dml_mmr(v, d, 1) OVER () AS rank FROM (SELECT id, v, v <-> '[1,0,0,0,0,0]' AS d FROM photo WHERE v IS NOT NULL) c) r;
SELECT count(rank), max(rank) FROM (SELECT dml_mmr(v, v <-> '[1,0,0,0,0,0]', k => 7) OVER () AS rank FROM photo) r;
SELECT count(*) FILTER (WHERE a IS DISTINCT FROM b) AS different, count(a) AS ranks FROM (
	SELECT dml_mmr(v, d, k => 7) OVER () AS a, dml_mmr(v, d, k => 7) OVER (ORDER BY hashint4(id) ROWS 3 PRECEDING) AS b
	FROM (SELECT *, v <-> '[1,0,0,0,0,0]' AS d FROM photo) p) r;
SELECT n, count(*) FROM (SELECT count(rank) AS n FROM (SELECT object, dml_mmr(v, v <-> '[1,0,0,0,0,0]', k => 3) OVER (PARTITION BY object) AS rank FROM photo) r GROUP BY object) g GROUP BY n;
-- equal rows come last; NULL, NaN and zeros have no rank.
SELECT id, dml_mmr(v::dml_vector, d) OVER () AS rank
FROM (VALUES (1, '[1,0]', 1), (2, '[1,0]', 1), (3, '[-1,0]', 1.5), (4, NULL, 1), (5, '[0,1]', NULL), (6, '[0,1]', 'NaN')) c(id, v, d) ORDER BY id;
SELECT id, dml_mmr(v::dml_vector, d, metric => 'cosine') OVER () AS rank FROM (VALUES (1, '[0,0]', 1), (2, '[1,0]', 1)) c(id, v, d) ORDER BY id;
SELECT dml_mmr(v, 1) OVER () FROM photo WHERE false;
SELECT dml_mmr('[1]', 1) OVER () AS alone;
SELECT dml_mmr('[1]', 'infinity') OVER ();
SELECT dml_mmr('[1]', 1, 1.5) OVER ();
SELECT dml_mmr('[1]', 1, 'NaN') OVER ();
SELECT dml_mmr('[1]', 1, k => 0) OVER ();
SELECT dml_mmr('[1]', 1, metric => 'l1') OVER ();
SELECT dml_mmr(v::dml_vector, 1) OVER () FROM (VALUES ('[1]'), ('[1,2]')) c(v);
SELECT dml_mmr('[1]', 1);
SET work_mem = 64;
SELECT count(rank) FROM (SELECT dml_mmr(v, v <-> '[1,0,0,0,0,0]') OVER () AS rank FROM photo, generate_series(1, 9)) r;
RESET work_mem;

-- The nearest entities by DISTINCT ON, with an index and without.
CREATE FUNCTION entities(q dml_vector, k int, metric text) RETURNS bigint LANGUAGE sql AS $$
	WITH truth AS (
		SELECT object, id::text, d FROM (
			SELECT DISTINCT ON (object) object, id, d FROM (SELECT *, CASE metric WHEN 'l2' THEN v <-> q ELSE v <=> q END AS d FROM photo WHERE object IS NOT NULL AND v IS NOT NULL) p
			ORDER BY object, d) o ORDER BY d LIMIT k),
		found AS (SELECT * FROM dml_nearest_entities('photo', 'v', 'object', q, k, metric => metric))
	SELECT (SELECT count(*) FROM (TABLE truth EXCEPT ALL TABLE found) x) + (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE truth) x)
$$;
SET dml.recall = 1;
SELECT k, metric, sum(entities(v, k, metric)) AS different FROM unnest(ARRAY[1, 10, 39, 100]) k, unnest(ARRAY['l2', 'cosine']) metric, photo WHERE id IN (3, 77, 140) GROUP BY k, metric ORDER BY k, metric;
CREATE INDEX ON photo USING dml (v);
CREATE INDEX ON photo USING dml (v dml_cosine_ops);
SET enable_seqscan = off;
SELECT k, metric, sum(entities(v, k, metric)) AS different FROM unnest(ARRAY[1, 10, 39, 100]) k, unnest(ARRAY['l2', 'cosine']) metric, photo WHERE id IN (3, 77, 140) GROUP BY k, metric ORDER BY k, metric;
RESET enable_seqscan;
-- one entity has nearly all of the near rows
CREATE TABLE many AS SELECT i AS id, CASE WHEN i < 3000 THEN 'one' ELSE 'o' || i END AS object, ARRAY[i, 0]::real[]::dml_vector AS v FROM generate_series(1, 3005) i;
CREATE INDEX ON many USING dml (v);
SELECT * FROM dml_nearest_entities('many', 'v', 'object', ARRAY[0, 0]::real[], 3);
SELECT * FROM dml_nearest_entities('many', 'v', 'object', '[3004,0]'::dml_vector, 2, key => 'id * 2');
SELECT entity FROM dml_nearest_entities('SELECT * FROM many WHERE id % 2 = 0', 'v', 'id % 6', ARRAY[0, 0], 9);
-- nothing
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', NULL::dml_vector);
SELECT * FROM dml_nearest_entities('SELECT * FROM photo WHERE false', 'v', 'object', '[1]'::dml_vector);
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', '[0,0,0,0,0,0]'::dml_vector, metric => 'cosine');
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', '[1]'::dml_vector);
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', '{1,NULL}'::real[]);
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', 7);
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', '[1]'::dml_vector, 0);
SELECT * FROM dml_nearest_entities('photo', 'v', NULL, '[1]'::dml_vector);
SELECT * FROM dml_nearest_entities('photo', 'id', 'object', '[1]'::dml_vector);
SELECT * FROM dml_nearest_entities('photo', 'v', 'count(*)', '[1]'::dml_vector);
CREATE ROLE rerank_user;
SET ROLE rerank_user;
SELECT * FROM dml_nearest_entities('photo', 'v', 'object', '[1]'::dml_vector);
RESET ROLE;
DROP ROLE rerank_user;

-- Query expansion.
SELECT dml_expand_query('[1,2]', ARRAY['[3,4]', NULL, '[5,0]']::dml_vector[]);
SELECT dml_expand_query('[1,2]', '{}'), dml_expand_query('[1,2]', NULL), dml_expand_query(NULL, '{}');
SELECT dml_expand_query('[1,2]', ARRAY['[3]']::dml_vector[]);
SELECT dml_expand_query('[1,2]', ARRAY['[3,4]@0123456789abcdef']::dml_vector[]);
SELECT dml_rocchio('[1,2]', ARRAY['[3,4]', '[5,0]']::dml_vector[], ARRAY['[0,1]']::dml_vector[]) AS rocchio, (1 + 0.75 * 4 - 0.15 * 0) / 1.6 AS x, (2 + 0.75 * 2 - 0.15 * 1) / 1.6 AS y;
SELECT dml_rocchio('[1,2]', NULL), dml_rocchio('[1,2]', ARRAY[NULL]::dml_vector[], '{}'), dml_rocchio(NULL, '{}');
-- moving all vectors moves the result
SELECT dml_rocchio('[1,2]', ARRAY['[3,4]']::dml_vector[], ARRAY['[0,1]']::dml_vector[]) + 8 AS moved, dml_rocchio('[9,10]', ARRAY['[11,12]']::dml_vector[], ARRAY['[8,9]']::dml_vector[]) AS of_moved;
SELECT dml_rocchio('[1,2]', NULL, ARRAY['[3,4]']::dml_vector[], gamma => 1);
SELECT dml_rocchio('[1,2]', NULL, alpha => 'NaN');
SELECT dml_rocchio('[1,2]', NULL, beta => -1);
SELECT dml_rocchio('[1,2]', NULL, gamma => NULL);
SELECT dml_rocchio('[3e38,2]', ARRAY['[-3e38,4]']::dml_vector[], ARRAY['[-3e38,4]']::dml_vector[], gamma => 1.7);

-- Re-ranking by k-reciprocal neighbours, against numpy (test/data/make_rerank_reference.py).
CREATE TABLE wine (x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, x7 float8, x8 float8, x9 float8, x10 float8, x11 float8, x12 float8, x13 float8, class int, id int GENERATED ALWAYS AS IDENTITY);
\copy wine (x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, class) FROM 'test/data/wine.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE reference (id int, distance float8);
\copy reference FROM 'test/data/rerank_reference.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE scaled AS
SELECT id, class, (SELECT array_agg(n / s ORDER BY j) FROM unnest(ARRAY[x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13],
	ARRAY[s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13]) WITH ORDINALITY u(n, s, j))::real[]::dml_vector AS v
FROM wine, (SELECT stddev_pop(x1), stddev_pop(x2), stddev_pop(x3), stddev_pop(x4), stddev_pop(x5), stddev_pop(x6), stddev_pop(x7),
	stddev_pop(x8), stddev_pop(x9), stddev_pop(x10), stddev_pop(x11), stddev_pop(x12), stddev_pop(x13) FROM wine)
	s(s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13);
CREATE TABLE candidate AS SELECT id, class, v, v <-> (SELECT v FROM scaled WHERE id = 1) AS d FROM scaled WHERE id > 1;
SELECT count(*), max(abs(r.distance - n.distance)) < 1e-5 AS equal
FROM (SELECT id, dml_rerank(v, d) OVER () AS distance FROM candidate) n JOIN reference r USING (id);
-- neither the order of rows nor the frame matters; lambda of 1 keeps the order by distance
SELECT count(*) FILTER (WHERE abs(a - b) > 1e-6) AS different FROM (
	SELECT dml_rerank(v, d) OVER () AS a, dml_rerank(v, d) OVER (ORDER BY hashint4(id) ROWS 3 PRECEDING) AS b FROM candidate) r;
SELECT array_agg(id ORDER BY d) = array_agg(id ORDER BY r) AS by_distance FROM (SELECT id, d, dml_rerank(v, d, lambda => 1) OVER () AS r FROM candidate) r;
SELECT count(r) AS rows, min(r) >= 0 AND max(r) <= 1 AS in_range FROM (SELECT dml_rerank(v, d, 100, 100, 0) OVER (PARTITION BY class) AS r FROM candidate) r;
SELECT count(r) FROM (SELECT dml_rerank(v, v <=> '[1,1,1,1,1,1,1,1,1,1,1,1,1]', metric => 'cosine') OVER () AS r FROM candidate) r;
-- few rows, equal rows, NULL, NaN, zeros
SELECT dml_rerank('[1]', 1) OVER () AS alone, dml_rerank('[1]', 0) OVER () AS equal;
SELECT id, round((dml_rerank(v::dml_vector, d) OVER ())::numeric, 4) AS distance
FROM (VALUES (1, '[1,0]', 0::float8), (2, '[1,0]', 0), (3, '[-1,0]', 2), (4, NULL, 1), (5, '[0,1]', NULL), (6, '[0,1]', 'NaN')) c(id, v, d) ORDER BY id;
SELECT dml_rerank('[0]', 1, metric => 'cosine') OVER ();
SELECT dml_rerank(v, d) OVER () FROM candidate WHERE false;
SELECT dml_rerank('[1]', -1) OVER ();
SELECT dml_rerank('[1]', 'infinity') OVER ();
SELECT dml_rerank('[1]', 1, k1 => 0) OVER ();
SELECT dml_rerank('[1]', 1, k2 => 101) OVER ();
SELECT dml_rerank('[1]', 1, lambda => -0.1) OVER ();
SELECT dml_rerank('[1]', 1, lambda => NULL) OVER ();
SET work_mem = 64;
SELECT count(r) FROM (SELECT dml_rerank(v, d) OVER () AS r FROM candidate) r;
RESET work_mem;

DROP TABLE photo, many, wine, reference, scaled, candidate;
DROP FUNCTION mmr, entities;
