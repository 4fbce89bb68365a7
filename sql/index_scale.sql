-- index_scale: an index works at every scale that a real can hold.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

-- A mixture of 40 normal distributions in 16 dimensions; every element is multiplied by a scale.
CREATE TABLE scale_unit AS
SELECT i AS id, row_number() OVER () % 100 = 0 AS is_question, array_agg(x ORDER BY j)::real[] AS v
FROM (SELECT i, j, hashint8extended(i % 40 * 100 + j, 1) / 9.3e18 +
             0.3 * sqrt(-2 * ln((hashint8extended(i * 100 + j, 2) / 9.3e18 + 1) / 2)) *
             cos(pi() * hashint8extended(i * 100 + j, 3) / 9.3e18) AS x
      FROM generate_series(1, 2000) i, generate_series(1, 16) j) AS elements
GROUP BY i;

-- The real nearest to a number: a multiple of the smallest real, or 0, where the cast would fail.
CREATE FUNCTION scale_real(x float8) RETURNS real LANGUAGE sql IMMUTABLE AS $$
	SELECT (CASE WHEN abs(x) < 1e-36 THEN round(x * 2 ^ 149) / 2 ^ 149 ELSE x END)::real
$$;

-- For queries that are not rows of the table: the share of the 10 nearest that a search finds by
-- their distances, and the rows that it returns of a ball through the tenth of them, compared with
-- a scan.
CREATE FUNCTION scale_search(operator text, recall text, OUT share float8, OUT within bigint) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	exact float8[];
	got float8[];
	total int := 0;
	hits int := 0;
BEGIN
	PERFORM set_config('dml.recall', recall, true), set_config('enable_sort', 'on', true);
	within := 0;
	FOR q IN SELECT v FROM scale_question LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1 AS d FROM scale_row ORDER BY v %1$s $1 LIMIT 10) s', operator)
			INTO exact USING q.v;
		IF operator = '<->' THEN
			EXECUTE 'SELECT $3 - count(*) FROM scale_row WHERE dml_within(v, $1, $2)' INTO within USING q.v, exact[10], within;
		END IF;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1 AS d FROM scale_row ORDER BY v %1$s $1 LIMIT 10) s', operator)
			INTO got USING q.v;
		IF operator = '<->' THEN
			EXECUTE 'SELECT $3 + count(*) FROM scale_row WHERE dml_within(v, $1, $2)' INTO within USING q.v, exact[10], within;
		END IF;
		total := total + 10;
		hits := hits + (SELECT count(*) FROM unnest(got) g WHERE g <= exact[10]);
		IF cardinality(got) <> 10 OR got <> (SELECT array_agg(g ORDER BY g) FROM unnest(got) g) THEN
			RAISE EXCEPTION 'recall %: % rows, or not in order', recall, cardinality(got);
		END IF;
	END LOOP;
	share := hits::float8 / total;
END $$;

-- Every operator class at a scale; the index is built from the rows or filled with them.
CREATE FUNCTION scale_check(scale float8) RETURNS TABLE (class text, made text, exact float8, ball bigint, approximate bool)
LANGUAGE plpgsql AS $$
DECLARE
	o record;
BEGIN
	FOR o IN SELECT * FROM (VALUES ('dml_l2_ops', '<->'), ('dml_cosine_ops', '<=>'), ('dml_ip_ops', '<#>')) c (class, operator),
		(VALUES ('built'), ('filled')) m (made)
	LOOP
		CREATE TABLE scale_row (id int, v dml_vector);
		CREATE TABLE scale_question AS SELECT array_agg(scale_real(x * scale) ORDER BY n)::dml_vector AS v
			FROM scale_unit u, unnest(u.v) WITH ORDINALITY e (x, n) WHERE is_question GROUP BY id;
		IF o.made = 'filled' THEN
			EXECUTE format('CREATE INDEX scale_index ON scale_row USING dml (v %s)', o.class);
		END IF;
		INSERT INTO scale_row SELECT id, array_agg(scale_real(x * scale) ORDER BY n)
			FROM scale_unit u, unnest(u.v) WITH ORDINALITY e (x, n) WHERE NOT is_question GROUP BY id ORDER BY id;
		IF o.made = 'built' THEN
			EXECUTE format('CREATE INDEX scale_index ON scale_row USING dml (v %s)', o.class);
		END IF;
		PERFORM dml_index_check('scale_index', true);
		class := o.class;
		made := o.made;
		SELECT share, within INTO exact, ball FROM scale_search(o.operator, '1');
		-- 0.95 less a standard deviation and a half of 200 rows, also of those in the ball
		SELECT share >= 0.93 AND within >= -0.07 * 200 INTO approximate FROM scale_search(o.operator, '0.95');
		RETURN NEXT;
		DROP TABLE scale_row, scale_question;
	END LOOP;
END $$;

SELECT s AS scale, c.* FROM unnest('{1e-11, 1e-20, 1e-30, 1e-42, 1e17}'::float8[]) s, scale_check(s) c;

-- Tiny rows with others, in both orders, and after a zero vector.
CREATE FUNCTION scale_mixed(scales float8[]) RETURNS TABLE (class text, exact float8, ball bigint)
LANGUAGE plpgsql AS $$
DECLARE
	o record;
BEGIN
	FOR o IN SELECT * FROM (VALUES ('dml_l2_ops', '<->'), ('dml_ip_ops', '<#>')) c (class, operator) LOOP
		CREATE TABLE scale_row (id int, v dml_vector);
		EXECUTE format('CREATE INDEX scale_index ON scale_row USING dml (v %s)', o.class);
		INSERT INTO scale_row SELECT u.id, array_agg(scale_real(x * s.scale) ORDER BY n)
			FROM unnest(scales) WITH ORDINALITY s (scale, turn), scale_unit u, unnest(u.v) WITH ORDINALITY e (x, n)
			WHERE NOT is_question AND u.id % 4 = 0 GROUP BY s.turn, u.id ORDER BY s.turn, u.id;
		CREATE TABLE scale_question AS SELECT array_agg(scale_real(x * s.scale) ORDER BY n)::dml_vector AS v
			FROM unnest(scales || '{1e25}') s (scale), scale_unit u, unnest(u.v) WITH ORDINALITY e (x, n)
			WHERE is_question AND u.id % 4 = 0 AND s.scale > 0 GROUP BY s.scale, u.id;
		FOR i IN 1..2 LOOP
			PERFORM dml_index_check('scale_index', true);
			class := o.class;
			SELECT share, within INTO exact, ball FROM scale_search(o.operator, '1');
			RETURN NEXT;
			EXECUTE 'REINDEX INDEX scale_index';
		END LOOP;
		DROP TABLE scale_row, scale_question;
	END LOOP;
END $$;
SELECT * FROM scale_mixed('{1, 1e-30}');
SELECT * FROM scale_mixed('{1e-30, 1}');
SELECT * FROM scale_mixed('{0, 1e-24}');

-- A query far beyond the rows finds them all.
CREATE TABLE scale_row (id int, v dml_vector);
INSERT INTO scale_row SELECT i, array[i / 1000.0, 1, 2] FROM generate_series(1, 500) i;
CREATE INDEX scale_index ON scale_row USING dml (v);
SET enable_seqscan = off;
SET enable_sort = off;
SELECT recall, (SELECT count(*) FROM (SELECT id, set_config('dml.recall', recall, true) FROM scale_row
				ORDER BY v <-> '[1e30,1e30,1e30]' LIMIT 600) s)
FROM unnest('{0.95,1}'::text[]) recall;
RESET enable_seqscan;
RESET enable_sort;

-- A row too large for the index's unit is refused, like a row that is too large for any index.
SET client_min_messages = notice;
TRUNCATE scale_row;
INSERT INTO scale_row VALUES (1, '[1e-40,0,0]');
INSERT INTO scale_row VALUES (2, '[1000,0,0]');
DO $$
BEGIN
	INSERT INTO scale_row VALUES (3, '[1e30,0,0]');
EXCEPTION WHEN numeric_value_out_of_range THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
SET client_min_messages = warning;
DROP TABLE scale_row;

-- The operators, with every instruction set, compared with the definition in double precision.
CREATE FUNCTION scale_wrong(simd text, scale float8) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	BEGIN
		PERFORM set_config('dml.simd', simd, true);
	EXCEPTION WHEN invalid_parameter_value THEN
		RETURN 0;				-- not of this machine
	END;
	WITH pair AS (
		SELECT array_agg(scale_real(a.x * scale) ORDER BY n) AS a, array_agg(scale_real(b.x * scale) ORDER BY n) AS b
		FROM scale_unit u JOIN scale_unit w ON w.id = u.id + 40, unnest(u.v) WITH ORDINALITY a (x, n) JOIN LATERAL
			unnest(w.v) WITH ORDINALITY b (x, n) USING (n)
		WHERE u.id <= 200 GROUP BY u.id),
	sums AS (
		SELECT a::dml_vector AS a, b::dml_vector AS b, s.*
		FROM pair, LATERAL (SELECT sum((x::float8 - y) ^ 2) AS dd, sum(abs(x::float8 - y)) AS l1, sum(x::float8 * y) AS ab,
								sum(x::float8 ^ 2) AS aa, sum(y::float8 ^ 2) AS bb
							FROM unnest(a, b) e (x, y)) s)
	SELECT count(*) INTO result FROM sums
	WHERE abs((a <-> b) - sqrt(dd)) > 1e-6 * sqrt(dd) OR abs((a <+> b) - l1) > 1e-6 * l1 OR
		abs((a <#> b) + ab) > 1e-6 * sqrt(aa * bb) OR abs((a <=> b) - (1 - ab / sqrt(aa * bb))) > 1e-6 OR
		(a <-> a) <> 0 OR (a <=> a) <> 0 OR NOT dml_within(a, b, sqrt(dd) * 1.000001) OR dml_within(a, b, sqrt(dd) * 0.999999);
	RETURN result;
END $$;
SELECT simd, sum(scale_wrong(simd, scale)) AS wrong
FROM unnest('{plain,avx2,avx512,neon,auto}'::text[]) simd, unnest('{1e-42,1e-36,1e-30,1e-20,1e-14,1e-11,1,1e15,1e20,1e37}'::float8[]) scale
GROUP BY simd ORDER BY simd;
RESET dml.simd;

DROP TABLE scale_unit;
DROP FUNCTION scale_real, scale_search, scale_check, scale_mixed, scale_wrong;
