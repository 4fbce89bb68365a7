-- dml_pairs: all pairs within a radius, each once, are those that SQL finds without an index.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.recall = 0.5;					-- pairs are exact all the same

CREATE TABLE item (id int PRIMARY KEY, tenant int, v dml_vector);
INSERT INTO item
SELECT i, i % 3, ARRAY(SELECT sin(i * 0.7 * j) + (hashint4(i * 8 + j) % 1000) * 0.0002 FROM generate_series(1, 8) j)::real[]::dml_vector
FROM generate_series(1, 300) i;
UPDATE item SET v = NULL WHERE id % 50 = 0;
UPDATE item SET v = (SELECT v FROM item WHERE id = 7) WHERE id IN (8, 9);	-- equal rows
UPDATE item SET v = '[0,0,0,0,0,0,0,0]' WHERE id IN (10, 11);

-- Pairs by brute force: how many, and how many are missing or too many.
CREATE FUNCTION compared(radius float8, metric text) RETURNS TABLE (pairs bigint, missing bigint, extra bigint)
LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE truth AS
	SELECT a.id::text AS a, b.id::text AS b, d AS distance
	FROM item a JOIN item b ON a.id < b.id,
		LATERAL (SELECT CASE metric WHEN 'l2' THEN a.v <-> b.v ELSE a.v <=> b.v END AS d) d WHERE d <= radius AND d <> 'NaN';
	CREATE TEMP TABLE found AS SELECT * FROM dml_pairs('item', 'v', radius, metric => compared.metric);
	RETURN QUERY SELECT (SELECT count(*) FROM found),
		(SELECT count(*) FROM (TABLE truth EXCEPT ALL TABLE found) x), (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE truth) x);
	DROP TABLE truth, found;
END
$$;
CREATE TEMP VIEW radius AS SELECT unnest(ARRAY[-1, 0, 0.4, 1]::float8[]) AS radius;

-- Without an index, and with one for either metric.
SELECT radius, c.* FROM radius, compared(radius, 'l2') c;
SELECT radius, c.* FROM radius, compared(radius, 'cosine') c;
CREATE INDEX item_v ON item USING dml (v);
CREATE INDEX item_cosine ON item USING dml (v dml_cosine_ops);
ANALYZE item;
SELECT radius, c.* FROM radius, compared(radius, 'l2') c;
SELECT radius, c.* FROM radius, compared(radius, 'cosine') c;
SET enable_seqscan = off;
SELECT radius, c.* FROM radius, compared(radius, 'l2') c;
SELECT radius, c.* FROM radius, compared(radius, 'cosine') c;
RESET enable_seqscan;
SELECT count(*) AS pairs FROM dml_pairs('item', 'v', 'infinity');
SELECT count(*) AS rows FROM item WHERE v IS NOT NULL;
SELECT count(*) AS pairs FROM dml_pairs('item', 'v', 'infinity', metric => 'cosine');

-- The first key is the lesser one, by the key's own order; equal rows are pairs.
SELECT * FROM dml_pairs('item', 'v', 0) ORDER BY a::int, b::int;
SELECT count(*) AS pairs, count(*) FILTER (WHERE a::int < b::int) AS in_order FROM dml_pairs('item', 'v', 1);

-- A query as source; keys of other types, two columns, none, not unique, NULL.
SELECT count(*) AS pairs FROM dml_pairs('SELECT * FROM item WHERE tenant = 1', 'v', 1, key => 'id');
SELECT count(*) AS pairs FROM item a JOIN item b ON a.id < b.id AND (a.v <-> b.v) <= 1 WHERE a.tenant = 1 AND b.tenant = 1;
SELECT key, (SELECT count(*) FROM dml_pairs('item', 'v', 0.4, key)) AS pairs
FROM unnest(ARRAY['id::text', 'ctid', '-id', 'tenant', 'NULL::int', 'nullif(id, 7)', 'ARRAY[id]', 'ROW(id, 1)', 'json_build_array(id)', 'id::text::bpchar', '''x''', 'id::numeric']) key;
CREATE TABLE two_keys (n int, m text, v dml_vector, PRIMARY KEY (m, n));
INSERT INTO two_keys SELECT id % 7, id::text, v FROM item WHERE id <= 9;
SELECT * FROM dml_pairs('two_keys', 'v', 0) ORDER BY a, b;
CREATE TABLE no_key AS TABLE two_keys;
SELECT * FROM dml_pairs('no_key', 'v', 0);
SELECT * FROM dml_pairs('TABLE item', 'v', 0);
SELECT a, b FROM dml_pairs('no_key', 'v', 0, 'm') ORDER BY a, b;

-- Two tables, with an index on either, both or none.
CREATE TABLE other (code text, w dml_vector);
INSERT INTO other SELECT 'o' || id, v FROM item WHERE id % 4 = 3;
CREATE FUNCTION compared_two(radius float8) RETURNS TABLE (pairs bigint, missing bigint, extra bigint)
LANGUAGE sql AS $$
	WITH truth AS MATERIALIZED (SELECT id::text, code, v <-> w FROM item, other WHERE (v <-> w) <= radius),
		found AS MATERIALIZED (SELECT * FROM dml_pairs('item', 'v', 'other', 'w', radius, key_b => 'code'))
	SELECT (SELECT count(*) FROM found), (SELECT count(*) FROM (TABLE truth EXCEPT ALL TABLE found) x), (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE truth) x)
$$;
SELECT radius, c.* FROM radius, compared_two(radius) c;
CREATE INDEX ON other USING dml (w);
SELECT radius, c.* FROM radius, compared_two(radius) c;
DROP INDEX item_v;
SELECT radius, c.* FROM radius, compared_two(radius) c;
CREATE INDEX item_v ON item USING dml (v);
SELECT * FROM dml_pairs('other', 'w', 'item', 'v', within => 0, key_a => 'code') WHERE b::int < 16 ORDER BY 1, b::int;

-- Partitions, of which one has an index; a view; an expression; a domain; a temporary table.
CREATE TABLE part (LIKE item INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (150);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (150) TO (1000);
INSERT INTO part TABLE item;
CREATE INDEX ON part_1 USING dml (v);
CREATE VIEW seen AS SELECT * FROM item;
CREATE DOMAIN vector_8 AS dml_vector;
CREATE TEMP TABLE raw AS SELECT id, v::real[] AS x, v::vector_8 AS e FROM item;
CREATE INDEX ON raw USING dml ((x::dml_vector));
SELECT source, (SELECT count(*) FROM dml_pairs(source, embedding, 1, 'id')) AS pairs
FROM (VALUES ('item', 'v'), ('part', 'v'), ('seen', 'v'), ('raw', 'x::dml_vector'), ('raw', 'e'), ('pg_temp.raw', 'e')) s(source, embedding);

-- Nothing, and one row.
CREATE TABLE empty (id int PRIMARY KEY, v dml_vector);
SELECT count(*) FROM dml_pairs('empty', 'v');
SELECT count(*) FROM dml_duplicates('empty', 'v');
SELECT count(*) FROM dml_pairs('empty', 'v', 'item', 'v', within => 1);
SELECT count(*) FROM dml_pairs('item', 'v', 'empty', 'v', within => 1);
INSERT INTO empty VALUES (1, NULL), (2, '[1]');
SELECT count(*) FROM dml_pairs('empty', 'v', 'infinity');

-- The calibrated threshold.
CREATE TABLE judged AS
SELECT a.x AS x1, b.x AS x2, abs(a.n - b.n) <= 1 AS same
FROM (SELECT n, ARRAY[n, sin(n * 9.1) * 50]::real[] AS x FROM generate_series(1, 20) n) a,
	(SELECT n, ARRAY[n, cos(n * 5.3) * 50]::real[] AS x FROM generate_series(1, 20) n) b;
SELECT model FROM dml_train_pairs('near', 'judged', 'x1', 'x2', 'same', method => 'itml');
CREATE TABLE point AS SELECT n AS id, dml_embed('near', ARRAY[n, sin(n * 3.3) * 50]::real[]) AS e FROM generate_series(1, 60) n;
SELECT * FROM dml_pairs('point', 'e', key => 'id');
SELECT model FROM dml_calibrate('near', 'judged', a => 'x1', b => 'x2', same => 'same');
SELECT count(*) > 0 AS some, count(*) = (SELECT count(*) FROM point a JOIN point b ON a.id < b.id AND dml_match('near', a.e, b.e)) AS by_match
FROM dml_pairs('point', 'e', key => 'id');
-- The same training again makes a version of the same space, which has a threshold of its own.
SELECT model FROM dml_train_pairs('near', 'judged', 'x1', 'x2', 'same', method => 'itml');
SELECT count(*) > 0 AS some FROM dml_pairs('point', 'e', key => 'id');
SELECT model FROM dml_calibrate('near', 'judged', a => 'x1', b => 'x2', same => 'same', criterion => 'f_beta');
SELECT count(*) = (SELECT count(*) FROM point a JOIN point b ON a.id < b.id AND dml_match('near', a.e, b.e)) AS by_match
FROM dml_pairs('point', 'e', key => 'id');
SELECT * FROM dml_pairs('point', 'e', key => 'id', metric => 'cosine');
SELECT * FROM dml_pairs('item', 'v');

-- Two spaces, two numbers of dimensions, in one table or two.
SELECT model FROM dml_train_pairs('near', 'judged', 'x1', 'x2', 'same', method => 'mmc');
INSERT INTO point SELECT 99, dml_embed('near', ARRAY[1, 2]::real[]);
SELECT * FROM dml_pairs('point', 'e', 1, 'id');
SELECT * FROM dml_pairs('point', 'e', 'item', 'v', 1, key_a => 'id');
SELECT * FROM dml_pairs('empty', 'v', 'item', 'v', 1);

-- Errors.
SELECT * FROM dml_pairs('item', 'v', 'NaN');
SELECT * FROM dml_pairs('item', 'v', 1, metric => 'l1');
SELECT * FROM dml_pairs(NULL, 'v', 1);
SELECT * FROM dml_pairs('item', NULL, 1);
SELECT * FROM dml_pairs('item', 'v', NULL, 'v');
SELECT * FROM dml_pairs('item', 'tenant', 1);
SELECT * FROM dml_pairs('item', 'nothing', 1);
SELECT * FROM dml_pairs('item', 'v; DROP TABLE item', 1);
SELECT * FROM dml_pairs('item', 'v', 1, 'id, tenant');
SELECT * FROM dml_pairs('item', 'v', 1, 'count(*)');
SELECT * FROM dml_pairs('nowhere', 'v', 1);
SELECT * FROM dml_pairs('item', 'v', 'other', NULL);
SELECT * FROM dml_pairs('item', 'v', 'other', 'w', 1);

-- As the caller: rights, row security, no statement that writes.
CREATE ROLE pairs_user;
SET ROLE pairs_user;
SELECT count(*) FROM dml_pairs('item', 'v', 0);
RESET ROLE;
GRANT SELECT (id, v) ON item TO pairs_user;
SET ROLE pairs_user;
SELECT count(*) FROM dml_pairs('item', 'v', 0);
SELECT count(*) FROM dml_pairs('item', 'v', 0, 'tenant');
RESET ROLE;
GRANT SELECT ON item TO pairs_user;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY hidden ON item USING (id > 7);
SET ROLE pairs_user;
SELECT * FROM dml_pairs('item', 'v', 0) ORDER BY a::int;
SELECT key::int, group_id, size FROM dml_duplicates('item', 'v', 0) ORDER BY group_id, 1;
RESET ROLE;
ALTER TABLE item DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON item FROM pairs_user;
DROP ROLE pairs_user;
SHOW dml.recall;

-- A cancel is obeyed soon, without an index and with one.
CREATE TABLE many AS SELECT i AS id, ARRAY(SELECT hashint4(i * 32 + j) % 1000 FROM generate_series(1, 32) j)::real[]::dml_vector AS v FROM generate_series(1, 20000) i;
CREATE TEMP TABLE started AS SELECT clock_timestamp() AS at;
SET statement_timeout = 300;
SELECT count(*) FROM dml_pairs('many', 'v', 2500, 'id');
RESET statement_timeout;
SELECT clock_timestamp() - at < '1 s' AS soon FROM started;
CREATE INDEX ON many USING dml (v);
UPDATE started SET at = clock_timestamp();
SET statement_timeout = 300;
SELECT count(*) FROM dml_duplicates('many', 'v', 2500, 'id');
RESET statement_timeout;
SELECT clock_timestamp() - at < '1 s' AS soon FROM started;

-- Groups: the components of a recursive query. The largest is 1, then by their least keys.
SELECT key, group_id, size FROM dml_duplicates('item', 'v', 0) ORDER BY group_id, key::int;
CREATE TABLE link AS SELECT a::int, b::int FROM dml_pairs('item', 'v', 0.45);
CREATE TABLE grouped AS SELECT key::int, group_id, size FROM dml_duplicates('item', 'v', 0.45);
WITH RECURSIVE both_ways AS (SELECT a, b FROM link UNION SELECT b, a FROM link),
	reached(id, root) AS (SELECT a, a FROM both_ways UNION SELECT l.b, r.root FROM reached r JOIN both_ways l ON l.a = r.id),
	component AS (SELECT id, min(root) AS least FROM reached GROUP BY id),
	truth AS (SELECT id, dense_rank() OVER (ORDER BY size DESC, least) AS group_id, size FROM (
		SELECT id, least, count(*) OVER (PARTITION BY least) AS size FROM component) c)
SELECT (SELECT count(*) FROM truth) AS keys, (SELECT max(group_id) FROM truth) AS groups,
	(SELECT count(*) FROM (TABLE truth EXCEPT TABLE grouped) x) AS missing, (SELECT count(*) FROM (TABLE grouped EXCEPT TABLE truth) x) AS extra;
SELECT count(*) AS different FROM (
	TABLE grouped EXCEPT SELECT key::int, group_id, size FROM dml_groups('SELECT b AS a, a AS b FROM link ORDER BY b DESC')) x;

SELECT * FROM dml_groups('VALUES (1, 1), (4, 2), (3, 3), (4, 11), (4, 10), (2, 10), (NULL, NULL), (NULL, 7), (10, 2)', 'column1', 'column2');
SELECT * FROM dml_groups($$VALUES ('1', 2), ('3', 10), ('2', 10)$$, 'column1', 'column2');
SELECT * FROM dml_groups('SELECT 1 AS a, 2 AS b WHERE false');
SELECT count(*), count(DISTINCT group_id), max(size) FROM dml_groups('SELECT i AS a, i + 1 AS b FROM generate_series(1, 30000) i WHERE i % 10 > 0');
SELECT count(*), count(DISTINCT group_id), max(size) FROM dml_groups('SELECT i AS a, i + 1 AS b FROM generate_series(1, 30000) i');
SET work_mem = '1MB';
DO $$
BEGIN
	PERFORM * FROM dml_groups('SELECT i AS a, i + 1 AS b FROM generate_series(1, 300000) i');
EXCEPTION WHEN out_of_memory THEN
	RAISE WARNING '%', regexp_replace(sqlerrm, '[0-9]+ keys', 'N keys');
END
$$;
-- The hint is enough, also if later keys are longer than the first ones.
CREATE FUNCTION groups_after_hint(source text) RETURNS TABLE (keys bigint, groups bigint) LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	BEGIN
		PERFORM * FROM dml_groups(source);
	EXCEPTION WHEN out_of_memory THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		EXECUTE replace(hint, 'SET ', 'SET LOCAL ');
	END;
	RETURN QUERY SELECT count(*), count(DISTINCT group_id) FROM dml_groups(source);
END
$$;
SELECT * FROM groups_after_hint('SELECT i AS a, i + 1 AS b FROM generate_series(1, 60000) i');
SELECT * FROM groups_after_hint('SELECT repeat(md5(i::text), 1 + i / 2000) AS a, ''x'' AS b FROM generate_series(1, 20000) i');
SELECT * FROM groups_after_hint('SELECT i % 20000 AS a, i % 20000 AS b FROM generate_series(1, 60000) i');
RESET work_mem;
-- Whole rows are keys, too, by their text.
CREATE TYPE mark AS (n int, m text);
CREATE DOMAIN named_mark AS mark;
SELECT * FROM dml_groups('VALUES (ROW(1, ''x'')::mark, ROW(2, ''y'')::mark), (ROW(2, ''y'')::mark, ROW(3, NULL)::mark)', 'column1', 'column2');
SELECT (SELECT count(*) FROM dml_pairs('two_keys', 'v', 1, 'two_keys')) AS rows, (SELECT count(*) FROM dml_pairs('two_keys', 'v', 1, 'ROW(n, m)::mark')) AS composite,
	(SELECT count(*) FROM dml_pairs('two_keys', 'v', 1, 'ROW(n, m)::mark::named_mark')) AS domain, (SELECT count(*) FROM dml_pairs('two_keys', 'v', 1)) AS pairs;
SELECT * FROM dml_groups(NULL);
SELECT * FROM dml_groups('link', NULL);
SELECT * FROM dml_groups('link', 'a', 'c');
SELECT * FROM dml_groups('link', 'a', 'sum(b)');
SELECT * FROM dml_duplicates('item', 'v', 'NaN');
SELECT count(*) FROM dml_answer_progress;

DROP TABLE item, two_keys, no_key, other, part, raw, empty, judged, point, many, link, grouped CASCADE;
DROP FUNCTION compared, compared_two, groups_after_hint;
DROP TYPE mark CASCADE;
DROP DOMAIN vector_8;
SELECT dml_drop_model('near');
