-- Single elements, division, and casts from and to jsonb and arrays of text.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

-- unnest
SELECT * FROM unnest('[1,2.5,-3]@00000000000000ff'::dml_vector) WITH ORDINALITY;
SELECT count(*), sum(x) FROM unnest(NULL::dml_vector) x;
SELECT array_agg(x) FROM (SELECT unnest(v) x FROM (VALUES ('[1,2]'::dml_vector), ('[3]')) t (v)) s;

-- / number: of every type, with the operators that a distributed planner looks up by their exact
-- types
SELECT v / 2, v / 2.5, v / 2::bigint, v / 2::smallint, v / 0.5::real, v / '4' FROM (VALUES ('[1,2,-3]'::dml_vector)) t (v);
SELECT dml_space('[1,2]@00000000000000ff'::dml_vector / 2);
SELECT oprright::regtype, oprresult::regtype FROM pg_operator WHERE oprname = '/' AND oprleft = 'dml_vector'::regtype ORDER BY 1;
SELECT bool_and(a = s / n AND a = s / n::numeric) FROM (SELECT avg(v) a, sum(v) s, count(v) n FROM (SELECT ARRAY[i, 2 * i]::dml_vector v FROM generate_series(1, 7) i) r) t;
SELECT '[1]'::dml_vector / 0;
SELECT '[1]'::dml_vector / 0.0;
SELECT '[1]'::dml_vector / 0::bigint;
SELECT '[1]'::dml_vector / 'NaN'::numeric;
SELECT '[1]'::dml_vector / 'Infinity'::float8;
SELECT '[1e30]'::dml_vector / 1e-30;

-- jsonb
SELECT '[1, 2.5, 1e-3, -0.1]'::jsonb::dml_vector, '[1,2.5,1e-7]@00000000000000ff'::dml_vector::jsonb;
SELECT '[1,2]'::jsonb::dml_vector(2), '[1,2]'::jsonb::dml_vector(3);
CREATE TABLE vector_element (v dml_vector(2), j jsonb);
INSERT INTO vector_element (v) VALUES ('[1,2]'::jsonb), ('{3,4}'::text[]);
UPDATE vector_element SET j = v;
TABLE vector_element;
DROP TABLE vector_element;
SELECT '{"a": 1}'::jsonb::dml_vector;
SELECT '1'::jsonb::dml_vector;
SELECT '"[1,2]"'::jsonb::dml_vector;
SELECT '[1, null]'::jsonb::dml_vector;
SELECT '[1, [2]]'::jsonb::dml_vector;
SELECT '[1, "2"]'::jsonb::dml_vector;
SELECT '[1, 1e400]'::jsonb::dml_vector;
SELECT '[]'::jsonb::dml_vector;

-- text[]
SELECT '{1,"2 ",-3e2}'::text[]::dml_vector, '{1,2}'::text[]::dml_vector(2);
SELECT '{"1,2"}'::text[]::dml_vector;
SELECT '{"1]@00000000000000ff"}'::text[]::dml_vector;
SELECT '{a}'::text[]::dml_vector;
SELECT '{""}'::text[]::dml_vector;
SELECT '{NaN}'::text[]::dml_vector;
SELECT '{1,NULL}'::text[]::dml_vector;
SELECT '{{1},{2}}'::text[]::dml_vector;
SELECT '{}'::text[]::dml_vector;

-- An index on an array, or with INCLUDE: the hints say what to write, and it works.
CREATE TABLE vector_element (id int, x real[], "y z" double precision[], e dml_vector(2));
INSERT INTO vector_element VALUES (1, '{1,2}', '{1,2}', '[1,2]'), (2, '{3,4}', '{3,4}', '[3,4]');
CREATE INDEX ON vector_element USING dml (x);
CREATE INDEX ON vector_element USING dml ("y z");
CREATE INDEX ON vector_element USING dml (x, id);
CREATE INDEX ON vector_element USING dml (e, x);
CREATE INDEX ON vector_element USING dml (e) INCLUDE (id);
CREATE INDEX ON vector_element USING dml ((x::dml_vector(2)));
CREATE INDEX ON vector_element USING dml (("y z"::dml_vector(2)));
CREATE INDEX ON vector_element USING dml (e, id);
SELECT pg_indexam_has_property(oid, 'can_include') FROM pg_am WHERE amname = 'dml';
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM vector_element ORDER BY x::dml_vector(2) <-> '[3,4]' LIMIT 1;
SELECT id FROM vector_element ORDER BY x::dml_vector(2) <-> '[3,4]' LIMIT 1;
DROP TABLE vector_element;
