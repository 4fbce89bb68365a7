-- The index access method in small: its pages are built, filled, split, emptied and searched.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

CREATE TABLE spot (id int, v dml_vector(64));
CREATE INDEX spot_v ON spot USING dml (v);
SELECT count(*) FROM (SELECT id FROM spot ORDER BY v <-> array_fill(1::real, ARRAY[64])::dml_vector) s;
INSERT INTO spot
SELECT i, array_agg((sin(i * j) + i % 5)::real ORDER BY j)::dml_vector FROM generate_series(1, 600) i, generate_series(1, 64) j GROUP BY i;

-- The nearest rows by the index, and whether a sequential scan says the same.
CREATE FUNCTION nearest(q int, OUT ids int[], OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
	x dml_vector;
	truth float8[];
	answer float8[];
BEGIN
	SELECT v INTO x FROM spot WHERE id = q;
	SET LOCAL enable_indexscan = off;
	SELECT array_agg(d) INTO truth FROM (SELECT v <-> x AS d FROM spot ORDER BY v <-> x LIMIT 5) s;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	SELECT array_agg(d), array_agg(id) INTO answer, ids FROM (SELECT id, v <-> x AS d FROM spot ORDER BY v <-> x LIMIT 5) s;
	same := answer = truth;
	ids := ids[1:1];
END
$$;
SET dml.recall = 1;
SELECT q, (nearest(q)).* FROM unnest(ARRAY[1, 77, 600]) q;
SET dml.simd = plain;
SELECT q, (nearest(q)).* FROM unnest(ARRAY[1, 77, 600]) q;
RESET dml.simd;
SET dml.recall = 0.9;
SELECT ids FROM nearest(77);
DELETE FROM spot WHERE id % 2 = 0;
VACUUM spot;
SET dml.recall = 1;
SELECT q, (nearest(q)).* FROM unnest(ARRAY[1, 77]) q;
REINDEX INDEX spot_v;
SELECT q, (nearest(q)).* FROM unnest(ARRAY[1, 77]) q;
DELETE FROM spot WHERE id > 50;
VACUUM spot;
VACUUM spot;
INSERT INTO spot SELECT id + 1000, v * 2::float8 FROM spot;
SELECT q, (nearest(q)).* FROM unnest(ARRAY[1, 1001]) q;
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM spot ORDER BY v <-> array_fill(1::real, ARRAY[64])::dml_vector OFFSET 0) s;
SET dml.recall = 0.9;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM spot ORDER BY v <-> array_fill(1::real, ARRAY[64])::dml_vector OFFSET 0) s;
DROP INDEX spot_v;
CREATE INDEX spot_cosine ON spot USING dml (v dml_cosine_ops);
SELECT id FROM spot ORDER BY v <=> (SELECT v * 3::float8 FROM spot WHERE id = 9), id LIMIT 1;
RESET enable_seqscan;
RESET dml.recall;

-- Each row of a join searches for its own neighbours; a cursor continues where it was.
SET enable_seqscan = off;
SELECT a.id, b.id AS other FROM spot a,
	LATERAL (SELECT id FROM spot b WHERE b.id <> a.id AND b.id < 1000 ORDER BY b.v <=> a.v LIMIT 1) b
WHERE a.id IN (1, 7, 1007) ORDER BY a.id;
BEGIN;
DECLARE near CURSOR FOR SELECT id FROM spot WHERE id < 1000 ORDER BY v <=> (SELECT v FROM spot WHERE id = 9);
FETCH 1 FROM near;
SAVEPOINT s;
INSERT INTO spot SELECT 2000, v FROM spot WHERE id = 9;
ROLLBACK TO s;
MOVE 20 IN near;
SELECT count(*) FROM spot WHERE id = 2000;
ROLLBACK;
TRUNCATE spot;
SELECT id FROM spot ORDER BY v <=> array_fill(1::real, ARRAY[64])::dml_vector LIMIT 1;
DROP TABLE spot;
DROP FUNCTION nearest;

-- HOT updates of other columns: the index has the root of the HOT chain.
CREATE TABLE hot (id int, n int DEFAULT 0, v dml_vector) WITH (fillfactor = 40);
INSERT INTO hot SELECT i, 0, ARRAY[sin(i), cos(i), i % 7, i * 0.001]::real[]::dml_vector FROM generate_series(1, 1000) i;
CREATE INDEX ON hot USING dml (v);
UPDATE hot SET n = 1 WHERE id % 3 = 0;
SET enable_seqscan = off;
SELECT n, count(*), count(DISTINCT id) FROM (SELECT id, n FROM hot ORDER BY v <-> '[0.1,0.2,3,1]' OFFSET 0) s GROUP BY n ORDER BY n;
SET dml.recall = 1;
SELECT n, count(*), count(DISTINCT id) FROM (SELECT id, n FROM hot ORDER BY v <-> '[0.1,0.2,3,1]' OFFSET 0) s GROUP BY n ORDER BY n;
RESET enable_seqscan;
RESET dml.recall;
DROP TABLE hot;
