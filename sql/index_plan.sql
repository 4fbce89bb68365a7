-- Which plan is chosen, and the effect of an index's own recall.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

-- A plan; PostgreSQL 18 says "Disabled" of what enable_* discourages.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line !~ 'Disabled' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END
$$;
SET plan_cache_mode = force_custom_plan;

CREATE FUNCTION at_point(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((i % 20 * 7919 + j * 104729) % 1000 / 100.0
		+ (('x' || substr(md5(i || ',' || j), 1, 6))::bit(24)::int % 1000) / 1000.0)::real ORDER BY j)::dml_vector
	FROM generate_series(1, 8) j
$$;
CREATE TABLE tiny (id int, v dml_vector(8));
INSERT INTO tiny SELECT i, at_point(i) FROM generate_series(1, 40) i;
CREATE INDEX ON tiny USING dml (v);
CREATE TABLE item (id int PRIMARY KEY, v dml_vector(8), tenant int, shop int);
INSERT INTO item SELECT i, at_point(i), i % 10, i % 1000 FROM generate_series(1, 20000) i;
CREATE INDEX item_v ON item USING dml (v, tenant);
CREATE INDEX item_shop ON item (shop);
CREATE TABLE part (id int, v dml_vector(8)) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10000) TO (30000);
INSERT INTO part SELECT id, v FROM item;
CREATE INDEX ON part USING dml (v);
CREATE TABLE visit (id int, v dml_vector(8), day int, place int);
INSERT INTO visit SELECT id, v, id % 5000, id % 5000 FROM item;
CREATE INDEX visit_v ON visit USING dml (v, day);
CREATE INDEX visit_day ON visit (day);
CREATE INDEX visit_place ON visit (place);
-- Vectors out of line, and equal vectors in line.
CREATE TABLE long (id int, v dml_vector, kind int);
INSERT INTO long SELECT i, array_agg(sin(i * j)::real ORDER BY j)::dml_vector, i % 100
	FROM generate_series(1, 1500) i, generate_series(1, 600) j GROUP BY i;
CREATE TABLE inlined (LIKE long);
ALTER TABLE inlined ALTER v SET STORAGE main;
INSERT INTO inlined SELECT * FROM long;
CREATE INDEX long_v ON long USING dml (v);
CREATE INDEX long_kind ON long (kind);
VACUUM ANALYZE tiny, item, part, visit, long, inlined;

-- A table of one or two pages is read sequentially.
EXPLAIN (COSTS OFF) SELECT id FROM tiny ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
-- The nearest few of many rows come from the index, with a condition on its column and without.
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
-- A condition that twenty rows pass: another index, and a sort.
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE shop = 77 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE id IN (1, 5, 9) ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
-- A condition that most rows pass.
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE shop > 100 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
-- Conditions on a column of the index: few days, many days, nearly all days.
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE day < 5 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE day < 1000 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE day > 5 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 100;
-- Conditions on a column that is not in the index, which would measure a hundred rows for each row
-- that passes, or two.
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE place < 50 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE place < 2500 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE place < 2500 ORDER BY v <-> '[1,2,3,4,5,6,7,8]';
-- Exact search.
SET dml.recall = 1;
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE day < 5 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM visit WHERE day < 2500 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;
RESET dml.recall;
-- Vectors out of line are fetched for each distance: the index serves a condition that many rows
-- pass.
PREPARE of_kind AS SELECT id FROM long WHERE kind < 30 ORDER BY v <-> $1::dml_vector LIMIT 3;
PREPARE of_one_kind AS SELECT id FROM long WHERE kind = 30 ORDER BY v <-> $1::dml_vector LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE of_kind(NULL);
EXPLAIN (COSTS OFF) EXECUTE of_one_kind(NULL);
SET plan_cache_mode = force_custom_plan;
DEALLOCATE ALL;
-- The cost of a distance in units of an operator's cost, by length and by where the vectors are
-- stored.
CREATE FUNCTION cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN (plan->0->'Plan'->>'Total Cost')::float8;
END
$$;
CREATE FUNCTION distance_cost(rel text, distance text) RETURNS float8 LANGUAGE sql AS $$
	SELECT (cost(format('SELECT %s FROM %s', distance, rel)) - cost(format('SELECT id FROM %s', rel)))
		/ (SELECT reltuples FROM pg_class WHERE relname = rel) / current_setting('cpu_operator_cost')::float8
$$;
SELECT distance_cost('visit', 'v <-> v') BETWEEN 1 AND 5 AS short, distance_cost('inlined', 'v <-> v') BETWEEN 20 AND 50 AS inlined,
	distance_cost('long', $$v <=> '[1]'$$) BETWEEN 200 AND 1000 AS out_of_line,
	distance_cost('long', 'v <-> v') > 1.9 * distance_cost('long', $$v <-> '[1]'$$) AS both;
SELECT distance_cost('long', $$dml_within(v, '[1]', 1)$$) BETWEEN 200 AND 1000 AS within,
	distance_cost('long', 'v <-> ARRAY[1]::real[]') BETWEEN 200 AND 1000 AS raw;
-- Without statistics the length comes from the type, or is unknown.
CREATE TABLE unknown (a dml_vector, b dml_vector(8), c dml_vector(1000));
EXPLAIN (COSTS OFF) SELECT * FROM unknown WHERE a <-> a > 1 AND b <#> c > 1 AND c <+> c > 1;
DROP TABLE unknown;
-- All rows in order: a sort.
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> '[1,2,3,4,5,6,7,8]';
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3 ORDER BY v <-> '[1,2,3,4,5,6,7,8]';
-- Another distance, another direction, no distance: the index is not used.
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <=> '[1,2,3,4,5,6,7,8]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> '[1,2,3,4,5,6,7,8]' DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3 LIMIT 10;
SET enable_seqscan = off;
SELECT plan($q$SELECT id FROM item WHERE tenant = 3 ORDER BY v <=> '[1,2,3,4,5,6,7,8]' LIMIT 10$q$);
RESET enable_seqscan;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item WHERE v IS NOT NULL;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE v IS NULL ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
-- Each row of a join searches; the nearest rows of a join.
EXPLAIN (COSTS OFF) SELECT t.id, near.id FROM tiny t, LATERAL (SELECT id FROM visit WHERE day < 1000 + t.id ORDER BY v <-> t.v LIMIT 3) near;
EXPLAIN (COSTS OFF) SELECT t.id, near.id FROM tiny t, LATERAL (SELECT id FROM visit WHERE place = t.id ORDER BY v <-> t.v LIMIT 3) near;
EXPLAIN (COSTS OFF) SELECT i.id FROM item i JOIN tiny t ON t.id = i.tenant ORDER BY i.v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT t.id, near.id FROM tiny t, LATERAL (SELECT id FROM item WHERE tenant = t.id ORDER BY v <-> t.v LIMIT 3) near;
-- A join that few rows pass: sorting them is cheaper than meeting a hundred rows of the index for
-- each.
SELECT bool_or(line ~ 'visit_v') AS by_distance, bool_or(line ~ 'Sort Key.*<->') AS sorted
FROM plan($q$SELECT v.id FROM visit v JOIN tiny t ON t.id * 100 = v.place ORDER BY v.v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3$q$) line;
EXPLAIN (COSTS OFF) SELECT t.id, i.id FROM tiny t JOIN item i ON dml_within(i.v, t.v, 0.1);
-- A small ball, a large one.
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within(v, '[1,2,3,4,5,6,7,8]', 0.1);
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within(v, '[1,2,3,4,5,6,7,8]', 100);
-- A partial index has the rows of its predicate; a further condition makes it search more of them.
CREATE INDEX item_part ON item USING dml (v) WHERE shop < 100;
SET enable_sort = off;
SELECT cost($$SELECT id FROM item WHERE shop < 100 AND id < 2000 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10$$)
	> 2 * cost($$SELECT id FROM item WHERE shop < 100 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10$$) AS looked_at;
SELECT plan($q$SELECT id FROM item WHERE shop < 100 AND id < 2000 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10$q$);
RESET enable_sort;
DROP INDEX item_part;
-- Partitions merge.
EXPLAIN (COSTS OFF) SELECT id FROM part ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 10;

-- WITH (recall): for searches where dml.recall is not set.
CREATE FUNCTION same(q int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	truth float8[];
	answer float8[];
BEGIN
	SET LOCAL enable_indexscan = off;
	SELECT array_agg(d) INTO truth FROM (SELECT v <-> at_point(q) AS d FROM item ORDER BY v <-> at_point(q) LIMIT 500) s;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	SELECT array_agg(d) INTO answer FROM (SELECT v <-> at_point(q) AS d FROM item ORDER BY v <-> at_point(q) LIMIT 500) s;
	RETURN answer = truth;
END
$$;
SHOW dml.recall;
ALTER INDEX item_v SET (recall = 1);
SELECT bool_and(same(q)) AS exact FROM generate_series(30001, 30030) q;
SHOW dml.recall;
ALTER INDEX item_v SET (recall = 0.5);
SELECT bool_and(same(q)) AS exact FROM generate_series(30001, 30030) q;
SET dml.recall = 1;
SELECT bool_and(same(q)) AS exact FROM generate_series(30001, 30030) q;
BEGIN;
SET LOCAL dml.recall = 0.5;
SELECT bool_and(same(q)) AS exact FROM generate_series(30001, 30030) q;
COMMIT;
SELECT bool_and(same(q)) AS exact FROM generate_series(30001, 30030) q;
RESET dml.recall;
SELECT bool_and(same(q)) AS exact FROM generate_series(30001, 30030) q;
ALTER INDEX item_v RESET (recall);
SELECT reloptions FROM pg_class WHERE relname = 'item_v';
CREATE INDEX ON tiny USING dml (v) WITH (recall = 0.99);
SELECT indexdef FROM pg_indexes WHERE tablename = 'tiny' ORDER BY 1;
ALTER INDEX item_v SET (recall = 0.2);
CREATE INDEX ON tiny USING dml (v) WITH (recall = 2);
CREATE INDEX ON tiny USING dml (v) WITH (lists = 100);
DROP TABLE tiny, item, part, visit, long, inlined;
DROP FUNCTION same, at_point, plan(text), cost, distance_cost;
