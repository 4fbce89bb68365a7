-- The index finds the share of the nearest rows that dml.recall asks for, for queries that are not
-- rows of the table, for many kinds of data. The tolerance is what 400 neighbours can tell.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

-- A pseudo-random number between 0 and 1, equal on every machine.
CREATE FUNCTION chance(i bigint, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT (hashint8extended(i * 65536 + j, 7) & 1048575) / 1048576.0
$$;

-- Vector i of a kind of data; rows count from 1, queries from 1000000.
CREATE FUNCTION vector_of(kind text, dims int, i int) RETURNS dml_vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((CASE kind
		WHEN 'uniform' THEN chance(i, j)
		-- an embedding: classes around directions, length 1 before the scale
		WHEN 'classes' THEN chance(-1 - i % 40, j) - 0.5 + 0.15 * (chance(i, j) + chance(i, j + 5000) - 1)
		-- pixels: whole numbers, many of them 0
		WHEN 'pixels' THEN greatest(0, floor(400 * (chance(-1 - i % 10, j / 7) - 0.4 + 0.5 * (chance(i, j / 3) - 0.5))))
		-- elsewhere
		WHEN 'drifted' THEN 3 + chance(-1 - i % 25, j) + 0.4 * chance(i, j)
		END)::real ORDER BY j)::dml_vector
	FROM generate_series(1, dims) j
$$;

CREATE TABLE item (id int, v dml_vector);

-- Whether the index finds the requested share of the 10 nearest rows, for 40 queries.
CREATE FUNCTION keeps(kind text, dims int, OUT at_90 boolean, OUT at_95 boolean, OUT at_99 boolean, OUT at_999 boolean,
	OUT exact boolean) LANGUAGE plpgsql AS $$
DECLARE
	targets float8[] := ARRAY[0.9, 0.95, 0.99, 0.999, 1];
	allowed float8[] := ARRAY[0.87, 0.925, 0.975, 0.99, 1];
	hits int[] := ARRAY[0, 0, 0, 0, 0];
	q dml_vector;
	limit_distance float8;
BEGIN
	FOR i IN 1000000 .. 1000039 LOOP
		q := vector_of(kind, dims, i);
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_seqscan = on;
		SELECT max(d) INTO limit_distance FROM (SELECT v <-> q AS d FROM item ORDER BY v <-> q LIMIT 10) s;
		SET LOCAL enable_indexscan = on;
		SET LOCAL enable_seqscan = off;
		FOR t IN 1 .. 5 LOOP
			PERFORM set_config('dml.recall', targets[t]::text, true);
			hits[t] := hits[t] + (SELECT count(*) FROM (SELECT v <-> q AS d FROM item ORDER BY v <-> q LIMIT 10) s WHERE d <= limit_distance);
		END LOOP;
	END LOOP;
	at_90 := hits[1] >= 400 * allowed[1];
	at_95 := hits[2] >= 400 * allowed[2];
	at_99 := hits[3] >= 400 * allowed[3];
	at_999 := hits[4] >= 400 * allowed[4];
	exact := hits[5] = 400;
	IF NOT (at_90 AND at_95 AND at_99 AND at_999 AND exact) THEN
		RAISE WARNING 'hits of 400: %', hits;
	END IF;
END
$$;

CREATE FUNCTION fill(kind text, dims int, n int) RETURNS void LANGUAGE sql AS $$
	DROP INDEX IF EXISTS item_v;
	TRUNCATE item;
	INSERT INTO item SELECT i, vector_of(kind, dims, i) FROM generate_series(1, n) i;
	CREATE INDEX item_v ON item USING dml (v);
$$;

SELECT fill('uniform', 32, 6000);
SELECT * FROM keeps('uniform', 32);
SELECT fill('classes', 16, 8000);
SELECT * FROM keeps('classes', 16);
SELECT fill('classes', 128, 4000);
SELECT * FROM keeps('classes', 128);
SELECT fill('pixels', 784, 1500);
SELECT * FROM keeps('pixels', 784);

-- Drifted data: half as many new rows from another region, without a new calibration; queries from
-- both regions.
SELECT fill('classes', 24, 6000);
INSERT INTO item SELECT i, vector_of('drifted', 24, i) FROM generate_series(6001, 9000) i;
SELECT * FROM keeps('drifted', 24);
SELECT * FROM keeps('classes', 24);

-- Equal rows, and one far away: any ten are the nearest.
TRUNCATE item;
INSERT INTO item SELECT i, array_fill(0.3::real, ARRAY[24])::dml_vector FROM generate_series(1, 3000) i;
INSERT INTO item SELECT 3001, array_fill(1e6::real, ARRAY[24])::dml_vector;
REINDEX INDEX item_v;
SELECT * FROM keeps('classes', 24);

-- More rows than the first stage of a search returns: in order, none twice, and as complete.
SELECT fill('classes', 24, 6000);
SET enable_seqscan = off;
SET dml.recall = 0.95;
SELECT count(*), count(DISTINCT id), bool_and(d >= before IS NOT FALSE) AS sorted,
	count(*) FILTER (WHERE d <= (SELECT max(e) FROM (SELECT v <-> vector_of('classes', 24, 1000007) AS e FROM item ORDER BY 0 + (v <-> vector_of('classes', 24, 1000007)) LIMIT 300) t)) >= 270 AS found
FROM (SELECT id, d, lag(d) OVER () AS before FROM
	(SELECT id, v <-> vector_of('classes', 24, 1000007) AS d FROM item ORDER BY v <-> vector_of('classes', 24, 1000007) LIMIT 300) s) u;
RESET dml.recall;
RESET enable_seqscan;

-- Long vectors out of line, compressed or not, are measured like others.
DROP INDEX item_v;
TRUNCATE item;
ALTER TABLE item ALTER v SET STORAGE extended;
INSERT INTO item SELECT i, array_fill((i % 100)::real, ARRAY[784])::dml_vector FROM generate_series(1, 200) i;
ALTER TABLE item ALTER v SET STORAGE external;
INSERT INTO item SELECT i, vector_of('pixels', 784, i) FROM generate_series(201, 600) i;
CREATE INDEX item_v ON item USING dml (v);
SET enable_seqscan = off;
SET dml.recall = 1;
SELECT id FROM item ORDER BY v <-> array_fill(7.4::real, ARRAY[784])::dml_vector, id LIMIT 4;
SELECT count(*) = 600 AS all_rows FROM (SELECT id FROM item ORDER BY v <-> vector_of('pixels', 784, 1000001) OFFSET 0) s;
RESET dml.recall;
RESET enable_seqscan;

DROP TABLE item;
DROP FUNCTION vector_of, chance, keeps, fill;
