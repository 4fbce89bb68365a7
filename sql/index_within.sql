-- dml_within: true or false by itself, and an index scan if there is an index.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET jit = off;					-- with enable_sort = off every plan that sorts costs enough to be compiled

SELECT dml_within('[0,0]'::dml_vector, '[3,4]'::dml_vector, 5) AS at, dml_within('[0,0]'::dml_vector, '[3,4]'::dml_vector, 4.999999) AS outside,
	dml_within('[0,0]'::dml_vector, ARRAY[3,4]::real[], 5) AS raw, dml_within('[0,0]'::dml_vector, ARRAY[3,4]::float8[], 4) AS raw_outside,
	dml_within('[1,1]'::dml_vector, '[1,1]'::dml_vector, 0) AS same, dml_within('[1,1]'::dml_vector, '[1,1]'::dml_vector, -1) AS negative,
	dml_within('[1,1]'::dml_vector, '[1e30,1]'::dml_vector, 'infinity') AS everything;
SELECT dml_within('[0,0]', '[3,4]', 5) AS at, dml_within_cosine('[1,0]', '[0,1]', 0.5) AS outside;
SELECT dml_within(NULL::dml_vector, '[1]'::dml_vector, 1) AS a, dml_within('[1]'::dml_vector, NULL::dml_vector, 1) AS b, dml_within('[1]'::dml_vector, '[1]'::dml_vector, NULL) AS c;
SELECT dml_within_cosine('[1,0]'::dml_vector, '[0,2]'::dml_vector, 1) AS at, dml_within_cosine('[1,0]'::dml_vector, '[0,2]'::dml_vector, 0.99) AS outside,
	dml_within_cosine('[1,0]'::dml_vector, ARRAY[1,1]::real[], 0.3) AS raw, dml_within_cosine('[1,0]'::dml_vector, '[0,0]'::dml_vector, 'infinity') AS no_direction;
SELECT dml_within('[1]'::dml_vector, '[1]'::dml_vector, 'NaN');
SELECT dml_within('[1]'::dml_vector, ARRAY[1]::real[], 'NaN');
SELECT dml_ball(ARRAY[1]::float8[], 'NaN');
SELECT dml_within('[1]'::dml_vector, '[1,2]'::dml_vector, 1);
SELECT dml_ball('[1,2]'::dml_vector, 3), dml_ball(ARRAY[1,2]::real[], 3), dml_ball(ARRAY[1,2]::float8[], 3);
SELECT dml_ball(ARRAY[1,2], 3), dml_ball('{1.5,2}'::numeric[], 3), dml_within('[0,0]'::dml_vector, ARRAY[3,4], 5) AS whole, dml_within('[0,0]'::dml_vector, '{3,4}'::smallint[], 4.9) AS small,
	dml_within('[0,0]'::dml_vector, '{3,4}'::bigint[], 5) AS large, dml_within('[0,0]'::dml_vector, ARRAY[3,4.0], 4.9) AS decimal, dml_within_cosine('[1,0]'::dml_vector, ARRAY[1,1], 0.3) AS cosine;
SELECT '[1,2]'::dml_vector <->@ dml_ball('[1,1]'::dml_vector, 1) AS inside, '[1,2]'::dml_vector <->@ dml_ball(ARRAY[1,1]::real[], 0.5) AS outside,
	'[1,2]'::dml_vector <=>@ dml_ball('[2,4]'::dml_vector, 1e-6) AS inside_cosine, '[1,2]'::dml_vector <=>@ dml_ball(ARRAY[2,1]::float8[], 0.1) AS outside_cosine,
	'[1,2]'::dml_vector <->@ ROW(NULL, 1)::dml_ball AS null_center, '[1,2]'::dml_vector <->@ ROW('[1,2]', NULL)::dml_ball AS null_radius;

CREATE FUNCTION at_point(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((i % 20 * 7919 + j * 104729) % 1000 / 100.0
		+ (('x' || substr(md5(i || ',' || j), 1, 6))::bit(24)::int % 1000) / 1000.0)::real ORDER BY j)::dml_vector
	FROM generate_series(1, 8) j
$$;
CREATE TABLE item (id int PRIMARY KEY, v dml_vector(8), tenant int);
INSERT INTO item SELECT i, at_point(i), i % 10 FROM generate_series(1, 2000) i;
CREATE INDEX item_v ON item USING dml (v, tenant);
INSERT INTO item SELECT i, at_point(i), i % 10 FROM generate_series(2001, 3000) i;
INSERT INTO item VALUES (4000, NULL, 1), (4001, array_fill(0::real, ARRAY[8])::dml_vector, 1);
ANALYZE item;

EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within(v, at_point(5), 0.7);
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within(v, ARRAY[1,2,3,4,5,6,7,8]::float8[], 0.7) AND tenant = 3 ORDER BY v <-> at_point(5) LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within(v, '[1,2,3,4,5,6,7,8]', 2.5);
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within(v, ARRAY[1,2,3,4,5,6,7,8], 2.5);
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE NOT dml_within(v, at_point(5), 0.7);
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within_cosine(v, at_point(5), 0.7);

-- The rows of a sequential scan, those of the index at recall 1, and whether an approximate scan
-- leaves out many.
CREATE FUNCTION asked(filter text, OUT rows bigint, OUT same boolean, OUT missed boolean, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT array_agg(id ORDER BY id) FROM item WHERE %s', filter);
	truth int[];
	answer int[];
BEGIN
	PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
	EXECUTE query INTO truth;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('dml.recall', '1', true);
	EXECUTE query INTO answer;
	same := answer IS NOT DISTINCT FROM truth;
	PERFORM set_config('dml.recall', '0.95', true);
	EXECUTE query INTO answer;
	rows := coalesce(cardinality(truth), 0);
	SELECT count(*) INTO wrong FROM unnest(answer) a WHERE a <> ALL (truth);
	missed := rows - coalesce(cardinality(answer), 0) > 0.05 * rows;
END
$$;
SELECT filter, (asked(filter)).* FROM unnest(ARRAY[
	'dml_within(v, at_point(5), 0)', 'dml_within(v, at_point(5), 0.3)', 'dml_within(v, at_point(5), 0.7)', 'dml_within(v, at_point(5), 1.2)', 'dml_within(v, at_point(5), 9)',
	'dml_within(v, at_point(5), 20)', 'dml_within(v, at_point(5), ''infinity'')', 'dml_within(v, at_point(5), -0.5)', 'dml_within(v, NULL::dml_vector, 1)', 'dml_within(v, at_point(5), NULL)',
	'dml_within(v, at_point(777), 0.9) AND tenant = 7', 'dml_within(v, at_point(777), 0.9) AND tenant = 77', 'dml_within(v, at_point(777), 30) AND tenant = 7', 'dml_within(v, at_point(7), 0.9) AND id % 3 = 0',
	'dml_within(v, at_point(7), 0.9) AND dml_within(v, at_point(27), 0.9)', 'dml_within(v, at_point(7), 0.9) AND dml_within(v, at_point(28), 20)', 'dml_within(v, at_point(7), 0.9) AND v IS NOT NULL', 'dml_within(v, at_point(7), 0.9) AND v IS NULL',
	'dml_within(v, ARRAY[1,2,3,4,5,6,7,8]::real[], 10)', 'dml_within(v, ARRAY[1,2,3,4,5,6,7,8]::float8[], 10)', 'dml_within(v, ARRAY[1,2,3,4,5,6,7,8], 10)', 'dml_within(v, ARRAY[1,2,3,4,5,6,7,8.5], 10)', 'v <->@ dml_ball(at_point(5), 0.7)', 'dml_within(v, (SELECT at_point(5)), (SELECT 0.7))'
]) filter;

-- In order, and in order of another distance.
SET dml.recall = 1;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE dml_within(v, at_point(5), 0.95) ORDER BY v <-> at_point(5)) s;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE dml_within(v, at_point(5), 0.95) ORDER BY v <-> at_point(6)) s;
RESET enable_sort;
SET enable_indexscan = off;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE dml_within(v, at_point(5), 0.95) ORDER BY v <-> at_point(5)) s;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE dml_within(v, at_point(5), 0.95) ORDER BY v <-> at_point(6)) s;
RESET enable_indexscan;

-- A join: which rows are within 0.5 of which. Together with another index.
SET enable_hashjoin = off;
SELECT count(*) AS pairs FROM item a JOIN item b ON dml_within(b.v, a.v, 0.5) WHERE a.id <= 20 AND a.id <> b.id;
SELECT count(*) AS pairs FROM item a JOIN item b ON (a.v <-> b.v) <= 0.5 WHERE a.id <= 20 AND a.id <> b.id;
RESET enable_hashjoin;
CREATE INDEX item_tenant ON item (tenant);
SELECT array_agg(id ORDER BY id) FROM item WHERE dml_within(v, at_point(5), 1) AND tenant = 5 AND id < 700;
SELECT array_agg(id ORDER BY id) FROM item WHERE (v <-> at_point(5)) <= 1 AND tenant = 5 AND id < 700;

-- Errors are those of the function.
SELECT id FROM item WHERE dml_within(v, '[1,2]', 1);
SELECT id FROM item WHERE dml_within(v, at_point(5), 'NaN');

-- By cosine distance; a zero vector is within no radius.
CREATE INDEX item_cosine ON item USING dml (v dml_cosine_ops, tenant);
SET dml.recall = 1;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE dml_within_cosine(v, at_point(5), 0.001);
SELECT filter, (asked(filter)).* FROM unnest(ARRAY[
	'dml_within_cosine(v, at_point(5), 0)', 'dml_within_cosine(v, at_point(5), 0.001)', 'dml_within_cosine(v, at_point(5), 0.05) AND tenant = 5', 'dml_within_cosine(v, at_point(5), 2)', 'dml_within_cosine(v, at_point(5), ''infinity'')',
	'dml_within_cosine(v, at_point(5), -1)', 'dml_within_cosine(v, ARRAY[1,2,3,4,5,6,7,8]::real[], 0.1)', 'dml_within_cosine(v, ARRAY[0,0,0,0,0,0,0,0]::real[], 1)', 'dml_within(v, at_point(5), 0.7)'
]) filter;

-- An expression, a partial index, partitions, an empty index.
CREATE TABLE shard (id int, x real[], v dml_vector GENERATED ALWAYS AS (x::dml_vector) STORED) PARTITION BY RANGE (id);
CREATE TABLE shard_1 PARTITION OF shard FOR VALUES FROM (0) TO (1000);
CREATE TABLE shard_2 PARTITION OF shard FOR VALUES FROM (1000) TO (9000);
CREATE INDEX ON shard USING dml ((x::dml_vector)) WHERE id > 100;
SET enable_seqscan = off;
SELECT count(*) FROM shard WHERE id > 100 AND dml_within(x::dml_vector, at_point(5), 0.7);
INSERT INTO shard SELECT id, v::real[] FROM item WHERE v IS NOT NULL;
SELECT count(*) FROM shard WHERE id > 100 AND dml_within(x::dml_vector, at_point(5), 0.7);
SELECT count(*) FROM item WHERE id > 100 AND (v <-> at_point(5)) <= 0.7;
DROP TABLE shard, item;
DROP FUNCTION asked, at_point;
