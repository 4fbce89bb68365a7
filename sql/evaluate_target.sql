-- Evaluation by a numeric target, compared with its definition in SQL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA evaluate_target;
SET search_path = evaluate_target, public;
SET dml.notice_interval = 0;

CREATE TABLE house AS
SELECT i AS id, ARRAY[sin(i * 0.37), 3 * sin(i * 1.91), 3 * sin(i * 2.77)]::real[] AS x, 100 * sin(i * 0.37) + sin(i * 7.7) AS price
FROM generate_series(1, 400) i;
CREATE VIEW learn AS SELECT * FROM house WHERE id % 3 > 0;
CREATE VIEW test AS SELECT * FROM house WHERE id % 3 = 0;
SELECT method, metric FROM dml_train('et_house', 'learn', 'x', target => 'price', method => 'mlkr');

CREATE FUNCTION embedded(space text, x real[]) RETURNS dml_vector LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN space = 'learned' THEN dml_embed('et_house', x) ELSE x::dml_vector END
$$;
-- Five nearest neighbours. All rows are ranked, since there are fewer than a thousand.
CREATE FUNCTION by_definition(space text) RETURNS TABLE (r2 float8, rmse float8, mae float8, spearman float8) LANGUAGE sql AS $$
	WITH q AS MATERIALIZED (SELECT id, price, embedded(space, x) AS z FROM test),
	g AS MATERIALIZED (SELECT id, price, embedded(space, x) AS z FROM learn),
	pair AS MATERIALIZED (SELECT q.id, q.price, g.price AS other, q.z <-> g.z AS distance, abs(q.price - g.price) AS apart FROM q, g),
	ranked AS (SELECT *, row_number() OVER (PARTITION BY id ORDER BY distance) AS place, rank() OVER (PARTITION BY id ORDER BY apart) AS far FROM pair),
	predicted AS (SELECT id, price, avg(other) FILTER (WHERE place <= 5) AS guess, corr(place, far) AS spearman FROM ranked GROUP BY id, price)
	SELECT 1 - sum((guess - price) ^ 2) / (count(*) * var_pop(price)), sqrt(avg((guess - price) ^ 2)), avg(abs(guess - price)), avg(spearman)
	FROM predicted
$$;
CREATE TEMP TABLE measured AS SELECT * FROM dml_evaluate_target('et_house', 'test', target => 'price', gallery => 'learn');
SELECT metric, no_learning, learned FROM measured WHERE metric IN ('dims', 'queries', 'gallery_rows');
SELECT m.metric, abs(m.no_learning - d.value) < 1e-5 * (1 + abs(d.value)) AS no_learning, abs(m.learned - e.value) < 1e-5 * (1 + abs(e.value)) AS learned
FROM measured m, LATERAL (SELECT v.value::float8 FROM by_definition('raw') b, jsonb_each_text(to_jsonb(b)) v WHERE v.key = m.metric) d,
	LATERAL (SELECT v.value::float8 FROM by_definition('learned') b, jsonb_each_text(to_jsonb(b)) v WHERE v.key = m.metric) e
ORDER BY m.metric;
SELECT metric, abs(learned - no_learning - difference) < 1e-9 AS difference, whitened IS NOT NULL AS whitened,
	learned_low <= learned AND learned <= learned_high AS inside, difference_low > 0 AS larger, difference_high < 0 AS smaller
FROM measured WHERE difference IS NOT NULL ORDER BY metric;

-- One row left out. The order of the rows does not matter. A sample of the queries.
CREATE TEMP TABLE alone AS SELECT * FROM dml_evaluate_target('et_house', 'house', target => 'price', k => 1, whiten => false);
SELECT metric, whitened, no_learning FROM alone WHERE metric IN ('queries', 'gallery_rows') ORDER BY metric;
SELECT count(*) FROM (TABLE alone EXCEPT SELECT * FROM dml_evaluate_target('et_house', 'SELECT * FROM house ORDER BY id DESC', target => 'price', k => 1, whiten => false)) d;
SELECT metric, learned FROM dml_evaluate_target('et_house', 'house', target => 'price', max_queries => 50) WHERE metric IN ('queries', 'gallery_rows') ORDER BY metric;

-- Copies find each other only if they may.
SELECT metric, round(no_learning::numeric, 6) AS no_learning
FROM dml_evaluate_target('et_house', 'SELECT x, price FROM house UNION ALL SELECT x, price FROM house', target => 'price', k => 1, keep_duplicates => true)
WHERE metric = 'rmse';
SELECT a.metric, abs(a.no_learning - b.no_learning) < 1e-9 AS same FROM alone a
JOIN dml_evaluate_target('et_house', 'SELECT x, price FROM house UNION ALL SELECT x, price FROM house', target => 'price', k => 1) b USING (metric)
WHERE metric = 'r2';

-- A target with one value, rows without a target, a model of classes.
SELECT metric, learned FROM dml_evaluate_target('et_house', 'test', target => '7') WHERE metric IN ('r2', 'rmse', 'spearman') ORDER BY metric;
SELECT metric, learned FROM dml_evaluate_target('et_house', 'test', target => 'nullif(id % 2, 1)') WHERE metric = 'queries';
SELECT version FROM dml_train('et_class', 'house', 'x', 'id % 4', method => 'lda');
SELECT metric, learned IS NOT NULL AS measured FROM dml_evaluate_target('et_class', 'house', target => 'price') ORDER BY metric;

-- Refused.
SELECT * FROM dml_evaluate_target('et_house', 'test');
SELECT * FROM dml_evaluate_target('et_none', 'test', target => 'price');
SELECT * FROM dml_evaluate_target('et_house', 'test', target => 'price', k => 0);
SELECT * FROM dml_evaluate_target('et_house', 'test', target => 'price', max_queries => 0);
SELECT * FROM dml_evaluate_target('et_house', 'test', 'x[1:2]', target => 'price');
SELECT * FROM dml_evaluate_target('et_house', 'test', target => '''NaN''::float8');
SELECT * FROM dml_evaluate_target('et_house', 'test', target => '''many''::text');
SELECT * FROM dml_evaluate_target('et_house', 'test', target => 'NULL::float8');
SELECT * FROM dml_evaluate_target('et_house', 'test', target => 'price, price');
SELECT * FROM dml_evaluate_target('et_house', 'SELECT * FROM test WHERE false', target => 'price');

SELECT dml_drop_model(model) FROM dml_models WHERE model IN ('et_house', 'et_class') ORDER BY model;
RESET search_path;
DROP SCHEMA evaluate_target CASCADE;
