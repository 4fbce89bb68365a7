-- dml_materialize: adds a column, fills it, keeps it fresh.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA mat_test;
SET search_path = mat_test, public;

CREATE TABLE base AS
SELECT i AS id, ARRAY[i % 7, i % 3 + sin(i), (i * i) % 5]::real[] AS x, i % 3 AS class FROM generate_series(1, 300) i;
SET client_min_messages = warning;
SELECT version, dims FROM dml_train('mat', 'base', 'x', 'class', method => 'whiten');
SELECT version, dims FROM dml_train('mat', 'base', 'x', 'class', method => 'lda');
SELECT version, dims FROM dml_train('mat_columns', 'SELECT x[1] AS a, x[2] AS b, x[3] AS c, class FROM base', 'a, b, c', 'class', method => 'whiten');
RESET client_min_messages;

-- Rows whose column differs from dml_embed's result.
CREATE FUNCTION stale(relation regclass, model text, features text, "column" text DEFAULT 'e') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s WHERE %I IS DISTINCT FROM dml_embed(%L, %s)', relation, "column", model, features) INTO result;
	RETURN result;
END $$;

-- Adds the column and fills it.
CREATE TABLE t AS SELECT id, x FROM base;
ALTER TABLE t ADD PRIMARY KEY (id);
SELECT "table", "column", model, version, dims, rows, embedded, incomplete, seconds > 0 AS timed
FROM dml_materialize('t', 'e', 'mat@1', 'x');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum;
SELECT regexp_replace(pg_get_triggerdef(oid), '''[0-9a-f]{16}''', 'SPACE') AS definition, tgenabled FROM pg_trigger WHERE tgrelid = 't'::regclass;
TABLE dml_columns;
SELECT stale('t', 'mat@1', 'x');

-- The trigger: INSERT, UPDATE of the features, of the column itself, of another column.
INSERT INTO t VALUES (1001, '{1,2,3}'), (1002, NULL), (1003, '{1,NULL,3}');
SELECT id, e IS NULL AS is_null FROM t WHERE id > 1000 ORDER BY id;
UPDATE t SET x = '{4,5,6}' WHERE id = 1001;
UPDATE t SET x = NULL WHERE id = 1;
UPDATE t SET x = '{1,1,1}' WHERE id = 1002;
UPDATE t SET e = NULL WHERE id = 2;
UPDATE t SET e = '[1,2,3]' WHERE id = 3;
INSERT INTO t (id, x, e) VALUES (1004, '{1,2,3}', '[9,9,9]');
UPDATE t SET id = -id WHERE id = 4;
INSERT INTO t VALUES (1004, '{7,7,7}') ON CONFLICT (id) DO UPDATE SET x = excluded.x;
INSERT INTO t VALUES (1004, '{8,8,8}') ON CONFLICT DO NOTHING;
COPY t (id, x) FROM stdin;
2001	{1,2,3}
2002	{3,2,1}
\.
SELECT stale('t', 'mat@1', 'x'), count(*), count(e) FROM t;
SELECT e = dml_embed('mat@1', '{7,7,7}'::real[]) AS updated_on_conflict FROM t WHERE id = 1004;
TRUNCATE t;
INSERT INTO t SELECT id, x FROM base;
SELECT stale('t', 'mat@1', 'x'), count(e) FROM t;

-- A second call writes nothing. With refresh it checks every row and writes the rows that differ.
CREATE FUNCTION versions(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(ctid::text, '','' ORDER BY ctid)) FROM %s', relation) INTO result;
	RETURN result;
END $$;
SELECT versions('t') AS before \gset
SELECT rows, embedded FROM dml_materialize('t', 'e', 'mat@1', 'x');
SELECT rows, embedded FROM dml_materialize('t', 'e', 'mat@1');
SELECT rows, embedded FROM dml_materialize('t', 'e', 'mat@1', refresh => true);
SELECT versions('t') = :'before' AS untouched;
ALTER TABLE t DISABLE TRIGGER USER;
UPDATE t SET x = '{9,9,9}' WHERE id <= 5;
UPDATE t SET e = NULL WHERE id BETWEEN 6 AND 10;
SELECT kept_fresh FROM dml_columns WHERE relation = 't'::regclass;
SELECT rows, embedded FROM dml_materialize('t', 'e', 'mat@1', refresh => true);
SELECT stale('t', 'mat@1', 'x');
SELECT kept_fresh FROM dml_columns WHERE relation = 't'::regclass;

-- A version with other dimensions; the features stay as they were.
SELECT version, dims, rows, embedded FROM dml_materialize('t', 'e', 'mat');
SELECT stale('t', 'mat@2', 'x');
INSERT INTO t VALUES (3000, '{1,2,3}');
SELECT stale('t', 'mat@2', 'x');
SELECT atttypmod FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'e';
SELECT relation, "column", model, version, active, features FROM dml_columns;

-- Other features; expressions, which keep their meaning under any search_path.
CREATE FUNCTION twice(real) RETURNS real IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
SELECT version, embedded FROM dml_materialize('t', 'e', 'mat@1', 'ARRAY[twice(x[1]), x[2], -x[3]]');
SELECT stale('t', 'mat@1', 'ARRAY[twice(x[1]), x[2], -x[3]]');
SELECT features FROM dml_columns;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.twice(real) RETURNS real LANGUAGE plpgsql AS 'BEGIN RAISE ''hostile.twice was called''; END';
CREATE FUNCTION hostile.minus(real) RETURNS real LANGUAGE plpgsql AS 'BEGIN RAISE ''hostile minus was called''; END';
CREATE OPERATOR hostile.- (rightarg = real, function = hostile.minus);
SET search_path = '';
INSERT INTO mat_test.t VALUES (3001, '{1,2,3}');
SET search_path = hostile, pg_catalog, mat_test, public;
INSERT INTO t VALUES (3002, '{1,2,3}');
SELECT embedded FROM dml_materialize('t', 'e', 'mat@1', refresh => true);
SET search_path = mat_test, public;
SELECT stale('t', 'mat@1', 'ARRAY[twice(x[1]), x[2], -x[3]]');

-- Several columns, with a NOTICE about NULLs; the names that the model was trained with.
CREATE TABLE columns AS SELECT id, x[1]::numeric AS a, x[2]::float8 AS b, x[3]::int AS c FROM base;
UPDATE columns SET b = NULL WHERE id <= 3;
UPDATE columns SET c = NULL WHERE id = 300;
SELECT rows, embedded, incomplete FROM dml_materialize('columns', 'e', 'mat_columns');
SELECT features FROM dml_columns WHERE relation = 'columns'::regclass;
SELECT count(*) FILTER (WHERE e IS NULL) AS without FROM columns;
UPDATE columns SET b = 0.5 WHERE id <= 3;
UPDATE columns SET c = 2 WHERE id = 300;
SELECT stale('columns', 'mat_columns', 'a, b, c');
-- Two columns of one table.
SELECT embedded FROM dml_materialize('columns', 'e2', 'mat@1', 'ARRAY[b, a, c]');
INSERT INTO columns VALUES (1000, 1, 2, 3);
SELECT stale('columns', 'mat_columns', 'a, b, c'), stale('columns', 'mat@1', 'ARRAY[b, a, c]', 'e2');

-- An existing column; an empty table; names that need quotes.
CREATE TABLE "My Table" ("My X" real[], "Its E" dml_vector(3) NOT NULL DEFAULT '[0,0,0]');
SELECT rows, embedded FROM dml_materialize('"My Table"', 'Its E', 'mat@1', '"My X"');
INSERT INTO "My Table" VALUES ('{1,2,3}');
SELECT stale('"My Table"', 'mat@1', '"My X"', 'Its E');
INSERT INTO "My Table" VALUES (NULL);
SELECT version, dims, embedded FROM dml_materialize('"My Table"', 'Its E', 'mat@2');
SELECT stale('"My Table"', 'mat@2', '"My X"', 'Its E');
SELECT relation, "column", version, features FROM dml_columns WHERE "column" = 'Its E';

-- A vector column as the feature.
CREATE TABLE vectors AS SELECT x::dml_vector AS v FROM base;
SELECT rows, embedded FROM dml_materialize('vectors', 'e', 'mat@1', 'v');
SELECT stale('vectors', 'mat@1', 'v');

-- Errors in the trigger say where they come from.
SELECT version, embedded FROM dml_materialize('t', 'e', 'mat@1', 'x');
INSERT INTO t VALUES (4000, '{}');
INSERT INTO t VALUES (4000, '{1,2}');
UPDATE t SET x = '{1,2,3,4}' WHERE id = 5;
INSERT INTO t VALUES (4000, '{1,2,NaN}');
INSERT INTO t VALUES (4000, '{1,2,Infinity}');
INSERT INTO t VALUES (4000, '{{1,2,3}}');
-- And while filling.
CREATE TABLE ragged (x real[]);
INSERT INTO ragged VALUES ('{1,2,3}'), ('{1,2}'), ('{1,2,3}');
SELECT * FROM dml_materialize('ragged', 'e', 'mat@1', 'x');
SELECT * FROM dml_materialize('ragged', 'e', 'mat@1', 'ARRAY[x[1], 1 / (2 - array_length(x, 1)), 0]');
SELECT count(*) AS columns FROM pg_attribute WHERE attrelid = 'ragged'::regclass AND attnum > 0;

-- Values too large for the model are an error, not an infinite embedding.
CREATE TABLE huge (x double precision[]);
INSERT INTO huge VALUES ('{3e38,-3e38,3e38}');
SELECT * FROM dml_materialize('huge', 'e', 'mat@1', 'x');
INSERT INTO huge VALUES ('{3e39,1,1}');
SELECT * FROM dml_materialize('huge', 'e', 'mat@1', 'x');

-- Cancelled: nothing is left behind.
CREATE FUNCTION slowly(real[]) RETURNS real[] IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN $1; END';
CREATE TABLE slow AS SELECT x FROM base;
SET statement_timeout = 300;
\set VERBOSITY terse
SELECT * FROM dml_materialize('slow', 'e', 'mat@1', 'slowly(x)');
\set VERBOSITY default
RESET statement_timeout;
SELECT count(*) AS columns FROM pg_attribute WHERE attrelid = 'slow'::regclass AND attnum > 0;

-- More rows than one batch; some are up to date.
CREATE TABLE large AS SELECT i AS id, ARRAY[i % 7, sin(i), i % 5]::real[] AS x FROM generate_series(1, 5000) i;
SELECT rows, embedded FROM dml_materialize('large', 'e', 'mat@1', 'x');
ALTER TABLE large DISABLE TRIGGER USER;
UPDATE large SET e = NULL WHERE id % 2 = 0;
ALTER TABLE large ENABLE ALWAYS TRIGGER zz_dml_e;
SELECT rows, embedded FROM dml_materialize('large', 'e', 'mat@1');
SELECT stale('large', 'mat@1', 'x');

-- Search by raw features.
SELECT id FROM t ORDER BY e <-> (SELECT x FROM t WHERE id = 17), id LIMIT 1;

-- dml_dematerialize.
SELECT dml_dematerialize('t', 'e', drop_column => false);
INSERT INTO t VALUES (5000, '{1,2,3}');
SELECT e IS NULL AS no_longer_kept FROM t WHERE id = 5000;
SELECT count(*) FROM dml_columns WHERE relation = 't'::regclass;
SELECT dml_dematerialize('t', 'e');
SELECT rows, embedded FROM dml_materialize('t', 'e', 'mat@1', 'x');
SELECT dml_dematerialize('t', 'e');
\d t
SELECT dml_dematerialize('t', 'e');

SET client_min_messages = warning;
DROP SCHEMA hostile CASCADE;
DROP SCHEMA mat_test CASCADE;
SELECT dml_drop_model('mat');
SELECT dml_drop_model('mat_columns');
TABLE dml_columns;
