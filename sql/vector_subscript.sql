-- v[1], from PostgreSQL 14 on.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
SELECT current_setting('server_version_num')::int < 140000 AS without \gset
\if :without
\quit
\endif
SELECT v[1], v[3], v[4], v[0], v[-1], v[NULL], v[1 + 1], v[2::bigint] FROM (VALUES ('[1,2,3.5]@00000000000000ff'::dml_vector)) t (v);
SELECT ('[1,2,3]'::dml_vector)[2], (NULL::dml_vector)[1], pg_typeof(('[1]'::dml_vector)[1]);
-- of values that are out of line, by a column, in conditions and in an index
CREATE TABLE vector_subscript AS SELECT i AS id, (SELECT array_agg(i + j / 8.0 ORDER BY j) FROM generate_series(1, 3000) j)::real[]::dml_vector AS v FROM generate_series(1, 20) i;
SELECT sum(v[1]), sum(v[3000]), count(v[3001]) FROM vector_subscript;
SELECT count(*) FROM vector_subscript, generate_series(1, 3000, 7) j WHERE v[j] <> (v::real[])[j];
CREATE INDEX ON vector_subscript ((v[2]));
SELECT id FROM vector_subscript WHERE v[2] = 7.25;
SELECT v[id] FROM vector_subscript ORDER BY v[1] DESC LIMIT 2;
CREATE VIEW vector_subscript_view AS SELECT v[2] AS second FROM vector_subscript;
SELECT * FROM vector_subscript_view ORDER BY 1 LIMIT 1;
-- errors
SELECT v[1:2] FROM vector_subscript;
SELECT v[1][2] FROM vector_subscript;
SELECT v['x'] FROM vector_subscript;
SELECT v[1.5] FROM vector_subscript WHERE id = 1;
SELECT v[now()] FROM vector_subscript;
UPDATE vector_subscript SET v[1] = 2;
INSERT INTO vector_subscript (v[1]) VALUES (2);
DROP TABLE vector_subscript CASCADE;
