-- Evaluation by judged pairs, comparisons and matches, compared with their definitions in SQL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA evaluate_constraints;
SET search_path = evaluate_constraints, public;

CREATE TABLE item AS
SELECT i AS id, i % 6 AS kind,
	ARRAY[cos(i % 6 * 1.05) + 0.6 * sin(i * 7.3), sin(i % 6 * 1.05) + 0.6 * cos(i * 3.1), 3 * sin(i * 1.7), 2 * cos(i * 5.9)]::real[] AS x
FROM generate_series(1, 150) i;
CREATE TABLE pair AS
SELECT a.x AS a, b.x AS b, a.kind = b.kind AS same, 1 + (a.id + b.id) % 3 AS w
FROM item a, item b WHERE a.id < b.id AND (a.id * 31 + b.id * 17) % 9 = 0;
CREATE TABLE compared AS
SELECT a.x AS q, b.x AS p, c.x AS n, 1 + (a.id + b.id) % 3 AS w
FROM item a, item b, item c WHERE a.kind = b.kind AND a.kind <> c.kind AND a.id <> b.id AND (a.id * 101 + b.id * 31 + c.id * 17) % 97 = 0;
SELECT version FROM dml_train('eg_item', 'item', 'x', 'kind', method => 'lda', dims => 2);

-- Figures of verification equal those of SQL over distances, in every space.
CREATE FUNCTION auc(d float8[], s boolean[]) RETURNS numeric LANGUAGE sql AS $$
	WITH p AS (SELECT * FROM unnest(d, s) AS p(d, s))
	SELECT round(avg(CASE WHEN g.d < i.d THEN 1 WHEN g.d = i.d THEN 0.5 ELSE 0 END)::numeric, 6)
	FROM p g, p i WHERE g.s AND NOT i.s
$$;
CREATE TEMP TABLE measured AS SELECT * FROM dml_evaluate_pairs('eg_item', 'pair', 'a', 'b', 'same');
SELECT metric, no_learning, learned FROM measured WHERE metric IN ('dims', 'pairs', 'rows', 'genuine_pairs', 'impostor_pairs');
SELECT abs(m.no_learning - auc(array_agg(a::dml_vector <-> b::dml_vector), array_agg(same))::float8) < 2e-6 AS raw,
	abs(m.learned - auc(array_agg(dml_distance('eg_item', a, b)), array_agg(same))::float8) < 2e-6 AS learned
FROM pair, measured m WHERE metric = 'roc_auc' GROUP BY m.no_learning, m.learned;
SELECT bool_and(abs(m.learned - (SELECT avg(((dml_distance('eg_item', a, b) <= t.learned) = same)::int) FROM pair)) < 1e-9) AS best_accuracy
FROM measured m, measured t WHERE m.metric = 'best_accuracy' AND t.metric = 'best_accuracy_threshold';
SELECT metric, learned > no_learning AS better, learned_low < learned AND learned < learned_high AS inside, difference_low > 0 AS surely
FROM measured WHERE metric IN ('roc_auc', 'average_precision', 'best_accuracy');
-- A stored threshold, on other pairs than those that it was found on.
SELECT metric, learned FROM measured WHERE metric ~ '^calibrated';
SELECT threshold > 0 AS calibrated FROM dml_calibrate('eg_item', 'SELECT * FROM pair WHERE w > 1', a => 'a', b => 'b', same => 'same');
SELECT abs(max(learned) FILTER (WHERE metric = 'calibrated_far') - (SELECT avg(dml_match('eg_item', a, b)::int) FROM pair WHERE w = 1 AND NOT same)) < 1e-9 AS far,
	abs(max(learned) FILTER (WHERE metric = 'calibrated_tar') - (SELECT avg(dml_match('eg_item', a, b)::int) FROM pair WHERE w = 1 AND same)) < 1e-9 AS tar,
	abs(max(learned) FILTER (WHERE metric = 'calibrated_accuracy') - (SELECT avg((dml_match('eg_item', a, b) = same)::int) FROM pair WHERE w = 1)) < 1e-9 AS accuracy
FROM dml_evaluate_pairs('eg_item', 'SELECT * FROM pair WHERE w = 1', 'a', 'b', 'same');

-- Comparisons, with weights and without.
SELECT metric, abs(no_learning - CASE metric WHEN 'satisfied' THEN raw ELSE 0 END) < 1e-9 AS raw,
	abs(learned - CASE metric WHEN 'satisfied' THEN mapped ELSE 0 END) < 1e-9 AS learned, learned_low <= learned AND learned <= learned_high AS inside
FROM dml_evaluate_triplets('eg_item', 'compared', 'q', 'p', 'n', 'w'),
	(SELECT sum(w * (q::dml_vector <-> p::dml_vector < q::dml_vector <-> n::dml_vector)::int)::float8 / sum(w) AS raw,
		sum(w * (dml_distance('eg_item', q, p) < dml_distance('eg_item', q, n))::int)::float8 / sum(w) AS mapped FROM compared) s
WHERE metric IN ('satisfied', 'tied');
SELECT count(*) AS metrics, bool_and(t.learned = q.learned AND t.no_learning = q.no_learning) AS a_triplet_is_a_quadruplet
FROM dml_evaluate_triplets('eg_item', 'compared', 'q', 'p', 'n') t JOIN dml_evaluate_quadruplets('eg_item', 'compared', 'q', 'p', 'q', 'n') q USING (metric);
SELECT metric, no_learning FROM dml_evaluate_triplets('eg_item', 'SELECT array_fill(0::real, ARRAY[cardinality(x)]) AS x, x AS y, ARRAY(SELECT -e FROM unnest(x) e) AS z FROM item', 'x', 'y', 'z', whiten => false);

-- Two towers: an image and a text that are made from the same six numbers.
CREATE TABLE caption AS
SELECT i AS id,
	ARRAY(SELECT (SELECT sum(sin(i * (k + 0.37) * 1.9) * sin(k * j * 1.3)) FROM generate_series(1, 6) k) FROM generate_series(1, 10) j)::real[] AS image,
	ARRAY(SELECT (SELECT sum(sin(i * (k + 0.37) * 1.9) * cos(k * j * 2.1)) FROM generate_series(1, 6) k) FROM generate_series(1, 14) j)::real[] AS words
FROM generate_series(1, 300) i;
SELECT version FROM dml_train_matches('eg_clip', 'SELECT * FROM caption WHERE id % 3 > 0', a => 'image', b => 'words', method => 'ntxent', network => '8, l2', epochs => 10);
-- An image has its own text, and another one of a lower grade.
CREATE VIEW held AS
SELECT c.image, d.words, CASE WHEN c.id = d.id THEN 3 ELSE 1 END AS grade FROM caption c JOIN caption d ON d.id IN (c.id, c.id % 297 + 3) WHERE c.id % 3 = 0;
SET client_min_messages = notice;
CREATE TEMP TABLE found AS SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image', 'words', grade => 'grade', gallery => 'caption', gallery_features => 'words', recall_at => '{1,5}');
SET client_min_messages = warning;
SELECT metric, no_learning, whitened, learned FROM found WHERE metric IN ('queries', 'matches', 'gallery_rows', 'genuine_pairs', 'impostor_pairs');
CREATE TEMP TABLE place AS
WITH q AS (SELECT DISTINCT image, dml_embed('eg_clip/a', image) AS e FROM held), g AS (SELECT words, dml_embed('eg_clip/b', words) AS e FROM caption),
	d AS (SELECT q.image, g.words, q.e <-> g.e AS d, h.grade FROM q CROSS JOIN g LEFT JOIN held h USING (image, words))
SELECT *, rank() OVER (PARTITION BY image ORDER BY d) AS place FROM d;
WITH hit AS (SELECT *, row_number() OVER (PARTITION BY image ORDER BY place) AS h, row_number() OVER (PARTITION BY image ORDER BY grade DESC) AS best FROM place WHERE grade IS NOT NULL),
	q AS (SELECT image, (min(place) = 1)::int AS precision_at_1, (min(place) <= 1)::int AS recall_at_1, (min(place) <= 5)::int AS recall_at_5,
		1.0 / min(place) AS mrr, avg(h::float8 / place) AS map, sum(CASE WHEN place <= 2 THEN 1 ELSE 0 END) / 2.0 AS r_precision,
		sum(CASE WHEN place <= 2 THEN h::float8 / place ELSE 0 END) / 2 AS map_at_r,
		sum(grade / log(2, place + 1::numeric)) / sum(grade / log(2, best + 1::numeric)) AS ndcg,
		sum(CASE WHEN place <= 10 THEN grade / log(2, place + 1::numeric) ELSE 0 END) / sum(grade / log(2, best + 1::numeric)) AS ndcg_at_10 FROM hit GROUP BY image),
	v AS (SELECT key AS metric, avg(value::float8) AS value FROM q, LATERAL jsonb_each_text(to_jsonb(q) - 'image') GROUP BY key)
SELECT metric, abs(learned - value) < 1e-6 AS by_definition, learned_low <= learned AND learned <= learned_high AS inside FROM found JOIN v USING (metric) ORDER BY metric;
SELECT abs(learned - auc((SELECT array_agg(d) FROM place), (SELECT array_agg(grade IS NOT NULL) FROM place))::float8) < 2e-5 AS roc_auc FROM found WHERE metric = 'roc_auc';
-- One tower: a row does not find itself. An adapter: stored vectors stay as they are.
SELECT metric, no_learning, learned IS NOT NULL AS learned FROM dml_evaluate_matches('eg_item',
	'SELECT a.x AS a, b.x AS b FROM item a JOIN item b ON b.id IN (a.id, a.id + 6) WHERE a.id < 20', 'a', 'b', gallery => 'item', gallery_features => 'x', max_queries => 7)
WHERE metric IN ('queries', 'matches', 'gallery_rows', 'genuine_pairs', 'impostor_pairs');
SELECT version FROM dml_train_matches('eg_ask', 'SELECT image, words[1:10]::dml_vector AS v FROM caption WHERE id % 3 > 0', a => 'image', b => 'v', adapter => true, method => 'ntxent', epochs => 5);
SELECT whitened, abs(no_learning - (SELECT avg((place = 1)::int) FROM (SELECT a.id = b.id AS right, rank() OVER (PARTITION BY a.id ORDER BY a.image::dml_vector <-> b.words[1:10]::dml_vector) AS place
		FROM caption a, caption b WHERE a.id % 3 = 0 AND b.id % 3 = 0) s WHERE s.right)) < 1e-9 AS raw, learned BETWEEN 0 AND 1 AS learned
FROM dml_evaluate_matches('eg_ask', 'SELECT image, words[1:10]::dml_vector AS v FROM caption WHERE id % 3 = 0', 'image', 'v') WHERE metric = 'recall_at_1';
-- Judged pairs of two towers.
SELECT metric, no_learning, CASE WHEN metric ~ 'tar' THEN (learned BETWEEN 0 AND 1)::int ELSE learned END AS learned FROM dml_evaluate_pairs('eg_clip', 'SELECT a.image, b.words, a.id = b.id AS same FROM caption a, caption b WHERE a.id < 20 AND b.id < 20', 'image', 'words', 'same')
WHERE metric IN ('pairs', 'rows', 'genuine_pairs', 'tar_at_far_0.1');

SELECT dims FROM dml_train('eg_flat', 'caption', 'words[1:10]', 'id % 2', method => 'contrastive', network => '10, raw', epochs => 1);

-- Errors and notices.
SET client_min_messages = notice;
SELECT * FROM dml_evaluate_pairs('eg_item', 'pair', 'a', 'b');
SELECT * FROM dml_evaluate_pairs('eg_item', 'SELECT * FROM pair WHERE same', 'a', 'b', 'same');
SELECT * FROM dml_evaluate_pairs('eg_item', 'pair', 'a[1:2]', 'b[1:2]', 'same');
SELECT * FROM dml_evaluate_pairs('eg_item', 'pair', 'a', 'b', 'w');
SELECT * FROM dml_evaluate_pairs('eg_item', 'SELECT * FROM pair WHERE false', 'a', 'b', 'same');
SELECT * FROM dml_evaluate_triplets('eg_clip', 'compared', 'q', 'p', 'n');
SELECT * FROM dml_evaluate_triplets('eg_ask', 'compared', 'q', 'p', 'n');
SELECT * FROM dml_evaluate_triplets('eg_item', 'compared', 'q', 'p', 'n', '-w');
SELECT * FROM dml_evaluate_matches('eg_item', 'item', 'x', 'x');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image', 'words', grade => '-1');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image', 'words', grade => 'words');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image');
SELECT count(*) FROM dml_evaluate_matches('eg_clip', 'SELECT image, words FROM caption WHERE id = 1', 'image', 'words');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'words', 'image');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image', 'words', gallery => 'item', gallery_features => 'x');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image', 'words', gallery_features => 'words');
SELECT * FROM dml_evaluate_matches('eg_clip', 'held', 'image', 'words', max_queries => 0);
SELECT * FROM dml_evaluate_matches('eg_ask', 'SELECT image, dml_embed(''eg_flat'', words[1:10]) AS v FROM caption', 'image', 'v');
SELECT count(*) FROM dml_evaluate_pairs('eg_item', 'SELECT a, b, same FROM pair WHERE w = 1 UNION ALL SELECT NULL, b, same FROM pair WHERE w = 2 AND a[1] < -1', 'a', 'b', 'same');

-- Rights: to embed with the model and to read the source. Nothing is written.
CREATE ROLE eg_reader;
GRANT USAGE ON SCHEMA evaluate_constraints TO eg_reader;
GRANT SELECT ON pair TO eg_reader;
SET ROLE eg_reader;
SELECT * FROM dml_evaluate_pairs('eg_item', 'pair', 'a', 'b', 'same');
RESET ROLE;
SELECT dml_grant('eg_item', 'eg_reader', 'embed');
BEGIN READ ONLY;
SET LOCAL ROLE eg_reader;
SELECT count(*) > 10 AS measured FROM dml_evaluate_pairs('eg_item', 'pair', 'a', 'b', 'same');
SELECT * FROM dml_evaluate_triplets('eg_item', 'compared', 'q', 'p', 'n');
ROLLBACK;

SET client_min_messages = warning;
DROP SCHEMA evaluate_constraints CASCADE;
SELECT dml_drop_model('eg_item'), dml_drop_model('eg_clip'), dml_drop_model('eg_ask'), dml_drop_model('eg_flat');
DROP ROLE eg_reader;
