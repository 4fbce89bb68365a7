-- dml_classify: k nearest neighbours in a table.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA classify_test;
SET search_path = classify_test, public;
RESET client_min_messages;
CREATE TABLE flower AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5]::real[] AS x, (ARRAY['red', 'green', 'blue'])[i % 3 + 1] AS colour FROM generate_series(1, 300) i;
SELECT version FROM dml_train('cl', 'flower', 'x', 'colour', method => 'lda', options => '{"validation": 0}');
SELECT rows FROM dml_materialize('flower', 'e', 'cl', 'x');

-- Compared with the rule in SQL: weights are 1 / distance; the confidence is the winner's share.
CREATE TABLE question AS SELECT q AS id, ARRAY[q % 7 + 0.4, q % 3 + 0.3, q % 5 + 0.1]::real[] AS x FROM generate_series(1, 40) q;
CREATE FUNCTION naive(query real[], neighbours int, weighted boolean, OUT label text, OUT confidence float8) LANGUAGE sql AS $$
	WITH near AS (SELECT colour, e <-> query AS d, row_number() OVER (ORDER BY e <-> query) AS place FROM flower ORDER BY e <-> query LIMIT neighbours),
	vote AS (SELECT colour, sum(CASE WHEN weighted THEN 1 / d ELSE 1 END) AS w, min(place) AS first FROM near GROUP BY colour)
	SELECT colour, w / sum(w) OVER () FROM vote ORDER BY w DESC, first LIMIT 1 $$;
SELECT k, weights, count(*), bool_and(c.label = n.label) AS label, bool_and(abs(c.confidence - n.confidence) < 1e-6) AS confidence, bool_and(c.neighbours = k) AS neighbours,
	bool_and(c.distance = (SELECT min(e <-> q.x) FROM flower)) AS distance
FROM question q, (VALUES (1, 'distance'), (5, 'distance'), (5, 'uniform'), (20, 'distance'), (20, 'uniform')) v (k, weights),
	LATERAL dml_classify('flower', 'e', 'colour', q.x, k => v.k, weights => v.weights) c, LATERAL naive(q.x, v.k, weights = 'distance') n
GROUP BY 1, 2 ORDER BY 1, 2;
-- The query as any array of numbers, or as an embedding.
SELECT count(DISTINCT (label, round(confidence::numeric, 6))) AS answers FROM (
	SELECT (dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2])).* UNION ALL
	SELECT (dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2]::numeric[])).* UNION ALL
	SELECT (dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2]::float8[])).* UNION ALL
	SELECT (dml_classify('flower', 'e', 'colour', dml_embed('cl', 3, 1, 2))).*) a;
-- A row at distance 0 outvotes the others.
SELECT c.label = colour AS own, confidence, distance FROM flower, dml_classify('flower', 'e', 'colour', x) c WHERE id = 8;
-- Unknown: too far away, or too little agreement. Confidence and distance show why.
SELECT label, distance > 3 AS far FROM dml_classify('flower', 'e', 'colour', ARRAY[500, 1, 1], max_distance => 3);
SELECT label, confidence FROM dml_classify($$VALUES ('[0,1]'::dml_vector, 'a'), ('[1,0]', 'b'), ('[0,-1]', 'b'), ('[-1,0]', 'a')$$, 'column1', 'column2', '{0,0}'::real[], k => 4, min_confidence => 0.6);
SELECT label IN ('a', 'b') AS one_of_them, confidence FROM dml_classify($$VALUES ('[0,1]'::dml_vector, 'a'), ('[1,0]', 'b')$$, 'column1', 'column2', '{0,0}'::real[]);
-- Rows without a label or an embedding do not vote. An empty table has no voters. A NULL query
-- gives NULL.
SELECT * FROM dml_classify($$VALUES ('[0,1]'::dml_vector, NULL), (NULL, 'a'), ('[3,0]', 'b')$$, 'column1', 'column2', '{0,0}'::real[]);
SELECT * FROM dml_classify('SELECT * FROM flower WHERE false', 'e', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'e', 'colour', NULL::real[]);
-- It uses an index.
CREATE INDEX ON flower USING dml (e);
CREATE TABLE scanned AS SELECT q.id, c.label FROM question q, dml_classify('flower', 'e', 'colour', q.x) c;
SET enable_seqscan = off;
SET dml.recall = 1;
SELECT count(*), bool_and(c.label = s.label) AS same FROM question q JOIN scanned s USING (id), dml_classify('flower', 'e', 'colour', q.x) c;
SELECT pg_stat_get_numscans('flower_e_idx'::regclass) + pg_stat_get_xact_numscans('flower_e_idx'::regclass) > 0 AS index_used;
RESET enable_seqscan;
RESET dml.recall;

-- A label is evaluated once for each row. A label that is NULL, or NULL as text, counts as none.
CREATE SEQUENCE calls;
CREATE FUNCTION every_other() RETURNS text LANGUAGE sql VOLATILE AS $$SELECT CASE WHEN nextval('classify_test.calls') % 2 = 0 THEN 'even' END$$;
SELECT label, neighbours FROM dml_classify('flower', 'e', 'classify_test.every_other()', ARRAY[3, 1, 2], k => 10);
SELECT last_value AS calls FROM calls;
SELECT bool_and(neighbours = 10) AS all_neighbours FROM generate_series(1, 50) i,
	dml_classify('flower', 'e', 'CASE WHEN random() < 0.5 THEN colour END', ARRAY[3, 1, i], k => 10);
CREATE TYPE shade AS (name text);
CREATE FUNCTION shade_text(shade) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT CASE WHEN ($1).name <> 'red' THEN ($1).name END$$;
CREATE FUNCTION shade_text_volatile(shade) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN CASE WHEN random() < 0.5 THEN ($1).name END; END$$;
CREATE CAST (shade AS text) WITH FUNCTION shade_text(shade);
SELECT label <> 'red' AS not_red, neighbours FROM dml_classify('flower', 'e', 'ROW(colour)::classify_test.shade', ARRAY[3, 0, 2], k => 10);
DROP CAST (shade AS text);
CREATE CAST (shade AS text) WITH FUNCTION shade_text_volatile(shade);
SELECT bool_and(neighbours = 10) AS all_neighbours FROM generate_series(1, 50) i,
	dml_classify('flower', 'e', 'ROW(colour)::classify_test.shade', ARRAY[3, 1, i], k => 10);
-- A cast to real[] that gives NULL makes a NULL feature or query.
CREATE FUNCTION to_real(text[]) RETURNS real[] LANGUAGE internal STRICT IMMUTABLE AS 'array_ndims';
CREATE CAST (text[] AS real[]) WITH FUNCTION to_real(text[]);
SELECT label, neighbours FROM dml_classify('flower', 'e', 'colour', '{}'::text[]);
SELECT version FROM dml_train('cl_null', 'flower', '''{}''::text[]', 'colour');
DROP CAST (text[] AS real[]);
SELECT label, neighbours FROM dml_classify('flower', 'CASE WHEN random() < 2 THEN NULL ELSE e END', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'e', 'unnest(ARRAY[colour, NULL])', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'e', 'max(colour)', ARRAY[3, 1, 2]);

-- Errors, and the caller's rights.
SELECT * FROM dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2], k => 0);
SELECT * FROM dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2], max_distance => -1);
SELECT * FROM dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2], min_confidence => 2);
SELECT * FROM dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2], weights => 'best');
SELECT * FROM dml_classify(NULL, 'e', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('no_such_table', 'e', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'e', 'colour', ARRAY[3, 1]);
SELECT * FROM dml_classify('flower', 'e', 'colour', '[3,1,2]'::dml_vector);
SELECT * FROM dml_classify('flower', 'e; DROP TABLE flower', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'ARRAY[1, 2]', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'colour', 'colour', ARRAY[3, 1, 2]);
SELECT * FROM dml_classify('flower', 'e', 'no_label', ARRAY[3, 1, 2]);
CREATE DOMAIN vector_domain AS dml_vector;
SELECT neighbours FROM dml_classify('flower', 'e::vector_domain', 'colour', ARRAY[3, 1, 2]);
CREATE ROLE cl_user;
GRANT USAGE ON SCHEMA classify_test TO cl_user;
SET ROLE cl_user;
SELECT * FROM dml_classify('flower', 'e', 'colour', ARRAY[3, 1, 2]);
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA classify_test CASCADE;
SELECT dml_drop_model('cl');
DROP ROLE cl_user;
