-- Training reports the truth: it learns nothing from chance, and scores are those of the model.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA train_honest;
SET search_path = train_honest, public;

-- Pseudo-random numbers from -1 to 1.
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || left(md5($1), 8))::bit(32)::int / 2147483648.0 $$;
CREATE FUNCTION point(draw int, i int) RETURNS real[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(chance(draw || ',' || i || ',' || j)::real ORDER BY j) FROM generate_series(1, 8) j $$;

-- Labels, or pairs' same, drawn at random: auto keeps no learning.
CREATE TABLE drawn AS SELECT draw, i, point(draw, 2 * i) AS a, point(draw, 2 * i + 1) AS b, chance(draw || '?' || i) > 0 AS same
FROM generate_series(1, 20) draw, generate_series(1, 400) i;
SELECT count(*) >= 18 AS labels, bool_and(learned = without_learning) AS as_it_is
FROM generate_series(1, 20) draw,
	LATERAL dml_train('drawn', format('SELECT * FROM drawn WHERE draw = %s', draw), 'a', 'same', network => '4', epochs => 1, time_limit => 1000)
WHERE method = 'none';
SELECT count(*) >= 18 AS pairs, bool_and(learned = without_learning) AS as_it_is
FROM generate_series(1, 20) draw,
	LATERAL dml_train_pairs('drawn', format('SELECT * FROM drawn WHERE draw = %s', draw), 'a', 'b', 'same', network => '4', epochs => 1, time_limit => 1000)
WHERE method = 'none';

-- Few positives among many pairs: every seed learns something and has a score.
CREATE TABLE rare AS
SELECT i, point(0, i) AS a, CASE WHEN i % 1000 = 0 THEN (point(0, i))[1:7] || ARRAY[0::real] ELSE point(1, i) END AS b, i % 1000 = 0 AS same
FROM generate_series(1, 12412) i;
SELECT count(*), count(learned) AS scores, count(without_learning) AS baselines
FROM generate_series(1, 5) seed, LATERAL dml_train_pairs('rare', 'rare', 'a', 'b', 'same', epochs => 1, seed => seed, time_limit => 1000);

-- If a model cannot be scored, a NOTICE and the reason say so.
RESET client_min_messages;
SELECT learned IS NULL AS null_score, reason ~ 'no held-out score' AS says_so
FROM dml_train_pairs('rare', 'SELECT * FROM rare WHERE i <= 1000', 'a', 'b', 'same', method => 'itml');
SELECT learned IS NULL AS null_score, reason ~ 'no held-out score' AS says_so
FROM dml_train('few', 'SELECT ARRAY[i, i % 3] AS x, CASE WHEN i < 3 THEN 1 ELSE i END AS class FROM generate_series(1, 6) i', 'x', 'class', method => 'rca');
SET client_min_messages = warning;

-- A candidate and no learning are scored in the same folds.
SELECT count(*) FROM dml_train('candidates', 'SELECT ARRAY[i % 4 + chance(i::text), chance(i || ''y''), chance(i || ''z'')] AS x, i % 4 AS class FROM generate_series(1, 200) i',
	'x', 'class', epochs => 2, time_limit => 1000);
SELECT count(*) > 3 AS candidates, bool_and((c ->> 'judged_folds')::int <= (c ->> 'folds')::int) AS counted,
	bool_and(c ? 'without_learning') AS compared,
	bool_and(abs((c ->> 'without_learning')::float8 - v.without_learning) < 1e-6) FILTER (WHERE c ->> 'judged_folds' = c ->> 'folds') AS equal
FROM dml_model_versions v, LATERAL jsonb_array_elements(v.candidates) c
WHERE model = 'candidates' AND c ? 'judged_folds';

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model IN ('drawn', 'rare', 'few', 'candidates');
DROP SCHEMA train_honest CASCADE;
