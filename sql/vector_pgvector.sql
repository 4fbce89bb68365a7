-- Casts from and to pgvector's types, and these types as features. Stand-ins take their place:
-- types with their names, layout, casts from and to real[], and membership of an extension. Their
-- text is that of bytea. Their casts to real[] are in SQL, where pgvector's are in C. dense, a type
-- with such a cast in C, replaces vector as a feature.
SELECT current_database() AS regression \gset
CREATE DATABASE vector_pgvector;
\c vector_pgvector
CREATE SCHEMA pv;
CREATE EXTENSION dml;
SELECT dml_add_pgvector_casts();

SET client_min_messages = warning;
CREATE TYPE pv.vector;
CREATE FUNCTION pv.vector_in(cstring) RETURNS pv.vector AS 'byteain' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION pv.vector_out(pv.vector) RETURNS cstring AS 'byteaout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE pv.vector (INPUT = pv.vector_in, OUTPUT = pv.vector_out, INTERNALLENGTH = variable, STORAGE = external);
CREATE TYPE pv.halfvec;
CREATE FUNCTION pv.halfvec_in(cstring) RETURNS pv.halfvec AS 'byteain' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION pv.halfvec_out(pv.halfvec) RETURNS cstring AS 'byteaout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE pv.halfvec (INPUT = pv.halfvec_in, OUTPUT = pv.halfvec_out, INTERNALLENGTH = variable, STORAGE = external);
CREATE TYPE pv.dense;
CREATE FUNCTION pv.dense_in(cstring, oid, integer) RETURNS pv.dense AS '$libdir/dml', 'dml_vector_in' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.dense_out(pv.dense) RETURNS cstring AS '$libdir/dml', 'dml_vector_out' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE pv.dense (INPUT = pv.dense_in, OUTPUT = pv.dense_out, INTERNALLENGTH = variable, ALIGNMENT = double, STORAGE = external);
RESET client_min_messages;

-- Their casts from and to real[]. The casts under test are made by hand.
CREATE FUNCTION pv.of_vector(pv.vector) RETURNS dml_vector AS '$libdir/dml', 'dml_vector_from_pgvector' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.of_halfvec(pv.halfvec) RETURNS dml_vector AS '$libdir/dml', 'dml_vector_from_halfvec' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.vector_of(dml_vector) RETURNS pv.vector AS '$libdir/dml', 'dml_vector_to_pgvector' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.halfvec_of(dml_vector) RETURNS pv.halfvec AS '$libdir/dml', 'dml_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.to_array(pv.vector) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT pv.of_vector($1)::real[]';
CREATE FUNCTION pv.to_array(pv.halfvec) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT pv.of_halfvec($1)::real[]';
CREATE FUNCTION pv.to_vector(real[]) RETURNS pv.vector LANGUAGE sql IMMUTABLE AS 'SELECT pv.vector_of($1::public.dml_vector)';
CREATE FUNCTION pv.to_halfvec(real[]) RETURNS pv.halfvec LANGUAGE sql IMMUTABLE AS 'SELECT pv.halfvec_of($1::public.dml_vector)';
CREATE FUNCTION pv.to_array(pv.dense) RETURNS real[] AS '$libdir/dml', 'dml_vector_to_float4' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pv.to_dense(real[]) RETURNS pv.dense AS '$libdir/dml', 'dml_vector_from_array' LANGUAGE C IMMUTABLE STRICT;
CREATE CAST (pv.vector AS real[]) WITH FUNCTION pv.to_array(pv.vector) AS IMPLICIT;
CREATE CAST (pv.halfvec AS real[]) WITH FUNCTION pv.to_array(pv.halfvec);
CREATE CAST (pv.dense AS real[]) WITH FUNCTION pv.to_array(pv.dense) AS IMPLICIT;
CREATE CAST (real[] AS pv.vector) WITH FUNCTION pv.to_vector(real[]);
CREATE CAST (real[] AS pv.halfvec) WITH FUNCTION pv.to_halfvec(real[]);
CREATE CAST (real[] AS pv.dense) WITH FUNCTION pv.to_dense(real[]);

-- A type is not trusted for its name alone.
SELECT dml_add_pgvector_casts();
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index'), 'vector', 10, 'pv'::regnamespace, false, '0';
ALTER EXTENSION vector ADD TYPE pv.vector;
ALTER EXTENSION vector ADD TYPE pv.halfvec;

-- pgvector is created second.
SELECT dml_add_pgvector_casts();
SELECT dml_add_pgvector_casts() AS second_call;
SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext
FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%' ORDER BY castfunc::regprocedure::text;

-- vector: dimensions, 0, floats; halfvec: halves, up to 65504 and down to 2^-24, ties to even.
SELECT '\x020000000000803f000020c0'::pv.vector::dml_vector, '\x03000000003c00c1ff7b'::pv.halfvec::dml_vector(3);
SELECT '[1,-2.5]'::dml_vector::pv.vector, '[1,-2.5]@00000000000000ff'::dml_vector::pv.vector AS of_embedding,
	'[1,-2.5,65504]'::dml_vector::pv.halfvec;
SELECT '[0.1,2049,2051,65519,5.96e-8,2.99e-8,-2.98e-8,6.1e-5,-0]'::dml_vector::pv.halfvec::dml_vector;
SELECT (SELECT array_agg(x) FROM generate_series(1, 16000) x)::dml_vector::pv.vector::dml_vector =
	(SELECT array_agg(x) FROM generate_series(1, 16000) x)::dml_vector AS long;
SELECT '[1,65520]'::dml_vector::pv.halfvec;
SELECT '\x020000000000803f000020c0'::pv.vector::dml_vector(3);
-- Invalid values, and elements that a dml_vector cannot have.
SELECT '\x'::pv.vector::dml_vector;
SELECT '\x02000000'::pv.halfvec::dml_vector;
SELECT '\x00000000'::pv.vector::dml_vector;
SELECT '\xffff0000000020c0'::pv.vector::dml_vector;
SELECT '\x01000100000020c0'::pv.vector::dml_vector;
SELECT '\x010000000000803f000020c0'::pv.vector::dml_vector;
SELECT '\x020000000000803f0000c07f'::pv.vector::dml_vector;
SELECT '\x03000000003c003c00fc'::pv.halfvec::dml_vector;
-- Out of line, in line, and with a short header; an index on the cast.
CREATE TABLE stored (id int, v pv.vector);
INSERT INTO stored SELECT i, (SELECT array_agg(sin(i * j)) FROM generate_series(1, CASE i % 3 WHEN 0 THEN 2 WHEN 1 THEN 300 ELSE 3000 END) j)::real[]::pv.vector
FROM generate_series(1, 9) i;
SELECT bool_and(v::dml_vector = v::real[]::dml_vector) FROM stored;
CREATE TABLE searched AS SELECT i AS id, ARRAY[sin(i), cos(i * 3), sin(i * 7)]::real[]::pv.vector AS v FROM generate_series(1, 500) i;
CREATE INDEX ON searched USING dml ((v::dml_vector(3)));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM searched ORDER BY v::dml_vector(3) <-> '[0.1,0.2,0.3]' LIMIT 3;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM searched ORDER BY (v::real[]::dml_vector <-> '[0.1,0.2,0.3]') + 0 LIMIT 3) s) AS nearest
FROM (SELECT id FROM searched ORDER BY v::dml_vector(3) <-> '[0.1,0.2,0.3]' LIMIT 3) s;
RESET enable_seqscan;
CREATE TABLE assigned (d dml_vector, v pv.vector);
INSERT INTO assigned VALUES ('\x020000000000803f000020c0'::pv.vector, '[3,4]'::dml_vector);
SELECT * FROM assigned;

-- Under any search_path.
CREATE SCHEMA trap;
CREATE FUNCTION trap.dml_vector(real[]) RETURNS text LANGUAGE sql AS 'SELECT ''trapped''';
CREATE DOMAIN trap.float4 AS integer[];
SET search_path = trap, public, pg_catalog;
SELECT '\x020000000000803f000020c0'::pv.vector::public.dml_vector;
RESET search_path;

-- As features: a type whose cast to real[] is a function in C. A cast in SQL must be written.
CREATE TABLE item AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5]::real[] AS x, i % 3 AS class FROM generate_series(1, 300) i;
ALTER TABLE item ADD v pv.dense, ADD p pv.vector, ADD h pv.halfvec;
UPDATE item SET v = x::pv.dense, p = x::pv.vector, h = x::pv.halfvec;
CREATE DOMAIN half AS pv.dense;
SELECT dims FROM dml_train('m', 'item', 'v', 'class', method => 'lda', options => '{"validation": 0}');
SELECT dims FROM dml_train('a', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT (SELECT space FROM dml_model_versions WHERE model = 'm') = (SELECT space FROM dml_model_versions WHERE model = 'a') AS same_model;
SELECT dims FROM dml_train('d', 'SELECT v::half AS v, class FROM item', 'v', 'class', method => 'lda', options => '{"validation": 0}');
SELECT dims FROM dml_train('n', 'item', 'v, id', 'class', method => 'lda', options => '{"validation": 0}');
SELECT dml_train('n', 'item', 'h', 'class');
SELECT dims FROM dml_train('n', 'item', 'h::real[]', 'class', method => 'lda', options => '{"validation": 0}');
SELECT rows, embedded FROM dml_materialize('item', 'e', 'm');
SELECT features FROM dml_columns WHERE "column" = 'e';
UPDATE item SET v = '[1,2,3]' WHERE id = 1;
INSERT INTO item (id, v, class) VALUES (301, '[4,1,2]', 1), (302, NULL, 1);
SELECT count(*), count(e) AS embedded, bool_and(e = dml_embed('m', v::real[])) AS fresh FROM item;
SET client_min_messages = warning;
SELECT count(*) > 0 AS evaluated FROM dml_evaluate('m', 'item', 'v', 'class');
SELECT id FROM item ORDER BY e <-> '[4,1,2]'::pv.dense, id LIMIT 1;
SELECT bool_and(dml_embed('m', p) = e) AS embed, bool_and(dml_distance('m', p, '[4,1,2]'::dml_vector::pv.vector) = (e <-> '[4,1,2]'::pv.dense)) AS distance
FROM item WHERE id BETWEEN 2 AND 300;
SELECT dml_embed('n', h) = dml_embed('n', h::real[]) AS halfvec FROM item WHERE id = 2;
SELECT threshold > 0 AS calibrated FROM dml_calibrate('m', 'item', 'v', 'class');
RESET client_min_messages;
-- With an embedding, and as an argument.
SELECT dml_match('m', p, p) FROM item WHERE id = 1;
SELECT label FROM dml_classify('item', 'e', 'class', '[4,1,2]'::pv.dense, k => 1);
SELECT label FROM dml_classify('item', 'e', 'class', '[4,1,2]'::dml_vector::pv.halfvec);
EXPLAIN (VERBOSE, COSTS OFF) SELECT dml_embed('m', p), dml_distance('m', h, h) FROM item;

-- They are no members of an extension, so that pg_dump writes them.
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_proc'::regclass
	AND (objid IN (SELECT castfunc FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR objid::regprocedure::text LIKE '%pv.%');

-- pgvector is created first.
SET client_min_messages = warning;
DROP EXTENSION dml CASCADE;
RESET client_min_messages;
SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'dml%' AND pronamespace = 'public'::regnamespace;
CREATE EXTENSION dml;
SELECT dml_add_pgvector_casts() AS already_there;
SELECT '\x020000000000803f000020c0'::pv.vector::dml_vector, '[3,4]'::dml_vector::pv.halfvec;
SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dml')
	AND (classid = 'pg_cast'::regclass AND objid IN (SELECT oid FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR classid = 'pg_proc'::regclass AND objid IN (SELECT castfunc FROM pg_cast WHERE castsource::regtype::text LIKE 'pv.%' OR casttarget::regtype::text LIKE 'pv.%')
		OR classid = 'pg_proc'::regclass AND objid::regprocedure::text LIKE '%pv.%');
SELECT count(*) AS functions FROM pg_proc WHERE oid::regprocedure::text LIKE 'dml%pv.%';

\c :"regression"
DROP DATABASE vector_pgvector;
