-- Closed forms for matches and adapters: ridge regression towards the identity, and orthogonal Procrustes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA train_adapter;
SET search_path = train_adapter, public;

-- The matches of test/data/make_adapter_reference.py, and what numpy makes of them.
CREATE TABLE reference (method text, width int, shrink float8, y1 float8, y2 float8, y3 float8, y4 float8, y5 float8);
\copy reference FROM 'test/data/adapter_reference.csv' WITH (FORMAT csv)
CREATE TABLE pair AS
SELECT i, ARRAY(SELECT sin(i * j * 0.7) + 0.3 FROM generate_series(1, 5) j) AS a,
	ARRAY(SELECT cos(i * j * 0.7) + 0.5 * (sin(i * j * 0.7) + 0.3) FROM generate_series(1, 5) j) AS b
FROM generate_series(1, 60) i;
CREATE FUNCTION image(method text, width int, shrink float8) RETURNS real[] LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dml_train_matches('map', format('SELECT a, b[1:%s]::dml_vector AS b FROM pair', width), 'a', 'b', adapter => true, method => method,
		options => jsonb_build_object('shrink', shrink, 'validation', 0));
	RETURN dml_embed('map', ARRAY[1, -2, 3, 0.5, -1])::real[];
END $$;
SELECT method, width, shrink, (SELECT bool_and(abs(x - y) < 1e-4) FROM unnest(image(method, width, shrink), (ARRAY[y1, y2, y3, y4, y5])[1:width]) u(x, y)) AS equal
FROM reference ORDER BY 1, 2, 3;
-- all the way: nothing is learned
SELECT method, image(method, 5, 1) = ARRAY[1, -2, 3, 0.5, -1]::real[] AS as_it_is FROM unnest('{ridge,procrustes}'::text[]) method;

-- Two towers: the second side stays as it is, or both are normalised. One tower has no map from side to side.
SELECT method, dims FROM dml_train_matches('map', 'pair', 'a', 'b', towers => 2, method => 'ridge', options => '{"validation": 0}');
SELECT bool_and(dml_embed('map/b', b)::real[] = b::real[]) AS as_it_is FROM pair;
SELECT method, dims FROM dml_train_matches('map', 'pair', 'a', 'b', towers => 2, method => 'ridge', options => '{"validation": 0, "l2": true}');
SELECT bool_and(abs(1 - a.square) < 1e-5 AND abs(1 - b.square) < 1e-5) AS normalised FROM pair,
	LATERAL (SELECT sum(e * e) AS square FROM unnest(dml_embed('map/a', pair.a)::real[]) e) a,
	LATERAL (SELECT sum(e * e) AS square FROM unnest(dml_embed('map/b', pair.b)::real[]) e) b;
SELECT dml_train_matches('map', 'pair', 'a', 'b', towers => 1, method => 'procrustes');
SELECT dml_train_matches('map', 'pair', 'a', 'b', towers => 2, method => 'ridge', dims => 3);
\set VERBOSITY terse
SELECT dml_train('map', 'SELECT a, i % 3 AS class FROM pair', 'a', 'class', method => 'ridge');
\set VERBOSITY default
-- rows that are not finite, or equal
SELECT method, skipped FROM dml_train_matches('map', 'SELECT CASE WHEN i = 3 THEN ARRAY[''nan'', 1, 1, 1, 1]::float8[] ELSE a END AS a, b::dml_vector AS b FROM pair',
	'a', 'b', adapter => true, method => 'ridge');
SELECT count(*) FROM dml_train_matches('map', 'SELECT ARRAY[1, 0, 0]::real[] AS a, ARRAY[i, 1, 0]::real[]::dml_vector AS b FROM pair', 'a', 'b', adapter => true, method => 'procrustes');

-- What is stored is what is asked for, turned and with noise: auto finds a closed form, far better than no learning.
CREATE TABLE turned AS
SELECT i, ARRAY(SELECT sin(i * j * 1.3 + j * j) + 0.05 * sin(i * j * 7.1) FROM generate_series(1, 8) j) AS a,
	ARRAY(SELECT (CASE WHEN j % 2 = 0 THEN sin(i * (j - 1) * 1.3 + (j - 1) * (j - 1)) ELSE -sin(i * (j + 1) * 1.3 + (j + 1) * (j + 1)) END)::real
		FROM generate_series(1, 8) j)::dml_vector AS b
FROM generate_series(1, 600) i;
SELECT method IN ('ridge', 'procrustes') AS closed, learned > without_learning + 0.3 AS far_better
FROM dml_train_matches('turned', 'turned', 'a', 'b', adapter => true, epochs => 3, time_limit => 1000);

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model IN ('map', 'turned');
DROP SCHEMA train_adapter CASCADE;
