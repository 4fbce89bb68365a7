-- dml_train_unlabeled: rows alone.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE TABLE unlabeled AS
SELECT i AS id, ARRAY(SELECT sin(i % 10 * j) + 0.5 * sin(i * j * 1.7) + sin(i * j * j * 0.37) FROM generate_series(1, 12) j)::real[] AS x FROM generate_series(1, 600) i;

SELECT model, version, method, dims, rows, skipped, epochs, metric, abs(learned - without_learning) < 1e-6 AS as_without FROM dml_train_unlabeled('unlabeled', 'unlabeled', 'x', method => 'pca');
SELECT method, dims, learned = whitened AS as_whitened FROM dml_train_unlabeled('unlabeled', 'unlabeled', 'x', method => 'whiten', dims => 4);
SELECT method, network, learned > 0.5 AS learned FROM dml_train_unlabeled('unlabeled', 'unlabeled', 'x', method => 'ntxent', network => '12, l2', epochs => 10, seed => 5);
SELECT method, learned > 0.5 AS learned FROM dml_train_unlabeled('unlabeled', 'unlabeled', 'x', method => 'supcon', epochs => 5, options => '{"mix": 0.3, "mask": 0, "noise": 0.1}');
-- The self-supervised losses: much better than an untrained network.
SELECT name, (SELECT learned > 0.5 FROM dml_train_unlabeled('unlabeled_each', 'unlabeled', 'x', method => name, network => CASE WHEN name ~ 'vicreg|barlow' THEN '24, raw' ELSE '24, l2' END,
	epochs => 15, seed => 5)) AS learned
FROM dml_methods WHERE name IN ('ntxent', 'infonce', 'supcon', 'vicreg', 'barlow_twins');
SELECT method, learned > 0.5 AS learned FROM dml_train_unlabeled('unlabeled_sum', 'unlabeled', 'x', method => 'vicreg + 0.1 * infonce', network => '24, raw', epochs => 10, seed => 5);
SELECT learned >= without_learning AS never_worse FROM dml_train_unlabeled('unlabeled_auto', 'unlabeled', 'x', time_limit => 4);
SELECT version, method, supervision, constraints, classes, rows FROM dml_model_versions WHERE model = 'unlabeled' ORDER BY version;
-- One seed gives one model; equal rows count once.
SELECT version, rows FROM dml_train_unlabeled('unlabeled', 'SELECT x FROM unlabeled UNION ALL SELECT x FROM unlabeled WHERE id < 100 ORDER BY 1', 'x', method => 'ntxent', network => '12, l2', epochs => 10, seed => 5);
SELECT count(DISTINCT space) FROM dml_model_versions WHERE model = 'unlabeled' AND version IN (3, 5);

SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'unlabeled', NULL);
\set VERBOSITY terse
SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'unlabeled', 'x', method => 'lda');
\set VERBOSITY default
SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'unlabeled', 'x', options => '{"mask": 1}');
SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'unlabeled', 'x', options => '{"noise": -1}');
SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'SELECT ARRAY[1, 2] AS x FROM unlabeled', 'x');
SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'SELECT ARRAY[1, id] AS x FROM unlabeled LIMIT 1', 'x');
SELECT * FROM dml_train('unlabeled_bad', 'unlabeled', 'x', 'id % 10', options => '{"noise": 0.1}');
SET statement_timeout = '200ms';
SELECT * FROM dml_train_unlabeled('unlabeled_bad', 'unlabeled', 'x', method => 'ntxent', epochs => 100000, options => '{"patience": 0}');
RESET statement_timeout;
SELECT count(*) FROM dml_models WHERE model = 'unlabeled_bad';

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'unlabeled%';
DROP TABLE unlabeled;
RESET client_min_messages;
