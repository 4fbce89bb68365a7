-- Rows without a label: they count in preprocessing, and as views beside the labels.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA train_partly_test;
SET search_path = train_partly_test, public;
CREATE FUNCTION noise(a int, b int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
SELECT sqrt(-2 * ln(1e-9 + abs(u - trunc(u)))) * cos(2 * pi() * (v - trunc(v)))
FROM (SELECT sin(a * 12.9898 + b * 78.233) * 43758.5453 AS u, sin(a * 39.346 + b * 11.135) * 24634.6345 AS v) s $$;
-- Eight classes are clusters of four hidden factors. Each of forty columns is a mixture of the
-- factors, with as much noise.
CREATE TABLE partly AS
SELECT i AS id, i % 8 AS class, CASE WHEN i <= 40 THEN i % 8 END AS known, i > 800 AS later,
	ARRAY(SELECT (SELECT sum((1.2 * noise(i % 8 * 31 + k, 900) + 0.5 * noise(i, k + 700)) * noise(k, j + 500)) FROM generate_series(1, 4) k)
		+ 2.5 * noise(i, j) FROM generate_series(1, 40) j)::real[] AS x
FROM generate_series(1, 1200) i;
CREATE FUNCTION space(model text) RETURNS text LANGUAGE sql AS $$
SELECT space::text FROM dml_model_versions v WHERE v.model = $1 ORDER BY version DESC LIMIT 1 $$;
RESET client_min_messages;
SELECT rows, skipped, classes, substring(reason FROM ';.*') AS reason
FROM dml_train('partly', 'SELECT * FROM partly WHERE NOT later', 'x', 'known', method => 'supcon', epochs => 1, options => '{"validation": 0}');
SELECT rows, skipped, substring(reason FROM ';.*') AS reason
FROM dml_train('partly_views', 'SELECT * FROM partly WHERE NOT later', 'x', 'known', method => 'supcon', epochs => 1, options => '{"unlabeled": 1, "validation": 0}');
SELECT rows, skipped FROM dml_train('partly', 'SELECT CASE WHEN id % 100 > 0 THEN x END AS x, known FROM partly WHERE id < 202', 'x', 'known', method => 'lda', options => '{"validation": 0}');
SELECT rows, skipped FROM dml_train('partly', 'SELECT * FROM partly WHERE id <= 41', 'x', 'known', method => 'lda', options => '{"validation": 0}');
SET client_min_messages = warning;

-- Principal directions follow from all rows, labelled or not.
SELECT model, dims FROM dml_train('partly_pca', 'SELECT * FROM partly WHERE NOT later', 'x', 'known', method => 'pca', dims => 8);
SELECT model, dims FROM dml_train_unlabeled('partly_all', 'SELECT * FROM partly WHERE NOT later', 'x', method => 'pca', dims => 8);
SELECT model, dims FROM dml_train('partly_few', 'SELECT * FROM partly WHERE known IS NOT NULL', 'x', 'known', method => 'pca', dims => 8);
CREATE FUNCTION apart(model text, other text) RETURNS float8 LANGUAGE sql AS $$
SELECT max(abs(dml_distance(model, a.x, b.x) - dml_distance(other, a.x, b.x))) FROM partly a, partly b WHERE a.id < 10 AND b.id > 1180 $$;
SELECT apart('partly_pca', 'partly_all') < 1e-3 AS as_all, apart('partly_pca', 'partly_few') > 0.5 AS as_few;
SELECT model FROM dml_train('partly_whiten', 'SELECT * FROM partly WHERE NOT later', 'x', 'known', method => 'whiten');
SELECT model FROM dml_train_unlabeled('partly_all', 'SELECT * FROM partly WHERE NOT later', 'x', method => 'whiten');
SELECT apart('partly_whiten', 'partly_all') < 1e-3 AS as_all;

-- A network learns from them as views.
CREATE FUNCTION score(options jsonb) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dml_train('partly', 'SELECT * FROM partly WHERE NOT later', 'x', 'known', method => 'supcon', options => options);
	RETURN (SELECT learned FROM dml_evaluate('partly', 'SELECT * FROM partly WHERE later', features => 'x', label => 'class')
		WHERE metric = 'recall_at_1' AND class IS NULL);
END
$$;
SELECT score('{"unlabeled": 10}') > score('{}') + 0.02 AS barlow_twins, score('{"unlabeled": 30, "unlabeled_method": "vicreg"}') > score('{}') + 0.02 AS vicreg;
SELECT score('{"unlabeled": 1, "unlabeled_method": "infonce", "noise": 0.5, "mask": 0.1, "mix": 0.1}') > 0.3 AS infonce;

-- The order of rows does not change the model. With weight 0 unlabelled rows do not change it.
SELECT dims FROM dml_train('partly_1', 'SELECT * FROM partly ORDER BY id', 'x', 'known', method => 'cosface', epochs => 3, options => '{"unlabeled": 1}');
SELECT dims FROM dml_train('partly_2', 'SELECT * FROM partly ORDER BY id DESC', 'x', 'known', method => 'cosface', epochs => 3, options => '{"unlabeled": 1}');
SELECT dims FROM dml_train('partly_3', 'SELECT * FROM partly', 'x', 'known', method => 'cosface', epochs => 3, options => '{"unlabeled": 0}');
SELECT dims FROM dml_train('partly_4', 'SELECT * FROM partly', 'x', 'known', method => 'cosface', epochs => 3);
SELECT space('partly_1') = space('partly_2') AS same, space('partly_1') <> space('partly_3') AS views, space('partly_3') = space('partly_4') AS without;
-- Views of labelled rows alone; several levels; a target; auto; chunklets; a search.
SELECT rows FROM dml_train('partly', 'SELECT * FROM partly WHERE known IS NOT NULL', 'x', 'known', method => 'triplet', epochs => 2, options => '{"unlabeled": 0.5}');
SELECT rows, skipped, classes FROM dml_train('partly', 'SELECT x, known, CASE WHEN id <= 60 THEN class / 4 END AS family FROM partly', 'x', 'family, known', method => 'supcon', epochs => 2, options => '{"unlabeled": 0.5}');
SELECT rows, skipped, metric FROM dml_train('partly', 'partly', 'x', 'known', method => 'mlkr', options => '{"iterations": 3}');
SELECT rows, learned >= without_learning AS never_worse FROM dml_train('partly', 'partly', 'x', 'known', time_limit => 2, options => '{"unlabeled": 1}');
SELECT rows, skipped, chunklets FROM dml_train_chunklets('partly', 'partly', 'x', 'known', method => 'rca');
SELECT rows, skipped FROM dml_tune('partly', 'partly', 'x', 'known', 'supcon', search => '{"unlabeled": [0, 1]}', trials => 2, epochs => 2);

SELECT dml_train('bad', 'partly', 'x', 'NULL::int', method => 'lda');
SELECT dml_train('bad', 'SELECT NULL::real[] AS x, 1 AS c', 'x', 'c', method => 'lda');
SELECT dml_train('bad', 'partly', 'x', 'known', method => 'lda', options => '{"unlabeled": 1}');
SELECT dml_train('bad', 'partly', 'x', 'known', method => 'supcon', options => '{"unlabeled": -1}');
SELECT dml_train('bad', 'partly', 'x', 'known', method => 'supcon', options => '{"unlabeled": 1, "unlabeled_method": "supcon"}');
SELECT dml_train('bad', 'partly', 'x', 'known', method => 'supcon', options => '{"mask": 0.5}');
SELECT dml_train('bad', 'partly', 'x', 'known', method => 'supcon', options => '{"unlabeled_method": "vicreg"}');
SELECT dml_train_unlabeled('bad', 'partly', 'x', method => 'ntxent', options => '{"unlabeled": 1}');

DROP SCHEMA train_partly_test CASCADE;
SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'partly%';
RESET client_min_messages;
RESET search_path;
