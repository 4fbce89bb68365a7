-- Functions and arithmetic of dml_vector.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

SELECT dml_dims('[1,2,3]'), dml_space('[1,2,3]'), dml_space('[1]@0123456789ABCDEF'), dml_dims(NULL), dml_space(NULL);
SELECT dml_norm('[3,4]'), dml_norm('[0,0]'), dml_norm('[3e30,4e30]') BETWEEN 4.99e30 AND 5.01e30 AS huge,
	dml_norm('[3e-30,4e-30]') BETWEEN 4.99e-30 AND 5.01e-30 AS tiny;
SELECT dml_normalize('[3,4]@00000000000000ff'), dml_normalize('[0,0]'), dml_normalize('[-2e38]'), dml_normalize('[0,1e-45]');

SELECT dml_subvector('[1,2,3,4]', 1, 4), dml_subvector('[1,2,3,4]@00000000000000ff', 2, 2), dml_subvector('[1,2,3,4]', 4, 1);
SELECT dml_subvector(start => 2, count => 1, vector => '[1,2]');
SELECT dml_subvector('[1,2,3]', 0, 2);
SELECT dml_subvector('[1,2,3]', 4, 1);
SELECT dml_subvector('[1,2,3]', 2, 3);
SELECT dml_subvector('[1,2,3]', 2, 2147483647);
SELECT dml_subvector('[1,2,3]', -2147483648, 2147483647);
SELECT dml_subvector('[1,2,3]', 1, 0);
SELECT dml_subvector('[1,2,3]', 1, -2147483648);

SELECT '[1,2]'::dml_vector || '[3]', '[1,2]@00000000000000ff'::dml_vector || '[3]@00000000000000ff', '[1]@00000000000000ff'::dml_vector || '[2]';
SELECT v || v FROM (SELECT array_agg(i)::dml_vector FROM generate_series(1, 8001) i) t(v);

SELECT '[1,2]'::dml_vector + '[3,5]', '[1,2]'::dml_vector - '[3,5]', '[1,2]'::dml_vector * '[3,5]', - '[1,-2]'::dml_vector;
SELECT '[1,2]'::dml_vector + 1, 1 + '[1,2]'::dml_vector, '[1,2]'::dml_vector - 0.5, 1 - '[1,2]'::dml_vector,
	'[1,2]'::dml_vector * 2, 2.5::real * '[1,2]'::dml_vector;

-- Sums, differences and multiples stay in their space; products do not.
SELECT '[1,2]@00000000000000ff'::dml_vector + '[3,5]@00000000000000ff', '[1,2]@00000000000000ff'::dml_vector - '[3,5]@00000000000000ff',
	- '[1,2]@00000000000000ff'::dml_vector, '[1,2]@00000000000000ff'::dml_vector * 2, '[1,2]@00000000000000ff'::dml_vector + 2,
	'[1,2]@00000000000000ff'::dml_vector * '[3,5]@00000000000000ff';

SELECT '[1,2]'::dml_vector + '[1,2,3]';
SELECT '[1,2]'::dml_vector - '[1]';
SELECT '[1,2]'::dml_vector * '[1]';
SELECT '[1]@00000000000000ff'::dml_vector + '[1]@00000000000000fe';
SELECT '[1]@00000000000000ff'::dml_vector - '[1]';
SELECT '[1]'::dml_vector * '[1]@00000000000000ff';
SELECT '[1,3e38]'::dml_vector + '[1,3e38]';
SELECT '[-3e38]'::dml_vector - '[3e38]';
SELECT '[1e20]'::dml_vector * '[1e20]';
SELECT '[1e20]'::dml_vector * 1e20;
SELECT '[1]'::dml_vector + 1e39;
SELECT '[0]'::dml_vector * 'Infinity'::float8;
SELECT '[1]'::dml_vector * 'NaN'::float8;
SELECT '[1]'::dml_vector + NULL::dml_vector, NULL::dml_vector || '[1]', dml_subvector('[1]', NULL, 1);
