-- <#>, the negative inner product, by an index, with lengths of all sizes.
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

-- Directions around 20 centers; lengths vary by a factor of a thousand.
CREATE FUNCTION at_point(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i % 20 * 7 + j * 3) + (('x' || substr(md5(i || ',' || j), 1, 6))::bit(24)::int % 1000) / 1000.0)::real
		* (10 ^ (i % 31 / 10.0))::real ORDER BY j)::dml_vector
	FROM generate_series(1, 12) j
$$;
CREATE TABLE item (id int, v dml_vector(12), tenant int);
INSERT INTO item SELECT i, at_point(i), i % 10 FROM generate_series(1, 2500) i;
CREATE INDEX item_v ON item USING dml (v dml_ip_ops, tenant);
ANALYZE item;

-- Distances of the k nearest, one by one compared with a sequential scan; and the share that an
-- approximate search finds.
CREATE FUNCTION asked(k int, filter text DEFAULT 'true', OUT same boolean, OUT approximate boolean) LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT array_agg(d) FROM (SELECT v <#> $1 AS d FROM item WHERE %s ORDER BY v <#> $1 LIMIT %s) s', filter, k);
	truth float8[];
	answer float8[];
	hits float8 := 0;
	x dml_vector;
BEGIN
	same := true;
	FOR i IN 1 .. 20 LOOP
		x := at_point(100000 + i * 13) * CASE i % 4 WHEN 0 THEN -0.01 WHEN 1 THEN 0.001 ELSE 1 END;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
		EXECUTE query INTO truth USING x;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('dml.recall', '1', true);
		EXECUTE query INTO answer USING x;
		same := same AND answer IS NOT DISTINCT FROM truth;
		PERFORM set_config('dml.recall', '0.95', true);
		EXECUTE query INTO answer USING x;
		CONTINUE WHEN i % 4 = 0;		-- away from all rows: a query unlike any
		hits := hits + (SELECT count(*) FROM unnest(answer) a WHERE a <= truth[cardinality(truth)]) / cardinality(truth)::float8;
	END LOOP;
	approximate := hits / 15 >= 0.87;
END
$$;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <#> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 3;
SELECT k, (asked(k)).* FROM unnest(ARRAY[1, 10, 100]) k;
SELECT (asked(10, 'tenant = 3')).same;
SELECT (asked(2500)).*;

-- Filled by inserts: vectors longer than all before, zero, and in the reverse order.
INSERT INTO item SELECT i, at_point(i) * (1 + (i % 7) * 100)::float8, i % 10 FROM generate_series(2501, 4000) i;
INSERT INTO item VALUES (5000, array_fill(0::real, ARRAY[12])::dml_vector, 1), (5001, NULL, 1), (5002, array_fill(1e9::real, ARRAY[12])::dml_vector, 1);
SELECT k, (asked(k)).* FROM unnest(ARRAY[1, 10, 100]) k;
DELETE FROM item WHERE id % 2 = 0;
VACUUM item;
SELECT (asked(10)).*;
REINDEX INDEX item_v;
SELECT (asked(10)).*;
SELECT (asked(10, 'tenant = 3')).same;
SELECT rows, dead FROM dml_index_check('item_v', heap => true);
SELECT metric FROM dml_index_stats('item_v');

-- Created empty; raw queries; a zero query is equally near to all rows.
CREATE TABLE grown (id int, v dml_vector);
CREATE INDEX grown_v ON grown USING dml (v dml_ip_ops);
INSERT INTO grown SELECT id, v FROM item WHERE v IS NOT NULL;
SELECT rows, dead FROM dml_index_check('grown_v', heap => true);
SET enable_seqscan = off;
SET dml.recall = 1;
SELECT a.d = b.d AS same FROM
	(SELECT array_agg(d) AS d FROM (SELECT v <#> at_point(7) AS d FROM grown ORDER BY v <#> at_point(7)::real[] LIMIT 50) s) a,
	(SELECT array_agg(d) AS d FROM (SELECT v <#> at_point(7) AS d FROM item ORDER BY v <#> at_point(7)::float8[] LIMIT 50) s) b;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM grown ORDER BY v <#> array_fill(0::real, ARRAY[12])::dml_vector OFFSET 0) s;

-- dml_within is about distances: this index does not serve it.
SELECT plan($q$SELECT id FROM grown WHERE dml_within(v, at_point(7), 1)$q$);
DROP TABLE grown, item;
DROP FUNCTION asked, at_point, plan(text);
