-- More columns than a covariance matrix is computed for, and far more columns than rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;

CREATE TABLE wide AS
	SELECT i AS id, 'class ' || i % 3 AS class, (i % 3)::float8 + i / 100.0 AS amount,
		(SELECT array_agg((sin(i * 0.7 + j) + CASE WHEN j % 10 = i % 3 THEN 3 ELSE 0 END)::real ORDER BY j) FROM generate_series(1, 4200) j) AS x
	FROM generate_series(1, 48) i;

-- Closed forms, and the hint of methods that need fewer columns.
SELECT method, dims FROM dml_train('wide_pca', 'wide', features => 'x', label => 'class', method => 'pca', dims => 3);
SELECT method, dims FROM dml_train('wide_whiten', 'wide', features => 'x', label => 'class', method => 'whiten', dims => 3);
SELECT method, dims FROM dml_train('wide_lda', 'wide', features => 'x', label => 'class', method => 'lda');
SELECT count(*) FROM dml_train('wide_nca', 'wide', features => 'x', label => 'class', method => 'nca_linear');
SELECT method, dims FROM dml_train('wide_nca', 'wide', features => 'x', label => 'class', method => 'nca_linear', dims => 2,
	options => '{"preprocess": "pca"}');
SELECT count(*) FROM dml_train('wide_lfda', 'wide', features => 'x', label => 'class', method => 'lfda');
SELECT bool_and(dml_distance('wide_lda', a.x, b.x) < dml_distance('wide_lda', a.x, c.x))
FROM wide a, wide b, wide c WHERE a.id < 10 AND b.id = a.id + 3 AND c.id = a.id + 4;

-- An evaluation omits whitening.
SET client_min_messages = notice;
SELECT metric, no_learning, whitened, learned
FROM dml_evaluate('wide_lda', 'wide', features => 'x', label => 'class', metrics => '{recall_at_1}');
SELECT count(*) FROM dml_evaluate_target('wide_lda', 'wide', features => 'x', target => 'amount');
CREATE TABLE wide_pair AS
	SELECT a.x AS a, b.x AS b, a.class = b.class AS same FROM wide a, wide b WHERE a.id < b.id AND (a.id + b.id) % 7 = 0;
SELECT count(*) FROM dml_evaluate_pairs('wide_lda', 'wide_pair', a => 'a', b => 'b', same => 'same');

DROP TABLE wide, wide_pair;
