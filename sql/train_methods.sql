-- Every loss of the registry trains, and scores better than no learning on held-out rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA train_methods_test;
SET search_path = train_methods_test, public;
SET dml.notice_interval = 0;
SET client_min_messages = warning;

-- Three columns separate four classes; nine columns are louder noise.
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

SELECT name, learns(name) FROM dml_methods WHERE kind = 'gradient' AND supervision ~ 'labels'
	AND NOT name = ANY ('{intra_pair_variance, instance, center, center_invariant, orthogonal}');

-- A loss that pulls in one direction only must be a term of a sum.
SELECT * FROM dml_train('train_methods', 'clouds', 'x', 'class', method => 'center');
SELECT * FROM dml_train('train_methods', 'clouds', 'x', 'class', method => 'norm + uniformity');
SELECT term, learns(base || ' + ' || weight || ' * ' || term)
FROM (VALUES ('npair', 'intra_pair_variance', 1), ('supcon', 'instance', 0.1), ('cosface', 'center', 0.1), ('triplet', 'norm', 0.01),
	('snr', 'zero_mean', 0.1), ('proxy_anchor', 'center_invariant', 0.1), ('contrastive', 'orthogonal', 0.5), ('supcon', 'uniformity', 0.1)) t(base, term, weight);

-- Sums: to which term an option belongs, and what is stored.
SELECT method FROM dml_train('train_sum', 'clouds', 'x', 'class', method => 'arcface+0.5*triplet', network => '8', epochs => 1,
	options => '{"triplet.margin": 0.3, "arcface.margin": 0.2, "scale": 16, "miner": "hard", "validation": 0}');
SELECT method, asked_method FROM dml_model_versions WHERE model = 'train_sum';
SELECT key, value->>'value' AS value FROM dml_model_versions v, json_each(v.settings::json)
WHERE v.model = 'train_sum' AND NOT (value->>'default')::boolean ORDER BY key COLLATE "C";
SELECT * FROM dml_train('train_sum', 'clouds', 'x', 'class', method => 'arcface + triplet', options => '{"margin": 0.3}');
SELECT * FROM dml_train('train_sum', 'clouds', 'x', 'class', method => 'arcface + lda');
SELECT * FROM dml_train('train_sum', 'clouds', 'x', 'class', method => 'arcface + 0.5 triplet');
SELECT * FROM dml_train('train_sum', 'clouds', 'x', 'class', method => 'arcface + triplet', options => '{"supcon.temperature": 1}');
SELECT * FROM dml_train('train_sum', 'clouds', 'x', 'class', method => 'supcon', options => '{"distance": "l2"}');

-- A network may have more dimensions than there are columns. A linear map with it has as many as
-- possible.
SELECT dims, whitened IS NOT NULL AS whitened FROM dml_train('train_methods', 'clouds', 'x', 'class', method => 'supcon', dims => 16, epochs => 1);
SELECT dims <= 16 AS auto FROM dml_train('train_methods', 'clouds', 'x', 'class', dims => 16, epochs => 2, time_limit => 2);
SELECT dims FROM dml_train_pairs('train_methods', 'SELECT a.x AS a, b.x AS b, a.class = b.class AS same FROM clouds a, clouds b WHERE (a.class * 31 + b.class + (a.x[4] * 1000)::int) % 97 = 0 AND (b.x[5] * 1000)::int % 31 = 0', 'a', 'b', 'same', method => 'contrastive', dims => 16, epochs => 1);
SELECT * FROM dml_train('train_methods', 'clouds', 'x', 'class', method => 'lda', dims => 16);
SELECT * FROM dml_train('train_methods', 'clouds', 'x', 'class', method => 'itml', dims => 16);

-- Miners, distances and the memory.
SELECT miner, learns('triplet', jsonb_build_object('miner', miner, 'margin', 0.3))
FROM unnest('{all, hard, semihard, easy_positive, distance_weighted, angular, multi_similarity, pair_margin}'::text[]) miner;
SELECT distance, learns('triplet', jsonb_build_object('distance', distance, 'margin', 0.3)) FROM unnest('{l2, l2_squared, cosine, snr}'::text[]) distance;
SELECT distance, learns('supcon', jsonb_build_object('distance', distance)) FROM unnest('{cosine, inner}'::text[]) distance;
SELECT name, learns(name, '{"memory": 200}') FROM unnest('{supcon, contrastive, multi_similarity, smooth_ap}'::text[]) name;
SELECT learns('triplet', '{"smooth": true, "miner": "hard"}') AS smooth, learns('triplet', '{"swap": true, "margin": 0.3}') AS swap,
	learns('margin', '{"per_class": true, "nu": 0.1}') AS per_class, learns('pnp', '{"variant": "dq"}') AS dq;
