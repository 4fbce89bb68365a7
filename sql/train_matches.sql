-- dml_train_matches: rows that belong together, of one kind or of two; sides; adapters.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
-- Six hidden numbers, seen by a sensor of 10 numbers and by one of 14.
CREATE TABLE caption AS
SELECT i AS id,
	ARRAY(SELECT (SELECT sum(sin(i * (k + 0.37) * 1.9) * sin(k * j * 1.3)) FROM generate_series(1, 6) k) + 0.2 * sin(i * j * 7.7) FROM generate_series(1, 10) j)::real[] AS image,
	ARRAY(SELECT (SELECT sum(sin(i * (k + 0.37) * 1.9) * cos(k * j * 2.1)) FROM generate_series(1, 6) k) + 0.2 * sin(i * j * 5.3) FROM generate_series(1, 14) j)::real[] AS txt
FROM generate_series(1, 600) i;

-- Two inputs of different widths: there is no distance without learning.
SELECT model, version, method, network, dims, constraints, rows, metric, without_learning, whitened, learned > 0.2 AS good, reason ~ 'shares no row' AS apart, reason ~ 'MRR' AS more
FROM dml_train_matches('clip', 'caption', 'image', 'txt', method => 'ntxent', network => '16, l2', epochs => 40, seed => 2);
SELECT learned > 0.2 AS good FROM dml_train_matches('clip_auto', 'caption', 'image', 'txt', time_limit => 5);
-- One seed gives one model, in any order of the rows.
SELECT version FROM dml_train_matches('clip', 'SELECT * FROM caption ORDER BY md5(id::text)', 'image', 'txt', method => 'ntxent', network => '16, l2', epochs => 40, seed => 2);
SELECT count(DISTINCT space) FROM dml_model_versions WHERE model = 'clip';
SELECT supervision, constraints, inputs, features, inputs_b, features_b, columns_b FROM dml_model_versions WHERE model = 'clip' AND version = 1;

-- Sides: by width, by name, of a version.
SELECT dml_embed('clip', image) = dml_embed('clip/a', image) AS a, dml_embed('clip', txt) = dml_embed('clip/b', txt) AS b, dml_embed('clip@1/b', txt) = dml_embed('clip/b', txt) AS version,
	round(dml_distance('clip', image, txt)::numeric, 5) = round((dml_embed('clip/a', image) <-> dml_embed('clip/b', txt))::numeric, 5) AS distance,
	dml_distance('clip/b', txt, txt) AS itself FROM caption WHERE id = 1;
SELECT dml_embed('clip/b', image) FROM caption WHERE id = 1;
SELECT dml_embed('clip', '{1,2}'::real[]);
SELECT dml_embed('clip/c', image) FROM caption WHERE id = 1;
-- A column of each side; both are kept fresh; search with the input of the other side.
SELECT dims, embedded FROM dml_materialize('caption', 'image_vec', model => 'clip/a');
SELECT dims, embedded FROM dml_materialize('caption', 'txt_vec', model => 'clip/b');
SELECT "column", model, version, features FROM dml_columns WHERE relation = 'caption'::regclass ORDER BY 1;
CREATE INDEX caption_idx ON caption USING dml (txt_vec);
SET enable_seqscan = off;
SELECT count(*) > 15 AS found FROM caption c WHERE id <= 100 AND id = (SELECT id FROM caption o ORDER BY o.txt_vec <-> c.image LIMIT 1);
SELECT count(*) > 15 AS found FROM caption c WHERE id <= 100 AND id = (SELECT id FROM caption o ORDER BY o.txt_vec <-> dml_embed('clip/a', c.image) LIMIT 1);
RESET enable_seqscan;
UPDATE caption SET txt = (SELECT txt FROM caption WHERE id = 2), image = (SELECT image FROM caption WHERE id = 2) WHERE id = 1;
SELECT a.txt_vec = b.txt_vec AS fresh_b, a.image_vec = b.image_vec AS fresh_a, a.image_vec <> a.txt_vec AS differ FROM caption a, caption b WHERE a.id = 1 AND b.id = 2;
UPDATE caption SET image = txt WHERE id = 1;

-- One kind of row: one tower. A row is no negative of itself or of its other matches.
CREATE TABLE twin AS SELECT a.image AS x, b.image AS y FROM caption a, caption b WHERE b.id = a.id + 1 AND a.id % 2 = 1 AND a.id > 2;
SELECT method, dims, rows, metric, without_learning IS NOT NULL AS compared FROM dml_train_matches('twin', 'twin', 'x', 'y', method => 'ntxent', epochs => 3);
SELECT learned >= without_learning AS never_worse FROM dml_train_matches('twin', 'twin', 'x', 'y', time_limit => 3);
SELECT rows, learned IS NOT NULL AS judged FROM dml_train_matches('twin', 'SELECT * FROM twin UNION ALL SELECT x, x FROM twin UNION ALL SELECT y, x FROM twin UNION ALL SELECT * FROM twin', 'x', 'y', method => 'ntxent', epochs => 2);
SELECT rows FROM dml_train_matches('twin2', 'twin', 'x', 'y', towers => 2, method => 'ntxent', epochs => 2);
-- Equal widths: the second of two inputs belongs to side b.
SELECT dml_distance('twin2', x, y) = dml_embed('twin2/a', x) <-> dml_embed('twin2/b', y) AS by_place FROM twin LIMIT 1;
SELECT rows FROM dml_train_matches('twin3', 'caption', 'image[1], image[2], image[3]', 'txt[1], txt[2]', method => 'ntxent', epochs => 1);
SELECT inputs, columns, inputs_b, columns_b FROM dml_model_versions WHERE model = 'twin3';
SELECT dml_embed('twin3', 1, 2) = dml_embed('twin3/b', 1, 2) AS by_width;
SELECT dml_embed('twin/b', x) FROM twin LIMIT 1;

-- An adapter: stored vectors stay, and queries are moved to them.
CREATE TABLE store AS SELECT id, txt[1:10]::dml_vector AS v, txt FROM caption WHERE id > 2;
CREATE TABLE asked AS SELECT c.image AS q, s.v, c.id FROM caption c JOIN store s USING (id);
SELECT method, network, dims, metric, learned > without_learning AS better FROM dml_train_matches('adapter', 'asked', 'q', 'v', adapter => true, method => 'ntxent', epochs => 60);
SELECT learned >= without_learning AS never_worse FROM dml_train_matches('adapter', 'asked', 'q', 'v', adapter => true, time_limit => 4);
SELECT avg((SELECT count(*) FROM store s WHERE s.v <-> dml_embed('adapter@1', a.q) < a.v <-> dml_embed('adapter@1', a.q))) < avg((SELECT count(*) FROM store s WHERE s.v <-> a.q < a.v <-> a.q)) AS nearer FROM (SELECT * FROM asked ORDER BY id LIMIT 40) a;
SELECT dml_embed('adapter/a', q) FROM asked LIMIT 1;
-- The stored vectors come from a model: the adapter embeds into its space, and does not mix with
-- another.
SELECT version FROM dml_train('stored', 'caption', 'txt', 'id % 7', method => 'pca', dims => 8, options => '{"validation": 0}');
SELECT embedded FROM dml_materialize('store', 'e', model => 'stored', features => 'txt');
SELECT dims, metric FROM dml_train_matches('adapter8', 'SELECT c.image AS q, s.e FROM caption c JOIN store s USING (id)', 'q', 'e', adapter => true, method => 'ntxent', epochs => 5);
SELECT count(e <-> dml_embed('adapter8', q)) FROM store JOIN asked USING (id);
SELECT e <-> dml_embed('adapter', q) FROM store JOIN asked USING (id) LIMIT 1;
SELECT * FROM dml_train_matches('matches_bad', 'SELECT c.image AS q, s.e FROM caption c JOIN store s USING (id)', 'q', 'e', method => 'ntxent');
SELECT * FROM dml_train_matches('matches_bad', 'SELECT c.image AS q, CASE WHEN id % 2 = 0 THEN s.e ELSE dml_embed(''stored'', txt)::real[]::dml_vector END AS e FROM caption c JOIN store s USING (id, txt) ORDER BY id', 'q', 'e', adapter => true);
SELECT * FROM dml_train_matches('matches_bad', 'asked', 'q', 'v', adapter => true, network => '7, raw', method => 'ntxent');

-- Bad input changes nothing.
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', NULL);
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt', towers => 3);
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt', towers => 1);
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt', towers => 1, adapter => true);
\set VERBOSITY terse
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt', method => 'cosface');
\set VERBOSITY default
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt', method => 'pca');
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'image', method => 'ntxent');
SELECT * FROM dml_train_matches('matches_bad', 'SELECT * FROM caption LIMIT 1', 'image', 'txt', method => 'ntxent');
SELECT * FROM dml_train_matches('matches_bad', 'SELECT * FROM caption WHERE false', 'image', 'txt', method => 'ntxent');
-- One row on either side: there are no negatives.
SELECT learned IS NULL AS not_judged FROM dml_train_matches('matches_one', 'SELECT a.image, b.txt FROM caption a, caption b WHERE a.id = 5 AND b.id < 40', 'image', 'txt', method => 'ntxent', epochs => 1);
BEGIN READ ONLY;
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt');
ROLLBACK;
SET statement_timeout = '300ms';
SELECT * FROM dml_train_matches('matches_bad', 'caption', 'image', 'txt', method => 'ntxent', epochs => 100000, options => '{"patience": 0}');
RESET statement_timeout;
SELECT count(*) FROM dml_models WHERE model = 'matches_bad';

DROP TABLE caption, twin, store, asked;
SELECT count(dml_drop_model(model)) FROM dml_models WHERE model ~ '^(clip|twin|adapter|stored|matches)';
RESET client_min_messages;
