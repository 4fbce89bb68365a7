-- The options of dml_train, and their table in docs/train.md.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA train_options_test;
SET search_path = train_options_test, public;

\pset format unaligned
SELECT name, type, allowed, default_value, closed_form FROM dml_options;
\pset format aligned

-- The page has every option as it is, and no other. Delimiter and quote are characters that no line
-- has.
\cd `echo "${PG_ABS_SRCDIR:-.}"`
CREATE TABLE train_page (line text);
\copy train_page FROM 'docs/train.md' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
SELECT option AS differs FROM
	(SELECT format('| `%s` | %s | %s | %s | %s |', name, type, allowed, default_value, description) AS option FROM dml_options) o
WHERE option NOT IN (SELECT line FROM train_page WHERE line IS NOT NULL);
SELECT count(*) = (SELECT count(*) FROM dml_options) AS no_other FROM train_page
WHERE line ~ '^\| `\w+` \| (integer|number|boolean|text) \| .* \| .* \| .* \|$';

-- Every option can be set by its name, to a valid value.
SET dml.notice_interval = 0;
SET client_min_messages = warning;
SELECT version FROM dml_train('train_options',
	'SELECT sin(i) + i % 3 AS a, cos(i) * (i % 3) AS b, sin(i * 3) AS c, i % 3 AS class FROM generate_series(1, 120) i',
	'a, b, c', 'class', method => 'triplet',
	options => '{"network": "8 gelu dropout 0.1, 2", "epochs": 3, "seed": 5, "time_limit": 100, "batch": 32, "rows_per_class": 4,
		"balance": 1, "preprocess": "pca", "components": 2, "optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.8, "beta2": 0.99,
		"adam_epsilon": 1e-7, "weight_decay": 0, "warmup": 0.1, "final_lr": 0.1, "clip": 1, "validation": 0.25, "patience": 0,
		"refit": false, "margin": 0.3, "miner": "all"}');
SELECT version FROM dml_train('train_options',
	'SELECT sin(i) + i % 3 AS a, cos(i) * (i % 3) AS b, sin(i * 3) AS c, i % 5 AS class FROM generate_series(1, 120) i',
	'a, b, c', 'class', method => 'pca', dims => 2, options => '{"open_set": true, "refit": true}');
