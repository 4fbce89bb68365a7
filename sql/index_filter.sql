-- Columns behind the vector: a WHERE clause that the index answers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET jit = off;					-- with enable_sort = off every plan that sorts costs enough to be compiled
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

CREATE FUNCTION at_point(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((i % 20 * 7919 + j * 104729) % 1000 / 100.0
		+ (('x' || substr(md5(i || ',' || j), 1, 6))::bit(24)::int % 1000) / 1000.0)::real ORDER BY j)::dml_vector
	FROM generate_series(1, 8) j
$$;
CREATE TYPE mood AS ENUM ('calm', 'bright', 'loud');

-- Row i; some values are NULL.
CREATE TABLE item (id int, v dml_vector(8), tenant int, small smallint, big bigint, flag boolean, day date,
	made timestamp, seen timestamptz, owner uuid, price float8, weight real, mood mood);
CREATE FUNCTION row_of(i int) RETURNS item LANGUAGE sql AS $$
	SELECT i, at_point(i), CASE WHEN i % 50 <> 7 THEN i % 100 END, (i % 1000 - 500)::smallint, i * 10000000000, i % 3 = 0,
		CASE WHEN i % 30 <> 3 THEN date '2026-01-01' + i % 365 END, timestamp '2026-01-01' + i * interval '1 hour',
		timestamptz '2026-01-01 00:00+00' + i * interval '1 hour', md5((i % 40)::text)::uuid,
		CASE WHEN i % 90 = 5 THEN 'NaN' ELSE i % 500 / 4.0 END, i % 10, (ARRAY['calm', 'bright', 'loud'])[1 + i % 3]::mood
$$;
INSERT INTO item SELECT (row_of(i)).* FROM generate_series(1, 1500) i;
CREATE INDEX item_v ON item USING dml (v, tenant, small, big, flag, day, made, seen, owner, price, weight, mood);
INSERT INTO item SELECT (row_of(i)).* FROM generate_series(1501, 3000) i;
ANALYZE item;
SET timezone = 'UTC';

-- Whether the index agrees with a sequential scan: the distances of the k nearest rows that
-- pass, one by one; the share that an approximate search finds; and the index's condition.
CREATE FUNCTION asked(filter text, k int DEFAULT 12, OUT rows bigint, OUT same boolean, OUT approximate bigint, OUT condition text)
LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT v <-> at_point(77) AS d FROM item WHERE %s ORDER BY v <-> at_point(77) LIMIT %s', filter, k);
	truth float8[];
	answer float8[];
	line text;
BEGIN
	PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
	EXECUTE 'SELECT array_agg(d) FROM (' || query || ') s' INTO truth;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
	PERFORM set_config('dml.recall', '1', true);
	EXECUTE 'SELECT array_agg(d) FROM (' || query || ') s' INTO answer;
	PERFORM set_config('dml.recall', '0.9', true);
	EXECUTE 'SELECT count(*) FROM (' || query || ') s' INTO approximate;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		condition := coalesce(condition, substring(line FROM 'Index Cond: (.*)'));
		condition := coalesce(substring(line FROM 'Filter: .*'), condition);
	END LOOP;
	rows := coalesce(cardinality(truth), 0);
	same := answer IS NOT DISTINCT FROM truth;
END
$$;
SELECT filter, (asked(filter)).* FROM unnest(ARRAY[
	'tenant = 7', 'tenant = 8', 'tenant < 3', 'tenant <= 3 AND tenant > 1', 'tenant >= 90', 'tenant > 1000', 'tenant = 8::bigint', 'tenant < 2.5',
	'tenant > -3000000000', 'tenant < 3000000000 AND tenant >= 99', 'tenant IS NULL', 'tenant IS NOT NULL AND tenant < 5', 'tenant = NULL', 'tenant IS NULL AND tenant = 1',
	'small = 77', 'small < -490', 'small >= 32767', 'small > 32767', 'small > 100000', 'small < 100000', 'small = 77::bigint',
	'big = 770000000000', 'big > 29990000000000', 'big <= 9223372036854775807', 'big > 9223372036854775807', 'big < -9223372036854775808', 'big >= 5',
	'flag IS NULL', 'flag < true',
	'day = ''2026-03-01''', 'day > ''2026-12-28''', 'day >= timestamp ''2026-12-28 12:00''', 'day IS NULL AND small < 0', 'day < ''infinity'' AND tenant = 8', 'day > ''-infinity''::date AND tenant = 8',
	'made < ''2026-01-01 09:00''', 'made <= date ''2026-01-02''', 'made >= ''2026-05-05''',
	'seen < ''2026-01-01 09:00+00''', 'seen > timestamptz ''2026-05-05 23:00+00'' + interval ''0''', 'seen <= date ''2026-01-02''',
	'owner = md5(''7'')::uuid', 'owner > ''f0000000-0000-0000-0000-000000000000''', 'owner < ''00000000-0000-0000-0000-000000000001''',
	'price = ''NaN''', 'price > 124', 'price < 0.5::real', 'weight = 7::float8 AND tenant = 47', 'mood = ''loud'' AND tenant < 2', 'mood > ''bright'' AND tenant < 2', 'v IS NOT NULL AND tenant = 8', 'tenant = 8 AND id % 2 = 0', 'true'
]) filter;

-- "= ANY" is the index's from PostgreSQL 17 on, a bare boolean from 16 on; before, the executor filters.
SELECT filter, rows, same, approximate FROM unnest(ARRAY[
	'tenant = ANY (ARRAY[5, 1, NULL, 8])', 'tenant = ANY (ARRAY[]::int[])', 'tenant = ANY (NULL::int[])', 'tenant IN (8, 9) AND flag', 'tenant < ANY (ARRAY[1, 4])', 'tenant <> 8', 'tenant = ALL (ARRAY[8])',
	'flag', 'NOT flag', 'flag = true AND tenant = 9',
	'owner = ANY (ARRAY[md5(''7'')::uuid, md5(''9'')::uuid])',
	'mood IN (''calm'', ''loud'') AND tenant < 2',
	'tenant = 8 AND flag AND day > ''2026-02-01'' AND price < 100'
]) filter, asked(filter);

-- If more rows are asked for than pass, all of them, in order.
SELECT (asked('tenant = 8', 1000)).*;
SELECT (asked('tenant < 50', 3000)).*;

-- Rows that are deleted, inserted again, and updated.
DELETE FROM item WHERE id % 2 = 0;
VACUUM item;
SELECT filter, (asked(filter)).* FROM unnest(ARRAY['tenant = 9', 'tenant = 8', 'day IS NULL', 'mood = ''calm''']) filter;
INSERT INTO item SELECT (row_of(i)).* FROM generate_series(2, 3000, 2) i;
UPDATE item SET tenant = 8 WHERE tenant = 9;
UPDATE item SET tenant = NULL WHERE tenant = 10;
SELECT filter, (asked(filter)).* FROM unnest(ARRAY['tenant = 9', 'tenant = 8', 'tenant IS NULL', 'tenant >= 95']) filter;
REINDEX INDEX item_v;
SELECT filter, (asked(filter)).* FROM unnest(ARRAY['tenant = 9', 'tenant = 8', 'tenant IS NULL', 'tenant >= 95', 'owner = md5(''7'')::uuid']) filter;
SELECT attno, pg_index_column_has_property('item_v', attno, 'distance_orderable') AS by_distance,
	pg_index_column_has_property('item_v', attno, 'search_array') AS arrays,
	pg_index_column_has_property('item_v', attno, 'search_nulls') AS nulls,
	pg_index_column_has_property('item_v', attno, 'orderable') AS orderable,
	pg_index_column_has_property('item_v', attno, 'returnable') AS returnable
FROM unnest(ARRAY[1, 2, 5]) attno;

-- Without ORDER BY distance the index is not used: rows without a vector are not in it.
INSERT INTO item (id, tenant) VALUES (9000, 8);
SET enable_seqscan = off;
SELECT plan($q$SELECT count(*) FROM item WHERE tenant = 8$q$);
SELECT count(*) FROM item WHERE id = 9000 AND tenant = 8;
RESET enable_seqscan;

-- A join, a parameter, a partial index with an expression, partitions, cosine.
CREATE TABLE wish (id int, tenant int);
INSERT INTO wish SELECT i, i * 11 FROM generate_series(1, 5) i;
SET dml.recall = 1;
SET enable_seqscan = off;
SELECT w.id, near.id, near.tenant FROM wish w, LATERAL (SELECT id, tenant FROM item WHERE tenant = w.tenant ORDER BY v <-> at_point(w.id) LIMIT 2) near ORDER BY 1, 2;
PREPARE near(int, dml_vector) AS SELECT id FROM item WHERE tenant = $1 ORDER BY v <-> $2 LIMIT 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE near(8, at_point(108));
EXECUTE near(NULL, at_point(108));
RESET plan_cache_mode;
DEALLOCATE near;
RESET enable_seqscan;
RESET dml.recall;
DROP INDEX item_v;
CREATE INDEX item_part ON item USING dml ((v * 2::float8) dml_cosine_ops, (tenant / 10)) WHERE flag;
SET enable_seqscan = off;
SET dml.recall = 1;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE flag AND tenant / 10 = 3 ORDER BY v * 2::float8 <=> at_point(3) LIMIT 3;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE flag AND tenant / 10 = 3 ORDER BY v * 2::float8 <=> at_point(3) LIMIT 3) s;
SET enable_indexscan = off;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE flag AND tenant / 10 = 3 ORDER BY v * 2::float8 <=> at_point(3) LIMIT 3) s;
RESET enable_indexscan;
RESET enable_seqscan;
CREATE TABLE shard (tenant int, id int, v dml_vector) PARTITION BY LIST (tenant);
CREATE UNLOGGED TABLE shard_1 PARTITION OF shard FOR VALUES IN (1, 2, 3);
CREATE UNLOGGED TABLE shard_2 PARTITION OF shard DEFAULT;
CREATE INDEX ON shard USING dml (v, tenant);
INSERT INTO shard SELECT tenant, id, v FROM item WHERE v IS NOT NULL;
SELECT count(*), min(tenant), max(tenant) FROM (SELECT tenant FROM shard WHERE tenant IN (3, 4) ORDER BY v <-> at_point(3) LIMIT 40) s;

-- A condition that follows from the vector: the rows that pass are another cluster's, far from the
-- query. The requested recall holds.
CREATE TABLE far AS SELECT i AS id, at_point(i) AS v, i % 20 AS cluster FROM generate_series(1, 20000) i;
CREATE INDEX far_v ON far USING dml (v, cluster);
CREATE FUNCTION found(q int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	wanted CONSTANT text := format('SELECT array_agg(id) FROM (SELECT id FROM far WHERE cluster = %s ORDER BY v <-> at_point(%s) LIMIT 10) s', (q + 7) % 20, -q);
	exact int[];
	got int[];
BEGIN
	SET LOCAL enable_indexscan = off;
	EXECUTE wanted INTO exact;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	EXECUTE wanted INTO got;
	RESET enable_seqscan;
	RETURN (SELECT count(*) FROM unnest(exact) e WHERE e = ANY (got));
END
$$;
SELECT sum(found(q)) >= 900 AS kept FROM generate_series(1, 100) q;		-- of 1000, where 0.95 is asked for

-- What an index cannot have.
CREATE INDEX ON item USING dml (tenant, v);
CREATE INDEX ON item USING dml (v, v);
CREATE TABLE other (v dml_vector, name text, price numeric, place point);
CREATE INDEX ON other USING dml (v, name);
CREATE INDEX ON other USING dml (v) INCLUDE (price);
CREATE UNIQUE INDEX ON other USING dml (v);
CREATE OPERATOR CLASS other_text_ops FOR TYPE text USING dml AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 bttextcmp(text, text);
CREATE INDEX ON other USING dml (v, name other_text_ops);
CREATE OPERATOR CLASS other_half_ops FOR TYPE "char" USING dml AS OPERATOR 3 =, FUNCTION 1 dml_index_metric_l2();
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'other_half_ops';
DROP OPERATOR CLASS other_half_ops USING dml;
DROP OPERATOR CLASS other_text_ops USING dml;
CREATE TABLE many (v dml_vector, a uuid, b uuid, c uuid);
INSERT INTO many SELECT array_fill(i, ARRAY[4000])::dml_vector FROM generate_series(1, 3) i;
DO $$ BEGIN
	EXECUTE 'CREATE INDEX ON many USING dml (v, ' || (SELECT string_agg((ARRAY['a', 'b', 'c'])[1 + i % 3], ', ') FROM generate_series(1, 31) i) || ')';
END $$;
DROP TABLE far, many, other, shard, wish, item CASCADE;
DROP TYPE mood CASCADE;
DROP FUNCTION asked, at_point, found(int), plan(text);
