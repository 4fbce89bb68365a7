-- Models as files: dml_export, dml_import, and dropping one version.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA ship_test;
SET search_path = ship_test, public;
SET dml.notice_interval = 0;
CREATE TABLE item AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5, sqrt(i)]::real[] AS x, i % 4 AS class, i % 7 AS "Height", i % 3 + 0.5 AS "hei""ght" FROM generate_series(1, 120) i;
SELECT version > 0 AS trained FROM dml_train('sh_columns', 'SELECT *, ''a"\b'' AS odd FROM item', '"Height", "hei""ght", id * 2', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version > 0 AS trained FROM dml_train('sh_net', 'item', 'x', 'class', method => 'triplet', network => '32 relu, 16 gelu layernorm, 4', epochs => 3);
SELECT version > 0 AS trained FROM dml_train('sh_far', 'SELECT 1000000000 + id / 8.0 AS t, x[1] AS u, class FROM item', 't, u', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version > 0 AS trained FROM dml_train_matches('sh_two', 'SELECT x AS a, x[1:3] AS b FROM item', 'a', 'b', method => 'ntxent', epochs => 1);
SELECT version > 0 AS trained FROM dml_train_matches('sh_asks', 'SELECT x AS a, dml_embed(''sh_net'', x) AS b FROM item', 'a', 'b', adapter => true, method => 'ntxent', epochs => 1);
SELECT version > 0 AS trained FROM dml_train_unlabeled('sh_white', 'item', 'x', method => 'whiten');
SELECT version > 0 AS trained FROM dml_train('sh_kinds', 'SELECT *, (ARRAY[''red'', ''green'', ''blue''])[id % 3 + 1] AS colour FROM item', 'colour, id', 'class', method => 'lda', options => '{"validation": 0}');
SELECT threshold > 0 AS calibrated FROM dml_calibrate('sh_net', 'item', label => 'class');

-- What the catalogue knows of a version comes back, whatever the settings of the session; so does
-- the function, with its space.
CREATE FUNCTION known(name text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT to_jsonb(v) - '{model,version,active,owner,imported,created,library_version}'::text[] || jsonb_build_object('calibration',
		(SELECT to_jsonb(c) - '{model,version,active,created}'::text[] FROM dml_calibrations c WHERE (c.model, c.version) = (v.model, v.version)))
	FROM dml_model_versions v WHERE v.model = known.name AND v.active $$;
SET extra_float_digits = -5;
CREATE TABLE file AS SELECT model AS name, dml_export(model) AS bytes FROM dml_models WHERE model LIKE 'sh\_%';
RESET extra_float_digits;
SELECT name, i.model, i.version, i.space = (known(name) ->> 'space') AS space
FROM file, LATERAL (SELECT * FROM dml_import(bytes, name || '_again')) i ORDER BY name COLLATE "C";
SELECT name, known(name) = known(name || '_again') AS known, dml_weights(name) = dml_weights(name || '_again') AS weights, imported
FROM file JOIN dml_model_versions ON model = name || '_again' ORDER BY name COLLATE "C";
SELECT dml_embed('sh_net', x) = dml_embed('sh_net_again', x) AS same, dml_match('sh_net', x, x) = dml_match('sh_net_again', x, x) AS matches FROM item WHERE id = 3;
SELECT (dml_embed('sh_far', 1000000000.125, 3) <-> dml_embed('sh_far_again', 1000000000.125, 3)) = 0 AS same;
SELECT dml_distance('sh_two_again', '{1,2,3,4}'::real[], '{1,2,3}'::real[]) = dml_distance('sh_two', '{1,2,3,4}'::real[], '{1,2,3}'::real[]) AS same;
-- The file is safetensors: a header in JSON, and tensors.
SELECT header -> '__metadata__' ->> 'network' AS network, header -> 'layers.0.weight' -> 'shape' AS shape,
	(header -> '__metadata__' ->> 'description')::jsonb ->> 'features' AS features
FROM file, LATERAL (SELECT convert_from(substring(bytes FROM 9 FOR get_byte(bytes, 0) + get_byte(bytes, 1) * 256 + get_byte(bytes, 2) * 65536), 'UTF8')::jsonb AS header) h
WHERE name IN ('sh_columns', 'sh_net') ORDER BY name;

-- Again: nothing is added.  Another name, version, and not active.
SET client_min_messages = notice;
SELECT model, version FROM file, dml_import(bytes, 'sh_net_again') WHERE name = 'sh_net';
SET client_min_messages = warning;
SELECT model, version FROM file, dml_import(bytes, 'sh_net_again', activate => false) WHERE name = 'sh_white';
SELECT model, version, active, method FROM dml_model_versions WHERE model = 'sh_net_again' ORDER BY version;
SELECT model, version FROM file, dml_import(bytes, 'sh_new', activate => false) WHERE name = 'sh_white';
SELECT active FROM dml_models WHERE model = 'sh_new';
SELECT dml_export('sh_net_again@2') = dml_export('sh_new') AS name_and_number_differ, length(dml_export('sh_net_again@2')) > 1000 AS exported;

-- A file without a description needs the features; another program's metadata.
SELECT * FROM dml_import(dml_weights('sh_net'), 'sh_plain');
SELECT model, version, space = (known('sh_net') ->> 'space') AS space FROM dml_import(dml_weights('sh_net'), 'sh_plain', features => 'x');
SELECT method, source, features, columns, rows, imported FROM dml_model_versions WHERE model = 'sh_plain';
SELECT recall FROM (SELECT no_learning AS recall FROM dml_evaluate('sh_plain', 'item', label => 'class', metrics => '{recall_at_1}') WHERE metric = 'queries') r;
SELECT * FROM dml_import(dml_weights('sh_two'), 'sh_plain_two', features => 'a');
SELECT * FROM dml_import(dml_weights('sh_kinds'), 'sh_plain_kinds', features => 'colour, id');
SELECT * FROM dml_import(dml_weights('sh_net'), 'sh_plain', features => '');

-- Features that somebody else wrote do not run, whoever owns the model.
CREATE TABLE trap (who name);
CREATE FUNCTION log1(double precision) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN INSERT INTO ship_test.trap VALUES (current_user); RETURN ln($1 + 1); END $$;
CREATE FUNCTION id_and(double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT $1';
SELECT version > 0 AS trained FROM dml_train('sh_traps', 'item', 'ship_test.id_and(id), x[1]', 'class', method => 'lda', options => '{"validation": 0}');
SELECT model, version FROM dml_import(dml_export('sh_traps'), 'sh_trapped');
CREATE OR REPLACE FUNCTION id_and(double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT ship_test.log1($1)';
SELECT * FROM dml_evaluate('sh_trapped', 'item', label => 'class');
SELECT * FROM dml_explain('sh_trapped', 'item');
SELECT * FROM dml_verify_axioms('sh_trapped', 'item');
SELECT * FROM dml_calibrate('sh_trapped', 'item', label => 'class');
SELECT * FROM dml_materialize('item', 'e', 'sh_trapped');
SELECT count(*) FROM trap;
-- Features that only compute do; so do those that the importer writes.
SELECT count(*) > 0 AS measured FROM dml_evaluate('sh_columns_again', 'item', label => 'class');
SELECT count(*) > 0 AS measured FROM dml_evaluate('sh_trapped', 'SELECT id AS n, x, class FROM item', 'n, x[1]', label => 'class');
SELECT model, version FROM dml_import(dml_export('sh_traps'), 'sh_mine', features => 'id, x[1]');
SELECT version, embedded FROM dml_materialize('item', 'e', 'sh_mine');
SELECT dml_dematerialize('item', 'e');

-- Damage is found: every byte of the header, and samples of the tensors.
CREATE FUNCTION try_import(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	PERFORM dml_import(bytes, 'sh_damaged');
	outcome := CASE WHEN known('sh_damaged') = known('sh_white') THEN 'harmless' ELSE 'changed' END;
	PERFORM dml_drop_model('sh_damaged');
	RETURN outcome;
EXCEPTION WHEN invalid_binary_representation THEN
	RETURN 'refused';
WHEN invalid_text_representation OR invalid_parameter_value OR character_not_in_repertoire OR untranslatable_character OR null_value_not_allowed OR program_limit_exceeded THEN
	RETURN 'refused otherwise';
END $$;
CREATE TABLE small AS SELECT dml_export('sh_white') AS bytes;
-- A file that is taken has the function and the description that were exported: what changed was
-- beside them, such as the name of the checksum.
CREATE TABLE fate AS SELECT i, b, set_byte(bytes, i, get_byte(bytes, i) # (1 << b)) AS bytes FROM small, generate_series(0, length(small.bytes) - 1) i, generate_series(0, 7, 2) b WHERE (i * 7 + b) % 11 = 0;
SELECT count(*) > 500 AS tried, count(*) FILTER (WHERE outcome = 'changed') AS changed, count(*) FILTER (WHERE outcome = 'harmless') < count(*) / 20 AS most_refused
FROM fate, try_import(bytes) outcome;
SELECT try_import(substring(bytes FOR i)) AS outcome, count(*) > 0 AS some FROM small, generate_series(0, length(small.bytes) - 1) i GROUP BY 1;
SELECT try_import(bytes || '\x00') FROM small;
SELECT try_import('\xffffffffffffffff'), try_import('\x00000001000000007b'), try_import('\x'), try_import(repeat('{', 1000)::bytea), try_import('\x0000000000000000'), try_import(decode(repeat('00', 100000), 'hex'));
SELECT * FROM dml_import('\x00', 'sh_damaged');
SELECT * FROM dml_import((SELECT set_byte(bytes, length(bytes) - 3, 1) FROM small), 'sh_damaged');

-- Descriptions that somebody made up.
CREATE FUNCTION forge(description text) RETURNS bytea LANGUAGE sql AS $$
	SELECT decode(lpad(to_hex(n % 256), 2, '0') || lpad(to_hex(n / 256 % 256), 2, '0') || lpad(to_hex(n / 65536), 2, '0') || '0000000000', 'hex') || h || substring(w FROM 9 + old)
	FROM (SELECT dml_weights('sh_white') AS w) w, LATERAL (SELECT get_byte(w, 0) + get_byte(w, 1) * 256 AS old) o,
		LATERAL (SELECT convert_to(replace(convert_from(substring(w FROM 9 FOR old), 'UTF8'), '"format"', '"description":' || to_jsonb(description)::text || ',"format"'), 'UTF8') AS h) h,
		LATERAL (SELECT length(h) AS n) n $$;
CREATE FUNCTION try_forged(description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	detail text;
BEGIN
	PERFORM dml_import(forge(description), 'sh_forged_' || md5(description));
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
	RETURN state || CASE WHEN state = '22P03' THEN ' ' || detail ELSE '' END;
END $$;
SELECT d, try_forged(d) FROM unnest(ARRAY['{"features": "x"}', '', '[]', '1', 'null', '"x"', '{', '{}', '{"features": ""}', '{"features": 1}', '{"features": "x", "columns": ["a"]}',
	'{"features": "x", "columns": ["a", "b", "c", null]}', '{"features": "x", "columns": [["a", "b"], ["c", "d"]]}', '{"features": "a, b, c, d", "columns": ["a", "b", "c", "d"]}', '{"features": "x", "columns": "a"}',
	'{"features": "x", "rows": -1}', '{"features": "x", "rows": "many"}', '{"features": "x", "rows": 1e30}', '{"features": "x", "epochs": 99999999999}', '{"features": "x", "settings": []}', '{"features": "x", "history": {}}',
	'{"features": "x", "candidates": 3}', '{"features": "x", "calibration": {"threshold": -1}}', '{"features": "x", "calibration": {"threshold": "NaN"}}', '{"features": "x", "calibration": {"threshold": "Infinity"}}',
	'{"features": "x", "calibration": {"threshold": 0.5}}', '{"features": "x", "calibration": 3}', '{"features": "x", "space": "0123456789abcdef"}', '{"features": "x", "sha256": "00"}', '{"features": "x", "features_b": "y", "inputs_b": 3}',
	'{"features": "x", "method": "\u0000"}', '{"features": "x", "learned": "Infinity", "metric": "recall@1"}', '{"features": "x", "seconds": "NaN"}', '{"features": "x", "seconds": -1}', '{"features": "x", "seconds": "Infinity"}', '{"features": "pg_read_file(''/etc/passwd'')"}', '{"features": "1; DROP TABLE ship_test.item"}']) d;
SELECT * FROM dml_evaluate('sh_forged_' || md5('{"features": "1; DROP TABLE ship_test.item"}'), 'item', label => 'class');
SELECT count(*) FROM dml_explain('sh_forged_' || md5('{"features": "x", "learned": "Infinity", "metric": "recall@1"}')) WHERE section = 'model' AND name = 'learned';
SELECT threshold, criterion, source FROM dml_calibrations WHERE model LIKE 'sh\_forged%';

-- Arguments and rights.
SELECT * FROM dml_import(NULL, 'a');
SELECT * FROM dml_import('\x00', NULL);
SELECT * FROM dml_import(dml_export('sh_white'), 'a@1');
SELECT * FROM dml_import(dml_export('sh_white'), 'a/b');
SELECT dml_export('sh_none');
SELECT dml_export('sh_white@9');
SELECT dml_export(NULL) IS NULL AS no_file;
BEGIN TRANSACTION READ ONLY;
SELECT * FROM dml_import('\x00', 'a');
ROLLBACK;
CREATE ROLE regress_ship;
GRANT USAGE ON SCHEMA ship_test TO regress_ship;
GRANT SELECT ON small TO regress_ship;
SELECT dml_grant('sh_white', 'regress_ship', 'embed');
SET ROLE regress_ship;
SELECT dml_export('sh_white');
SELECT * FROM dml_import((SELECT bytes FROM small), 'sh_white');
SELECT model, version FROM dml_import((SELECT bytes FROM small), 'sh_theirs');
SELECT owner FROM dml_models WHERE model = 'sh_theirs';
SELECT dml_drop_version('sh_white', 1);
RESET ROLE;

-- Dropping versions one by one.
SELECT dml_drop_version('sh_net_again', 1);
SELECT dml_activate('sh_net_again', 2);
SELECT dml_drop_version('sh_net_again', 1);
SELECT dml_drop_version('sh_net_again', 1);
SELECT dml_drop_version('sh_none', 1);
SELECT model, version FROM dml_model_versions WHERE model = 'sh_net_again';
SELECT count(*) FROM dml_calibrations WHERE model = 'sh_net_again';
SELECT version > 0 AS trained FROM dml_train('sh_white', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version, embedded FROM dml_materialize('item', 'e', 'sh_white@1');
SELECT dml_drop_version('sh_white', 1);
SELECT version, embedded FROM dml_materialize('item', 'e', 'sh_white');
SELECT dml_drop_version('sh_white', 1);
INSERT INTO item (id, x) VALUES (1000, '{1,2,3,4}');
SELECT dml_distance('sh_white', x, '{1,2,3,4}'::real[]) = 0 AS fresh, e IS NOT NULL AS embedded FROM item WHERE id = 1000;

RESET client_min_messages;
SET client_min_messages = warning;
DROP SCHEMA ship_test CASCADE;
SELECT count(dml_drop_model(model)) > 0 AS dropped FROM dml_models WHERE model LIKE 'sh\_%';
DROP ROLE regress_ship;
