-- Every loss of the registry trains: on held-out rows what it has learned is better than no learning.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA train_methods_test;
SET search_path = train_methods_test, public;
SET dml.notice_interval = 0;
SET client_min_messages = warning;

-- Three columns tell four classes apart, nine louder ones say nothing.
CREATE TABLE clouds AS
SELECT i % 4 AS class, ARRAY[i % 4 % 2 + 0.25 * sin(i * 1.1), i % 4 / 2 + 0.25 * sin(i * 2.3), (i % 4 = 3)::int + 0.25 * sin(i * 3.7)]
	|| ARRAY(SELECT 2 * sin(i * (j * 0.7 + 5) + j) FROM generate_series(1, 9) j) AS x
FROM generate_series(1, 400) i;

CREATE FUNCTION learns(method text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	SELECT * INTO r FROM dml_train('train_methods', 'clouds', 'x', 'class', method => $1, network => '16 relu, 8', epochs => 20,
		options => '{"batch": 32, "preprocess": "standardize", "learning_rate": 0.003, "patience": 0, "refit": false, "validation": 0.3}' || $2);
	RETURN CASE WHEN r.learned > r.without_learning + 0.1 THEN 'yes' ELSE format('%s, without learning %s', r.learned, r.without_learning) END;
END
$$;

SELECT name, learns(name) FROM dml_methods WHERE kind = 'gradient' AND supervision ~ 'labels' AND NOT name = ANY ('{intra_pair_variance, instance}');
