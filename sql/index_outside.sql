-- index_outside: the requested recall is kept for queries that are not rows of the table.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

-- Rows of a normal distribution whose 96 axes have slowly falling lengths.
CREATE TABLE outside AS
SELECT i AS id, array_agg(sqrt(-2 * ln((hashint8extended(i * 1000 + j, 12) / 9.3e18 + 1) / 2)) *
						  cos(pi() * hashint8extended(i * 1000 + j, 13) / 9.3e18) / (1 + j / 40.0) ORDER BY j)::real[]::dml_vector AS v
FROM generate_series(1, 6300) i, generate_series(1, 96) j
GROUP BY i;
CREATE TABLE outside_question AS
SELECT q.v, (SELECT array_agg(d) FROM (SELECT r.v <-> q.v AS d FROM outside r WHERE r.id % 9 > 0 ORDER BY 1 LIMIT 10) s) AS near
FROM outside q WHERE q.id % 9 = 0;
DELETE FROM outside WHERE id % 9 = 0;
VACUUM outside;

CREATE FUNCTION outside_found(recall text) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('dml.recall', recall, true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
	RETURN (SELECT sum((SELECT count(*) FROM (SELECT r.v <-> q.v AS d FROM outside r ORDER BY r.v <-> q.v LIMIT 10) s
						WHERE d <= near[10])) / (10.0 * count(*)) FROM outside_question q);
END $$;

-- Each recall is reached within chance: 0.997 of it. Built from the rows, filled with them, and
-- after VACUUM.
CREATE FUNCTION outside_kept() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s: %s', recall, round(found::numeric, 4)), ', '), 'kept')
	FROM (SELECT recall, outside_found(recall) AS found FROM unnest('{0.8,0.9,0.95,0.98,0.99,0.999}'::text[]) recall) f
	WHERE found < 0.997 * recall::float8
$$;
CREATE INDEX outside_index ON outside USING dml (v);
SELECT outside_kept() AS built;
DROP INDEX outside_index;
CREATE TABLE outside_row AS SELECT * FROM outside;
TRUNCATE outside;
CREATE INDEX outside_index ON outside USING dml (v);
INSERT INTO outside SELECT * FROM outside_row;
SELECT outside_kept() AS filled;
VACUUM outside;
SELECT outside_kept() AS vacuumed;

-- The calibration's queries are one row in eight, in any order of rows; they are still found as
-- rows.
SET dml.recall = 1;
SET enable_seqscan = off;
SELECT count(*) AS not_nearest_to_themselves FROM (SELECT * FROM outside LIMIT 200) o
WHERE (SELECT id FROM outside r ORDER BY r.v <-> o.v LIMIT 1) <> o.id;
SELECT rows FROM dml_index_check('outside_index', true);

DROP TABLE outside, outside_question, outside_row;
DROP FUNCTION outside_found, outside_kept;
