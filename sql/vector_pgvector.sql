-- Casts from and to pgvector's types, and these as features.  A stand-in takes its place:
-- types with the same names, the same casts from and to real[], and an extension's
-- membership.  vector is a type of its own with functions in C, which here are dml's;
-- halfvec is a composite type with functions in SQL.
SELECT current_database() AS regression \gset
CREATE DATABASE vector_pgvector;
\c vector_pgvector
CREATE SCHEMA pv;
CREATE EXTENSION dml;
SELECT dml_add_pgvector_casts();

SET client_min_messages = warning;
CREATE TYPE pv.vector;
CREATE FUNCTION pv.vector_in(cstring, oid, integer) RETURNS pv.vector AS '$libdir/dml', 'dml_vector_in' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.vector_out(pv.vector) RETURNS cstring AS '$libdir/dml', 'dml_vector_out' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE pv.vector (INPUT = pv.vector_in, OUTPUT = pv.vector_out, INTERNALLENGTH = variable, ALIGNMENT = double, STORAGE = external);
RESET client_min_messages;
CREATE TYPE pv.halfvec AS (x real[]);
CREATE FUNCTION pv.to_array(pv.vector) RETURNS real[] AS '$libdir/dml', 'dml_vector_to_float4' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.to_array(pv.halfvec) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT $1.x';
CREATE FUNCTION pv.to_vector(real[]) RETURNS pv.vector AS '$libdir/dml', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.to_halfvec(real[]) RETURNS pv.halfvec LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::pv.halfvec';
CREATE CAST (pv.vector AS real[]) WITH FUNCTION pv.to_array(pv.vector) AS IMPLICIT;
CREATE CAST (pv.halfvec AS real[]) WITH FUNCTION pv.to_array(pv.halfvec);
CREATE CAST (real[] AS pv.vector) WITH FUNCTION pv.to_vector(real[]);
CREATE CAST (real[] AS pv.halfvec) WITH FUNCTION pv.to_halfvec(real[]);

-- Types of those names alone are not trusted.
SELECT dml_add_pgvector_casts();
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index'), 'vector', 10, 'pv'::regnamespace, false, '0';
ALTER EXTENSION vector ADD TYPE pv.vector;
ALTER EXTENSION vector ADD TYPE pv.halfvec;

-- pgvector came second.
SELECT dml_add_pgvector_casts();
SELECT dml_add_pgvector_casts() AS second_call;
SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext
FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%' ORDER BY castfunc::regprocedure::text;
SELECT '[1,2]'::pv.vector::dml_vector, ROW(ARRAY[1, 2.5])::pv.halfvec::dml_vector(2),
	'[3,4]'::dml_vector::pv.vector, '[3,4]@00000000000000ff'::dml_vector::pv.halfvec;
SELECT '[1,2]'::pv.vector::dml_vector(3);
CREATE TABLE assigned (d dml_vector, v pv.vector);
INSERT INTO assigned VALUES ('[1,2]'::pv.vector, '[3,4]'::dml_vector);
SELECT * FROM assigned;

-- Whatever stands first in the search path.
CREATE SCHEMA trap;
CREATE FUNCTION trap.dml_vector(real[]) RETURNS text LANGUAGE sql AS 'SELECT ''trapped''';
CREATE DOMAIN trap.float4 AS integer[];
SET search_path = trap, public, pg_catalog;
SELECT '[1,2]'::pv.vector::public.dml_vector;
RESET search_path;

-- As features: a type whose cast to real[] is a function in C.  The one in SQL must be asked for.
CREATE TABLE item AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5]::real[] AS x, i % 3 AS class FROM generate_series(1, 300) i;
ALTER TABLE item ADD v pv.vector, ADD h pv.halfvec;
UPDATE item SET v = x::pv.vector, h = x::pv.halfvec;
CREATE DOMAIN half AS pv.vector;
SELECT dims FROM dml_train('m', 'item', 'v', 'class', method => 'lda', options => '{"validation": 0}');
SELECT dims FROM dml_train('a', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT (SELECT space FROM dml_model_versions WHERE model = 'm') = (SELECT space FROM dml_model_versions WHERE model = 'a') AS same_model;
SELECT dims FROM dml_train('d', 'SELECT v::half AS v, class FROM item', 'v', 'class', method => 'lda', options => '{"validation": 0}');
SELECT dml_train('n', 'item', 'v, id', 'class');
SELECT dml_train('n', 'item', 'h', 'class');
SELECT dims FROM dml_train('n', 'item', 'h::real[]', 'class', method => 'lda', options => '{"validation": 0}');
SELECT rows, embedded FROM dml_materialize('item', 'e', 'm');
SELECT features FROM dml_columns WHERE "column" = 'e';
UPDATE item SET v = '[1,2,3]' WHERE id = 1;
INSERT INTO item (id, v, class) VALUES (301, '[4,1,2]', 1), (302, NULL, 1);
SELECT count(*), count(e) AS embedded, bool_and(e = dml_embed('m', v::real[])) AS fresh FROM item;
SET client_min_messages = warning;
SELECT count(*) > 0 AS evaluated FROM dml_evaluate('m', 'item', 'v', 'class');
SELECT id FROM item ORDER BY e <-> '[4,1,2]'::pv.vector, id LIMIT 1;
SELECT bool_and(dml_embed('m', v) = e) AS embed, bool_and(dml_distance('m', v, '[4,1,2]'::pv.vector) = (e <-> '[4,1,2]'::pv.vector)) AS distance FROM item;
SELECT dml_embed('n', h) = dml_embed('n', h::real[]) AS halfvec FROM item WHERE id = 2;
SELECT threshold > 0 AS calibrated FROM dml_calibrate('m', 'item', 'v', 'class');
RESET client_min_messages;
-- Beside an embedding, and as an argument.
SELECT dml_match('m', v, v) FROM item WHERE id = 1;
SELECT label FROM dml_classify('item', 'e', 'class', '[4,1,2]'::pv.vector, k => 1);
SELECT label FROM dml_classify('item', 'e', 'class', ROW(ARRAY[4, 1, 2])::pv.halfvec);
EXPLAIN (VERBOSE, COSTS OFF) SELECT dml_embed('m', v), dml_distance('m', h, h) FROM item;

-- No member of an extension, so that pg_dump writes them.
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_proc'::regclass
	AND (objid IN (SELECT castfunc FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR objid::regprocedure::text LIKE '%pv.%');

-- pgvector came first.
SET client_min_messages = warning;
DROP EXTENSION dml CASCADE;
RESET client_min_messages;
SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'dml%' AND pronamespace = 'public'::regnamespace;
CREATE EXTENSION dml;
SELECT dml_add_pgvector_casts() AS already_there;
SELECT '[1,2]'::pv.vector::dml_vector, '[3,4]'::dml_vector::pv.halfvec;
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dml')
	AND (classid = 'pg_cast'::regclass AND objid IN (SELECT oid FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR classid = 'pg_proc'::regclass AND objid IN (SELECT castfunc FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR classid = 'pg_proc'::regclass AND objid::regprocedure::text LIKE '%pv.%');
SELECT count(*) AS functions FROM pg_proc WHERE oid::regprocedure::text LIKE 'dml%pv.%';

\c :"regression"
DROP DATABASE vector_pgvector;
