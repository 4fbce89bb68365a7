-- Hard negatives from an index: the option hard_negatives of dml_train.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
CREATE SCHEMA hard_negatives_test;
SET search_path = hard_negatives_test, public;
SET dml.notice_interval = 0;
SET dml.recall = 1;

-- 150 pairs of twin classes, which one weak column separates. In a batch of 256 rows, twins seldom
-- meet by chance.
CREATE TABLE item AS
SELECT i AS id, i % 300 AS class,
	(SELECT array_agg((3 * sin(i % 300 / 2 * (j * 1.37 + 0.21)) + 0.5 * sin(i * (j * 0.73 + 1.1)))::real ORDER BY j) FROM generate_series(1, 16) j) ||
	ARRAY[0.3 * (i % 2 * 2 - 1) + 0.15 * sin(i * 5.3), sin(i * 7.7)]::real[] AS x
FROM generate_series(1, 3000) i;
ALTER TABLE item ADD embedding dml_vector(18);
UPDATE item SET embedding = x::dml_vector;
CREATE INDEX item_embedding ON item USING dml (embedding);

-- The score of a training with some options, and for how many rows the index proposed a negative.
CREATE FUNCTION learned(options jsonb, method text DEFAULT 'triplet', seed bigint DEFAULT 0) RETURNS double precision LANGUAGE sql AS
	$$ SELECT learned FROM dml_train('hard', 'item', 'x', 'class', method => method, epochs => 20, seed => seed, options => options || '{"refit": false}') $$;
-- Without the guard (hard_margin -1), unless options say otherwise.
CREATE FUNCTION proposed(source text, hard_negatives text, hard_neighbors int DEFAULT 1, seed bigint DEFAULT 0, options jsonb DEFAULT '{}') RETURNS int LANGUAGE sql AS
	$$ SELECT (regexp_match(reason, 'proposed hard negatives of (\d+) rows'))[1]::int
		FROM dml_train('hard', source, 'x', 'class', method => 'triplet', network => '2', epochs => 1, seed => seed,
			options => jsonb_build_object('hard_negatives', hard_negatives, 'hard_neighbors', hard_neighbors, 'validation', 0, 'hard_margin', -1) || options) $$;

-- With an equal number of steps, far better. One seed gives one model, another seed another one.
SET client_min_messages = warning;
SELECT learned('{"hard_negatives": "item_embedding"}') > learned('{}') + 0.02 AS triplet,
	learned('{"hard_negatives": "item_embedding"}', 'supcon') > learned('{}', 'supcon') + 0.15 AS supcon;
SELECT proposed('item', 'item_embedding', 2, seed => s) > 2900 AS proposed FROM unnest(ARRAY[5, 5, 6]) s;
SELECT count(DISTINCT space) AS models, min(settings -> 'hard_negatives' ->> 'value') AS setting
FROM (SELECT space, settings FROM dml_model_versions WHERE model = 'hard' ORDER BY version DESC LIMIT 3) v;

-- A sum of losses accepts such batches, and so do dml_tune, auto and chunklets.
SELECT method FROM dml_train('hard', 'item', 'x', 'class', method => 'npair + 0.5 * center', epochs => 1,
	options => '{"hard_negatives": "item_embedding", "hard_neighbors": 3, "hard_share": 0.3, "memory": 100, "validation": 0}');
SELECT count(*) FROM dml_tune('hard', 'item', 'x', 'class', method => 'triplet', epochs => 1, trials => 2, folds => 2,
	options => '{"hard_negatives": "item_embedding"}');
SELECT count(*) FROM dml_train('hard', 'item', 'x', 'class', time_limit => 1, epochs => 1, options => '{"hard_negatives": "item_embedding"}');
SELECT rows FROM dml_train_chunklets('hard', 'item', 'x', 'class', method => 'supcon', epochs => 1, options => '{"hard_negatives": "item_embedding"}');
RESET client_min_messages;

-- Lists that do not fit into memory go to a temporary file. The weights are equal to the bit.
SET client_min_messages = warning;
SELECT proposed('item', 'item_embedding', 100) > 2900 AS in_memory;
SET maintenance_work_mem = '1MB';
SELECT proposed('item', 'item_embedding', 100) > 2900 AS in_a_file;
RESET maintenance_work_mem;
SELECT count(DISTINCT space) AS models FROM (SELECT space FROM dml_model_versions WHERE model = 'hard' ORDER BY version DESC LIMIT 2) v;
-- The search may use a part of the time limit, and training has the rest.
SELECT substring(reason, 'sought for .* of 3000: the time limit ended the search') IS NOT NULL AS says_so, seconds < 5 AS in_time
FROM dml_train('hard', 'item', 'x', 'class', method => 'triplet', time_limit => 0.01, options => '{"hard_negatives": "item_embedding", "hard_neighbors": 1000}');
RESET client_min_messages;

-- The proposals: the nearest rows of other labels, without unlabelled rows and rows of equal
-- features, compared with an exact count.
CREATE TABLE place (id int PRIMARY KEY, class int, x real[], v dml_vector) WITH (fillfactor = 50);
INSERT INTO place SELECT i, i % 7 % 3, ARRAY[sin(i * 1.1) + i % 5, cos(i * 2.3) + i % 3], NULL FROM generate_series(1, 400) i;
UPDATE place SET v = x::dml_vector WHERE id % 10 > 0;
CREATE INDEX place_v ON place USING dml (v);
UPDATE place SET class = NULL WHERE id % 11 = 0;										-- unknown, on the same page (HOT)
UPDATE place SET x = ARRAY[x[1] + 0.5, x[2]], v = ARRAY[x[1] + 0.5, x[2]]::dml_vector WHERE id % 6 = 0 AND v IS NOT NULL;	-- moved
DELETE FROM place WHERE id % 13 = 0;
INSERT INTO place SELECT id + 1000, (class + 1) % 3, x, v FROM place WHERE id % 4 = 0;	-- the same features, another label
CREATE FUNCTION expected(n int) RETURNS bigint LANGUAGE sql AS
	$$ SELECT count(*) FROM place a WHERE class IS NOT NULL AND v IS NOT NULL AND EXISTS
		(SELECT FROM (SELECT class, x FROM place b WHERE v IS NOT NULL ORDER BY b.v <-> a.v LIMIT n) b WHERE b.class <> a.class AND b.x <> a.x) $$;
SET client_min_messages = warning;
SELECT proposed('place', 'place_v') = expected(10) AS one, proposed('place', 'hard_negatives_test.place_v', 3) = expected(30) AS three;

-- By cosine and inner product; with an index on an expression, a partial index, further columns, a
-- materialised view.
CREATE INDEX place_cosine ON place USING dml (v dml_cosine_ops);
CREATE INDEX place_expression ON place USING dml ((x::dml_vector), class);
CREATE INDEX place_some ON place USING dml (v) WHERE class < 2;
SELECT proposed('place', 'place_cosine') BETWEEN 300 AND 450 AS cosine, proposed('place', 'place_expression') BETWEEN 300 AND 450 AS expression,
	proposed('place', 'place_some') BETWEEN 200 AND 450 AS some;
CREATE MATERIALIZED VIEW place_view AS SELECT * FROM place;
CREATE INDEX place_view_v ON place_view USING dml (v);
SELECT proposed('place_view', 'place_view_v') = expected(10) AS view;
RESET client_min_messages;

-- No hard negatives: the nearest rows of each row have its label.
CREATE TABLE easy AS SELECT i AS id, i % 2 AS class, ARRAY[i % 2 * 100 + sin(i), cos(i * 3)] AS x FROM generate_series(1, 100) i;
CREATE INDEX easy_x ON easy USING dml ((x::dml_vector));
SELECT proposed('easy', 'easy_x');

-- Two clusters, and one row whose label is wrong: it proposes its neighbours and they propose it, unless the guard
-- passes over what is as near as a positive, on both sides. A row between the clusters is a negative that counts.
CREATE TABLE wrong AS SELECT i AS id, (i % 2 = 0) <> (i = 10) AS class, ARRAY[i % 2 * 10 + sin(i), cos(i * 3)] AS x FROM generate_series(1, 100) i;
INSERT INTO wrong VALUES (101, true, ARRAY[6.0, 0]), (102, true, ARRAY[5.9, 0.1]);
CREATE INDEX wrong_x ON wrong USING dml ((x::dml_vector));
SET client_min_messages = warning;
SELECT proposed('wrong', 'wrong_x', 3) > 30 AS without, proposed('wrong', 'wrong_x', 3, options => '{"hard_margin": 0}') AS guarded,
	proposed('wrong', 'wrong_x', 3, options => '{"hard_margin": 0, "hard_ranks": 100}') BETWEEN 50 AND 102 AS farther,
	proposed('wrong', 'wrong_x', 3, options => '{"hard_margin": 0, "hard_ranks": 100, "hard_gap": 100}') AS gap,
	proposed('wrong', 'wrong_x', 3, options => '{"hard_near": 100, "hard_ranks": 100}') AS near,
	proposed('wrong', 'wrong_x', 3, options => '{"hard_skip": 100, "hard_ranks": 100}') AS skipped;
SET maintenance_work_mem = '1MB';
SELECT proposed('wrong', 'wrong_x', 1000, options => '{"hard_margin": 0, "hard_ranks": 100}') =
	(SELECT proposed('wrong', 'wrong_x', 100, options => '{"hard_margin": 0, "hard_ranks": 100}')) AS in_a_file;
RESET maintenance_work_mem;
SELECT reason ~ ', \d+ as near as a positive passed over' AS said FROM dml_train('hard', 'wrong', 'x', 'class', method => 'triplet', epochs => 1,
	options => '{"hard_negatives": "wrong_x"}');
RESET client_min_messages;

-- Matches: the proposals are near a row's match in the index, and are no match of the row. Twins
-- again: with their twins in the batch, as many epochs score better.
CREATE FUNCTION side(i int, phase float8, wide int) RETURNS real[] LANGUAGE sql AS
	$$ SELECT (SELECT array_agg((3 * sin(i / 2 * (j * 1.37 + 0.21)) + 0.3 * sin(i * (j * phase + 1.1)))::real ORDER BY j) FROM generate_series(1, 16) j) ||
		ARRAY[0.3 * (i % 2 * 2 - 1) + 0.1 * sin(i * phase * 5)]::real[] || array_fill(sin(i * phase * 7)::real, ARRAY[wide]) $$;
CREATE TABLE caption AS SELECT i AS id, side(i, 0.73, 1) AS a, side(i, 0.93, 2) AS b FROM generate_series(1, 2000) i;
CREATE TABLE other AS SELECT i AS id, side(i, 0.73, 1) AS a, side(i, 0.93, 2) AS b FROM generate_series(10000, 10399) i;
CREATE INDEX caption_b ON caption USING dml ((b::dml_vector));
CREATE FUNCTION recall(options jsonb) RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dml_train_matches('match', 'caption', 'a', 'b', method => 'supcon', network => '32', epochs => 8,
		options => options || '{"validation": 0}');
	RETURN (WITH q AS MATERIALIZED (SELECT id, dml_embed('match/a', a) AS v FROM other),
		g AS MATERIALIZED (SELECT id, dml_embed('match/b', b) AS v FROM other)
		SELECT avg((q.id = (SELECT g.id FROM g ORDER BY g.v <-> q.v LIMIT 1))::int) FROM q);
END $$;
SELECT recall('{"hard_negatives": "caption_b", "hard_neighbors": 2}') > recall('{}') + 0.02 AS matches;
SELECT reason LIKE '%proposed hard negatives of 2000 rows' AS reason FROM dml_train_matches('match', 'caption', 'a', 'b', method => 'ntxent', network => '8',
	epochs => 1, seed => 4, options => '{"hard_negatives": "caption_b"}');
SELECT count(*) FROM dml_train_matches('match', 'caption', 'a', 'b', method => 'ntxent', network => '8',
	epochs => 1, seed => 4, options => '{"hard_negatives": "caption_b", "hard_share": 0.9}');
SELECT count(*) FROM dml_train_matches('match', 'caption', 'a', 'b', method => 'ntxent', network => '8',
	epochs => 1, seed => 4, options => '{"hard_negatives": "caption_b"}');
SELECT count(DISTINCT space) AS models FROM (SELECT space FROM dml_model_versions WHERE model = 'match' ORDER BY version DESC LIMIT 3) v;

-- One tower, whose rows have several matches among themselves: compared with an exact count.
CREATE TABLE shot AS SELECT i AS id, ARRAY[sin(i / 2 * 1.7), cos(i / 2 * 2.9)]::real[] AS a,
	CASE WHEN i % 5 = 0 THEN ARRAY[sin(i / 4 * 1.7), cos(i / 4 * 2.9)] ELSE ARRAY[sin(i / 3 * 1.7) + 0.1, cos(i / 3 * 2.9)] END::real[] AS b
FROM generate_series(1, 300) i;
CREATE INDEX shot_b ON shot USING dml ((b::dml_vector));
SET enable_seqscan = off;	-- rows at the same distance come in the same order
SET enable_sort = off;
SELECT (SELECT (regexp_match(reason, 'proposed hard negatives of (\d+) rows'))[1]::int
	FROM dml_train_matches('match', 'shot', 'a', 'b', towers => 1, method => 'ntxent', network => '2', epochs => 1,
		options => '{"hard_negatives": "shot_b", "hard_neighbors": 1, "validation": 0}')) =
	(SELECT count(*) FROM shot r WHERE EXISTS
		(SELECT FROM (SELECT a, b FROM shot o ORDER BY o.b::dml_vector <-> r.b::dml_vector LIMIT 10) o
		WHERE o.a <> r.a AND o.b <> r.b AND r.a <> o.b AND NOT EXISTS (SELECT FROM shot x WHERE x.a = r.a AND x.b = o.b))) AS exact;
RESET enable_seqscan;
RESET enable_sort;

-- A policy hides rows from the user who trains: they are in no batch. The index's expression runs
-- as the table's owner.
CREATE FUNCTION who(x real[]) RETURNS dml_vector LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN IF current_user = 'hard_negatives_user' THEN RAISE 'run by %', current_user; END IF; RETURN x::public.dml_vector; END $$;
CREATE INDEX place_who ON place USING dml (who(x));
CREATE ROLE hard_negatives_user;
GRANT USAGE ON SCHEMA hard_negatives_test TO hard_negatives_user;
GRANT SELECT (id, class, x, ctid) ON place TO hard_negatives_user;
SET client_min_messages = warning;
SET ROLE hard_negatives_user;
SELECT version FROM dml_train('hard_user', 'place', 'x', 'class', method => 'triplet', options => '{"hard_negatives": "place_v"}');
RESET ROLE;
GRANT SELECT ON place TO hard_negatives_user;
ALTER TABLE place ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON place TO hard_negatives_user USING (id % 2 = 0);
SET ROLE hard_negatives_user;
SELECT rows = (SELECT count(*) FROM place WHERE class IS NOT NULL) AS own_rows,
	(regexp_match(reason, 'of (\d+) rows'))[1]::int <= rows AS of_own
FROM dml_train('hard_user', 'place', 'x', 'class', method => 'triplet', network => '2', epochs => 2,
	options => '{"hard_negatives": "place_who", "validation": 0}');
SELECT dml_drop_model('hard_user');
RESET ROLE;
RESET client_min_messages;

-- Errors: nothing is learned.
CREATE VIEW item_view AS SELECT * FROM item;
CREATE INDEX item_btree ON item (id);
CREATE TABLE parted (id int, class int, x real[]) PARTITION BY HASH (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE INDEX parted_x ON parted USING dml ((x::dml_vector));
CREATE TABLE parent (id int, class int, x real[]);
CREATE TABLE child () INHERITS (parent);
CREATE INDEX parent_x ON parent USING dml ((x::dml_vector));
CREATE INDEX item_broken ON item USING dml (embedding);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'item_broken'::regclass;

\set SHOW_CONTEXT never
SELECT proposed('SELECT * FROM item', 'item_embedding');
SELECT proposed('item_view', 'item_embedding');
SELECT proposed('parted', 'parted_x');
SELECT proposed('parent', 'parent_x');
SELECT proposed('parted_0', 'parted_x');
SELECT proposed('nowhere', 'item_embedding');
SELECT proposed('item', 'no_index');
SELECT proposed('item', 'no_schema.item_embedding');
SELECT proposed('item', '');
SELECT proposed('item', 'a.b.c');
SELECT proposed('item', 'item_view');
SELECT proposed('item', 'place_v');
SELECT proposed('item', 'item_btree');
SELECT proposed('item', 'item_broken');
SELECT proposed('item', 'item_embedding', 0);
SELECT learned('{"hard_neighbors": 3}');
SELECT learned('{"hard_share": 0.95, "hard_negatives": "item_embedding"}');
SELECT learned('{"hard_negatives": 3}');
SELECT version FROM dml_train('hard', 'item', 'x', 'class', method => 'lda', options => '{"hard_negatives": "item_embedding"}');
SELECT version FROM dml_train('hard', 'item', 'x', 'class', method => 'mlkr', options => '{"hard_negatives": "item_embedding"}');
SELECT version FROM dml_train_matches('match', 'SELECT * FROM caption', 'a', 'b', options => '{"hard_negatives": "caption_b"}');
SELECT version FROM dml_train_pairs('hard', 'SELECT a.x AS a, b.x AS b, true AS same FROM item a, item b WHERE a.id < 10 AND b.id < 10', 'a', 'b', 'same',
	options => '{"hard_negatives": "item_embedding"}');

SET client_min_messages = warning;
SELECT dml_drop_model('hard'), dml_drop_model('match');
DROP SCHEMA hard_negatives_test CASCADE;
DROP OWNED BY hard_negatives_user;
DROP ROLE hard_negatives_user;
