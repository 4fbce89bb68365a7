-- No figure depends on the unit of the features, within the range of float4, but distances, which
-- have that unit. Queries without gain are counted.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA scale_test;
SET search_path = scale_test, public;
CREATE TABLE thing AS
SELECT i AS id, i % 5 AS kind, ARRAY[cos(i % 5 * 1.257) + 0.3 * sin(i * 1.3), sin(i % 5 * 1.257) + 0.3 * cos(i * 2.9), 0.4 * sin(i * 7.3)]::real[] AS x
FROM generate_series(1, 120) i;
SELECT version FROM dml_train('scale', 'thing', 'x', 'kind', method => 'pca');
-- A power of two is exact: features from 1e-23 to 1e24.
CREATE FUNCTION scaled(power int) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT id, kind, ARRAY(SELECT e * (2::float8 ^ %s) FROM unnest(x) e)::real[] AS x FROM thing', power)
$$;
CREATE FUNCTION figures(power int) RETURNS TABLE (metric text, value float8) LANGUAGE sql AS $$
	SELECT metric, CASE WHEN metric IN ('class_margin', 'class_scatter') THEN no_learning / 2::float8 ^ power ELSE no_learning END
	FROM dml_evaluate('scale', scaled(power), 'x', 'kind', whiten => false)
	WHERE metric NOT IN ('best_accuracy_threshold')
$$;
SELECT p AS power, count(*) > 30 AS all, count(*) FILTER (WHERE abs(f.value - g.value) > 1e-6 OR (f.value IS NULL) <> (g.value IS NULL)) AS differ
FROM unnest(ARRAY[-76, -40, 30, 80]) p, figures(0) f, LATERAL figures(p) g WHERE f.metric = g.metric GROUP BY p ORDER BY p;
SELECT metric, value > 0.7 AS found FROM figures(-76) WHERE metric IN ('nmi', 'ami') ORDER BY metric;
-- Nor does the held-out score of matches and views.
CREATE FUNCTION matched(power int) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT ARRAY[i * u, 0]::real[] AS q, ARRAY[i * u, 0.3 * u]::real[] AS v FROM generate_series(1, 100) i, (SELECT 2::float8 ^ %s AS u) s', power)
$$;
CREATE TABLE trained AS
SELECT p AS power, m.without_learning AS matches, u.without_learning AS unlabeled
FROM unnest(ARRAY[0, -76, 80]) p, LATERAL dml_train_matches('scale', matched(p), 'q', 'v', method => 'ntxent', epochs => 1) m,
	LATERAL dml_train_unlabeled('scale', scaled(p), 'x', method => 'pca') u;
SELECT power, matches, unlabeled > 0.3 AS unlabeled FROM trained ORDER BY power;
SELECT version FROM dml_train('scale', 'thing', 'x', 'kind', method => 'pca');
RESET client_min_messages;
-- Queries whose rows all have the grade 0.
SELECT metric, round(no_learning::numeric, 4) AS no_learning FROM dml_evaluate('scale', 'SELECT *, (kind > 1)::int AS gain FROM thing', 'x', 'kind', grade => 'gain', metrics => '{ndcg,mrr}', whiten => false)
WHERE metric = 'queries';
SELECT count(*) FROM dml_evaluate('scale', 'SELECT *, (kind > 1)::int AS gain FROM thing', 'x', 'kind', grade => 'gain', metrics => '{mrr}', whiten => false);
SELECT metric, no_learning FROM dml_evaluate_matches('scale', 'SELECT q, v, 0 AS gain FROM (' || matched(0) || ') m', 'q', 'v', grade => 'gain', whiten => false) WHERE metric = 'ndcg';
SELECT dml_drop_model('scale');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA scale_test CASCADE;
