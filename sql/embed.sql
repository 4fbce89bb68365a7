-- dml_embed and dml_distance.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA embed_test;
SET search_path = embed_test, public;
SET dml.notice_interval = 0;

-- Whitening: distances are those of the columns in units of their standard deviations.
CREATE TABLE point (id int PRIMARY KEY, a real, b real, x real[], class int);
INSERT INTO point SELECT i, a, b, ARRAY[a, b], i % 2 FROM (
	SELECT i, CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END::real AS a, CASE WHEN i % 4 < 2 THEN 10 ELSE -10 END::real AS b
	FROM generate_series(1, 40) i) p;
SELECT version FROM dml_train('embed_w', 'point', 'a, b', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT version FROM dml_train('embed_net', 'point', 'x', 'class', method => 'supcon', network => '8 relu, 3', epochs => 2, options => '{"validation": 0}');

-- Every form of a row has one embedding.
SELECT v, count(*) FROM (
	SELECT dml_embed('embed_net', ARRAY[1, 2]::real[])
	UNION ALL SELECT dml_embed('embed_net', ARRAY[1, 2]::float8[])
	UNION ALL SELECT dml_embed('embed_net', ARRAY[1, 2]::int[])
	UNION ALL SELECT dml_embed('embed_net', ARRAY[1, 2]::smallint[])
	UNION ALL SELECT dml_embed('embed_net', ARRAY[1, 2]::bigint[])
	UNION ALL SELECT dml_embed('embed_net', ARRAY[1, 2]::numeric[])
	UNION ALL SELECT dml_embed('embed_net', '[0:1]={1,2}'::real[])
	UNION ALL SELECT dml_embed('embed_net', '[1,2]'::dml_vector)
	UNION ALL SELECT dml_embed('embed_net', 1, 2)
	UNION ALL SELECT dml_embed('embed_net', 1::real, 2::numeric)
	UNION ALL SELECT dml_embed('embed_net', VARIADIC ARRAY[1, 2]::float8[])
	UNION ALL SELECT dml_embed('embed_net@1', 1, 2)
	UNION ALL SELECT dml_embed(model => 'embed_net', input => ARRAY[1, 2])) e (v)
CROSS JOIN LATERAL (SELECT dml_dims(v)) d (v2) GROUP BY v HAVING count(*) <> 13;
SELECT dml_dims(e), round(dml_norm(e)::numeric, 4) AS norm, dml_space(e) = (SELECT space FROM dml_model_versions WHERE model = 'embed_net') AS space
FROM dml_embed('embed_net', 1, 2) e;
-- a domain, and a column that is kept out of line
CREATE DOMAIN feature AS real[] CHECK (cardinality(VALUE) = 2);
SELECT dml_embed('embed_net', ARRAY[1, 2]::feature) = dml_embed('embed_net', 1, 2) AS domain;
CREATE TABLE wide AS SELECT i AS id, array_agg((i * j) % 256 ORDER BY j)::real[] AS x, i % 2 AS c FROM generate_series(1, 20) i, generate_series(1, 3000) j GROUP BY i;
ALTER TABLE wide ALTER x SET STORAGE EXTERNAL;
SELECT version FROM dml_train('embed_wide', 'wide', 'x', 'c', method => 'supcon', network => '4', epochs => 1, options => '{"validation": 0}');
SELECT count(DISTINCT dml_embed('embed_wide', x)) > 1 AS differ, bool_and(dml_embed('embed_wide', x) = dml_embed('embed_wide', x::float8[])) AS same FROM wide;

-- One number.
SELECT version FROM dml_train('embed_one', 'point', 'a', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT dml_embed('embed_one', 1) = dml_embed('embed_one', ARRAY[1]) AS one, dml_embed('embed_one', 1.5) = dml_embed('embed_one', '[1.5]'::dml_vector) AS half;

-- Distances.
SELECT round(dml_distance('embed_w', ARRAY[0, 0], ARRAY[1, 0])::numeric, 2) AS a,
	round(dml_distance('embed_w', ARRAY[0, 0]::real[], ARRAY[0, 10]::real[])::numeric, 2) AS b,
	round(dml_distance('embed_w', '[0,0]'::dml_vector, '[3,40]'::dml_vector)::numeric, 2) AS both,
	dml_distance('embed_w', ARRAY[5, 6], ARRAY[5, 6]) AS none;
SELECT bool_and(dml_distance('embed_net', p.x, q.x) = (dml_embed('embed_net', p.x) <-> dml_embed('embed_net', q.x))) AS same FROM point p, point q;

-- NULLs give NULL, as in a materialised column.
SELECT dml_embed(NULL, 1, 2) IS NULL, dml_embed('embed_w', NULL::real[]) IS NULL, dml_embed('embed_w', NULL::dml_vector) IS NULL,
	dml_embed('embed_w', 1, NULL) IS NULL, dml_embed('embed_w', ARRAY[1, NULL]) IS NULL,
	dml_distance('embed_w', ARRAY[1, NULL], ARRAY[1, 2]) IS NULL, dml_distance('embed_w', ARRAY[1, 2], NULL) IS NULL;

-- What cannot be embedded.
SELECT dml_embed('embed_w', ARRAY[1, 2, 3]);
SELECT dml_embed('embed_w', 1);
SELECT dml_embed('embed_w', '{}'::real[]);
SELECT dml_embed('embed_w', ARRAY[[1, 2], [3, 4]]);
SELECT dml_embed('embed_w', ARRAY['a', 'b']);
SELECT dml_embed('embed_w', ARRAY[1, 'NaN']::real[]);
SELECT dml_embed('embed_w', 'Infinity', 1);
SELECT dml_embed('embed_w', ARRAY[1, 1e300]);
SELECT version FROM dml_train('embed_tiny', 'SELECT a / 1000 AS a, class FROM point', 'a', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT dml_embed('embed_tiny', 3e38);
SELECT dml_distance('embed_w', ARRAY[3e38, -3e38]::real[], ARRAY[-3e38, 3e38]::real[]) BETWEEN 1e38 AND 1e39 AS huge;
SELECT dml_embed('embed_net', ARRAY[3e38, -3e38]::real[]) IS NOT NULL AS embedded;
SELECT dml_embed('embed_w', dml_embed('embed_w', 1, 2));
SELECT dml_embed('embed_w', dml_embed('embed_net', 1, 2));
SELECT dml_embed('embed_w', '[1,2]@00000000000000ff'::dml_vector);
SELECT dml_embed('embed_w', 'a'::text);
SELECT dml_embed('embed_w', '{1,2}');
SELECT dml_embed('embed_w');
SELECT dml_distance('embed_w', ARRAY[1, 2], ARRAY[1]);
SELECT dml_distance('embed_x', ARRAY[1, 2], ARRAY[1, 2]);
SELECT dml_distance('embed_w', dml_embed('embed_w', 1, 2), '[1,2]');

-- Spaces do not mix. The message names both models, although this session has used neither.
CREATE TABLE kept AS SELECT dml_embed('embed_w', 1, 2) AS w, dml_embed('embed_net', 1, 2) AS n, '[1,2]'::dml_vector AS p;
\c -
SET search_path = embed_test, public;
SELECT w <-> n FROM kept;
SELECT w <-> p FROM kept;
SELECT n <=> w FROM kept;
SELECT w + n FROM kept;
SELECT sum(v) FROM (SELECT w FROM kept UNION ALL SELECT n FROM kept) v (v);
SELECT dml_embed('embed_w', n) FROM kept;

-- The model's name comes from a column: each row uses its own model.
SELECT name, count(*), count(DISTINCT e), min(dml_dims(e)) AS dims FROM (
	SELECT name, dml_embed(name, id, 1) AS e FROM point, (VALUES ('embed_w'), ('embed_net'), (NULL), ('embed_w@1')) m (name)) e
GROUP BY name ORDER BY name COLLATE "C";

-- Not immutable: no index, no generated column.
CREATE INDEX ON point (dml_embed('embed_w', x));
CREATE TABLE generated (x real[], e dml_vector GENERATED ALWAYS AS (dml_embed('embed_w', x)) STORED);
SELECT DISTINCT proname, provolatile, proparallel, proisstrict FROM pg_proc WHERE proname IN ('dml_embed', 'dml_distance') ORDER BY 1;

-- Workers embed with the same version as the leader.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE wide SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT sum(dml_embed('embed_wide', x)) FROM wide;
SELECT count(DISTINCT dml_space(dml_embed('embed_wide', x))) FROM wide;
SELECT count(*) FROM wide WHERE dml_distance('embed_wide', x, x) = 0;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Functions, operators and types on the search_path do not affect the extension.
CREATE SCHEMA trap;
CREATE FUNCTION trap.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.trap);
CREATE FUNCTION trap.trap(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.trap);
CREATE FUNCTION trap.max(integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.coalesce(integer, integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.string_agg(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.quote_ident(name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN trap.jsonb AS pg_catalog.jsonb CHECK (false);
CREATE TABLE trap.pg_attribute (attrelid oid);
CREATE TEMPORARY TABLE pg_trigger (tgfoid oid);
SET search_path = trap, pg_catalog, embed_test, public;
SELECT version FROM dml_train('embed_trap', 'embed_test.point', 'a, b', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT dml_dims(dml_embed('embed_trap', 1, 2)), dml_distance('embed_trap', ARRAY[1, 2], ARRAY[1, 2]);
SELECT dml_grant('embed_trap', 'public', 'embed'), dml_revoke('embed_trap', 'public', 'embed'), dml_activate('embed_trap', 1);
SELECT dml_drop_model('embed_trap');
SET search_path = embed_test, public;
DROP TABLE pg_temp.pg_trigger;

-- No call leaks memory, also when calls share one context.
CREATE FUNCTION memory() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	bytes bigint := 0;		-- PostgreSQL 13 does not say
BEGIN
	IF to_regclass('pg_catalog.pg_backend_memory_contexts') IS NOT NULL THEN
		EXECUTE 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts' INTO bytes;
	END IF;
	RETURN bytes;
END $$;
CREATE FUNCTION grown(calls int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint;
	d float8;
	e dml_vector := dml_embed('embed_net', 1, 2);
	x float8[] := ARRAY[1, 2];
BEGIN
	FOR i IN 1 .. calls LOOP
		IF i = 1000 THEN
			before := memory();
		END IF;
		x[1] := i;
		d := dml_distance('embed_net', x, x) + dml_distance('embed_w', x::real[]::dml_vector, '[1,2]')
			+ (e <-> x) + (x::real[] <+> e) + (dml_embed('embed_net', i, 2) <-> e);
	END LOOP;
	RETURN memory() - before;
END $$;
SELECT grown(1) IS NULL AS warm, grown(20000) < 262144 AS bounded;

SET client_min_messages = warning;
SELECT dml_drop_model(model) FROM dml_models WHERE model LIKE 'embed%';
-- of a dropped model only the number of the space is left
DO $$
DECLARE
	v kept;
BEGIN
	SELECT * INTO v FROM kept;
	BEGIN
		PERFORM v.w <-> v.p;
	EXCEPTION WHEN data_exception THEN
		RAISE WARNING '%', (regexp_match(SQLERRM, 'vectors of different.*'))[1];
	END;
	BEGIN
		PERFORM v.w <-> ARRAY[1, 2]::real[];
	EXCEPTION WHEN undefined_object THEN
		RAISE WARNING '%', replace(SQLERRM, dml_space(v.w), '(its space)');
	END;
END $$;
DROP SCHEMA embed_test, trap CASCADE;
