-- dml_explain_pair: what each column adds to the squared distance of two rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA explain_pair_test;
SET search_path = explain_pair_test, public;
SET dml.notice_interval = 0;
CREATE TABLE item AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5, sqrt(i)]::real[] AS x, i % 4 AS class FROM generate_series(1, 120) i;
CREATE TABLE pair AS SELECT a.id AS i, b.id AS j, a.x AS a, b.x AS b FROM item a, item b WHERE a.id < b.id AND (a.id * 31 + b.id * 17) % 101 = 0;

-- Every kind of model: the contributions sum to the squared distance, what is not divided is a
-- thousandth of it at most, and the order of the two rows does not matter.
CREATE FUNCTION check_model(model text, OUT pairs bigint, OUT columns_ok boolean, OUT sums boolean, OUT divided boolean, OUT alike boolean) LANGUAGE sql AS $$
	WITH line AS MATERIALIZED (SELECT i, j, pair.a, pair.b, e.section, e.name, e.contribution, e.share, row_number() OVER (PARTITION BY i, j) AS place
		FROM pair, dml_explain_pair(model, pair.a, pair.b) e),
	back AS MATERIALIZED (SELECT i, j, e.contribution, row_number() OVER (PARTITION BY i, j) AS place FROM pair, dml_explain_pair(model, pair.b, pair.a) e),
	whole AS (SELECT i, j, sum(contribution) AS s, dml_distance(model, a, b) ^ 2 AS d, count(*) FILTER (WHERE section = 'column') AS n,
		coalesce(max(abs(share)) FILTER (WHERE section = 'remainder'), 0) AS rest FROM line GROUP BY i, j, a, b)
	SELECT count(*), bool_and(n = 4), bool_and(abs(s - d) <= 1e-4 * d + 1e-9), bool_and(rest <= 1.0001e-3),
		(SELECT bool_and(abs(line.contribution - back.contribution) <= 1e-6 * whole.d + 1e-12) FROM line JOIN back USING (i, j, place) JOIN whole USING (i, j))
	FROM whole $$;
SELECT version > 0 AS trained FROM dml_train('ep_linear', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version > 0 AS trained FROM dml_train('ep_net', 'item', 'x', 'class', method => 'triplet', network => '32 relu, 16 gelu layernorm, 4', epochs => 3, options => '{"validation": 0}');
SELECT version > 0 AS trained FROM dml_train('ep_raw', 'item', 'x', 'class', method => 'triplet', network => '32 relu, 16 tanh batchnorm, 4, raw', epochs => 3, options => '{"validation": 0}');
SELECT version > 0 AS trained FROM dml_train('ep_cosine', 'item', 'x', 'class', method => 'cosface', network => '4', epochs => 3, options => '{"validation": 0}');
SELECT version > 0 AS trained FROM dml_train_unlabeled('ep_whitened', 'item', 'x', method => 'whiten');
SELECT version > 0 AS trained FROM dml_train_unlabeled('ep_components', 'item', 'x', method => 'pca', dims => 2);
SELECT version > 0 AS trained FROM dml_train_pairs('ep_judged', 'SELECT a, b, (i - j) % 4 = 0 AS same FROM pair', 'a', 'b', 'same', method => 'contrastive', epochs => 2);
SELECT m, c.* FROM unnest('{ep_linear,ep_net,ep_raw,ep_cosine,ep_whitened,ep_components,ep_judged}'::text[]) m, check_model(m) c;

-- Linear: (a - b)_j (M (a - b))_j.  M follows from distances of rows that differ in one column or
-- in two.
CREATE FUNCTION unit(j int) RETURNS real[] LANGUAGE sql AS 'SELECT array_agg((k = j)::int::real ORDER BY k) FROM generate_series(1, 4) k';
CREATE TABLE zero AS SELECT '{0,0,0,0}'::real[] AS x;
CREATE TABLE metric AS SELECT m, j, k,
	(dml_distance(m, unit(j), x) ^ 2 + dml_distance(m, unit(k), x) ^ 2 - dml_distance(m, unit(j), unit(k)) ^ 2) / 2 AS value
FROM unnest('{ep_linear,ep_whitened,ep_components}'::text[]) m, generate_series(1, 4) j, generate_series(1, 4) k, zero;
SELECT m, bool_and(abs(e.contribution - expected.value) <= 1e-4 * (1 + abs(expected.value))) AS as_defined
FROM unnest('{ep_linear,ep_whitened,ep_components}'::text[]) m, pair,
	LATERAL (SELECT *, row_number() OVER () AS j FROM dml_explain_pair(m, pair.a, pair.b)) e,
	LATERAL (SELECT (pair.a[e.j] - pair.b[e.j]) * sum(metric.value * (pair.a[metric.k] - pair.b[metric.k])) AS value FROM metric WHERE metric.m = m.m AND metric.j = e.j) expected
GROUP BY m ORDER BY m;

-- A column that the network ignores, and one in which the rows are equal, add nothing.
SELECT version > 0 AS trained FROM dml_train('ep_ignores', 'SELECT ARRAY[x[1], 5, x[2], x[4]] AS x, class FROM item', 'x', 'class', method => 'triplet', network => '16 relu, 4', epochs => 2, options => '{"validation": 0}');
SELECT name, a, b, contribution = 0 AS nothing FROM dml_explain_pair('ep_ignores', '{1, 7, 2.5, 0.1}'::real[], '{2, -7, 2.5, 4}'::real[]) WHERE section = 'column';

-- Names of columns; the numbers are shown as they were given, in every type.
CREATE TABLE plant AS SELECT x[1] AS height, x[2] AS "Width", x[3]::int AS leaves, class FROM item;
SELECT version > 0 AS trained FROM dml_train('ep_plant', 'plant', 'height, "Width", leaves + 1', 'class', method => 'lda', options => '{"validation": 0}');
SELECT section, name, a, b FROM dml_explain_pair('ep_plant', '{1.1, 2.2, 3}'::real[], '{0.1, 5, 0}'::real[]);
SELECT section, name, a, b FROM dml_explain_pair('ep_plant', '{1.1, 2.2, 3}'::numeric[], '{0.1, 5, 0}'::numeric[]);
SELECT count(DISTINCT round(total, 4)) AS one FROM
	(SELECT sum(contribution)::numeric AS total FROM dml_explain_pair('ep_plant', '{1, 2, 3}'::int[], '{0, 5, 0}'::int[])
	UNION ALL SELECT sum(contribution)::numeric FROM dml_explain_pair('ep_plant', '{1, 2, 3}'::float8[], '{0, 5, 0}'::float8[])
	UNION ALL SELECT sum(contribution)::numeric FROM dml_explain_pair('ep_plant', '[1, 2, 3]'::dml_vector, '[0, 5, 0]'::dml_vector)
	UNION ALL SELECT (dml_distance('ep_plant', '{1, 2, 3}'::real[], '{0, 5, 0}'::real[]) ^ 2)::numeric) t;
-- An origin: numbers of which a real holds no differences.
SELECT version > 0 AS trained FROM dml_train('ep_far', 'SELECT 1000000000 + id / 8.0 AS t, x[1] AS u, class FROM item', 't, u', 'class', method => 'lda', options => '{"validation": 0}');
SELECT section, name, a, b, contribution > 0 AS moves FROM dml_explain_pair('ep_far', '{1000000000.125, 3}'::float8[], '{1000000009.25, 3}'::float8[]);

-- Two towers: each row's columns, from the means of the training, and the baseline.
SELECT version > 0 AS trained FROM dml_train_matches('ep_two', 'SELECT x AS a, x[1:3] AS b FROM item', 'a', 'b', method => 'ntxent', network => '8 relu, 4', epochs => 2);
SELECT e.section, e.name, e.a, e.b FROM dml_explain_pair('ep_two', '{1, 2, 3, 4}'::real[], '{1, 2, 0.5}'::real[]) e WHERE section <> 'remainder';
SELECT bool_and(abs(s - d) <= 1e-4 * d) AS sums, bool_and(rest <= 1.0001e-3) AS divided FROM
	(SELECT sum(contribution) AS s, dml_distance('ep_two', pair.a, pair.b[1:3]) ^ 2 AS d, coalesce(max(abs(share)) FILTER (WHERE section = 'remainder'), 0) AS rest
	FROM pair, dml_explain_pair('ep_two', pair.a, pair.b[1:3]) GROUP BY pair.a, pair.b) t;
-- Two rows of one side have a line between them.
SELECT section, count(*) FROM dml_explain_pair('ep_two/b', '{1, 2, 3}'::real[], '{1, 2, 0.5}'::real[]) WHERE section <> 'remainder' GROUP BY 1;
SELECT section, count(*) FROM dml_explain_pair('ep_two', '{1, 2, 3, 4}'::real[], '{1, 2, 0.5, 0}'::real[]) WHERE section <> 'remainder' GROUP BY 1;
-- An adapter: b is the stored vector, plain or an embedding, and has no columns.
SELECT version > 0 AS trained FROM dml_train_matches('ep_asks', 'SELECT x AS a, x::dml_vector AS b FROM item', 'a', 'b', adapter => true, method => 'ntxent', epochs => 1);
SELECT version > 0 AS trained FROM dml_train_matches('ep_asks_net', 'SELECT x AS a, dml_embed(''ep_net'', x) AS b FROM item', 'a', 'b', adapter => true, method => 'ntxent', epochs => 1);
SELECT section, name, a, b FROM dml_explain_pair('ep_asks', '{1, 2, 3, 4}'::real[], '{4, 3, 2, 1}'::real[]) WHERE section <> 'remainder';
SELECT abs(sum(contribution) - min(dml_embed('ep_asks', '{1, 2, 3, 4}'::real[]) <-> '[4, 3, 2, 1]'::dml_vector) ^ 2) < 1e-4 AS sums
FROM dml_explain_pair('ep_asks', '[1, 2, 3, 4]'::dml_vector, '[4, 3, 2, 1]'::dml_vector);
SELECT abs(sum(contribution) - min(dml_embed('ep_asks_net', '{1, 2, 3, 4}'::real[]) <-> dml_embed('ep_net', '{4, 3, 2, 1}'::real[])) ^ 2) < 1e-4 AS sums
FROM dml_explain_pair('ep_asks_net', '[1, 2, 3, 4]'::dml_vector, dml_embed('ep_net', '{4, 3, 2, 1}'::real[]));

-- Rows that are equal; rows so far apart that all of the change is between two points of the line
-- that are neighbours in double precision.
SELECT section, contribution, share FROM dml_explain_pair('ep_net', '{1, 2, 3, 4}'::real[], '{1, 2, 3, 4}'::real[]);
SET client_min_messages = notice;
SELECT section, name, a, b, abs(share) > 0.5 AS most FROM dml_explain_pair('ep_raw', '{3e38, 3e38, 3e38, 3e38}'::real[], '{-3e38, 2, 3, 4}'::real[]);
SET client_min_messages = warning;

-- NULL, what cannot be embedded, and names.
SELECT count(*) FROM dml_explain_pair('ep_net', NULL::real[], '{1, 2, 3, 4}'::real[]);
SELECT count(*) FROM dml_explain_pair(NULL, '{1, 2, 3, 4}'::real[], '{1, 2, 3, 4}'::real[]);
SELECT count(*) FROM dml_explain_pair('ep_net', '{1, 2, NULL, 4}'::real[], '{1, 2, 3, 4}'::real[]);
SELECT * FROM dml_explain_pair('ep_net', '{1, 2, 3}'::real[], '{1, 2, 3, 4}'::real[]);
SELECT * FROM dml_explain_pair('ep_net', '{}'::real[], '{1, 2, 3, 4}'::real[]);
SELECT * FROM dml_explain_pair('ep_net', '{{1, 2}, {3, 4}}'::real[], '{1, 2, 3, 4}'::real[]);
SELECT * FROM dml_explain_pair('ep_net', '{1, 2, 3, 4}'::real[], '{1, 2, NaN, 4}'::real[]);
SELECT * FROM dml_explain_pair('ep_net', '{1, 2, 3, 4}'::float8[], '{1, 2, 1e300, 4}'::float8[]);
SELECT * FROM dml_explain_pair('ep_net', '{a,b,c,d}'::text[], '{1, 2, 3, 4}'::text[]);
SELECT * FROM dml_explain_pair('ep_whitened', '{3e38, 3e38, 3e38, 3e38}'::real[], '{-3e38, 2, 3, 4}'::real[]);
SELECT * FROM dml_explain_pair('ep_net', dml_embed('ep_net', '{1, 2, 3, 4}'::real[]), '[1, 2, 3, 4]');
SELECT * FROM dml_explain_pair('ep_asks', '{1, 2, 3, 4}'::real[], '{4, 3, 2}'::real[]);
SELECT * FROM dml_explain_pair('ep_asks_net', '[1, 2, 3, 4]', dml_embed('ep_raw', '{4, 3, 2, 1}'::real[]));
SELECT * FROM dml_explain_pair('ep_net@9', '{1}'::real[], '{1}'::real[]);
CREATE ROLE regress_explain_pair;
GRANT USAGE ON SCHEMA explain_pair_test TO regress_explain_pair;
SET ROLE regress_explain_pair;
SELECT * FROM dml_explain_pair('ep_net', '{1, 2, 3, 4}'::real[], '{1, 2, 3, 5}'::real[]);
RESET ROLE;
SELECT dml_grant('ep_net', 'regress_explain_pair', 'embed');
SET ROLE regress_explain_pair;
SELECT count(*) FROM dml_explain_pair('ep_net', '{1, 2, 3, 4}'::real[], '{1, 2, 3, 5}'::real[]) WHERE section = 'column';
RESET ROLE;
DROP SCHEMA explain_pair_test CASCADE;
SELECT count(dml_drop_model(model)) > 0 AS dropped FROM dml_models WHERE model IN ('ep_linear', 'ep_net', 'ep_raw', 'ep_cosine', 'ep_whitened', 'ep_components', 'ep_judged', 'ep_ignores', 'ep_plant', 'ep_far', 'ep_two', 'ep_asks', 'ep_asks_net');
DROP ROLE regress_explain_pair;
