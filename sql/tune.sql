-- dml_tune: hyper-parameters by cross-validation.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
SET dml.notice_interval = 0;

-- 240 rows of six classes that differ in two of eight columns; the others are noise.
CREATE TABLE tune_row AS
SELECT i AS id, i % 6 AS class, ARRAY[
	cos(i % 6) + sin(i * 12.9898) / 8, sin(i % 6) + sin(i * 78.233) / 8,
	sin(i * 3.7), sin(i * 5.1), sin(i * 7.3), sin(i * 9.7), sin(i * 11.3), sin(i * 13.9)]::real[] AS x
FROM generate_series(1, 240) i;

-- A search: the first trial has the given settings; each rung keeps the better third.
SELECT version, method, rows, classes, metric, learned > without_learning + 0.2 AS better
FROM dml_tune('tuned', 'tune_row', 'x', 'class', 'supcon', epochs => 9, open_set => false,
	search => '{"temperature": [0.05, 0.1, 0.5], "learning_rate": {"min": 0.0005, "max": 0.005, "log": true}, "network": ["16", "32 relu, 8"]}',
	trials => 9);
SELECT rung, count(*), min(epochs), max(epochs), count(score) FROM dml_trials WHERE model = 'tuned' GROUP BY rung ORDER BY rung;
SELECT settings FROM dml_trials WHERE model = 'tuned' AND trial = 1 AND rung = 1;
SELECT count(DISTINCT settings), bool_and(settings ~ '^network = (16|32 relu, 8); temperature = (0.05|0.1|0.5); learning_rate = 0.00[0-9]+$' OR trial = 1)
FROM dml_trials WHERE model = 'tuned' AND rung = 1;
-- the trials of a rung were among the best of the rung before
SELECT bool_and(place <= 3) AS the_better_third FROM (
	SELECT trial, rank() OVER (ORDER BY score DESC NULLS LAST) AS place FROM dml_trials WHERE model = 'tuned' AND rung = 1) r
WHERE trial IN (SELECT trial FROM dml_trials WHERE model = 'tuned' AND rung = 2);
-- the chosen settings are the version's
SELECT v.settings #>> '{temperature,value}' = substring(t.settings, 'temperature = ([0-9.]+)') OR t.trial = 1 AS as_chosen
FROM dml_model_versions v, LATERAL (SELECT * FROM dml_trials t WHERE t.model = v.model ORDER BY rung DESC, score DESC, trial LIMIT 1) t
WHERE v.model = 'tuned';
-- one seed gives one version: the weights are equal to the bit
SELECT reason FROM dml_tune('again', 'tune_row', 'x', 'class', 'supcon', epochs => 9, open_set => false,
	search => '{"temperature": [0.05, 0.1, 0.5], "learning_rate": {"min": 0.0005, "max": 0.005, "log": true}, "network": ["16", "32 relu, 8"]}',
	trials => 9) \gset again_
SELECT dml_weights('again') = dml_weights('tuned') AS same;

-- By default whole classes are held out; a method without a network has one rung.
SELECT metric, learned >= without_learning AS never_worse
FROM dml_tune('unseen', 'tune_row', 'x', 'class', 'lda', search => '{"dims": [2, 4]}', trials => 3);
SELECT trial, rung, settings, epochs, score IS NOT NULL AS scored FROM dml_trials WHERE model = 'unseen' ORDER BY trial;
-- a trial that the data does not allow is recorded
SELECT learned > 0.9 AS learned FROM dml_tune('wide', 'tune_row', 'x', 'class', 'lda', search => '{"dims": [2, 400]}', open_set => false, trials => 3);
SELECT trial, settings, score IS NOT NULL AS scored, note FROM dml_trials WHERE model = 'wide' ORDER BY trial;
-- with nothing to learn, no learning is kept
SELECT method, learned = without_learning AS none
FROM dml_tune('noise', 'SELECT x, id % 7 AS class FROM tune_row', 'x[3:8]', 'class', 'cosface', epochs => 3, trials => 3);
-- the default search of a sum has its terms' options
SELECT count(*) FROM dml_tune('sum', 'tune_row', 'x', 'class', 'supcon + 0.5 * arcface', epochs => 2, open_set => false, trials => 2);
SELECT settings ~ 'learning_rate = .*; weight_decay = .*; supcon.temperature = .*; arcface.margin = .*; arcface.scale = .*' AS named
FROM dml_trials WHERE model = 'sum' AND trial = 2 AND rung = 1;

-- Errors before a row is read.
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'auto');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'lda');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', NULL);
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', trials => 0);
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', folds => 7);
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', trials => NULL);
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '[]');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": 1}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": []}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": [[1]]}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": [0.1, -1]}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": {"min": 0.1}}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": {"min": 1, "max": 0.1}}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"weight_decay": {"min": 0, "max": 0.1, "log": true}}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": {"from": 1, "max": 0.1}}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"angle": [10, 20]}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"seed": [1, 2]}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"missing": ["impute", "skip"]}');
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"network": ["64", "many"]}');
\set VERBOSITY terse
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"heat": [1]}');
\set VERBOSITY default
SELECT dml_tune('bad', 'tune_row', 'x', 'class', 'supcon', search => '{"temperature": [0.1]}', options => '{"temperature": 0.2}');
-- two classes cannot be held out as whole classes
SELECT dml_tune('bad', 'SELECT * FROM tune_row WHERE class < 2', 'x', 'class', 'supcon', trials => 2);
SELECT count(*) AS models FROM dml_models WHERE model = 'bad';

SELECT dml_drop_model(model) FROM dml_models WHERE model IN ('tuned', 'again', 'unseen', 'wide', 'noise', 'sum') ORDER BY model;
DROP TABLE tune_row;
