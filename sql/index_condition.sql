-- Conditions that correlate with the vectors: the recall, averaged over queries, is the requested
-- one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT setseed(0.1);
-- 120 clusters in 32 dimensions. c, d and e depend on the cluster; r does not.
CREATE TABLE centers AS SELECT c, array_agg(random() * 2 - 1 ORDER BY j) AS m FROM generate_series(1, 120) c, generate_series(1, 32) j GROUP BY c;
CREATE TABLE crowd AS
SELECT row_number() OVER () AS id, c, date '2026-01-01' + c AS d, CASE WHEN c > 8 THEN c END AS e, c % 2 = 0 AS b, (random() * 100)::int AS r, v
FROM (SELECT c, i, array_agg((m[j] + 0.35 * (random() + random() + random() - 1.5))::real ORDER BY j)::dml_vector AS v
	FROM centers, generate_series(1, 130) i, generate_series(1, 32) j GROUP BY c, i) s;
CREATE INDEX crowd_v ON crowd USING dml (v, c, d, e, b, r);
ANALYZE crowd;
CREATE TABLE questions AS SELECT v AS q FROM crowd WHERE id % 250 = 3;
-- Compared with exact search.
CREATE FUNCTION recall(condition text, asked float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	question dml_vector;
	found bigint[];
	nearest bigint[];
	hits int := 0;
	n int := 0;
	filter text;
BEGIN
	FOR question IN SELECT q FROM questions LOOP
		filter := replace(condition, 'QUESTION', quote_literal(question) || '::dml_vector');
		PERFORM set_config('dml.recall', '1', true);
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM crowd WHERE %s ORDER BY v <-> %L::dml_vector LIMIT 10) s', filter, question)
			INTO nearest;
		PERFORM set_config('dml.recall', asked::text, true);
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM crowd WHERE %s ORDER BY v <-> %L::dml_vector LIMIT 10) s', filter, question)
			INTO found;
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f = ANY (nearest));
		n := n + coalesce(cardinality(nearest), 0);
	END LOOP;
	RETURN hits / n::float8;
END
$$;
SET enable_seqscan = off;
SELECT condition, asked, CASE WHEN recall >= asked THEN 'kept' ELSE recall::text END AS recall
FROM unnest(ARRAY['c BETWEEN 60 AND 120', 'c = 31', 'c < 30', 'c IN (5, 10, 77)', $$d > '2026-04-01'$$, $$d = '2026-02-03'$$, 'e IS NULL',
		'b AND c > 90', 'c > 60 AND r < 50', 'r = 7', 'c + 0 BETWEEN 60 AND 120', 'r + 0 < 50', 'r + 0 = 7']) condition,
	unnest('{0.9, 0.95, 0.99}'::float8[]) asked, recall(condition, asked) recall;
-- balls
SELECT asked, CASE WHEN recall >= asked THEN 'kept' ELSE recall::text END AS recall
FROM unnest('{0.9, 0.99}'::float8[]) asked,
	recall('c BETWEEN 60 AND 120 AND dml_within(v, QUESTION, 4)', asked) recall;
-- A condition that has nothing to do with the vectors takes as many leaves as its share of rows says.
CREATE TABLE even AS
SELECT i AS id, i % 10 AS r, (SELECT array_agg(random() + i * 0 ORDER BY j) FROM generate_series(1, 12) j)::dml_vector AS v
FROM generate_series(1, 12000) i;
CREATE INDEX even_v ON even USING dml (v, r);
CREATE FUNCTION leaves(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	question dml_vector;
	rows int;
	n bigint := 0;
BEGIN
	FOR question IN SELECT v FROM even WHERE id % 150 = 3 LOOP
		EXECUTE format('SELECT count(*) FROM (SELECT id FROM even WHERE %s ORDER BY v <-> %L::dml_vector LIMIT 10) s', condition, question)
			INTO rows;
		n := n + (SELECT search_leaves FROM dml_index_stats('even_v'));
	END LOOP;
	RETURN n;
END
$$;
SELECT condition, leaves(condition) / leaves('true')::float8 < 2.8 AS few_leaves FROM unnest('{r < 5,r = 3}'::text[]) condition;
DROP TABLE even;
DROP FUNCTION leaves;
DROP TABLE centers, crowd, questions;
DROP FUNCTION recall;
