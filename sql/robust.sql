-- After errors: nothing is left behind, nothing grows, and messages name the cause.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA robust_test;
SET search_path = robust_test, public;
SET dml.notice_interval = 0;
CREATE TABLE item AS
	SELECT i AS id, (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 64) j) AS x, i % 5 AS class
	FROM generate_series(1, 6000) i;
SELECT version FROM dml_train('robust', 'item', 'x', 'class', method => 'whiten', options => '{"validation": 0}');

-- Options of a wrong type or value are refused by name.
SELECT version FROM dml_train('robust_bad', 'item', 'x', 'class', options => '{"seed": 1e308}');
SELECT version FROM dml_train('robust_bad', 'item', 'x', 'class', options => '{"seed": 0.5}');
SELECT version FROM dml_train('robust_bad', 'item', 'x', 'class', options => '{"seed": []}');
SELECT version FROM dml_train('robust_bad', 'item', 'x', 'class', options => '{"seed": 1}', seed => 2);
SELECT version FROM dml_train('robust_seed', 'item', 'x', 'class', method => 'whiten',
	options => '{"validation": 0, "seed": 9223372036854775807}');
SELECT seed FROM dml_model_versions WHERE model = 'robust_seed';

-- Cancelled, in a subtransaction or not: no model, no column, and the session goes on.
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN query_canceled OR configuration_limit_exceeded THEN
	RETURN sqlstate;
END $$;
SET statement_timeout = '150ms';
SELECT outcome($$SELECT dml_train('robust_bad', 'item', 'x', 'class', method => 'triplet', epochs => 100000)$$);
SELECT dml_train('robust_bad', 'item', 'x', 'class', method => 'triplet', epochs => 100000);
RESET statement_timeout;
SET maintenance_work_mem = '1MB';
SET temp_file_limit = '1MB';
SELECT outcome($$SELECT dml_train('robust_bad', 'item', 'x', 'class', method => 'whiten')$$);
SELECT outcome($$SELECT dml_evaluate('robust', 'item', 'x', 'class')$$);
RESET temp_file_limit;
RESET maintenance_work_mem;
SELECT count(*) AS models_left FROM dml_models WHERE model = 'robust_bad';
SELECT count(*) AS trainings_left FROM dml_training_progress WHERE pid = pg_backend_pid();
SELECT count(*) AS temporary_files_left FROM pg_ls_tmpdir();

-- An error while filling undoes the new column. A new column with old rows needs no warning.
INSERT INTO item VALUES (0, ARRAY[1, 2, 3], 1);
\set VERBOSITY terse
SELECT rows FROM dml_materialize('item', 'embedding', 'robust', 'x');
\set VERBOSITY default
SELECT count(*) AS columns_left FROM pg_attribute WHERE attrelid = 'item'::regclass AND attname = 'embedding';
SELECT count(*) AS records_left FROM dml_columns WHERE relation = 'item'::regclass;
DELETE FROM item WHERE id = 0;
SELECT rows, embedded FROM dml_materialize('item', 'embedding', 'robust', 'x');

-- Caught errors leak no memory.
CREATE FUNCTION fail_often(times integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	failed integer := 0;
BEGIN
	FOR i IN 1 .. times LOOP
		BEGIN
			PERFORM dml_embed('robust', ARRAY[i, 2]);
		EXCEPTION WHEN data_exception THEN
			failed := failed + 1;
		END;
		BEGIN
			PERFORM dml_train('robust_bad', 'item', 'x', 'class', options => '{"batch": -1}');
		EXCEPTION WHEN invalid_parameter_value THEN
			failed := failed + 1;
		END;
	END LOOP;
	RETURN failed;
END $$;
-- PostgreSQL 13 cannot say
CREATE FUNCTION memory_taken() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	taken bigint := 0;
BEGIN
	IF current_setting('server_version_num')::integer >= 140000 THEN
		EXECUTE 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts' INTO taken;
	END IF;
	RETURN taken;
END $$;
SELECT fail_often(50);
SELECT memory_taken() AS before \gset
SELECT fail_often(1000);
SELECT memory_taken() - :before < 100000 AS no_growth;

-- In parallel workers, and in read-only transactions.
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT count(dml_embed('robust', x)), bool_and(dml_embed('robust', x) <-> embedding < 1e-3) AS same FROM item;
SELECT count(*) FROM item WHERE embedding <-> x < 1e-3;
COMMIT;
BEGIN READ ONLY;
SELECT dml_dims(dml_embed('robust', x)) = dml_dims(embedding) AS same FROM item WHERE id = 1;
SAVEPOINT before;
SELECT version FROM dml_train('robust_bad', 'item', 'x', 'class');
ROLLBACK TO before;
SELECT rows FROM dml_materialize('item', 'embedding', 'robust', 'x');
ROLLBACK TO before;
SELECT dml_drop_model('robust_seed');
ROLLBACK;

DROP SCHEMA robust_test CASCADE;
SELECT dml_drop_model('robust');
SELECT dml_drop_model('robust_seed');
