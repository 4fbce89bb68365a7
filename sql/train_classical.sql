-- Classical methods through dml_train: each learns, with the options that it reads; a target; what is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA classical_test;
SET search_path = classical_test, public;
SET dml.notice_interval = 0;

\cd `echo "${PG_ABS_SRCDIR:-.}"`
CREATE TABLE wine (alcohol real, malic_acid real, ash real, alcalinity real, magnesium real, phenols real, flavanoids real,
	nonflavanoids real, proanthocyanins real, colour real, hue real, od280 real, proline real, class int);
\copy wine FROM 'test/data/wine.csv' WITH (FORMAT csv, HEADER)

-- Better than the unchanged columns, on held-out rows; one seed gives one model.
CREATE FUNCTION fit(method text, options jsonb DEFAULT '{}') RETURNS record LANGUAGE sql AS $$
	SELECT t.method, t.dims <= 13 AS dims, t.classes, t.metric, t.learned > t.without_learning + 0.1 AS better,
		t.reason ~ 'objective [-0-9.e]+ after [0-9]+ iterations, (not )?converged' AS says
	FROM dml_train('classical_wine', 'wine', 'alcohol, malic_acid, ash, alcalinity, magnesium, phenols, flavanoids, nonflavanoids,
		proanthocyanins, colour, hue, od280, proline', 'class', method => $1, options => $2) t
$$;
SELECT m.name, f.* FROM dml_methods m, LATERAL fit(m.name) AS f(method text, dims bool, classes int, metric text, better bool, says bool)
WHERE m.kind = 'linear' AND m.supervision <> 'target' OR m.name IN ('covariance', 'rca', 'lfda') ORDER BY m.name;
SELECT * FROM fit('mmc', '{"diagonal": true, "constraints": 100, "iterations": 50, "tolerance": 1e-4, "preprocess": "standardize"}')
	AS f(method text, dims bool, classes int, metric text, better bool, says bool);
SELECT * FROM fit('lmnn', '{"neighbors": 5, "pull": 0.3, "dims": 4, "seed": 3}')
	AS f(method text, dims bool, classes int, metric text, better bool, says bool);
SELECT count(DISTINCT space) FROM dml_model_versions
WHERE model = 'classical_wine' AND method IN ('whiten', 'covariance');

-- A numeric target.
CREATE TABLE house AS
SELECT (50 + i * 37 % 150)::real AS area, (i * 7 % 10)::real AS noise, (i * 13 % 5)::real AS rooms,
	2000.0 * (50 + i * 37 % 150) + 9000 * (i * 13 % 5) AS price
FROM generate_series(1, 300) i;
SELECT method, rows, classes, metric, learned > 0.95 AS good, learned > without_learning AS better
FROM dml_train('classical_house', 'house', 'area, noise, rooms', 'price', method => 'mlkr');
SELECT supervision, classes FROM dml_model_versions WHERE model = 'classical_house';
SELECT * FROM dml_train('classical_bad', 'house', 'area, noise', '''x''::text', method => 'mlkr');
SELECT * FROM dml_train('classical_bad', 'house', 'area, noise', 'CASE WHEN rooms = 1 THEN ''NaN''::float8 ELSE 1 END', method => 'mlkr');
SELECT * FROM dml_train('classical_bad', 'house', 'area, noise', '7', method => 'mlkr');
SELECT * FROM dml_train('classical_bad', 'house', 'area, noise', 'price', method => 'mlkr', open_set => true);
\set VERBOSITY terse
SELECT * FROM dml_train_chunklets('classical_bad', 'house', 'area, noise', 'rooms', method => 'mlkr');
\set VERBOSITY default

-- Refused.
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', 'class', method => 'lmnn', network => '8 relu, 2');
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', 'class', method => 'lmnn', epochs => 3);
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', 'class', method => 'lmnn', options => '{"gamma": 2}');
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', 'class', method => 'itml', options => '{"prior": "uniform"}');
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', 'class', method => 'lfda', options => '{"preprocess": "none"}');
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', 'class', method => 'supcon', options => '{"neighbors": 2}');
SELECT * FROM dml_train('classical_bad', 'wine', 'alcohol, hue', '1', method => 'itml');
SELECT * FROM dml_train('classical_bad', 'SELECT *, row_number() OVER () AS id FROM wine', 'alcohol, hue', 'id', method => 'scml');
SELECT * FROM dml_train('classical_bad', 'SELECT 1 AS a, 2 AS b, i % 2 AS class FROM generate_series(1, 9) i', 'a, b', 'class', method => 'lmnn');

-- time_limit, and cancelling.
CREATE TABLE many AS SELECT ARRAY(SELECT sin(i * j + i % 5) FROM generate_series(1, 40) j)::real[] AS x, i % 5 AS class FROM generate_series(1, 6000) i;
SELECT method, reason ~ 'time limit' AS says_so FROM dml_train('classical_many', 'many', 'x', 'class', method => 'nca_linear', time_limit => 0.05,
	options => '{"iterations": 100000, "tolerance": 0, "validation": 0}');
SET statement_timeout = '500ms';
SELECT * FROM dml_train('classical_many', 'many', 'x', 'class', method => 'lmnn', options => '{"iterations": 100000, "tolerance": 0}');
RESET statement_timeout;

SELECT dml_drop_model(model) FROM dml_models WHERE model LIKE 'classical%' ORDER BY model;
RESET search_path;
DROP SCHEMA classical_test CASCADE;
