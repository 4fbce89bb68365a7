-- A numeric target: dml_train(..., target), its losses, auto, and errors.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA target_test;
SET search_path = target_test, public;
SET dml.notice_interval = 0;

-- Two columns determine the target together; three are noise.
CREATE TABLE engine AS
SELECT sin(i * 0.37)::real AS a, sin(i * 1.91)::real AS b, sin(i * 2.77)::real AS c, sin(i * 3.3)::real AS d, sin(i * 5.1)::real AS e,
	20 * sin(i * 0.37) * sin(i * 1.91) AS power
FROM generate_series(1, 600) i;

SELECT m.name, t.method, t.classes, t.metric, t.learned > t.without_learning + 0.05 AS better, right(t.network, 5) AS ends
FROM dml_methods m,
	LATERAL dml_train('engine', 'engine', 'a, b, c, d, e', target => 'power', method => m.name, epochs => 30) t
WHERE m.supervision = 'target' AND m.kind = 'gradient' ORDER BY m.name;
SELECT DISTINCT supervision, label, classes FROM dml_model_versions WHERE model = 'engine';

-- To a method of numbers, a numeric label is a target; one seed gives one space.
SELECT version FROM dml_train('same', 'engine', 'a, b, c, d, e', target => 'power', method => 'log_ratio', epochs => 3);
SELECT version FROM dml_train('same', 'engine', 'a, b, c, d, e', 'power', method => 'log_ratio', epochs => 3);
SELECT count(*), count(DISTINCT space) FROM dml_model_versions WHERE model = 'same';

-- Sums, networks that normalise, a target of few values and of huge ones, rows without one.
SELECT t.method, t.metric, t.learned > t.without_learning AS better
FROM dml_train('engine', 'engine', 'a, b, c, d, e', target => 'power', method => 'kernel_regression + 0.1 * log_ratio + 0.01 * norm', epochs => 30) t;
SELECT t.method, t.metric, t.network
FROM dml_train('engine', 'engine', 'a, b, c, d, e', target => 'power', method => 'kernel_regression', network => '128 relu, 32',
	epochs => 30, options => '{"scale": 20}') t;
SELECT t.method, t.metric, t.learned > t.without_learning AS better
FROM dml_train('engine', 'engine', 'a, b, c, d, e', target => 'round(power / 5) * 1e15', method => 'rank_n_contrast', epochs => 30) t;
SELECT t.rows, t.learned > 0 AS good
FROM dml_train('engine', 'engine', 'a, b, c, d, e', target => 'CASE WHEN a > -0.5 THEN power END', method => 'log_ratio', epochs => 10,
	options => '{"unlabeled": 0.01}') t;

-- auto: never worse than no learning.
SELECT t.metric, t.learned > t.without_learning AS better, t.learned >= t.whitened AS no_worse, t.reason ~ 'held-out R2' AS says
FROM dml_train('auto', 'engine', 'a, b, c, d, e', target => 'power', epochs => 10, time_limit => 30) t;
SELECT c ->> 'method' AS method, count(*)
FROM dml_model_versions, LATERAL jsonb_array_elements(candidates) c WHERE model = 'auto' GROUP BY 1 ORDER BY 1;
SELECT t.metric, t.learned >= t.without_learning AS no_worse
FROM dml_train('auto', 'SELECT a, sin(a * 1e6) AS noise FROM engine LIMIT 200', 'a', target => 'noise', time_limit => 5) t;
SELECT t.rows, t.metric FROM generate_series(3, 6) n,
	LATERAL dml_train('auto', 'SELECT * FROM engine LIMIT ' || n, 'a, b', target => 'power', time_limit => 5) t;
SELECT t.method, t.metric FROM dml_train('auto', 'engine', 'a, b', target => 'power', method => 'whiten') t;
SELECT t.method, t.whitened, t.reason ~ 'whiten' AS says FROM dml_train('auto', 'SELECT 1 AS a, power FROM engine LIMIT 40', 'a', target => 'power', time_limit => 5) t;

-- Tuned by R2.
SELECT t.metric, t.learned > t.without_learning AS better
FROM dml_tune('tuned', 'engine', 'a, b, c, d, e', 'power', 'kernel_regression', epochs => 10, open_set => false, trials => 3, folds => 2) t;

-- Nothing held out; 0 and 1; batches of four.
SELECT t.metric, t.learned FROM dml_train('engine', 'engine', 'a, b', target => 'power', method => 'log_ratio', epochs => 3, options => '{"validation": 0}') t;
SELECT t.metric, t.learned IS NOT NULL AS judged
FROM unnest(ARRAY['kernel_regression', 'rank_n_contrast', 'log_ratio']) m,
	LATERAL dml_train('engine', 'engine', 'a, b', target => '(a > 0.9)::int', method => m, epochs => 3, options => '{"batch": 4}') t;

-- Refused.
SELECT * FROM dml_train('bad', 'engine', 'a, b');
SELECT * FROM dml_train('bad', 'engine', 'a, b', 'power');
SELECT * FROM dml_train('bad', 'engine', 'a, b', '''e'' || power');
SELECT * FROM dml_train('bad', 'engine', 'a, b', 'power', target => 'power');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => '7');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power * 1e300', method => 'log_ratio');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => '''x''::text');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'NULL::real');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => '1, 2');
SELECT * FROM dml_train('bad', 'SELECT * FROM engine LIMIT 2', 'a, b', target => 'power');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power', open_set => true);
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power', options => '{"balance": 1}');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power', method => 'log_ratio', options => '{"hard_negatives": "x"}');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power', method => 'supcon');
SELECT * FROM dml_train('bad', 'engine', 'a, b', 'power', method => 'supcon + log_ratio');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power', method => 'log_ratio', options => '{"scale": 3}');
SELECT * FROM dml_train('bad', 'engine', 'a, b', target => 'power', method => 'mlkr', network => '16 relu, 4');
\set VERBOSITY terse
SELECT * FROM dml_train_chunklets('bad', 'engine', 'a, b', 'power', method => 'log_ratio');
\set VERBOSITY default
SELECT count(*) FROM dml_models WHERE model = 'bad';

SELECT dml_drop_model(model) FROM dml_models WHERE model IN ('engine', 'same', 'auto', 'tuned') ORDER BY model;
RESET search_path;
DROP SCHEMA target_test CASCADE;
