-- Queries that are also rows of the gallery: they do not find themselves, and a NOTICE counts them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA self_test;
SET search_path = self_test, public;
-- One table of texts: a text and its answer lie near each other, and an answer is a query in turn.
CREATE TABLE doc AS
SELECT i AS id, ARRAY[sin(i / 3), cos(i / 3), 0.6 * sin(i * 7.3), 0.6 * cos(i * 3.1), 0.1 * i % 3]::real[] AS v FROM generate_series(1, 90) i;
CREATE TABLE asked AS SELECT a.v AS q, b.v AS v, a.id FROM doc a JOIN doc b ON b.id = a.id + 1;
SELECT version FROM dml_train_matches('self_one', 'asked', 'q', 'v', method => 'ntxent', epochs => 2, network => '4, raw');
SELECT version FROM dml_train_matches('self_adapter', 'asked', 'q', 'v', adapter => true, method => 'ntxent', epochs => 2);
RESET client_min_messages;
-- The figures without learning do not depend on the model.
CREATE TEMP TABLE adapted AS SELECT * FROM dml_evaluate_matches('self_adapter', 'asked', 'q', 'v');
CREATE TEMP TABLE searched AS SELECT * FROM dml_evaluate_matches('self_adapter', 'asked', 'q', 'v', gallery => 'doc', gallery_features => 'v');
SET client_min_messages = warning;
SELECT count(*) AS differ FROM adapted JOIN dml_evaluate_matches('self_one', 'asked', 'q', 'v') o USING (metric)
WHERE metric <> 'dims' AND adapted.no_learning IS DISTINCT FROM o.no_learning;
SELECT count(*) AS differ FROM searched JOIN dml_evaluate_matches('self_one', 'asked', 'q', 'v', gallery => 'doc', gallery_features => 'v') o USING (metric)
WHERE metric <> 'dims' AND searched.no_learning IS DISTINCT FROM o.no_learning;
-- The definition: the rank of the right row among all rows except the query, in the learned space.
WITH rank AS (
	SELECT a.id, 1 + count(*) FILTER (WHERE d.id NOT IN (a.id, a.id + 1) AND dml_embed('self_adapter', a.q)::real[]::dml_vector <-> d.v::dml_vector
		<= dml_embed('self_adapter', a.q)::real[]::dml_vector <-> a.v::dml_vector) AS place
	FROM asked a, doc d GROUP BY a.id)
SELECT round(avg(1.0 / place), 4) = round((SELECT learned FROM searched WHERE metric = 'mrr')::numeric, 4) AS mrr,
	round(avg((place = 1)::int), 4) = round((SELECT learned FROM searched WHERE metric = 'recall_at_1')::numeric, 4) AS recall
FROM rank;
-- Two towers have rows of two kinds: equal numbers on both sides are a coincidence, and are found.
-- A NOTICE says so.
SELECT version FROM dml_train_matches('self_two', 'asked', 'q', 'v', towers => 2, method => 'ntxent', epochs => 2, network => '4, raw');
RESET client_min_messages;
SELECT no_learning > 0 AS some FROM dml_evaluate_matches('self_two', 'asked', 'q', 'v', whiten => false) WHERE metric = 'mrr';
-- A match of a row with itself carries no information and is left out.
SELECT no_learning FROM dml_evaluate_matches('self_adapter', 'SELECT q, v FROM asked UNION ALL SELECT v, v FROM doc WHERE id < 4', 'q', 'v', whiten => false) WHERE metric = 'matches';
-- The held-out score of a training follows this rule, too. Each row and the next are queries for
-- each other, far from all others.
SET client_min_messages = warning;
CREATE TABLE twin AS SELECT i AS id, ARRAY[10 * (i / 2), 0.3 * (i % 2)]::real[] AS v FROM generate_series(2, 201) i;
SELECT without_learning FROM dml_train_matches('self_one', 'SELECT a.v AS q, b.v FROM twin a JOIN twin b ON a.id / 2 = b.id / 2 AND a.id <> b.id', 'q', 'v', method => 'ntxent', epochs => 1);
SELECT without_learning FROM dml_train_matches('self_adapter', 'SELECT a.v AS q, b.v FROM twin a JOIN twin b ON a.id / 2 = b.id / 2 AND a.id <> b.id', 'q', 'v', adapter => true, method => 'ntxent', epochs => 1);
SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'self%';
RESET search_path;
DROP SCHEMA self_test CASCADE;
