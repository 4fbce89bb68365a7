-- Distances of dml_vector.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

SELECT a <-> b AS l2, a <=> b AS cosine, a <#> b AS negative_inner_product, a <+> b AS l1
FROM (VALUES ('[3,0]'::dml_vector, '[0,4]'::dml_vector), ('[1,1]', '[-2,-2]'), ('[5]', '[5]'),
	('[1,2]@00000000000000ff', '[1,2]@00000000000000ff'), (NULL, '[1]'), ('[1]', NULL)) t(a, b);
SELECT dml_l2_distance('[1,2]', '[4,6]'), dml_inner_product('[1,2]', '[4,6]'), dml_negative_inner_product('[1,2]', '[4,6]'),
	dml_l1_distance('[1,2]', '[4,6]'), dml_cosine_distance('[0,2]', '[0,-3]');

-- A zero vector has no direction: the distance is NaN, which sorts after all numbers.
SELECT v, v <=> '[1,0]' AS d FROM (VALUES ('[0,0]'::dml_vector), ('[-1,0]'), ('[2,0]'), ('[0,1]')) t(v) ORDER BY d;
SELECT '[0,0]'::dml_vector <=> '[0,0]', '[0,0]'::dml_vector <-> '[0,0]';

-- Finite vectors have finite distances, and different vectors have a distance above 0.
SELECT a <-> b < 'Infinity' AS l2, a <=> b BETWEEN 0 AND 2 AS cosine, abs(a <#> b) < 'Infinity' AS inner_product, a <+> b < 'Infinity' AS l1
FROM (VALUES ('[3e38,-3e38]'::dml_vector, '[-3e38,3e38]'::dml_vector), ('[1e19,1]', '[1,-1e19]')) t(a, b);
SELECT '[1e-30,0]'::dml_vector <-> '[0,0]' > 0 AS apart, '[1e-45]'::dml_vector <-> '[0]' > 0 AS still_apart;

-- Every kernel and every remainder agree: whole numbers are exact.
CREATE TABLE vector_distance AS
SELECT n, array_agg(i % 7 ORDER BY i)::dml_vector AS a, array_agg(i % 5 ORDER BY i)::dml_vector AS b,
	sum((i % 7 - i % 5) ^ 2) AS l2_squared, sum((i % 7) * (i % 5)) AS inner_product, sum(abs(i % 7 - i % 5)) AS l1
FROM generate_series(1, 200) n, generate_series(1, n) i GROUP BY n;
CREATE FUNCTION pg_temp.wrong() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM vector_distance
	WHERE abs((a <-> b) ^ 2 - l2_squared) > 1e-9 OR a <#> b <> -inner_product OR a <+> b <> l1
		OR a <-> b <> b <-> a OR a <=> b <> b <=> a OR a <-> a <> 0 OR (n > 1 AND a <=> a <> 0)
$$;
SELECT pg_temp.wrong();
SET dml.simd = plain;
SELECT pg_temp.wrong();
RESET dml.simd;
DROP TABLE vector_distance;

-- Vectors that are stored short, in line, and out of line.
CREATE TABLE vector_stored (id integer, v dml_vector);
INSERT INTO vector_stored
SELECT n, array_agg(CASE WHEN i = 1 THEN 3 WHEN i = 2 THEN 4 ELSE 0 END)::dml_vector
FROM unnest(ARRAY[2, 20, 300, 3000]) n, generate_series(1, n) i GROUP BY n;
SELECT id, v <-> v * 2 AS l2, v <+> v * 2 AS l1, v <#> v AS negative_inner_product, v <=> -v AS cosine, dml_norm(v), dml_dims(v), dml_space(v)
FROM vector_stored ORDER BY id;
DROP TABLE vector_stored;

-- What cannot be compared.
SELECT '[1,2]'::dml_vector <-> '[1,2,3]';
SELECT '[1,2]'::dml_vector <=> '[1]';
SELECT '[1,2]'::dml_vector <#> '[1]';
SELECT '[1,2]'::dml_vector <+> '[1]';
SELECT dml_inner_product('[1,2]', '[1]');
SELECT '[1]@00000000000000ff'::dml_vector <-> '[1]@00000000000000fe';
SELECT '[1]'::dml_vector <=> '[1]@00000000000000fe';
SELECT '[1]@00000000000000ff'::dml_vector <#> '[1]';
SELECT '[1,2]@00000000000000ff'::dml_vector <+> '[1]';

-- Immutable, strict, parallel safe; commutators.
SELECT p.proname, p.provolatile, p.proisstrict, p.proparallel, o.oprname, o.oprcom = o.oid AS commutes
FROM pg_proc p LEFT JOIN pg_operator o ON o.oprcode = p.oid
WHERE p.prorettype = 'float8'::regtype AND p.proname LIKE 'dml%'
	AND p.pronargs = 2 AND p.proargtypes[0] = 'dml_vector'::regtype AND p.proargtypes[1] = 'dml_vector'::regtype
ORDER BY p.proname;
SELECT p.oid::regprocedure AS not_as_promised FROM pg_proc p
WHERE p.proname LIKE 'dml\_vector%' AND p.proargtypes::oid[] <@ ARRAY['dml_vector'::regtype::oid]
	AND (p.provolatile <> 'i' OR p.proparallel <> 's' OR NOT p.proisstrict);
SELECT DISTINCT oprname, oprleft::regtype, oprright::regtype FROM pg_operator
WHERE 'dml_vector'::regtype = ALL (ARRAY[oprleft, oprright]) AND oprname IN ('<->', '<=>', '<#>', '<+>', '+', '*', '=', '<>') AND oprcom = 0;
