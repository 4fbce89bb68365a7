-- Numbers with small differences relative to their size: those that real keeps are learned from,
-- and lost ones cause a NOTICE.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE TABLE far AS
	SELECT i AS id, i % 3 AS class, (10000000 + i % 3)::float8 AS near_ten_million, 10000000 + i % 3 AS whole,
		1700000000 + i % 3 AS seconds, 1e12 + (i % 3) * 0.001 AS amount, sin(i) AS noise
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

-- A column whose values real does not keep: the NOTICE names the column, and its hint helps.
SELECT dims FROM dml_train('far', 'far', features => 'noise, seconds', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, seconds - 1700000000 AS seconds', label => 'class', method => 'lda');
SELECT dims FROM dml_train('far', 'far', features => 'noise, amount, seconds', label => 'class', method => 'lda');
SELECT dims, learned > 0.99 AS separates
FROM dml_train('far', 'far', features => 'noise, amount - 1000000000000 AS amount', label => 'class', method => 'lda');
SELECT dims FROM dml_train('far', 'far', features => 'ARRAY[noise, seconds]', label => 'class', method => 'lda');
SELECT count(*) FROM dml_evaluate('far', 'far', features => 'ARRAY[noise, seconds]', label => 'class', metrics => '{recall_at_1}');
CREATE TABLE far_pair AS
	SELECT a.noise AS a1, a.seconds AS a2, b.noise AS b1, b.seconds AS b2, a.class = b.class AS same
	FROM far a, far b WHERE a.id < b.id AND (a.id + b.id) % 7 = 0;
SELECT dims FROM dml_train_pairs('far', 'far_pair', a => 'a1, a2', b => 'b1, b2', same => 'same', method => 'itml');

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
