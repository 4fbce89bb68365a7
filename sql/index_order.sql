-- The order of a search below a recall of 1, and what relies on it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET jit = off;
SET dml.recall = 0.5;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE oi (id int, kind int, v dml_vector(12));
SELECT setseed(0.5);
INSERT INTO oi SELECT i, i % 1000, array_agg(((random() * 2 - 1) * (1 + i % 3))::real)::dml_vector
FROM generate_series(1, 12000) i, generate_series(1, 12) j GROUP BY i;
CREATE INDEX oi_v ON oi USING dml (v);
ANALYZE oi;
CREATE TABLE oq (q dml_vector(12));
INSERT INTO oq SELECT v FROM oi WHERE id % 6000 = 7 ORDER BY id;
-- The distances of a query's rows, with %s as the query: how many rows, and how often the order is
-- broken, over all queries.
CREATE FUNCTION in_order(query text, OUT rows int, OUT broken int) LANGUAGE plpgsql AS $$
DECLARE
	question dml_vector;
	before float8;
	distance float8;
BEGIN
	rows := 0;
	broken := 0;
	FOR question IN SELECT q FROM oq LOOP
		before := -1;
		FOR distance IN EXECUTE replace(query, '%s', quote_literal(question) || '::dml_vector') LOOP
			rows := rows + 1;
			broken := broken + (distance < before)::int;
			before := distance;
		END LOOP;
	END LOOP;
END
$$;
SET enable_seqscan = off;
-- all rows, also as a cursor has them
SELECT * FROM in_order('SELECT v <-> %s FROM oi ORDER BY v <-> %s');
BEGIN;
DECLARE c CURSOR FOR SELECT v <-> (SELECT q FROM oq LIMIT 1) AS d FROM oi ORDER BY v <-> (SELECT q FROM oq LIMIT 1);
MOVE 11000 IN c;
CREATE TEMP TABLE fetched (n serial, d float8);
DO $$
DECLARE
	c refcursor := 'c';
	d float8;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		FETCH c INTO d;
		INSERT INTO fetched (d) VALUES (d);
	END LOOP;
END
$$;
SELECT count(*), sum((d < before)::int) AS broken FROM (SELECT d, lag(d) OVER (ORDER BY n) AS before FROM fetched) s;
COMMIT;
-- a filter that few rows pass, and a LIMIT that they do not fill: all of them, in order
SELECT * FROM in_order('SELECT v <-> %s FROM oi WHERE kind = 5 ORDER BY v <-> %s LIMIT 20');
SELECT * FROM in_order('SELECT v <-> %s FROM oi WHERE kind < 3 ORDER BY v <-> %s OFFSET 5 LIMIT 40');
SELECT * FROM in_order('SELECT v <-> %s FROM oi WHERE kind = 5 ORDER BY v <-> %s FETCH FIRST 12 ROWS WITH TIES');
SELECT * FROM in_order('SELECT v <-> %s FROM oi ORDER BY v <-> %s LIMIT 12000');
SELECT * FROM in_order('SELECT v <-> %s FROM oi ORDER BY v <-> %s OFFSET 11000 LIMIT 9223372036854775807');
SELECT * FROM in_order('SELECT v <-> %s FROM oi ORDER BY v <-> %s LIMIT (SELECT 12000) OFFSET (SELECT 11000)');
SELECT * FROM in_order('SELECT v <-> %s FROM oi ORDER BY v <-> %s LIMIT (SELECT 9223372036854775807) OFFSET (SELECT 9223372036854775807)');
SELECT * FROM in_order('SELECT v <-> %s FROM oi ORDER BY v <-> %s, id LIMIT 12000');
SELECT * FROM in_order('SELECT oi.v <-> %s FROM oi JOIN (VALUES (5), (7)) w (k) ON k = kind ORDER BY oi.v <-> %s LIMIT 24');
-- operations that would rely on it: groups, distinct rows, window functions
SELECT * FROM in_order('SELECT count(*) FROM (SELECT v <-> %s AS d FROM oi GROUP BY 1) s');
SET enable_hashagg = off;
SELECT sum(n), count(*) = count(DISTINCT (q, d)) AS once
FROM oq, LATERAL (SELECT v <-> q AS d, count(*) AS n FROM oi GROUP BY v <-> q) s;
SELECT count(*) = count(DISTINCT d) AS once FROM (SELECT DISTINCT v <-> (SELECT q FROM oq LIMIT 1) AS d FROM oi) s;
SELECT count(*) = count(DISTINCT d) AS once, count(*) = (SELECT count(DISTINCT 0 + (v <-> (SELECT q FROM oq LIMIT 1))) FROM oi) AS every
FROM (SELECT DISTINCT ON (v <-> (SELECT q FROM oq LIMIT 1)) v <-> (SELECT q FROM oq LIMIT 1) AS d FROM oi
	ORDER BY v <-> (SELECT q FROM oq LIMIT 1) LIMIT 20000) s;
SELECT sum((d < before)::int) AS broken, max(r) FROM (
	SELECT d, lag(d) OVER (ORDER BY d) AS before, rank() OVER (ORDER BY d) AS r
	FROM (SELECT v <-> (SELECT q FROM oq LIMIT 1) AS d FROM oi) s) w;
-- of a LIMIT, too, as an outer query sees it
SELECT sum(n), count(*) = count(DISTINCT (q, d)) AS once FROM oq,
	LATERAL (SELECT d, count(*) AS n FROM (SELECT v <-> q AS d FROM oi WHERE kind < 4 ORDER BY v <-> q LIMIT 100) s GROUP BY d) g;
RESET enable_hashagg;
-- a merge join by the distance
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_sort = off;
CREATE TABLE od AS SELECT v <-> (SELECT q FROM oq LIMIT 1) AS d, id FROM oi WHERE id % 40 = 0;
ANALYZE od;
SELECT count(*) FROM oi JOIN od ON oi.v <-> (SELECT q FROM oq LIMIT 1) = od.d;
SELECT count(*) FROM oi FULL JOIN od ON oi.v <-> (SELECT q FROM oq LIMIT 1) = od.d;
SELECT count(*) FROM (SELECT oi.id FROM oi LEFT JOIN od ON oi.v <-> (SELECT q FROM oq LIMIT 1) = od.d
	ORDER BY oi.v <-> (SELECT q FROM oq LIMIT 1) LIMIT 20000) s;
SELECT count(*) FROM (SELECT v <-> (SELECT q FROM oq LIMIT 1) AS d FROM oi WHERE kind < 4 ORDER BY 1 LIMIT 100) s JOIN od USING (d);
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_sort;
-- a plan of an exact search that is run at a lower recall
CREATE FUNCTION groups() RETURNS TABLE (n bigint, once boolean) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT sum(s.n)::bigint, count(*) = count(DISTINCT d)
	FROM (SELECT v <-> (SELECT q FROM oq LIMIT 1) AS d, count(*) AS n FROM oi GROUP BY v <-> (SELECT q FROM oq LIMIT 1)) s;
END
$$;
SET enable_hashagg = off;
SET plan_cache_mode = force_generic_plan;
SET dml.recall = 1;
SELECT * FROM groups();
SET dml.recall = 0.5;
SELECT * FROM groups();
RESET plan_cache_mode;
RESET enable_hashagg;
-- the plans: nothing is added if the search does not run to its end
RESET enable_seqscan;
EXPLAIN (COSTS OFF) SELECT id FROM oi ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM oi ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 100 OFFSET 50;
EXPLAIN (COSTS OFF) SELECT id FROM oi WHERE kind < 500 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM oi WHERE dml_within(v, '[1,2,3,4,5,6,7,8,9,10,11,12]', 0.1) ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]';
-- PostgreSQL 18 shows the window, too
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line !~ 'Window:' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END
$$;
SELECT plan($q$SELECT id, rank() OVER (ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]') FROM oi LIMIT 10$q$);
EXPLAIN (COSTS OFF) SELECT id FROM oi WHERE kind < 500 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 10 FOR UPDATE;
-- partitions
CREATE TABLE op (id int, kind int, v dml_vector(12)) PARTITION BY HASH (id);
CREATE TABLE op1 PARTITION OF op FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE op2 PARTITION OF op FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO op SELECT * FROM oi;
CREATE INDEX ON op USING dml (v);
ANALYZE op;
SET enable_seqscan = off;
SELECT * FROM in_order('SELECT v <-> %s FROM op WHERE kind = 5 ORDER BY v <-> %s LIMIT 20');
SELECT * FROM in_order('SELECT v <-> %s FROM op ORDER BY v <-> %s');
EXPLAIN (COSTS OFF) SELECT id FROM op WHERE kind = 5 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 20;
DROP TABLE oi, oq, od, op;
DROP FUNCTION in_order, groups, plan(text);
