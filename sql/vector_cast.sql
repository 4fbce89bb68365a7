-- Casts between dml_vector and arrays.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

SELECT ARRAY[1, 2.5, -3]::real[]::dml_vector, ARRAY[1, 2.5, -3]::float8[]::dml_vector,
	ARRAY[1, 2, -3]::dml_vector, ARRAY[1, 2, -3]::smallint[]::dml_vector,
	ARRAY[1, 2, -3]::bigint[]::dml_vector, ARRAY[1, 2.5, -3]::numeric[]::dml_vector;
SELECT v::real[], v::float8[], v::integer[], v::numeric[]
FROM (VALUES ('[1,0.5,-2.5,3.5]'::dml_vector), ('[1,0.5,-2.5,3.5]@00000000000000ff')) t(v);
SELECT '[0.1,1e10,1e-7,3.4028235e38]'::dml_vector::numeric[], '[0.1]'::dml_vector::float8[];
SELECT ARRAY[1, 2]::dml_vector(2), ARRAY[1, 2]::dml_vector(3);
SELECT '[2:4]={1,2,3}'::real[]::dml_vector AS bounds_do_not_count;

-- Rounded once: the decimal is just above the middle between two reals.
SELECT ARRAY[1.00000005960464477539062500000000001]::numeric[]::dml_vector, ARRAY[1e-60]::float8[]::dml_vector,
	ARRAY[9223372036854775807]::bigint[]::dml_vector;

-- Errors.
SELECT '{}'::real[]::dml_vector;
SELECT '{}'::integer[]::dml_vector;
SELECT ARRAY[1, NULL]::real[]::dml_vector;
SELECT ARRAY[1, NULL]::numeric[]::dml_vector;
SELECT ARRAY[[1, 2], [3, 4]]::real[]::dml_vector;
SELECT ARRAY[1, 'NaN']::real[]::dml_vector;
SELECT ARRAY['Infinity']::real[]::dml_vector;
SELECT ARRAY[1, '-Infinity']::float8[]::dml_vector;
SELECT ARRAY['NaN']::numeric[]::dml_vector;
SELECT ARRAY[1, 1e39]::float8[]::dml_vector;
SELECT ARRAY[-1e39]::numeric[]::dml_vector;
SELECT ARRAY[1e1000]::numeric[]::dml_vector;
SELECT array_agg(i)::dml_vector FROM generate_series(1, 16001) i;
SELECT ARRAY['a']::text[]::dml_vector;
SELECT '[3e9]'::dml_vector::integer[];
SELECT '[2147483648]'::dml_vector::integer[];
SELECT '[-2147483648]'::dml_vector::integer[];

-- Assignment casts are used by INSERT only.
CREATE TABLE vector_cast (v dml_vector(2), r real[], n numeric[], i integer[]);
INSERT INTO vector_cast (v) VALUES (ARRAY[1, 2]), (ARRAY[1.5, 2.5]), (ARRAY[1, 2]::real[]);
INSERT INTO vector_cast (r, n) VALUES ('[1,2]'::dml_vector, '[0.1,2]@00000000000000ff'::dml_vector);
INSERT INTO vector_cast (v) VALUES (ARRAY[1, 2, 3]);
INSERT INTO vector_cast (i) VALUES ('[1,2]'::dml_vector);
SELECT * FROM vector_cast;
SELECT array_length('[1,2]'::dml_vector, 1);
SELECT dml_norm(ARRAY[3, 4]);
DROP TABLE vector_cast;
