-- Casts from and to pgvector's types.  A stand-in takes its place: composite types with
-- the same names, the same casts from and to real[], and an extension's membership.
SELECT current_database() AS regression \gset
CREATE DATABASE vector_pgvector;
\c vector_pgvector
CREATE SCHEMA pv;
CREATE EXTENSION dml;
SELECT dml_add_pgvector_casts();

CREATE TYPE pv.vector AS (x real[]);
CREATE TYPE pv.halfvec AS (x real[]);
CREATE FUNCTION pv.to_array(pv.vector) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT $1.x';
CREATE FUNCTION pv.to_array(pv.halfvec) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT $1.x';
CREATE FUNCTION pv.to_vector(real[]) RETURNS pv.vector LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::pv.vector';
CREATE FUNCTION pv.to_halfvec(real[]) RETURNS pv.halfvec LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::pv.halfvec';
CREATE CAST (pv.vector AS real[]) WITH FUNCTION pv.to_array(pv.vector);
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
SELECT ROW(ARRAY[1, 2])::pv.vector::dml_vector, ROW(ARRAY[1, 2.5])::pv.halfvec::dml_vector(2),
	'[3,4]'::dml_vector::pv.vector, '[3,4]@00000000000000ff'::dml_vector::pv.halfvec;
SELECT ROW(ARRAY[1, 2])::pv.vector::dml_vector(3);
CREATE TABLE assigned (d dml_vector, v pv.vector);
INSERT INTO assigned VALUES (ROW(ARRAY[1, 2])::pv.vector, '[3,4]'::dml_vector);
SELECT * FROM assigned;

-- Whatever stands first in the search path.
CREATE SCHEMA trap;
CREATE FUNCTION trap.dml_vector(real[]) RETURNS text LANGUAGE sql AS 'SELECT ''trapped''';
CREATE DOMAIN trap.float4 AS integer[];
SET search_path = trap, public, pg_catalog;
SELECT ROW(ARRAY[1, 2])::pv.vector::public.dml_vector;
RESET search_path;

-- No member of an extension, so that pg_dump writes them.
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_proc'::regclass
	AND objid IN (SELECT castfunc FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%');

-- pgvector came first.
SET client_min_messages = warning;
DROP EXTENSION dml CASCADE;
RESET client_min_messages;
CREATE EXTENSION dml;
SELECT dml_add_pgvector_casts() AS already_there;
SELECT ROW(ARRAY[1, 2])::pv.vector::dml_vector, '[3,4]'::dml_vector::pv.halfvec;
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dml')
	AND (classid = 'pg_cast'::regclass AND objid IN (SELECT oid FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR classid = 'pg_proc'::regclass AND objid IN (SELECT castfunc FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%'));

\c :"regression"
DROP DATABASE vector_pgvector;
