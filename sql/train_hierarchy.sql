-- dml_train with several label columns: species in families.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE TABLE plant AS
SELECT i AS id, i % 3 AS family, i % 12 AS species, chr(65 + i % 12 / 3) AS name,
	ARRAY[2 * sin(i % 3 * 2.1) + sin(i * 1.7), 2 * cos(i % 3 * 2.1) + sin(i * 3.9), 3 * cos(i % 12) + 0.4 * sin(i * 2.3), 3 * sin(i % 12 * 2.1), sin(i * 5.1)]::real[] AS x
FROM generate_series(1, 480) i;

SELECT model, version, rows, classes FROM dml_train('plant', 'plant', 'x', 'species', method => 'supcon', epochs => 20, seed => 1);
SELECT model, version, rows, classes FROM dml_train('plant', 'plant', 'x', 'family, species', method => 'supcon', epochs => 20, seed => 1, options => '{"level_weight": 1}');
-- Compared with species of other families, species of one family are nearer to each other than
-- without the family label.
SELECT (SELECT avg(dml_distance('plant@2', a.x, b.x)) FILTER (WHERE a.family = b.family) / avg(dml_distance('plant@2', a.x, b.x)) FILTER (WHERE a.family <> b.family) FROM plant a, plant b WHERE a.species <> b.species AND a.id < 60 AND b.id < 60)
	< (SELECT avg(dml_distance('plant@1', a.x, b.x)) FILTER (WHERE a.family = b.family) / avg(dml_distance('plant@1', a.x, b.x)) FILTER (WHERE a.family <> b.family) FROM plant a, plant b WHERE a.species <> b.species AND a.id < 60 AND b.id < 60) AS nearer;
-- A name that occurs in several families means several classes; proxies at every level; the order
-- of rows does not matter.
SELECT version, classes FROM dml_train('plant_name', 'plant', 'x', 'family, name', method => 'cosface', epochs => 3);
SELECT version, classes FROM dml_train('plant_name', 'SELECT * FROM plant ORDER BY md5(id::text)', 'x', 'family, name', method => 'cosface', epochs => 3);
SELECT count(DISTINCT space) FROM dml_model_versions WHERE model = 'plant_name';
SELECT classes FROM dml_train('plant_three', 'plant', 'x', 'family % 2, family /* then */, species', method => 'triplet', epochs => 2);
SELECT classes FROM dml_train('plant_three', 'plant', 'x', 'family, species', method => 'lda');
SELECT learned >= without_learning AS never_worse FROM dml_train('plant_auto', 'plant', 'x', 'family, species', epochs => 2, time_limit => 5);
-- Rows with an unknown label at any level are left out.
SELECT rows, skipped, classes FROM dml_train('plant_null', 'plant', 'x', 'CASE WHEN id > 10 THEN family END, CASE WHEN id < 471 THEN species END', method => 'supcon', epochs => 1);
SELECT * FROM dml_train('plant_bad', 'plant', 'x', 'family, point(1, 2)', method => 'supcon');
SELECT * FROM dml_train('plant_bad', 'plant', 'x', 'family, species AS s', method => 'supcon');
SELECT * FROM dml_train('plant_bad', 'plant', 'x', 'family, nothing', method => 'supcon');
SELECT * FROM dml_train('plant_bad', 'plant', 'x', 'id, id, id, id, id, id, id, id, id', method => 'supcon');
SELECT * FROM dml_train('plant_bad', 'plant', 'x', 'family, species', method => 'supcon', options => '{"level_weight": -1}');
SELECT count(*) FROM dml_models WHERE model = 'plant_bad';
SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'plant%';
DROP TABLE plant;
RESET client_min_messages;
