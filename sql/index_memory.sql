-- work_mem bounds the memory of a search, however many rows a filter rejects. The rows do not
-- change.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET enable_seqscan = off;
SET max_parallel_workers_per_gather = 0;
-- Some rows are equal: more than the smallest memory holds. An exact search must have all of them
-- before it returns one.
CREATE TABLE many AS SELECT i AS id, array_agg((sin(i * j) + i % 13)::real ORDER BY j)::dml_vector AS v, i % 10 AS tenant
FROM generate_series(1, 20000) i, generate_series(1, 8) j GROUP BY i;
INSERT INTO many SELECT 40000 + i, v, 3 FROM many, generate_series(1, 3000) i WHERE id = 17;
CREATE INDEX many_v ON many USING dml (v, tenant);
CREATE INDEX many_cosine ON many USING dml (v dml_cosine_ops);
CREATE INDEX many_ip ON many USING dml (v dml_ip_ops);
ANALYZE many;

-- Nearest rows first, with their places. few: a condition that the index does not have and that few
-- rows pass.
CREATE FUNCTION few(id int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 % 4999 = 7 OR $1 > 42980 $$;
CREATE TABLE asked AS SELECT v AS q FROM many WHERE id = 17;
CREATE FUNCTION answers(recall float8, memory text, operator text, condition text, lim text, OUT rows bigint, OUT digest text, OUT places bigint)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('dml.recall', recall::text, true), set_config('work_mem', memory, true);
	EXECUTE format('SELECT count(*), md5(string_agg(id::text, '','' ORDER BY id)), count(*) FILTER (WHERE d < before)
		FROM (SELECT id, d, lag(d) OVER (ORDER BY place) AS before
			FROM (SELECT id, v %1$s (SELECT q FROM asked) AS d, row_number() OVER () AS place
				FROM (SELECT id, v FROM many WHERE %2$s ORDER BY v %1$s (SELECT q FROM asked) LIMIT %3$s) s) s) s', operator, condition, lim) INTO rows, digest, places;
END $$;

-- Exact: the rows of a sequential scan, in its order.
SELECT op, condition, lim, CASE WHEN condition NOT LIKE 'dml%' THEN small.rows END AS rows, small = large AS same, small.places AS out_of_order
FROM (VALUES ('<->', 'few(id)', 'ALL'), ('<->', 'true', 'ALL'), ('<->', 'true', '8000'), ('<->', 'tenant = 3', 'ALL'), ('<=>', 'few(id)', 'ALL'), ('<#>', 'few(id)', 'ALL'),
	('<->', 'dml_within(v, (SELECT q FROM asked), 3)', 'ALL')) c (op, condition, lim),
	LATERAL answers(1, '64kB', op, condition, lim) small, LATERAL answers(1, '1GB', op, condition, lim) large;

-- Approximate: all rows that pass, if the tree was searched completely.
SELECT op, condition, small.rows, small.digest = exact.digest AS same, small.places = 0 AS in_order
FROM (VALUES ('<->', 'few(id)'), ('<->', 'true'), ('<->', 'tenant = 3'), ('<=>', 'few(id)'), ('<#>', 'few(id)')) c (op, condition),
	LATERAL answers(0.9, '64kB', op, condition, 'ALL') small, LATERAL answers(1, '1GB', op, condition, 'ALL') exact;
SELECT small.rows, small.places FROM answers(0.9, '64kB', '<->', 'true', '10000') small;

-- Memory: of a cursor that has returned 5000 rows.
CREATE FUNCTION held(recall float8, memory text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows CURSOR FOR SELECT id FROM many ORDER BY v <-> (SELECT q FROM asked) LIMIT 5500;
	kilobytes bigint := 0;
	n bigint;
BEGIN
	PERFORM set_config('dml.recall', recall::text, true), set_config('work_mem', memory, true);
	OPEN rows;
	MOVE FORWARD 5000 FROM rows;
	IF current_setting('server_version_num')::int >= 140000 THEN
		EXECUTE $q$SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts WHERE name ~ '^(dml index|TupleSort|Caller tuples)'$q$ INTO kilobytes;
	END IF;
	CLOSE rows;
	RETURN CASE WHEN kilobytes < 500 THEN 'bounded' ELSE kilobytes || ' kB' END;
END $$;
SELECT recall, held(recall, '64kB') FROM (VALUES (0.9), (1)) r (recall);

-- A join starts a new search with each row, also while rows are being sorted.
SET work_mem = '64kB';
SELECT recall, set_config('dml.recall', recall::text, false) IS NULL AS set,
	(SELECT count(*) FROM (SELECT v FROM many WHERE id <= 3) a, LATERAL (SELECT id FROM many ORDER BY v <-> a.v LIMIT 4000) b) AS rows
FROM (VALUES (0.9), (1)) r (recall);
RESET work_mem;
RESET dml.recall;
DROP TABLE many, asked;
DROP FUNCTION few, answers, held;
