-- dml_classify_all and dml_match_all: many questions, the answers of one at a time.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA many_test;
SET search_path = many_test, public;
RESET client_min_messages;
CREATE TABLE flower AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5]::real[] AS x, (ARRAY['red', 'green', 'blue'])[i % 3 + 1] AS colour FROM generate_series(1, 300) i;
SELECT version FROM dml_train('many', 'flower', 'x', 'colour', method => 'lda', options => '{"validation": 0}');
SELECT rows FROM dml_materialize('flower', 'e', 'many', 'x');
CREATE TABLE question AS SELECT q AS id, ARRAY[q % 7 + 0.4 * sin(q), q % 3 + 0.3, q % 5 + 0.1]::real[] AS x FROM generate_series(1, 300) q;
ALTER TABLE question ADD PRIMARY KEY (id);

-- The same answers to the bit, in the order of the questions; the key is the primary key.
SELECT k, weights, count(*), bool_and(m.key = q.id::text AND m.label = c.label AND m.confidence = c.confidence AND m.distance = c.distance AND m.neighbours = c.neighbours) AS same
FROM (VALUES (1, 'distance'), (5, 'distance'), (5, 'uniform'), (70, 'distance'), (1000, 'uniform')) v (k, weights),
	LATERAL ROWS FROM (dml_classify_all('flower', 'e', 'colour', 'SELECT * FROM question ORDER BY id', 'x', 'id', k => v.k, weights => v.weights)) WITH ORDINALITY m
	JOIN question q ON q.id = m.ordinality, LATERAL dml_classify('flower', 'e', 'colour', q.x, k => v.k, weights => v.weights) c
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*), count(DISTINCT key) FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x');

-- Ties: a grid, where most rows are as far away as another of another label, and rows stored twice.
CREATE TABLE grid AS SELECT ARRAY[i % 5, i / 5 % 5]::real[]::dml_vector AS e, (ARRAY['d', 'b', 'c', 'a'])[i % 4 + 1] AS label FROM generate_series(0, 299) i;
CREATE TABLE point AS SELECT i AS id, ARRAY[(i % 9) / 2.0, i / 9 / 2.0]::real[] AS x FROM generate_series(0, 80) i;
CREATE VIEW compared AS
	SELECT k, weights, max_distance, count(*), count(m.label) AS known, bool_and(m.label IS NOT DISTINCT FROM c.label AND m.confidence = c.confidence AND m.distance = c.distance) AS same
	FROM (VALUES (1, 'distance', NULL), (4, 'distance', NULL), (5, 'uniform', NULL), (37, 'uniform', 0.6), (37, 'distance', 0.6), (299, 'distance', 0)) v (k, weights, max_distance),
		LATERAL dml_classify_all('grid', 'e', 'label', 'point', 'x', 'id', k => v.k, weights => v.weights, max_distance => v.max_distance, min_confidence => 0.26) m
		JOIN point p ON p.id::text = m.key, LATERAL dml_classify('grid', 'e', 'label', p.x, k => v.k, weights => v.weights, max_distance => v.max_distance, min_confidence => 0.26) c
	GROUP BY 1, 2, 3;
SELECT * FROM compared ORDER BY 1, 2;
-- Neither the heap's order nor an index changes them.
CREATE TABLE shuffled AS TABLE grid;
TRUNCATE grid;
INSERT INTO grid SELECT * FROM shuffled ORDER BY label, e::text DESC;
CREATE INDEX ON grid USING dml (e);
SET dml.recall = 1;
SET enable_seqscan = off;
SET jit = off;
SELECT * FROM compared ORDER BY 1, 2;
RESET enable_seqscan;
RESET dml.recall;

-- Questions as embeddings or as other arrays; a question that is NULL; rows that do not vote.
SELECT bool_and(a.label = b.label AND a.distance = b.distance) AS same
FROM dml_classify_all('flower', 'e', 'colour', 'question', 'dml_embed(''many'', x)') a JOIN dml_classify_all('flower', 'e', 'colour', 'question', 'x::float8[]') b USING (key);
SELECT * FROM dml_classify_all($$VALUES ('[0,1]'::dml_vector, NULL), (NULL, 'a'), ('[3,0]', 'b')$$, 'column1', 'column2', $$VALUES (1, '{0,0}'::real[]), (NULL, '{3,1}'), (3, NULL)$$, 'column2', 'column1');
SELECT * FROM dml_classify_all('SELECT * FROM flower WHERE false', 'e', 'colour', 'SELECT * FROM question WHERE id = 1', 'x', 'id');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'SELECT * FROM question WHERE false', 'x', 'id');
SELECT count(*), count(label) FROM dml_classify_all('flower', 'CASE WHEN random() < 2 THEN NULL ELSE e END', 'colour', 'question', 'x');
-- Keys of several columns; keys that are expressions.
CREATE TABLE pair_key (a int, b text, x real[], PRIMARY KEY (a, b));
INSERT INTO pair_key VALUES (1, 'one', '{3,1,2}'), (2, 'a, b', '{3,1,2}');
SELECT key FROM dml_classify_all('flower', 'e', 'colour', 'pair_key', 'x');
SELECT key FROM dml_classify_all('flower', 'e', 'colour', 'pair_key', 'x', 'a * 10');
-- Partitioned tables and views.
CREATE TABLE parted (id int, e dml_vector, colour text) PARTITION BY LIST (colour);
CREATE TABLE parted_red PARTITION OF parted FOR VALUES IN ('red');
CREATE TABLE parted_other PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT id, e, colour FROM flower;
CREATE VIEW flower_view AS SELECT e, colour FROM parted;
SELECT bool_and(a = b) AS same FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x') a JOIN dml_classify_all('flower_view', 'e', 'colour', 'question', 'x') b USING (key);
-- Vectors beyond work_mem go to a file, and more questions than a chunk are answered.
SET work_mem = '64kB';
CREATE TABLE wide AS SELECT i AS id, (SELECT array_agg(sin(i * j))::real[]::dml_vector FROM generate_series(1, 60) j) AS e, i % 4 AS label FROM generate_series(1, 1500) i;
SELECT count(*), bool_and(label::int = key::int % 4 AND distance = 0) AS own FROM dml_classify_all('wide', 'e', 'label', 'wide', 'e', 'id', k => 3);
SELECT count(*) FROM dml_match_all('wide', 'e', 'repeat(id::text, 20)', 'wide', 'e', 'id', max_distance => 1);
SET work_mem = '265kB';
SELECT count(match) FROM dml_match_all('wide', 'e', 'repeat(id::text, 20)', 'wide', 'e', 'id', max_distance => 1);
RESET work_mem;
-- Many more ties than neighbours.
CREATE TABLE equal AS SELECT '[1,2]'::dml_vector AS e, (i * 7919 % 2503)::text AS label FROM generate_series(1, 2500) i;
SELECT bool_and(a.label = b.label AND a.confidence = b.confidence) AS same, min(a.label) AS label
FROM dml_classify('equal', 'e', 'label', '{0,0}'::real[], k => 7) a, dml_classify_all('equal', 'e', 'label', $$VALUES ('{0,0}'::real[])$$, 'column1', '1', k => 7) b;

-- dml_match_all: the nearest row, if the threshold accepts it.
SELECT dml_match_all('flower', 'e', 'id', 'question', 'x');
SELECT criterion FROM dml_calibrate('many', 'flower', label => 'colour');
SELECT count(*), count(match) AS matched, bool_and((match IS NOT NULL) = (distance <= threshold)) AS by_threshold,
	bool_and(match IS NULL OR dml_match('many', q.x, f.x)) AS as_dml_match, bool_and(distance = (SELECT min(e <-> q.x) FROM flower)) AS nearest
FROM dml_match_all('flower', 'e', 'id', 'question', 'ARRAY[x[1] * 1.5, x[2], x[3]]', 'id') m
	JOIN (SELECT id, ARRAY[x[1] * 1.5, x[2], x[3]]::real[] AS x FROM question) q ON q.id::text = m.key LEFT JOIN flower f ON f.id::text = match,
	(SELECT threshold FROM dml_calibrations WHERE model = 'many') t;
SELECT * FROM dml_match_all($$VALUES ('[0,1]'::dml_vector, 'b'), ('[0,-1]', 'a'), ('[9,9]', 'c')$$, 'column1', 'column2', $$VALUES (1, '{0,0}'::real[]), (2, '{9,8}'), (3, '{20,20}'), (4, NULL)$$, 'column2', 'column1', max_distance => 1);
SELECT * FROM dml_match_all($$VALUES ('[0,1]'::dml_vector, 'b')$$, 'column1', 'column2', 'point', 'x', 'id');
SELECT * FROM dml_match_all('SELECT * FROM flower WHERE false', 'e', 'id', 'SELECT * FROM question WHERE id = 1', 'x', 'id');
SELECT * FROM dml_match_all('flower', 'e', 'id', 'question', 'x', max_distance => 'NaN');

-- Errors, and the caller's rights.
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x', k => 0);
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x', weights => 'best');
SELECT * FROM dml_classify_all('flower', 'e', NULL, 'question', 'x');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', NULL, 'x');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'SELECT x FROM question', 'x');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'no_such_table', 'x', 'id');
SELECT * FROM dml_classify_all('flower', 'x', 'colour', 'question', 'x');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'id');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x[1:2]');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'ARRAY[x[1], ''NaN'', x[3]]');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'ARRAY[x[1], NULL, x[3]]');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x::dml_vector');
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x; DROP TABLE flower');
SELECT * FROM dml_classify_all('flower', 'e', 'max(colour)', 'question', 'x');
SELECT * FROM dml_classify_all($$VALUES ('[0,1]'::dml_vector, 'a'), ('[3]', 'b')$$, 'column1', 'column2', 'point', 'x', 'id');
SELECT * FROM dml_classify_all('SELECT e, colour FROM flower UNION ALL SELECT e, label FROM grid', 'e', 'colour', 'question', 'x', 'id');
CREATE ROLE many_user;
GRANT USAGE ON SCHEMA many_test TO many_user;
GRANT SELECT ON question TO many_user;
SET ROLE many_user;
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x');
RESET ROLE;
GRANT SELECT ON flower TO many_user;
SET ROLE many_user;
SELECT * FROM dml_classify_all('flower', 'e', 'colour', 'question', 'x');
SELECT count(*), count(label) FROM dml_classify_all('flower', 'e', 'colour', 'flower', 'e', 'id');
RESET ROLE;
-- Row security of the gallery holds.
ALTER TABLE flower ENABLE ROW LEVEL SECURITY;
CREATE POLICY red ON flower FOR SELECT USING (colour = 'red');
SET ROLE many_user;
SELECT label, count(*) FROM dml_classify_all('flower', 'e', 'colour', 'flower', 'e', 'id') GROUP BY 1;
RESET ROLE;
-- A cancel is obeyed within 100 ms.
CREATE TABLE large AS SELECT i AS id, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3)]::real[]::dml_vector AS e FROM generate_series(1, 60000) i;
CREATE FUNCTION cancelled_after() RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp();
BEGIN
	PERFORM count(*) FROM many_test.dml_late;
	RETURN NULL;
EXCEPTION WHEN query_canceled THEN
	RETURN extract(epoch FROM clock_timestamp() - began) * 1000;
END $$;
CREATE VIEW dml_late AS SELECT * FROM dml_classify_all('large', 'e', 'id % 7', 'large', 'e', 'id', k => 50);
SET statement_timeout = 700;
SELECT cancelled_after() < 800 AS at_once;
RESET statement_timeout;
SET client_min_messages = warning;
DROP SCHEMA many_test CASCADE;
SELECT dml_drop_model('many');
DROP ROLE many_user;
