-- dml_train_pairs: pairs of rows that are the same or not.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
SET dml.notice_interval = 0;
-- The first two columns separate the things by little; the others are noise.
CREATE TABLE pair_thing AS
SELECT i AS id, i % 8 AS kind, ARRAY[cos(i % 8 * 0.785), sin(i % 8 * 0.785), 5 * sin(i * 7.3), 5 * cos(i * 3.1), 5 * sin(i * 1.7)]::real[] AS x
FROM generate_series(1, 120) i;
CREATE TABLE pair AS
SELECT a.id AS a_id, b.id AS b_id, a.x AS x1, b.x AS x2, a.kind = b.kind AS same
FROM pair_thing a, pair_thing b WHERE a.id < b.id AND (a.id * 31 + b.id * 17) % 7 = 0;
CREATE FUNCTION pair_space(model text, version int) RETURNS text LANGUAGE sql AS $$
	SELECT v.space::text FROM dml_model_versions v WHERE v.model = $1 AND v.version = $2
$$;

SELECT model, version, method, constraints, rows, skipped, epochs > 0 AS iterated, metric, without_learning < 0.7 AS hard, learned > 0.9 AS good
FROM dml_train_pairs('pairs', 'pair', 'x1', 'x2', 'same', method => 'itml');
SET client_min_messages = warning;
SELECT model, version, method, network, dims, constraints, rows, metric, learned > without_learning AS better
FROM dml_train_pairs('pairs', 'pair', 'x1', 'x2', 'same', method => 'contrastive', network => '4, raw', epochs => 30, seed => 3);
SELECT learned > without_learning AND learned >= whitened AS better, reason ~ 'is the best of' AS says_why
FROM dml_train_pairs('pairs_auto', 'pair', 'x1', 'x2', 'same', time_limit => 5);
RESET client_min_messages;
SELECT version, method, supervision, constraints, features, label, classes FROM dml_model_versions WHERE model = 'pairs' ORDER BY version;
-- Pairs of one kind are nearer than others, for things that occur in no training pair.
SELECT avg(dml_distance('pairs', a.x, b.x)) FILTER (WHERE a.kind = b.kind) < 0.7 * avg(dml_distance('pairs', a.x, b.x)) FILTER (WHERE a.kind <> b.kind) AS learned
FROM (SELECT i % 8 AS kind, ARRAY[cos(i % 8 * 0.785), sin(i % 8 * 0.785), 5 * sin(i * 2.3), 5 * cos(i * 4.1), 5 * sin(i * 0.7)]::real[] AS x FROM generate_series(1000, 1050) i) a,
	(SELECT i % 8 AS kind, ARRAY[cos(i % 8 * 0.785), sin(i % 8 * 0.785), 5 * sin(i * 2.3), 5 * cos(i * 4.1), 5 * sin(i * 0.7)]::real[] AS x FROM generate_series(1000, 1050) i) b
WHERE a.x <> b.x;

-- One seed gives one model, in any order, in memory or in a file.
SET client_min_messages = warning;
SELECT version FROM dml_train_pairs('pairs_order', 'SELECT * FROM pair ORDER BY md5(a_id::text || b_id)', 'x1', 'x2', 'same', method => 'contrastive', network => '4, raw', epochs => 30, seed => 3);
SELECT version FROM dml_train_pairs('pairs_order', 'pair', 'x1', 'x2', 'same', method => 'contrastive', network => '4, raw', epochs => 30, seed => 4);
SELECT version FROM dml_train_pairs('pairs_order', 'pair', 'x1[1], x1[2], x1[3], x1[4], x1[5]', 'x2[1], x2[2], x2[3], x2[4], x2[5]', 'same',
	method => 'contrastive', network => '4, raw', epochs => 30, seed => 3);
SET maintenance_work_mem = '1MB';
SELECT version, constraints, rows FROM dml_train_pairs('pairs_order', 'SELECT x1 || array_fill(0.5::real, ARRAY[4000]) AS x1, x2 || array_fill(0.5::real, ARRAY[4000]) AS x2, same FROM pair',
	'x1', 'x2', 'same', method => 'contrastive', network => '2', epochs => 1, options => '{"validation": 0}');
RESET maintenance_work_mem;
RESET client_min_messages;
SELECT pair_space('pairs_order', 1) = pair_space('pairs', 2) AS same_in_another_order, pair_space('pairs_order', 2) = pair_space('pairs', 2) AS same_with_another_seed,
	pair_space('pairs_order', 3) = pair_space('pairs', 2) AS same_as_columns;

-- Weights: a pair of weight 0 counts as absent.
SELECT version, learned > 0.9 AS good
FROM dml_train_pairs('pairs_weight', 'SELECT x1, x2, same, 1 AS w FROM pair UNION ALL SELECT x1, x2, NOT same, 0 FROM pair WHERE a_id < 20', 'x1', 'x2', 'same', weight => 'w', method => 'itml');

-- Bad input changes nothing.
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', NULL, 'x2', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', NULL);
\set VERBOSITY terse
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', method => 'supcon');
\set VERBOSITY default
\set VERBOSITY terse
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', method => 'magic');
\set VERBOSITY default
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', method => 'contrastive', options => '{"margin": 1}');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', method => 'contrastive', options => '{"memory": 10}');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', options => '{"rows_per_class": 4}');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'a_id');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2[1:3]', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'SELECT x1[1:a_id] AS x1, x2, same FROM pair WHERE a_id BETWEEN 3 AND 4 ORDER BY a_id', 'x1', 'x1', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', weight => '-1');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', weight => '''NaN''::float8');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', weight => '0');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', weight => 'x1');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'true', method => 'itml');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'false');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x1', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'SELECT * FROM pair WHERE false', 'x1', 'x2', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'SELECT * FROM pair LIMIT 1', 'x1', 'x2', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'NULL::bool');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2 || ''NaN''::real', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'ARRAY[1, 1]', 'ARRAY[1, 1]', 'same', method => 'contrastive');
SELECT metric, learned FROM dml_train_pairs('pairs_two', 'pair', 'ARRAY[1, 1]', 'ARRAY[1, 2 + same::int]', 'same', method => 'contrastive', epochs => 1);
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'ARRAY[1, 1]', 'ARRAY[1, 2 + same::int]', 'same');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'bool_or(same)');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same; DROP TABLE pair');
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2 FROM pair --', 'same');
SELECT * FROM dml_train_pairs('pairs/b', 'pair', 'x1', 'x2', 'same');
SELECT constraints, skipped FROM dml_train_pairs('pairs_null', 'SELECT x1, CASE WHEN a_id > 10 THEN x2 END AS x2, same FROM pair', 'x1', 'x2', 'same', method => 'itml', options => '{"validation": 0}');
BEGIN READ ONLY;
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same');
ROLLBACK;
SET statement_timeout = '200ms';
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same', method => 'contrastive', epochs => 100000, options => '{"patience": 0}');
RESET statement_timeout;

-- Rights: to read the source, and to own the model.
SET client_min_messages = warning;
CREATE ROLE pair_stranger;
RESET client_min_messages;
SET ROLE pair_stranger;
SELECT * FROM dml_train_pairs('pairs_bad', 'pair', 'x1', 'x2', 'same');
SELECT * FROM dml_train_pairs('pairs', 'SELECT ARRAY[1, 2] AS x1, ARRAY[3, 4] AS x2, true AS same', 'x1', 'x2', 'same');
RESET ROLE;
DROP ROLE pair_stranger;
SELECT count(*) FROM dml_models WHERE model = 'pairs_bad';

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'pairs%';
DROP FUNCTION pair_space;
DROP TABLE pair, pair_thing;
