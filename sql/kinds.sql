-- Features of every kind: categories, texts, bags, times, arrays beside numbers, missing values.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA kinds_test;
SET search_path = kinds_test, public;

CREATE TYPE size AS ENUM ('S', 'M', 'L');
CREATE TABLE article AS
SELECT i AS id,
	(ARRAY['red', 'green', 'blue'])[1 + i % 3] AS colour,
	(ARRAY['S', 'M', 'L'])[1 + i / 3 % 3]::size AS size,
	CASE WHEN i % 11 > 0 THEN 10 + i % 3 * 5 + (i * 7919 % 1009) % 7 END AS price,
	(ARRAY['Warm winter jacket', 'Light summer shirt', 'Strong work trousers'])[1 + i % 3] || ' ' || i AS title,
	ARRAY['lot ' || i % 4, CASE WHEN i % 5 = 0 THEN 'new' END] AS tags,
	ARRAY[i % 3, i % 5, i % 7]::real[] AS measures,
	timestamptz '2020-01-01 00:00+00' + i * interval '1 day 3 hours' AS created,
	CASE WHEN i % 3 = 0 AND i / 3 % 3 < 2 THEN 'sale' WHEN i / 3 % 3 = 2 THEN 'work' ELSE 'leisure' END AS line
FROM generate_series(1, 360) i;
ALTER TABLE article ADD PRIMARY KEY (id);

-- What is held out is found better than without learning.
CREATE FUNCTION train(features text, options jsonb DEFAULT '{}', source text DEFAULT 'article', method text DEFAULT 'lda',
	OUT rows bigint, OUT skipped bigint, OUT dims int, OUT good boolean) LANGUAGE sql AS $$
	SELECT t.rows, t.skipped, t.dims, t.learned > 0.9
	FROM dml_train('kinds', source, features, 'line', method => method, options => options) t
$$;
SET client_min_messages = notice;
SELECT * FROM train('colour, size, price, title, tags, measures, created', '{"validation": 0}');
SELECT inputs, columns FROM dml_model_versions WHERE model = 'kinds';
SELECT * FROM train('colour, size', '{"validation": 0}', method => 'pca');

-- Every way to a row's embedding gives the same bits.
SELECT rows, incomplete FROM dml_materialize('article', 'embedding', 'kinds@1');
SELECT count(*), max(embedding <-> dml_embed('kinds@1', a)) FROM article a;
INSERT INTO article (id, colour, title, tags) SELECT 1000, 'red', 'Warm jacket', '{}';
INSERT INTO article (id) VALUES (1001);
UPDATE article SET colour = 'violet', created = NULL WHERE id = 7;
SELECT count(*), max(embedding <-> dml_embed('kinds@1', a)) FROM article a;
SELECT dml_distance('kinds@1', a, b) = dml_embed('kinds@1', a) <-> dml_embed('kinds@1', b) AS same
FROM article a, article b WHERE a.id = 1 AND b.id = 2;
CREATE TABLE copy AS SELECT dml_embed('kinds@1', t) AS e, t.id
FROM (SELECT title, colour, size, tags, price, created, measures, id FROM article) t;
SELECT max(c.e <-> a.embedding) FROM copy c JOIN article a USING (id);
SELECT dml_embed('kinds', ROW('red', 'S')) <-> dml_embed('kinds', t) AS zero FROM (SELECT 'S'::size AS size, 'red' AS colour) t;

-- An index answers for a row that is given.
CREATE INDEX ON article USING dml (embedding);
SET enable_seqscan = off;
SELECT id FROM article ORDER BY embedding <-> (SELECT dml_embed('kinds@1', a) FROM article a WHERE id = 12) LIMIT 1;
RESET enable_seqscan;

-- Errors of rows.
SELECT dml_embed('kinds@1', t) FROM (SELECT 'red' AS colour) t;
SELECT dml_embed('kinds', t) FROM (SELECT 'red' AS colour, 1 AS size) t;
SELECT dml_embed('kinds', t) FROM (SELECT 'red' AS colour, point(1, 2) AS size) t;
SELECT dml_embed('kinds', ARRAY[1, 2]);
SELECT embedding <-> ARRAY[1, 2] FROM article LIMIT 1;
SELECT dml_embed('kinds@1', t) FROM (SELECT colour, size, price, title, tags, ARRAY[1, 2]::real[] AS measures, created FROM article LIMIT 1) t;

-- Evaluation, calibration and explanation read the columns as the model does.
SET client_min_messages = warning;
SELECT metric, learned > 0.9 AS good FROM dml_evaluate('kinds@1', 'SELECT * FROM article WHERE id <= 360', label => 'line') WHERE metric = 'recall_at_1';
SELECT metric, learned > 0.9 AS good FROM dml_evaluate('kinds@1', 'SELECT * FROM article WHERE id <= 360', label => 'line',
	features => 'colour, size, price, title, tags, measures, created') WHERE metric = 'recall_at_1';
SELECT * FROM dml_evaluate('kinds@1', 'article', label => 'line', features => 'colour, size');
SELECT * FROM dml_evaluate('kinds@1', 'article', label => 'line', features => 'colour, size, price, title, tags, created, measures');
SELECT genuine_pairs > 0 AS pairs FROM dml_calibrate('kinds', 'SELECT * FROM article WHERE id <= 360', label => 'line', false_accept_rate => 0.1);
SELECT section, name FROM dml_explain('kinds@1', 'article') WHERE section = 'feature importance';
SELECT name, weight > 0 AS weighs FROM dml_explain('kinds') WHERE section = 'feature weight' ORDER BY name COLLATE "C";
SET client_min_messages = notice;

-- Two rows: the same by the threshold, and what makes their distance.
SELECT dml_match('kinds', a, a) AS same, dml_match('kinds', a, b) IS NOT NULL AS decided, dml_match('kinds', ROW('red', 'S'), ROW('red', 'S')) AS given
FROM article a, article b WHERE a.id = 1 AND b.id = 2;
SELECT section, name, a, b FROM article x, article y, dml_explain_pair('kinds@1', x, y) WHERE x.id = 2 AND y.id = 11;
SELECT abs(sum(contribution) - dml_distance('kinds@1', x, y) ^ 2) < 0.001 * dml_distance('kinds@1', x, y) ^ 2 AS divided
FROM article x, article y, dml_explain_pair('kinds@1', x, y) WHERE x.id = 2 AND y.id = 12 GROUP BY x, y;
SELECT * FROM dml_explain_pair('kinds@1', ARRAY[1, 2], ARRAY[1, 3]);

-- Words.
SELECT * FROM train('category(id % 3) AS rest, text(colour, buckets => 16), skip(price), number(created)', '{"validation": 0}');
SELECT inputs, columns FROM dml_model_versions WHERE model = 'kinds' ORDER BY version DESC LIMIT 1;
SELECT * FROM train('skip(title), category(title, keep => 10), category(measures), category(created)', '{"validation": 0}');
SELECT * FROM train('category(size::text), text(price), text(id % 2 = 0)', '{"validation": 0}');
CREATE FUNCTION category(text) RETURNS int IMMUTABLE LANGUAGE sql AS $$SELECT length($1)$$;
SELECT * FROM train('category(colour)', '{"validation": 0}');
SELECT * FROM train('kinds_test.category(colour), id', '{"validation": 0}');
SELECT * FROM train('text(title, buckets => 3)');
SELECT * FROM train('text(title, keep => 3)');
SELECT * FROM train('text(title, 512)');
SELECT * FROM train('category(DISTINCT title)');
SELECT * FROM train('category()');
SELECT * FROM train('skip(title), skip(size)');
SELECT * FROM train('number(title), id');
SELECT * FROM train('text(tags), id');
SELECT * FROM train('category(point(id, id)), id');
SELECT * FROM train('point(id, id), id');
DROP FUNCTION category(text);

-- Missing values.
SELECT * FROM train('price, id', '{"validation": 0}');
SELECT * FROM train('price, id', '{"validation": 0, "missing": "skip"}');
SELECT * FROM train('price', '{"validation": 0}', 'SELECT * FROM article WHERE id <= 360');
SELECT * FROM train('price', '{"validation": 0, "missing": "impute"}', 'SELECT * FROM article WHERE id <= 360');
SELECT dml_embed('kinds', a) IS NULL AS missing FROM article a WHERE id = 11;
SELECT name FROM dml_explain_pair('kinds', ARRAY[12], ARRAY[13]);
SELECT name, a, b, contribution > 0 AS apart FROM dml_explain_pair('kinds', ROW(12), ROW(NULL::int));
SELECT dml_embed('kinds', 12) IS NULL AS missing, dml_embed('kinds', VARIADIC ARRAY[NULL]::float8[]) IS NULL AS all_missing;
SELECT * FROM train('price, colour', '{"validation": 0, "missing": "skip"}');
SELECT dml_embed('kinds', a) IS NULL AS missing FROM article a WHERE id IN (11, 12) ORDER BY id;
SELECT * FROM train('id, NULL::text AS note');
SELECT * FROM train('id, NULL::text AS note', '{"missing": "skip"}');
SELECT * FROM train('id, title', '{"missing": "drop"}');
SELECT * FROM train('title, id', source => 'SELECT * FROM article WHERE false');

-- Values that a user would try.
CREATE TABLE odd (id int, note text, kind text, at timestamptz, j jsonb);
INSERT INTO odd SELECT i, (ARRAY[repeat('long word ', 100000), E'tab\t\x01\x7f', U&'\+01F600 \05E9\05DC\05D5\05DD \202E rtl', ''])[1 + i % 4],
	'value ' || i, '2000-01-01'::timestamptz + i * interval '1 hour', jsonb_build_array('a', i % 3, true, NULL)
FROM generate_series(1, 40) i;
SELECT t.rows, t.dims FROM dml_train('odd', 'odd', 'text(note), kind, category(kind), at, j', 'id % 4', method => 'lda', options => '{"validation": 0}') t;
SELECT count(dml_embed('odd', o)) FROM odd o;
SELECT dml_embed('odd', r) IS NOT NULL AS embedded FROM (SELECT 'x' AS note, 'y' AS kind, NULL::timestamptz AS at, '[]'::jsonb AS j) r;
SELECT dml_embed('odd', r) FROM (SELECT 'x' AS note, 'y' AS kind, 'infinity'::timestamptz AS at, '[]'::jsonb AS j) r;
SELECT dml_embed('odd', r) IS NOT NULL AS embedded FROM (SELECT 'x' AS note, 'y' AS kind, now() AS at, '"b"'::jsonb AS j) r;
SELECT dml_embed('odd', r) FROM (SELECT 'x' AS note, 'y' AS kind, now() AS at, '{"b": 1}'::jsonb AS j) r;
SELECT dml_embed('odd', r) FROM (SELECT 'x' AS note, 'y' AS kind, now() AS at, '[[1]]'::jsonb AS j) r;
SET client_min_messages = warning;

-- The settings of the session do not show.
SELECT dml_embed('odd', o) AS embedding INTO TEMP before FROM odd o WHERE id = 3;
SET timezone = 'Asia/Tokyo'; SET datestyle = 'German, DMY'; SET extra_float_digits = -5;
SELECT embedding <-> dml_embed('odd', o) AS moved FROM before, odd o WHERE id = 3;
RESET timezone; RESET datestyle; RESET extra_float_digits;

-- The order of rows does not show in a model.
CREATE TABLE backwards AS SELECT * FROM article ORDER BY id DESC;
SELECT version FROM dml_train('order', 'article', 'colour, title, price, created', 'line', method => 'lda');
SELECT version FROM dml_train('order', 'backwards', 'colour, title, price, created', 'line', method => 'lda');
SELECT count(DISTINCT space) FROM dml_model_versions WHERE model = 'order';

-- Columns that change after training.
ALTER TABLE article RENAME COLUMN title TO name;
UPDATE article SET name = 'Light summer shirt' WHERE id = 3;
SELECT a.embedding <-> dml_embed('kinds@1', t) AS zero FROM article a, LATERAL (SELECT a.name AS title, a.*) t WHERE a.id = 3;
SELECT dml_embed('kinds@1', a) FROM article a LIMIT 1;
ALTER TABLE article RENAME COLUMN name TO title;
ALTER TABLE article DROP COLUMN title;
ALTER TABLE article ADD COLUMN extra int;
UPDATE article SET price = 1 WHERE id = 3;
SELECT embedding <-> dml_embed('kinds@1', a) AS zero FROM article a WHERE id = 3;

-- Constraints: places of a source, an input for each side, and no label at all.
CREATE TABLE pair AS SELECT a.colour AS colour_a, a.title AS title_a, b.colour AS colour_b, b.title AS title_b, a.line = b.line AS same
FROM article a JOIN article b ON b.id = (a.id * 17 + 5) % 360 + 1 WHERE a.id <= 360;
SELECT constraints, skipped, metric, learned IS NOT NULL AS judged FROM dml_train_pairs('pairs', 'pair', 'colour_a, text(title_a, buckets => 16)', 'colour_b, text(title_b, buckets => 16)', 'same', method => 'itml', time_limit => 5);
SELECT metric, learned > 0.5 AS good FROM dml_evaluate_pairs('pairs', 'pair', 'colour_a, title_a', 'colour_b, title_b', 'same') WHERE metric = 'roc_auc';
SELECT rows, skipped FROM dml_train_unlabeled('alone', 'article', 'colour, title, price', method => 'pca');
SELECT rows, network FROM dml_train_unlabeled('alone', 'article', 'colour, title, price, tags, created', method => 'vicreg', network => '32 relu, 8', epochs => 2);
SELECT constraints, network IS NOT NULL AS trained FROM dml_train_matches('towers', 'pair', 'title_a', 'colour_b', towers => 2, epochs => 2, time_limit => 5);
SELECT inputs, columns, inputs_b, columns_b FROM dml_model_versions WHERE model = 'towers';
SELECT dml_distance('towers', a, b) >= 0 AS distance FROM (SELECT 'shirt' AS title_a) a, (SELECT 'red' AS colour_b) b;
SELECT dml_distance('towers', ROW('shirt'), ROW('red')) >= 0 AS distance;
SELECT section, name, a, b FROM dml_explain_pair('towers', ROW('shirt'), ROW('red')) WHERE section LIKE 'column%';

-- Another user embeds with the features of the owner.
CREATE ROLE kinds_reader;
GRANT USAGE ON SCHEMA kinds_test TO kinds_reader;
GRANT SELECT ON article TO kinds_reader;
SELECT dml_grant('kinds', 'kinds_reader', 'embed');
SET ROLE kinds_reader;
SELECT embedding <-> dml_embed('kinds@1', a) AS zero FROM article a WHERE id = 3;
RESET ROLE;

-- A damaged encoder.
CREATE FUNCTION damage(byte int, value int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
BEGIN
	UPDATE dml_catalog.version SET weights = set_byte(weights, position('\x0100000004000000'::bytea IN weights) - 1 + byte, value)
	WHERE model_id = (SELECT id FROM dml_catalog.model WHERE name = 'order');
	PERFORM dml_embed('order', a) FROM backwards a LIMIT 1;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
	RETURN state || ' ' || SQLERRM;
END $$;
SELECT damage(0, 2), damage(4, 5), damage(8, 7), damage(9, 99), damage(13, 255);
UPDATE dml_catalog.version SET columns = NULL WHERE model_id = (SELECT id FROM dml_catalog.model WHERE name = 'order');
SELECT dml_embed('order', a) FROM backwards a LIMIT 1;

DROP SCHEMA kinds_test CASCADE;
SELECT dml_drop_model(m) FROM unnest(ARRAY['kinds', 'odd', 'order', 'pairs', 'alone', 'towers']) m;
DROP ROLE kinds_reader;
