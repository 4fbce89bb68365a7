-- Comparison of dml_vector, and its btree and hash classes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

CREATE TABLE vector_order (v dml_vector);
INSERT INTO vector_order VALUES ('[2,1]'), ('[1,2]'), ('[1,2]'), ('[3]'), ('[1,-2]'), (NULL), ('[1,2]@00000000000000ff'),
	('[1,2]@ffffffffffffffff'), ('[0]'), ('[-0]'), ('[1,2,3]'), ('[1e-45]'), ('[-3e38]');

-- By space, then dimensions, then elements.
SELECT v FROM vector_order WHERE v IS DISTINCT FROM '[0]' ORDER BY v;
SELECT a.v AS a, b.v AS b, a.v < b.v AS lt, a.v <= b.v AS le, a.v = b.v AS eq, a.v <> b.v AS ne, a.v >= b.v AS ge, a.v > b.v AS gt,
	dml_vector_cmp(a.v, b.v) AS cmp
FROM (VALUES ('[1,2]'::dml_vector)) a(v), (VALUES ('[1,2]'::dml_vector), ('[1,3]'), ('[0,9]'), ('[5]'), ('[0,0,0]'),
	('[1,2]@00000000000000ff'), (NULL)) b(v);
SELECT '[-0]'::dml_vector = '[0]' AS equal, dml_vector_hash('[1,-0]') = dml_vector_hash('[1,0]') AS equal_hash,
	dml_vector_hash('[1,0]') = dml_vector_hash('[0,1]') AS other_hash,
	dml_vector_hash('[1]') = dml_vector_hash('[1]@00000000000000ff') AS other_space,
	dml_vector_hash_extended('[1]', 1) = dml_vector_hash_extended('[1]', 2) AS other_seed;
SELECT count(*) AS hashes_that_differ FROM (
	SELECT dml_vector_hash(v) AS h, dml_vector_hash_extended(v, 0) AS e FROM (
		SELECT array_agg(i)::dml_vector AS v FROM generate_series(1, 200) n, generate_series(1, n) i GROUP BY n) t) t
WHERE h::bit(32) <> substring(e::bit(64) FROM 33);

SELECT count(*), count(DISTINCT v) FROM vector_order;
SET enable_sort = off;
SELECT v, count(*) FROM vector_order GROUP BY v HAVING count(*) > 1 AND v <> '[0]';
RESET enable_sort;

-- The operator classes find the rows that a scan finds.
CREATE INDEX vector_order_btree ON vector_order (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT v FROM vector_order WHERE v >= '[1,2]' AND v < '[1,2,3]';
SELECT v FROM vector_order WHERE v >= '[1,2]' AND v < '[1,2,3]';
SELECT v FROM vector_order WHERE v = '[1,2]@00000000000000ff';
DROP INDEX vector_order_btree;
CREATE INDEX vector_order_hash ON vector_order USING hash (v);
EXPLAIN (COSTS OFF) SELECT v FROM vector_order WHERE v = '[1,2]';
SELECT v FROM vector_order WHERE v = '[1,2]';
SELECT count(*) FROM vector_order WHERE v = '[0]';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- Joins by hash and by merge, uniqueness, hash partitions.
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT count(*) FROM vector_order a JOIN vector_order b USING (v);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT count(*) FROM vector_order a JOIN vector_order b USING (v);
RESET enable_nestloop;
RESET enable_hashjoin;
RESET enable_mergejoin;
CREATE TABLE vector_unique (v dml_vector PRIMARY KEY);
INSERT INTO vector_unique VALUES ('[1]'), ('[1]@00000000000000ff');
INSERT INTO vector_unique VALUES ('[1]');
CREATE TABLE vector_part (v dml_vector) PARTITION BY HASH (v);
CREATE TABLE vector_part_0 PARTITION OF vector_part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE vector_part_1 PARTITION OF vector_part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO vector_part SELECT v FROM vector_order;
SELECT count(*) FROM vector_part;
ANALYZE vector_part;
DROP TABLE vector_order, vector_unique, vector_part;
