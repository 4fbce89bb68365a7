-- Numbers with small differences relative to their size: those that real keeps are learned from,
-- and lost ones cause a NOTICE.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE TABLE far AS
	SELECT i AS id, i % 3 AS class, (10000000 + i % 3)::float8 AS near_ten_million, 10000000 + i % 3 AS whole,
		1700000000 + i % 3 AS seconds, 1e12 + (i % 3) * 0.001 AS amount, 10000000 + (i % 3) / 10.0::float8 AS tenths, sin(i) AS noise
	FROM generate_series(1, 90) i;
SET client_min_messages = notice;

-- A column whose values real keeps decides the class, in training and for a row that is embedded.
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'near_ten_million, noise', label => 'class', method => 'lda');
SELECT bool_and((dml_embed('far', a.near_ten_million, a.noise) <-> dml_embed('far', b.near_ten_million, b.noise) < 10) = (a.class = b.class))
FROM far a, far b
WHERE a.id < 10 AND b.id < 10;
SELECT dims, learned > 0.99 AS separates FROM dml_train('far', 'far', features => 'whole, noise', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'ARRAY[whole, noise]::float8[]', label => 'class', method => 'lda');

-- A column whose values real does not keep has an origin, of every type of numbers.
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, seconds', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, seconds::bigint', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, seconds::numeric', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, tenths, whole', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, amount, seconds', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'ARRAY[noise, tenths]', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'ARRAY[noise::numeric, seconds]', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'SELECT * FROM far ORDER BY id DESC', features => 'ARRAY[noise, seconds]', label => 'class', method => 'lda');

-- The order of rows does not matter. The file has the origin; that of a model without one has none.
SELECT strpos(encode(dml_weights('far'), 'escape'), '"prep.origin":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}') > 0 AS has_origin;
SELECT dims FROM dml_train('turned', 'SELECT * FROM far ORDER BY id', features => 'ARRAY[noise, seconds]', label => 'class', method => 'lda');
SELECT dml_weights('turned') = dml_weights('far') AS same;
SELECT dims FROM dml_train('plain', 'far', features => 'noise, seconds - 1700000000 AS seconds', label => 'class', method => 'lda');
SELECT strpos(encode(dml_weights('plain'), 'escape'), 'origin') AS origin;

-- One row, a materialised column, its trigger, raw input of any type, a ball and an index agree.
ALTER TABLE far ADD COLUMN x float8[], ADD COLUMN embedding dml_vector(2);
UPDATE far SET x = ARRAY[noise, seconds];
SELECT rows FROM dml_materialize('far', 'embedding', 'far', 'x');
INSERT INTO far (id, class, noise, seconds, x) SELECT 100 + id, class, noise, seconds, x FROM far WHERE id <= 6;
SELECT count(*), bool_and(embedding = dml_embed('far', x)) AS by_array,
	bool_and(embedding = dml_embed('far', noise, seconds)) AS by_columns,
	bool_and(embedding = dml_embed('far', x::numeric[])) AS by_numeric,
	bool_and(embedding <-> x = 0) AS raw, bool_and(x <-> embedding = 0) AS commuted,
	bool_and(dml_within(embedding, x, 0)) AS within, bool_and(embedding <->@ dml_ball(x, 0)) AS ball
FROM far;
SELECT bool_and((dml_distance('far', a.x, b.x) < 10) = (a.class = b.class)) AS decides FROM far a, far b WHERE a.id < 10 AND b.id < 10;
SELECT bool_and(dml_embed('far', r.x) = dml_embed('far', r.x::float8[])) AS real_is_taken_as_it_is,
	bool_and(dml_embed('far', r.x::dml_vector) = dml_embed('far', r.x)) AS plain_vector
FROM (SELECT ARRAY[noise, seconds]::real[] AS x FROM far) r;
SELECT c.label, round(c.distance::numeric, 3) AS distance
FROM far q, dml_classify('far', 'embedding', 'class', q.x, k => 3) c WHERE q.id IN (1, 2, 3) ORDER BY q.id;
CREATE INDEX far_embedding ON far USING dml (embedding);
SET enable_seqscan = off;
SELECT f.class, round((f.embedding <-> ARRAY[0.5, 1700000001]::float8[])::numeric, 2) < 10 AS near
FROM far f ORDER BY f.embedding <-> ARRAY[0.5, 1700000001]::float8[] LIMIT 1;
SELECT count(*), min(class), max(class) FROM far WHERE embedding <->@ dml_ball(ARRAY[0.5, 1700000001]::float8[], 10);
RESET enable_seqscan;
DELETE FROM far WHERE id > 90;

-- Evaluations subtract the origin in all spaces, without learning too.
SELECT metric, no_learning > 0.8 AS no_learning, whitened > 0.9 AS whitened, learned > 0.99 AS learned
FROM dml_evaluate('far', 'far', features => 'x', label => 'class', metrics => '{recall_at_1}') WHERE metric = 'recall_at_1';
SELECT metric, no_learning > 0.8 AS no_learning, learned > 0.99 AS learned
FROM dml_evaluate('far', 'SELECT * FROM far WHERE id <= 40', gallery => 'SELECT * FROM far WHERE id BETWEEN 41 AND 90',
	features => 'noise, seconds', label => 'class', metrics => '{recall_at_1}') WHERE metric = 'recall_at_1';
SELECT true_accept_rate > 0.99 AS accepts FROM dml_calibrate('far', 'far', features => 'x', label => 'class', false_accept_rate => 0.01);
SELECT bool_and(dml_match('far', a.x, b.x) = (a.class = b.class)) AS matches FROM far a, far b WHERE a.id < 10 AND b.id < 10;
SELECT bool_and(holds) AS axioms FROM dml_verify_axioms('far', 'far', features => 'x');
SELECT weight > 0.5 AS moves FROM dml_explain('far', 'far', features => 'x') WHERE section = 'feature importance' AND name LIKE '%[2]';
SELECT metric, learned > 0.9 AS learned
FROM dml_evaluate_target('far', 'far', features => 'x', target => 'class') WHERE metric = 'r2';

-- Pairs of one input, and matches of two.
CREATE TABLE far_pair AS
	SELECT ARRAY[a.noise, a.seconds] AS a, ARRAY[b.noise, b.seconds] AS b, a.noise AS a1, a.seconds AS a2, b.noise AS b1, b.seconds AS b2,
		a.class = b.class AS same, ARRAY[1e12 + a.class * 0.001, a.noise, 1] AS other
	FROM far a, far b WHERE a.id < b.id AND b.id <= 90 AND (a.id + b.id) % 7 = 0;
SELECT dims, learned > 0.95 AS learned FROM dml_train_pairs('far_pair', 'far_pair', a => 'a1, a2', b => 'b1, b2', same => 'same', method => 'itml');
SELECT metric, learned > 0.95 AS learned
FROM dml_evaluate_pairs('far_pair', 'far_pair', a => 'a', b => 'b', same => 'same') WHERE metric = 'roc_auc';
SELECT threshold > 0 AS calibrated, true_accept_rate > 0.9 AS accepts
FROM dml_calibrate('far_pair', 'far_pair', a => 'a', b => 'b', same => 'same', criterion => 'accuracy');
SELECT dims FROM dml_train_matches('far_match', 'SELECT * FROM far_pair WHERE same', a => 'a', b => 'other', method => 'infonce', epochs => 2, dims => 2);
SELECT encode(dml_weights('far_match'), 'escape') ~ '"prep.origin":{"dtype":"F64","shape":.2.*"b.prep.origin":{"dtype":"F64","shape":.3.' AS both;
SELECT count(DISTINCT dml_embed('far_match/a', a)::text) AS a, count(DISTINCT dml_embed('far_match/b', other)::text) AS b,
	count(DISTINCT a) AS rows_a, count(DISTINCT other) AS rows_b
FROM far_pair WHERE same;

SELECT metric, learned AS distinct_rows
FROM dml_evaluate_matches('far_match', 'SELECT * FROM far_pair WHERE same', a => 'a', b => 'other',
	gallery => 'SELECT * FROM far_pair WHERE same', gallery_features => 'other') WHERE metric = 'gallery_rows';

-- A NOTICE says what is lost under a model that was trained on other numbers.
SELECT metric, learned > 0.9 AS learned
FROM dml_evaluate('far', 'far', features => 'ARRAY[noise, amount]', label => 'class', metrics => '{recall_at_1}') WHERE metric = 'recall_at_1';
SELECT metric, learned > 0.9 AS learned
FROM dml_evaluate('plain', 'far', features => 'noise, seconds', label => 'class', metrics => '{recall_at_1}') WHERE metric = 'recall_at_1';

-- The check is of the features, also those of another role's model, not of the columns that they
-- read.
SELECT dims FROM dml_train('near', 'far', features => 'ARRAY[whole - 10000000, noise, id]::float8[]', label => 'class', method => 'lda');
SELECT dml_grant('near', 'public', 'embed');
GRANT SELECT ON far TO PUBLIC;
CREATE ROLE dml_rounding_reader;
SET ROLE dml_rounding_reader;
SELECT count(*) FROM dml_evaluate('near', 'far', label => 'class', metrics => '{recall_at_1}');
RESET ROLE;
SELECT dims FROM dml_train('near', 'far', features => 'noise, (seconds - 1700000000)::float8', label => 'class', method => 'lda');
SET ROLE dml_rounding_reader;
SELECT count(*) FROM dml_evaluate('near', 'far', label => 'class', metrics => '{recall_at_1}');
RESET ROLE;
DROP ROLE dml_rounding_reader;

DROP TABLE far, far_pair;
