-- The type dml_vector: text, binary, typmod, storage.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

-- Text.
SELECT '[1,2,3]'::dml_vector;
SELECT E' \t[ 1 ,\n-2.5, +3e2 , .5, 7. ]\r '::dml_vector;
SELECT '[1,2,3]@0123456789abcdef'::dml_vector;
SELECT '[1,2,3] @FEDCBA9876543210 '::dml_vector;
SELECT '[1.17549435e-38,3.4028235e38,-3.4028235e38,1e-45,-0,0.1,16777217]'::dml_vector;
SELECT '[1e-400,-1e-50]'::dml_vector AS too_small_is_rounded;
SELECT '[0.30000001192092895507812500000000001]'::dml_vector AS shortest;
SELECT dml_dims(('[' || repeat('0,', 15999) || '1]')::dml_vector);
SELECT NULL::dml_vector;

-- Invalid text.
SELECT ''::dml_vector;
SELECT '1,2,3'::dml_vector;
SELECT '[]'::dml_vector;
SELECT '[ ]'::dml_vector;
SELECT '['::dml_vector;
SELECT '[1'::dml_vector;
SELECT '[1,'::dml_vector;
SELECT '[1,]'::dml_vector;
SELECT '[,1]'::dml_vector;
SELECT '[1,,2]'::dml_vector;
SELECT '[1 2]'::dml_vector;
SELECT '[1;2]'::dml_vector;
SELECT '[1]]'::dml_vector;
SELECT '[[1]]'::dml_vector;
SELECT '{1,2}'::dml_vector;
SELECT '[1,2]x'::dml_vector;
SELECT '[a]'::dml_vector;
SELECT '[1e]'::dml_vector;
SELECT '[1e+]'::dml_vector;
SELECT '[.]'::dml_vector;
SELECT '[-]'::dml_vector;
SELECT '[1.2.3]'::dml_vector;
SELECT '[0x10]'::dml_vector;
SELECT '[1f]'::dml_vector;
SELECT '[1, NaN]'::dml_vector;
SELECT '[-nan]'::dml_vector;
SELECT '[1,2,Infinity]'::dml_vector;
SELECT '[-inf]'::dml_vector;
SELECT '[1,4e38]'::dml_vector;
SELECT '[-1e1000]'::dml_vector;
SELECT ('[' || repeat('0,', 16000) || '1]')::dml_vector;
SELECT '[1]@'::dml_vector;
SELECT '[1]@123'::dml_vector;
SELECT '[1]@0123456789abcdeg'::dml_vector;
SELECT '[1]@0123456789abcdef0'::dml_vector;
SELECT '[1]@0000000000000000'::dml_vector;
SELECT '@0123456789abcdef'::dml_vector;

-- Typmod.
SELECT '[1,2,3]'::dml_vector(3);
SELECT '[1,2,3]'::dml_vector(2);
SELECT '[1,2,3]'::dml_vector::dml_vector(4);
SELECT '[1]'::dml_vector(0);
SELECT '[1]'::dml_vector(-1);
SELECT '[1]'::dml_vector(16001);
SELECT '[1]'::dml_vector(1, 2);
SELECT '[1]'::dml_vector('a');
SELECT format_type('dml_vector'::regtype, 16000);

-- Columns, of both storages, NULL among them.
CREATE TABLE vector_io (id integer PRIMARY KEY, v dml_vector(3));
INSERT INTO vector_io VALUES (1, '[1,2,3]'), (2, '[4,5,6]@00000000000000ff'), (3, NULL);
INSERT INTO vector_io VALUES (4, '[1,2]');
UPDATE vector_io SET v = '[1,2,3,4]' WHERE id = 1;
COPY vector_io FROM stdin;
5	[7,8,9]@fffffffffffffff0
\.
COPY vector_io FROM stdin;
6	[7,8]
\.
SELECT * FROM vector_io ORDER BY id;
ALTER TABLE vector_io ALTER v TYPE dml_vector;
ALTER TABLE vector_io ALTER v TYPE dml_vector(2);
CREATE TABLE vector_wide (v dml_vector);
INSERT INTO vector_wide SELECT array_agg(i)::dml_vector FROM generate_series(1, 4000) i;
INSERT INTO vector_wide SELECT v::text::dml_vector FROM vector_wide;
SELECT dml_dims(v), dml_space(v), pg_column_size(v), md5(v::text) = md5((SELECT array_agg(i)::dml_vector::text FROM generate_series(1, 4000) i)) AS same
FROM vector_wide;

-- Binary: the bytes sent, and back through a file.
SELECT dml_vector_send('[1,-2]'), dml_vector_send('[1,-2]@0123456789abcdef');
CREATE TABLE vector_binary (b bytea);
INSERT INTO vector_binary SELECT dml_vector_send(v) FROM vector_io;
SELECT octet_length(b) FROM vector_binary ORDER BY 1;
DROP TABLE vector_io, vector_wide, vector_binary;

-- dml_vector in arrays, composites and JSON.
SELECT ARRAY['[1,2]', '[3]@000000000000000a']::dml_vector[];
SELECT to_json('[1,2]'::dml_vector), jsonb_build_object('v', '[1]@000000000000000a'::dml_vector);

-- The kernels' instruction set.
SHOW dml.simd;
SET dml.simd = plain;
SHOW dml.simd;
SELECT '[1,2]'::dml_vector <-> '[4,6]';
SET dml.simd = mmx;
DO $$
BEGIN
	-- No machine has both.
	SET dml.simd = avx2;
	SET dml.simd = neon;
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE NOTICE 'refused: %', SQLERRM LIKE 'invalid value for parameter "dml.simd": %';
END
$$;
SHOW dml.simd;
RESET dml.simd;
-- The cast to a length, called by hand, checks the modifier.
SELECT dml_vector('[1,2]'::dml_vector, -1, false), dml_vector('[1,2]'::dml_vector, 2, true);
SELECT dml_vector('[1]'::dml_vector, 0, false);
SELECT dml_vector('[1]'::dml_vector, 16001, false);
