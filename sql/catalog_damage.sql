-- A superuser can edit the catalogue. A row that cannot be right is reported, and the server goes
-- on.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA damage_test;
SET search_path = damage_test, public;
CREATE TABLE flower AS SELECT i AS id, (i % 7 + sin(i))::real AS a, (i % 3 + cos(i) / 3)::real AS b, i % 3 AS class,
	ARRAY[sin(i), cos(i), sin(2 * i)]::real[] AS x, ARRAY[sin(i + 1), cos(i + 1)]::real[] AS y FROM generate_series(1, 60) i;
SELECT version FROM dml_train('dmg', 'flower', 'a, b', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train_matches('dmg2', 'flower', 'x', 'y', method => 'ntxent', network => '4', epochs => 2);
SELECT rows FROM dml_materialize('flower', 'e', 'dmg');
CREATE ROLE dmg_user;
GRANT USAGE ON SCHEMA damage_test TO dmg_user;
GRANT SELECT ON flower TO dmg_user;
SELECT dml_grant('dmg', 'dmg_user', 'embed');

-- Make the change, try the statement, undo the change.
CREATE FUNCTION try(damage text, statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		ALTER TABLE dml_catalog.version ALTER features DROP NOT NULL, ALTER weights DROP NOT NULL, ALTER space DROP NOT NULL,
			ALTER inputs DROP NOT NULL, ALTER dims DROP NOT NULL, ALTER settings DROP NOT NULL;
		ALTER TABLE dml_catalog.model ALTER owner DROP NOT NULL, ALTER active DROP NOT NULL;
		ALTER TABLE dml_catalog.privilege ALTER grantee DROP NOT NULL, ALTER privilege DROP NOT NULL;
		ALTER TABLE dml_catalog.calibration ALTER threshold DROP NOT NULL;
		EXECUTE damage;
		BEGIN
			EXECUTE statement;
			state := 'no error';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
		END;
		RAISE EXCEPTION USING errcode = 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
	END;
END $$;
CREATE TABLE damage (place serial, change text, statement text);
INSERT INTO damage (change, statement)
	SELECT format('UPDATE dml_catalog.version SET %s WHERE model_id = (SELECT id FROM dml_catalog.model WHERE name = ''dmg'')', change),
		$$SELECT * FROM dml_explain('dmg')$$
	FROM unnest(ARRAY['columns = ''{}''', 'columns = ''{a}''', 'columns = ''{a,NULL}''', 'columns = ''{a,b,c}''', 'columns = ''{{a,b}}''',
		'features = NULL', 'features = ''''', 'weights = NULL', 'weights = ''''', 'weights = ''\x00''', 'weights = weights || ''\x00''',
		'space = NULL', 'space = 0', 'inputs = NULL', 'inputs = 0', 'inputs = -1', 'inputs = 3', 'dims = NULL', 'dims = 77',
		'settings = NULL', 'settings = ''1''', 'settings = ''[]''', 'features_b = ''a''', 'inputs_b = 1', 'columns_b = ''{a}''']) change;
INSERT INTO damage (change, statement)
	SELECT format('UPDATE dml_catalog.version SET %s WHERE model_id = (SELECT id FROM dml_catalog.model WHERE name = ''dmg2'')', change),
		$$SELECT dml_embed('dmg2/b', '{1,2}'::real[])$$
	FROM unnest(ARRAY['features_b = NULL', 'inputs_b = NULL', 'inputs_b = 3', 'columns_b = ''{a}''', 'columns_b = ''{}''', 'inputs = 2', 'columns = ''{a}''']) change;
INSERT INTO damage (change, statement) VALUES
	('UPDATE dml_catalog.model SET active = 7', $$SELECT dml_embed('dmg', 1, 2)$$),
	('UPDATE dml_catalog.model SET active = NULL', $$SELECT dml_embed('dmg', 1, 2)$$),
	('UPDATE dml_catalog.model SET owner = NULL', $$SELECT dml_embed('dmg', 1, 2)$$),
	('UPDATE dml_catalog.model SET owner = NULL', $$SELECT dml_activate('dmg', 1)$$),
	('UPDATE dml_catalog.model SET active = 7', $$SELECT dml_weights('dmg')$$),
	('UPDATE dml_catalog.version SET weights = NULL', $$SELECT dml_weights('dmg')$$),
	('UPDATE dml_catalog.version SET weights = set_byte(weights, length(weights) - 6, 77)', $$SELECT dml_embed('dmg', 1, 2)$$),
	('UPDATE dml_catalog.version SET weights = set_byte(weights, length(weights) - 6, 77)', $$SELECT dml_weights('dmg')$$),
	('UPDATE dml_catalog.version SET weights = set_byte(weights, length(weights) - 6, 77)', $$SELECT dml_export('dmg')$$),
	('UPDATE dml_catalog.version SET history = ''{"a": 1}''', $$SELECT dml_plot('curve', 'dmg2')$$),
	('UPDATE dml_catalog.version SET history = ''[1]''', $$SELECT dml_report('dmg2')$$),
	('UPDATE dml_catalog.version SET history = ''[{"epoch": 1, "loss": "x"}]''', $$SELECT dml_plot('curve', 'dmg2')$$),
	('UPDATE dml_catalog.privilege SET grantee = NULL; SET LOCAL ROLE dmg_user', $$SELECT dml_embed('dmg', 1, 2)$$),
	('UPDATE dml_catalog.privilege SET privilege = NULL; SET LOCAL ROLE dmg_user', $$SELECT dml_embed('dmg', 1, 2)$$),
	($$SELECT dml_calibrate('dmg', 'flower', label => 'class', false_accept_rate => 0.1); UPDATE dml_catalog.calibration SET threshold = NULL$$,
		$$SELECT dml_match('dmg', ARRAY[1, 2], ARRAY[2, 3])$$),
	($$SELECT dml_calibrate('dmg', 'flower', label => 'class', false_accept_rate => 0.1); UPDATE dml_catalog.calibration SET threshold = 'NaN'$$,
		$$SELECT dml_match('dmg', ARRAY[1, 2], ARRAY[2, 3])$$),
	('UPDATE dml_catalog.version SET weights = NULL', $$SELECT e <-> ARRAY[1, 2]::real[] FROM flower$$),
	('UPDATE dml_catalog.version SET columns = NULL, features = NULL', $$INSERT INTO flower (a, b) VALUES (1, 2)$$);
\x
SELECT regexp_replace(change, ' WHERE .*', '') AS change, t.* FROM damage, LATERAL try(change, statement) t ORDER BY place;
\x
-- The catalogue is intact after that.
SELECT dml_dims(dml_embed('dmg', 1, 2)) > 0 AS embeds, dml_dims(dml_embed('dmg2/b', '{1,2}'::real[])) AS embeds_b;
DROP SCHEMA damage_test CASCADE;
SELECT dml_drop_model('dmg'), dml_drop_model('dmg2');
DROP ROLE dmg_user;
