-- What training reads: kinds of sources, features, labels, and errors.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE EXTENSION IF NOT EXISTS file_fdw;
RESET client_min_messages;
CREATE SCHEMA source_test;
SET search_path = source_test, public;

-- Train a closed form, and show what was read.
CREATE FUNCTION train(source text, features text, label text)
RETURNS TABLE (rows bigint, skipped bigint, classes int, dims int) LANGUAGE sql AS $$
	SELECT t.rows, t.skipped, t.classes, t.dims FROM dml_train('source_test', source, features, label, method => 'pca', options => '{"validation": 0}') t
$$;

CREATE TABLE flower (id int PRIMARY KEY, a real, b double precision, c int, d numeric, x real[], class text);
INSERT INTO flower
SELECT i, sin(i), cos(i * 3), i % 11, (i % 13) / 4.0, ARRAY[sin(i), cos(i * 3), i % 11, (i % 13) / 4.0], 'class ' || i % 3
FROM generate_series(1, 90) i;

-- Kinds of sources.
CREATE VIEW flower_view AS SELECT * FROM flower WHERE id <= 60;
CREATE MATERIALIZED VIEW flower_matview AS SELECT * FROM flower WHERE id <= 45;
CREATE TABLE flower_parts (LIKE flower) PARTITION BY RANGE (id);
CREATE TABLE flower_part_1 PARTITION OF flower_parts FOR VALUES FROM (0) TO (50);
CREATE TABLE flower_part_2 PARTITION OF flower_parts FOR VALUES FROM (50) TO (200);
INSERT INTO flower_parts SELECT * FROM flower;
CREATE SCHEMA "Source Test";
CREATE TABLE "Source Test"."A.b" AS SELECT * FROM flower WHERE id <= 30;
CREATE TEMP TABLE flower_temp AS SELECT * FROM flower WHERE id <= 33;
SELECT * FROM train('flower', 'x', 'class');
SELECT * FROM train('  FLOWER ', 'x', 'class');
SELECT * FROM train('source_test.flower', 'flower.x', 'flower.class');
SELECT * FROM train('flower_view', 'x', 'class');
SELECT * FROM train('flower_matview', 'x', 'class');
SELECT * FROM train('flower_parts', 'x', 'class');
SELECT * FROM train('"Source Test"."A.b"', 'x', 'class');
SELECT * FROM train('flower_temp', 'x', 'class');
SELECT * FROM train('SELECT * FROM flower WHERE id > 70', 'x', 'class');
SELECT * FROM train('select x, class from flower limit 40; ', 'x', 'class');
SELECT * FROM train('  -- the flowers
  /* all /* of */ them */ WITH f AS (SELECT * FROM flower) TABLE f -- the end', 'x', 'class');
SELECT * FROM train('(SELECT * FROM flower WHERE id < 10) UNION ALL (SELECT * FROM flower WHERE id > 80)', 'x', 'class');
SELECT * FROM train('VALUES (1, 2, ''a''), (2, 1, ''b''), (3, 5, ''a''), (4, 4, ''b'')', 'column1, column2', 'column3');
SELECT * FROM train('TABLE flower', 'x', 'source.class');

\cd `echo "${PG_ABS_SRCDIR:-.}"`
CREATE TABLE iris (sepal_length real, sepal_width real, petal_length real, petal_width real, class int);
\copy iris FROM 'test/data/iris.csv' WITH (FORMAT csv, HEADER)
SELECT * FROM train('iris', 'sepal_length, sepal_width, petal_length, petal_width', 'class');

CREATE SERVER source_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE flower_file (a real, b real, class text) SERVER source_files
	OPTIONS (program 'printf "1,2,x\n2,3,y\n5,1,x\n7,2,y\n"', format 'csv');
SELECT * FROM train('flower_file', 'a, b', 'class');

-- Features: types and expressions.
SELECT * FROM train('flower', 'a, b, c, d', 'class');
SELECT * FROM train('flower', 'a, b -- a comment', 'class /* and another */');
SELECT * FROM train('flower', 'a * 2 AS double, "c" + d, (class = ''class 1''), id::bigint, c::smallint', 'class');
SELECT * FROM train('flower', 'x::double precision[]', 'class');
SELECT * FROM train('flower', 'x::numeric[]', 'class');
SELECT * FROM train('flower', 'ARRAY[c, id]', 'class');
SELECT * FROM train('flower', 'ARRAY[c, id]::smallint[]', 'class');
SELECT * FROM train('flower', 'ARRAY[c, id]::bigint[]', 'class');
SELECT * FROM train('flower', 'x::dml_vector', 'class');
SELECT * FROM train('flower', 'x || (a * b)::real', 'class');
CREATE DOMAIN measure AS real CHECK (VALUE >= 0);
SELECT * FROM train('flower', 'abs(a)::measure, c', 'class');

-- Labels: every type with equality.
CREATE TYPE source_colour AS ENUM ('red', 'green');
SELECT * FROM train('flower', 'x', 'c');
SELECT * FROM train('flower', 'x', 'c > 5');
SELECT * FROM train('flower', 'x', '(c % 4)::numeric');
SELECT * FROM train('flower', 'x', 'date ''2020-02-01'' + c');
SELECT * FROM train('flower', 'x', 'CASE WHEN c > 5 THEN ''red'' ELSE ''green'' END::source_colour');
SELECT * FROM train('flower', 'x', 'md5((c % 5)::text)::uuid');
SELECT * FROM train('flower', 'x', 'ROW(c % 2, class)');
SELECT * FROM train('flower', 'x', 'ARRAY[c % 2, c % 3]');
SELECT * FROM train('flower', 'x', 'jsonb_build_object(''k'', c % 3)');
SELECT * FROM train('flower', 'x', '(c % 3)::bit(2)');
SELECT * FROM train('flower', 'x', 'CASE id % 3 WHEN 0 THEN 1.0 WHEN 1 THEN 1.00 ELSE 2 END');
SELECT * FROM train('flower', 'x', 'to_json(c)');
SELECT * FROM train('flower', 'x', 'point(c, c)');

-- NULLs in several features are filled in, and those in one feature are skipped and counted.
SELECT * FROM train('SELECT NULLIF(a, sin(1)::real) AS a, CASE WHEN id % 10 > 0 THEN b END AS b, class FROM flower', 'a, b', 'class');
SELECT * FROM train('SELECT CASE WHEN id = 2 THEN ARRAY[1, NULL, 3, 4] ELSE x END AS x, NULLIF(class, ''class 2'') AS class FROM flower', 'x', 'class');
SELECT * FROM train('SELECT x, CASE WHEN id > 1 THEN class END AS class FROM flower', 'x', 'class');
SELECT * FROM train('SELECT x, NULL::text AS class FROM flower', 'x', 'class');
SELECT * FROM train('SELECT * FROM flower WHERE false', 'x', 'class');

-- What cannot be read.
SELECT * FROM train('flower', 'a, d / 0', 'class');
SELECT * FROM train('flower', 'a, CASE WHEN id = 7 THEN ''NaN'' ELSE b END AS b', 'class');
SELECT * FROM train('flower', 'CASE WHEN id = 7 THEN ''-inf'' ELSE b END AS b', 'class');
SELECT * FROM train('flower', 'b * 1e300', 'class');
SELECT * FROM train('flower', 'ARRAY[b, b * 1e300]', 'class');
SELECT * FROM train('flower', 'ARRAY[1, 2, ''NaN''::numeric]', 'class');
SELECT * FROM train('flower', 'd * 1e300', 'class');
SELECT * FROM train('flower', 'array_fill(1, ARRAY[1 + id / 50])', 'class');
SELECT * FROM train('flower', '''{}''::real[]', 'class');
SELECT * FROM train('flower', 'ARRAY[x, x]', 'class');
SELECT * FROM train('flower', 'array_fill(1, ARRAY[16001])', 'class');
SELECT * FROM train('flower', 'a, x', 'class');
SELECT * FROM train('flower', 'class', 'class');
SELECT * FROM train('flower', 'ARRAY[class]', 'class');
SELECT * FROM train('flower', 'point(a, b)', 'class');
SELECT * FROM train('flower', 'a, ROW(a, b)', 'class');
SELECT * FROM train('flower', '''[1,2]@00000000000000ff''::dml_vector', 'class');
SELECT * FROM train('flower', 'colour', 'class');
SELECT * FROM train('flower', 'x', 'colour');
SELECT * FROM train('flower', 'x', '$1');

-- Text that is more than a list of expressions.
SELECT * FROM train('flower', '', 'class');
SELECT * FROM train('flower', ' -- nothing', 'class');
SELECT * FROM train('flower', '*', 'class');
SELECT * FROM train('flower', 'flower.*', 'class');
SELECT * FROM train('flower', '(flower).*', 'class');
SELECT * FROM train('flower', 'x FROM flower', 'class');
SELECT * FROM train('flower', 'x FROM flower --', 'class');
SELECT * FROM train('flower', 'a UNION SELECT 1', 'class');
SELECT * FROM train('flower', 'DISTINCT a', 'class');
SELECT * FROM train('flower', 'a INTO source_stolen', 'class');
SELECT * FROM train('flower', 'a LIMIT 1', 'class');
SELECT * FROM train('flower', 'a;', 'class');
SELECT * FROM train('flower', 'a; DROP TABLE flower', 'class');
SELECT * FROM train('flower', '(SELECT 1)', 'class');
SELECT * FROM train('flower', 'x[(SELECT 1)]', 'class');
SELECT * FROM train('flower', 'sum(a)', '1');
SELECT * FROM train('flower', 'rank() OVER (ORDER BY a)', 'class');
SELECT * FROM train('flower', 'generate_series(1, 3)', 'class');
SELECT * FROM train('flower', 'a +', 'class');
SELECT * FROM train('flower', 'a /* b', 'class');
SELECT * FROM train('flower', 'x', 'class, id');
SELECT * FROM train('flower', 'x', '');

-- Text that is no source.
SELECT * FROM train('', 'x', 'class');
SELECT * FROM train('/* nothing */', 'x', 'class');
SELECT * FROM train('weed', 'x', 'class');
SELECT * FROM train('weed.flower', 'x', 'class');
SELECT * FROM train('flower f', 'x', 'class');
SELECT * FROM train('flower; DROP TABLE flower', 'x', 'class');
SELECT * FROM train('flower_pkey', 'x', 'class');
SELECT * FROM train('SELECT 1; SELECT 2', 'x', 'class');
SELECT * FROM train('SELECT 1 AS x) AS source; DROP TABLE flower; --', 'x', 'x');
SELECT * FROM train('SELECT 1 AS x) AS source, (SELECT 2 AS y', 'x', 'y');
SELECT * FROM train('SELECT 1 AS x INTO source_stolen', 'x', 'x');
SELECT * FROM train('WITH gone AS (DELETE FROM flower RETURNING *) SELECT * FROM gone', 'x', 'class');
SELECT * FROM train('SELECT * FROM flower FOR UPDATE', 'x', 'class');
SELECT * FROM train('SELECT * FROM', 'x', 'class');
SELECT count(*), to_regclass('source_stolen') FROM flower;

-- A source is read with the rights of the caller.
CREATE FUNCTION source_who() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'runs as %', current_user; RETURN 1; END $$;
BEGIN;
CREATE ROLE source_user;
GRANT USAGE ON SCHEMA source_test TO source_user;
SET ROLE source_user;
SAVEPOINT s;
SELECT * FROM dml_train('source_model_of_user', 'flower', 'x', 'class', method => 'pca');
ROLLBACK TO s;
SELECT rows FROM dml_train('source_model_of_user',
	'SELECT i * source_who() AS a, i % 5 AS b, i % 2 AS c FROM generate_series(1, 3) i', 'a, b', 'c', method => 'pca', options => '{"validation": 0}');
ROLLBACK;
