-- dml_train: results, reproducibility, refusals, cancelling.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA train_test;
SET search_path = train_test, public;
SET dml.notice_interval = 0;
-- Scores, and the NOTICEs about them, differ from machine to machine.
SET client_min_messages = warning;

\cd `echo "${PG_ABS_SRCDIR:-.}"`
CREATE TABLE iris (sepal_length real, sepal_width real, petal_length real, petal_width real, class int);
\copy iris FROM 'test/data/iris.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE wine (alcohol real, malic_acid real, ash real, alcalinity real, magnesium real, phenols real, flavanoids real,
	nonflavanoids real, proanthocyanins real, colour real, hue real, od280 real, proline real, class int);
\copy wine FROM 'test/data/wine.csv' WITH (FORMAT csv, HEADER)

-- The space of a version is the hash of its weights.
CREATE FUNCTION space(model text, version int) RETURNS text LANGUAGE sql AS $$
	SELECT v.space::text FROM dml_model_versions v WHERE v.model = $1 AND v.version = $2
$$;

-- Closed forms, one network, and the default.
SELECT model, version, method, dims, rows, skipped, classes, epochs, metric, learned > 0.9 AS good
FROM dml_train('train_iris', 'iris', 'sepal_length, sepal_width, petal_length, petal_width', 'class', method => 'lda');
SELECT model, version, method, network, dims, rows, classes, epochs, metric, learned
FROM dml_train('train_iris', 'iris', 'sepal_length, sepal_width, petal_length, petal_width', 'class',
	method => 'supcon', network => '16 relu, 4', epochs => 20, seed => 7, options => '{"validation": 0}');
SELECT model, version, rows, classes, learned >= without_learning AND learned >= whitened AS never_worse, reason <> '' AS says_why
FROM dml_train('train_wine', 'wine',
	'alcohol, malic_acid, ash, alcalinity, magnesium, phenols, flavanoids, nonflavanoids, proanthocyanins, colour, hue, od280, proline',
	'class', time_limit => 20, options => '{"epochs": 5}');
SELECT dims, epochs, classes, metric, learned > 0 AS measured
FROM dml_train('train_open', 'wine', 'alcohol, flavanoids, proline', 'class * 2 + (magnesium > 98)::int', method => 'whiten', open_set => true);
SELECT * FROM dml_train('train_open', 'wine', 'alcohol, flavanoids, proline', '(class > 0)::int', method => 'whiten', open_set => true);
SELECT epochs < 100000 AS stopped, reason ~ 'time' AS says_why
FROM dml_train('train_time', 'wine', 'alcohol, flavanoids, proline', 'class', method => 'supcon', epochs => 100000, time_limit => 0.2,
	options => '{"patience": 0}');

-- One seed gives one model, in any order of the rows, in memory or in a file.
CREATE TABLE iris_shuffled AS SELECT * FROM iris ORDER BY md5(iris::text);
SELECT version FROM dml_train('train_iris', 'iris_shuffled', 'sepal_length, sepal_width, petal_length, petal_width', 'class',
	method => 'supcon', network => '16 relu, 4', epochs => 20, seed => 7, options => '{"validation": 0}');
SELECT version FROM dml_train('train_iris', 'iris', 'sepal_length, sepal_width, petal_length, petal_width', 'class',
	method => 'supcon', network => '16 relu, 4', epochs => 20, seed => 8, options => '{"validation": 0}');
SELECT version FROM dml_train('train_iris', 'iris', 'ARRAY[sepal_length, sepal_width, petal_length, petal_width]', 'class',
	method => 'supcon', network => '16 relu, 4', epochs => 20, options => '{"seed": 7, "validation": 0}');
SELECT space('train_iris', 2) = space('train_iris', 3) AS same_in_another_order,
	space('train_iris', 2) = space('train_iris', 4) AS same_with_another_seed,
	space('train_iris', 2) = space('train_iris', 5) AS same_as_an_array;

CREATE TABLE train_big AS
SELECT ARRAY(SELECT sin(i * j + i % 5) FROM generate_series(1, 16) j)::real[] AS x, ARRAY[i % 200, i % 5, i % 7] AS bytes, i % 5 AS class
FROM generate_series(1, 20000) i;
SET maintenance_work_mem = '64MB';
SELECT version FROM dml_train('train_big', 'train_big', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('train_big', 'SELECT bytes::numeric[] || 0.5 * class AS x, class FROM train_big', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SET maintenance_work_mem = '1MB';
SELECT version FROM dml_train('train_big', 'train_big', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('train_big', 'SELECT bytes::numeric[] || 0.5 * class AS x, class FROM train_big ORDER BY class', 'x', 'class', method => 'lda', options => '{"validation": 0}');
RESET maintenance_work_mem;
SELECT space('train_big', 1) = space('train_big', 3) AS same_in_a_file, space('train_big', 2) = space('train_big', 4) AS same_promoted;

-- Data from which nothing, or little, can be learned.
SELECT * FROM dml_train('train_bad', 'SELECT i AS a, 1 AS c FROM generate_series(1, 10) i', 'a', 'c', method => 'lda');
SELECT * FROM dml_train('train_bad', 'SELECT i AS a, 1 AS c FROM generate_series(1, 10) i', 'a', 'c');
SELECT * FROM dml_train('train_bad', 'SELECT 1 AS a, 1 AS c', 'a', 'c');
SELECT * FROM dml_train('train_bad', 'SELECT 1 AS a, 1 AS c WHERE false', 'a', 'c');
SELECT * FROM dml_train('train_bad', 'SELECT 1 AS a, i % 2 AS c FROM generate_series(1, 10) i', 'a', 'c', method => 'lda');

-- Arguments.
SELECT * FROM dml_train(NULL, 'iris', 'sepal_length', 'class');
SELECT * FROM dml_train('train_bad', NULL, 'sepal_length', 'class');
SELECT * FROM dml_train('train_bad', 'iris', NULL, 'class');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', NULL);
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', method => 'magic');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', network => '256 rely, 64');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', dims => 0);
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', epochs => -1);
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', time_limit => 'NaN');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', method => 'lda', epochs => 3);
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"bach": 3}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": "many"}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": 64.5}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": true}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": 1}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": 1e400}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": [64]}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"batch": {"rows": 64}}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"optimizer": "adam"}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"seed": 1.5}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '{"seed": 99999999999999999999}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', dims => 2, options => '{"dims": 3}');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', options => '[]');
SELECT * FROM dml_train('train_bad', 'iris', 'sepal_length', 'class', method => 'supcon', options => '{"margin": 0.1}');
SELECT version FROM dml_train('train_null', 'iris', 'sepal_length', 'class', method => 'pca', network => NULL, seed => NULL,
	open_set => NULL, options => '{"dims": null}');
SELECT version FROM dml_train('train_null', 'iris', 'sepal_length', 'class', method => 'pca', options => NULL);

-- Settings that were given, and those left to their default.
SELECT version FROM dml_train('train_settings', 'iris', 'sepal_length, petal_length', 'class', method => 'triplet', dims => 2, epochs => 2,
	options => '{"margin": 0.25, "miner": "hard", "seed": 9007199254740993, "validation": 0}');
SELECT key, value FROM dml_model_versions v, json_each(v.settings::json) WHERE v.model = 'train_settings' AND NOT (value->>'default')::boolean ORDER BY key COLLATE "C";
SELECT count(*) > 20 AS all_are_there FROM dml_model_versions v, json_each(v.settings::json) WHERE v.model = 'train_settings';
-- chosen settings are shown as they were used
SELECT key, v.settings -> key AS setting FROM dml_model_versions v, unnest('{batch,rows_per_class,learning_rate,average,network,preprocess,dims,epochs}'::text[]) key WHERE v.model = 'train_settings' ORDER BY 1;
SELECT bool_and((h ->> 'learning_rate')::float8 BETWEEN 0 AND (v.settings #>> '{learning_rate,value}')::float8) AS of_that_rate
FROM dml_model_versions v, jsonb_array_elements(v.history) h WHERE v.model = 'train_settings';
SELECT (e->>'epoch')::int AS epoch, (e->>'loss')::float8 > 0 AS loss FROM dml_model_versions v, json_array_elements(v.history::json) e
WHERE v.model = 'train_settings';

-- Nothing is left behind.
BEGIN;
SELECT version FROM dml_train('train_undone', 'iris', 'sepal_length, petal_length', 'class', method => 'lda', options => '{"validation": 0}');
ROLLBACK;
SELECT count(*) FROM dml_model_versions WHERE model = 'train_undone';
BEGIN READ ONLY;
SELECT * FROM dml_train('train_undone', 'iris', 'sepal_length', 'class');
ROLLBACK;

-- Cancelling, while training and while reading: the session goes on, and shows no progress any
-- more.
SET statement_timeout = '300ms';
SELECT * FROM dml_train('train_undone', 'train_big', 'x', 'class', method => 'supcon', epochs => 100000);
SELECT * FROM dml_train('train_undone', 'SELECT * FROM train_big, generate_series(1, 10000)', 'x', 'class', method => 'lda');
BEGIN;
SAVEPOINT s;
SELECT * FROM dml_train('train_undone', 'train_big', 'x', 'class', method => 'supcon', epochs => 100000);
ROLLBACK TO s;
SELECT count(*) FROM dml_training_progress WHERE pid = pg_backend_pid();
COMMIT;
RESET statement_timeout;
SELECT version FROM dml_train('train_undone', 'iris', 'sepal_length, petal_length', 'class', method => 'lda', options => '{"validation": 0}');

RESET client_min_messages;

-- A running training is shown; another role sees that it runs, and nothing else.
CREATE FUNCTION train_watch(i int, stranger text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	IF i = 10 THEN
		SELECT * INTO p FROM dml_training_progress WHERE pid = pg_backend_pid();
		RAISE NOTICE 'database % model % phase % rows % method %', p.database = current_database(), p.model, p.phase, p.rows, p.method;
		PERFORM set_config('role', stranger, true);
		SELECT * INTO p FROM public.dml_training_progress WHERE pid = pg_backend_pid();
		RAISE NOTICE 'database % model % phase % rows % method %', p.database = current_database(), p.model, p.phase, p.rows, p.method;
		PERFORM set_config('role', 'none', true);
	END IF;
	RETURN i;
END $$;
BEGIN;
CREATE ROLE train_stranger;
SELECT rows FROM dml_train(repeat('é', 31) || 'x', 'SELECT train_watch(i, ''train_stranger'') AS a, i % 2 AS c FROM generate_series(1, 10) i',
	'a', 'c', method => 'pca', options => '{"validation": 0}');
ROLLBACK;
SELECT count(*) FROM dml_training_progress;
