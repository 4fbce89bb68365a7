-- The index finds the requested share of rows, whatever happened to the table.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET jit = off;					-- with enable_sort = off every plan that sorts costs enough to be compiled

-- Points in 12 dimensions around 20 centers, equal on every machine.
CREATE FUNCTION at_point(i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((i % 20 * 7919 + j * 104729) % 1000 / 100.0
		+ (('x' || substr(md5(i || ',' || j), 1, 6))::bit(24)::int % 1000) / 1000.0)::real ORDER BY j)::dml_vector
	FROM generate_series(1, 12) j
$$;

-- The share of the 10 nearest rows of 30 queries that the index finds.
CREATE FUNCTION found(rel regclass, recall float8, operator text DEFAULT '<->') RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	q dml_vector;
	truth int[];
	answer int[];
	hits int := 0;
	command text := format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY v %s $1, id LIMIT 10) s', rel, operator);
	by_index text := format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY v %s $1 LIMIT 10) s', rel, operator);
BEGIN
	PERFORM set_config('dml.recall', recall::text, true);
	FOR i IN 1 .. 30 LOOP
		q := at_point(100000 + i * 13);
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE command INTO truth USING q;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE by_index INTO answer USING q;
		hits := hits + (SELECT count(*) FROM unnest(truth) t WHERE t = ANY (answer));
	END LOOP;
	RETURN hits / 300.0;
END
$$;

CREATE TABLE item (id int PRIMARY KEY, v dml_vector(12));
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 5000) i;
CREATE INDEX item_v ON item USING dml (v);
ANALYZE item;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> at_point(1) LIMIT 3;
SELECT id FROM item ORDER BY v <-> at_point(77) LIMIT 1;
SELECT found('item', 1) AS exact, found('item', 0.99) >= 0.97 AS at_99, found('item', 0.9) >= 0.85 AS at_90;

-- Rows in order, each once, and all of them.
SET enable_seqscan = off;
SET enable_sort = off;
CREATE FUNCTION in_order(recall float8, OUT n bigint, OUT ids bigint, OUT sorted boolean) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('dml.recall', recall::text, true);
	SELECT count(*), count(DISTINCT id), bool_and(d >= coalesce(before, 0)) INTO n, ids, sorted
	FROM (SELECT id, d, lag(d) OVER () AS before
		FROM (SELECT id, v <-> at_point(5) AS d FROM item ORDER BY v <-> at_point(5) OFFSET 0) s) t;
END
$$;
SELECT * FROM in_order(1);
SELECT n, ids FROM in_order(0.9);

-- A filter that few rows pass.
SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM item WHERE id IN (17, 2800, 4999) ORDER BY v <-> at_point(3) LIMIT 5) s;

-- Deleted, vacuumed, filled again.
DELETE FROM item WHERE id % 3 = 0;
VACUUM item;
SELECT found('item', 1) AS exact, (in_order(1)).*;
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 5000) i WHERE i % 3 = 0;
SELECT found('item', 1) AS exact, (in_order(1)).*;
UPDATE item SET v = at_point(id + 100) WHERE id % 5 = 0;
SELECT found('item', 1) AS exact, found('item', 0.95) >= 0.92 AS at_95, (in_order(1)).*;
DELETE FROM item;
VACUUM item;
SELECT * FROM in_order(1);
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 3000) i;
SELECT found('item', 1) AS exact, (in_order(1)).*;
DROP TABLE item;

-- Created on an empty table and filled by inserts; rolled back; cosine.
CREATE TABLE item (id int PRIMARY KEY, v dml_vector);
CREATE INDEX item_v ON item USING dml (v);
CREATE INDEX item_cosine ON item USING dml (v dml_cosine_ops);
SELECT id FROM item ORDER BY v <-> at_point(1) LIMIT 1;
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 4000) i;
BEGIN;
INSERT INTO item SELECT i, at_point(i) FROM generate_series(4001, 6000) i;
ROLLBACK;
SELECT found('item', 1) AS exact, found('item', 0.95) >= 0.92 AS at_95, (in_order(1)).*;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <=> at_point(1) LIMIT 3;
SELECT found('item', 1, '<=>') AS exact, found('item', 0.95, '<=>') >= 0.92 AS at_95;
REINDEX TABLE item;
SELECT found('item', 1) AS exact, found('item', 1, '<=>') AS exact_cosine, found('item', 0.95) >= 0.92 AS at_95;

-- NULL queries, zero vectors, rows of another kind.
SELECT count(*) FROM (SELECT id FROM item ORDER BY v <-> NULL::dml_vector LIMIT 3) s;
INSERT INTO item VALUES (9001, array_fill(0::real, ARRAY[12])::dml_vector), (9002, NULL);
SELECT id FROM item ORDER BY v <-> array_fill(0::real, ARRAY[12])::dml_vector LIMIT 1;
INSERT INTO item VALUES (9003, '[1,2]');
INSERT INTO item VALUES (9003, '[1,2,3,4,5,6,7,8,9,10,11,12]@00000000000000ff');
SELECT id FROM item ORDER BY v <-> '[1,2]' LIMIT 1;
SELECT id FROM item ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]@00000000000000ff' LIMIT 1;
SELECT id FROM item ORDER BY v <-> ARRAY[1,2]::real[] LIMIT 1;
SELECT (SELECT v FROM item WHERE id = 7)::real[] = at_point(7)::real[] AS same,
	(SELECT id FROM item ORDER BY v <-> at_point(7)::real[] LIMIT 1) AS nearest;
SET dml.recall = 0.2;
SET dml.recall = 2;
RESET dml.recall;
DROP TABLE item;

-- Thousands of equal rows, and one far away.
CREATE TABLE item (id int, v dml_vector);
CREATE INDEX item_v ON item USING dml (v);
INSERT INTO item SELECT i, '[1,2,3,4,5,6,7,8,9,10,11,12]' FROM generate_series(1, 3000) i;
INSERT INTO item VALUES (3001, '[1e15,0,0,0,0,0,0,0,0,0,0,0]');
SELECT n, ids FROM in_order(1);
SELECT n, ids FROM in_order(0.9);
REINDEX INDEX item_v;
SELECT n, ids FROM in_order(1);
INSERT INTO item VALUES (3002, '[1e25,0,0,0,0,0,0,0,0,0,0,0]');
DROP TABLE item;

-- Many dimensions: few entries on a page.
CREATE TABLE wide (id int, v dml_vector);
INSERT INTO wide SELECT i, array_agg(sin(i * j)::real ORDER BY j)::dml_vector FROM generate_series(1, 200) i, generate_series(1, 4096) j GROUP BY i;
CREATE INDEX wide_v ON wide USING dml (v);
INSERT INTO wide SELECT id + 200, v * 1.5 FROM wide;
SET dml.recall = 1;
SELECT id FROM wide ORDER BY v <-> (SELECT v * 1.01 FROM wide WHERE id = 50) LIMIT 2;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 50) OFFSET 0) s;
SET maintenance_work_mem = '1MB';
REINDEX INDEX wide_v;
RESET maintenance_work_mem;
SELECT count(*) FROM (SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 50) OFFSET 0) s;
RESET dml.recall;
INSERT INTO wide SELECT 1000, array_fill(1::real, ARRAY[16000])::dml_vector;
DROP TABLE wide;
CREATE TABLE wide (id int, v dml_vector);
CREATE INDEX wide_v ON wide USING dml (v);
INSERT INTO wide SELECT 1000, array_fill(1::real, ARRAY[16000])::dml_vector;
DROP TABLE wide;

-- An index of embeddings accepts raw input; rows of another version are refused.
CREATE TABLE part (id int, width real, mass real, kind text);
INSERT INTO part SELECT i, i % 10, i % 7, 'k' || i % 3 FROM generate_series(1, 300) i;
SELECT method FROM dml_train('index_part', 'part', features => 'width, mass', label => 'kind', method => 'whiten');
SELECT embedded FROM dml_materialize('part', 'embedding', model => 'index_part');
CREATE INDEX part_embedding ON part USING dml (embedding);
SET dml.recall = 1;
SELECT a.d = b.d AS same FROM
	(SELECT array_agg(d) AS d FROM (SELECT embedding <-> ARRAY[3, 4]::real[] AS d FROM part ORDER BY embedding <-> ARRAY[3, 4]::real[] LIMIT 5) s) a,
	(SELECT array_agg(d) AS d FROM (SELECT embedding <-> dml_embed('index_part', 3, 4) AS d FROM part ORDER BY 1 + (embedding <-> dml_embed('index_part', 3, 4)) LIMIT 5) s) b;
INSERT INTO part VALUES (301, 3, 4, 'k1');
SELECT id FROM part WHERE id > 299 ORDER BY embedding <-> ARRAY[3, 4]::float8[] LIMIT 1;
RESET dml.recall;
DROP TABLE part;
SELECT dml_drop_model('index_part');

-- Expression and partial indexes; unlogged; concurrently; properties.
CREATE TABLE item (id int, x real[]);
INSERT INTO item SELECT i, at_point(i)::real[] FROM generate_series(1, 1000) i;
CREATE INDEX item_x ON item USING dml ((x::dml_vector)) WHERE id > 500;
INSERT INTO item SELECT i, at_point(i)::real[] FROM generate_series(1001, 2000) i;
SET dml.recall = 1;
SELECT id FROM item WHERE id > 500 ORDER BY x::dml_vector <-> at_point(777) LIMIT 1;
SELECT count(*), min(id) FROM (SELECT id FROM item WHERE id > 500 ORDER BY x::dml_vector <-> at_point(777) OFFSET 0) s;
RESET dml.recall;
CREATE INDEX CONCURRENTLY item_all ON item USING dml ((x::dml_vector));
REINDEX INDEX CONCURRENTLY item_all;
SELECT id FROM item ORDER BY x::dml_vector <-> at_point(20) LIMIT 1;
SELECT pg_index_column_has_property('item_x', 1, 'distance_orderable') AS by_distance,
	pg_index_column_has_property('item_x', 1, 'search_nulls') AS nulls;
DROP TABLE item;
CREATE UNLOGGED TABLE item (id int, v dml_vector);
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 500) i;
CREATE INDEX item_v ON item USING dml (v);
SELECT id FROM item ORDER BY v <-> at_point(3) LIMIT 1;
DROP TABLE item;
CREATE TEMP TABLE item (id int, v dml_vector);
CREATE INDEX item_v ON item USING dml (v);
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 1500) i;
SELECT id FROM item ORDER BY v <-> at_point(3) LIMIT 1;
DROP TABLE item;
CREATE TABLE item (id int, v dml_vector) PARTITION BY RANGE (id);
CREATE TABLE item_1 PARTITION OF item FOR VALUES FROM (0) TO (500);
CREATE TABLE item_2 PARTITION OF item FOR VALUES FROM (500) TO (1001);
CREATE INDEX ON item USING dml (v);
INSERT INTO item SELECT i, at_point(i) FROM generate_series(1, 1000) i;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> at_point(3) LIMIT 1;
SELECT id FROM item ORDER BY v <-> at_point(3) LIMIT 1;
DROP TABLE item;
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'dml') ORDER BY 1;
DROP FUNCTION found, in_order, at_point;
