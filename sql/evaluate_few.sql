-- Limits of pairs and comparisons: constraints that no metric can change, thresholds that do not
-- exist, and rates of a few pairs.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA few_test;
SET search_path = few_test, public;
CREATE TABLE thing AS
SELECT i AS id, i % 4 AS kind, ARRAY[cos(i % 4 * 1.57) + 0.3 * sin(i * 1.3), sin(i % 4 * 1.57) + 0.3 * cos(i * 2.9), 0.8 * sin(i * 7.3)]::real[] AS x
FROM generate_series(1, 60) i;
CREATE TABLE pair AS
SELECT a.x AS x1, b.x AS x2, a.kind = b.kind AS same FROM thing a, thing b WHERE a.id < b.id AND (a.id * 31 + b.id * 17) % 5 = 0;
CREATE TABLE triplet AS
SELECT a.x AS x1, p.x AS x2, n.x AS x3 FROM thing a, thing p, thing n
WHERE a.id <> p.id AND a.kind = p.kind AND n.kind <> a.kind AND (a.id * 31 + p.id * 17 + n.id * 7) % 101 = 0;
CREATE TABLE quadruplet AS
SELECT a.x AS x1, b.x AS x2, c.x AS x3, d.x AS x4 FROM thing a, thing b, thing c, thing d
WHERE a.id < b.id AND c.id < d.id AND a.kind = b.kind AND c.kind <> d.kind AND (a.id * 31 + b.id * 17 + c.id * 7 + d.id * 3) * 7919 % 9973 < 12;
SELECT version FROM dml_train('few', 'thing', 'x', 'kind', method => 'lda');
-- The source with impossible constraints, and the figures of the possible ones.
CREATE TABLE set_to AS SELECT threshold, true_accept_rate, false_accept_rate FROM dml_calibrate('few', 'pair', a => 'x1', b => 'x2', same => 'same');
CREATE TABLE found AS SELECT * FROM dml_evaluate_pairs('few', 'pair', 'x1', 'x2', 'same');
CREATE TABLE held AS SELECT * FROM dml_evaluate_triplets('few', 'triplet', 'x1', 'x2', 'x3');
CREATE TABLE kept AS SELECT * FROM dml_evaluate_quadruplets('few', 'quadruplet', 'x1', 'x2', 'x3', 'x4');
CREATE TABLE fitted AS SELECT constraints, learned FROM dml_train_pairs('few_pairs', 'pair', 'x1', 'x2', 'same', method => 'itml');
-- Rows paired with themselves, judged both ways; one more pair judged both ways, with its rows
-- swapped.
CREATE VIEW odd_pair AS SELECT * FROM pair UNION ALL SELECT x, x, id % 2 = 0 FROM thing WHERE id <= 7
	UNION ALL SELECT a.x, b.x, true FROM thing a, thing b WHERE a.id = 1 AND b.id = 3 UNION ALL SELECT b.x, a.x, false FROM thing a, thing b WHERE a.id = 1 AND b.id = 3;
CREATE VIEW odd_triplet AS SELECT * FROM triplet UNION ALL SELECT x, x, '{9,9,9}' FROM thing WHERE id <= 5 UNION ALL SELECT x, '{9,9,9}', x FROM thing WHERE id <= 3
	UNION ALL SELECT a.x, b.x, c.x FROM thing a, thing b, thing c WHERE a.id = 1 AND (b.id, c.id) IN ((5, 5), (2, 6), (6, 2));
CREATE VIEW odd_quadruplet AS SELECT * FROM quadruplet UNION ALL SELECT x, x, '{9,9,9}', '{8,8,8}' FROM thing WHERE id <= 2 UNION ALL SELECT '{9,9,9}', '{8,8,8}', x, x FROM thing WHERE id <= 2
	UNION ALL SELECT a.x, b.x, b.x, a.x FROM thing a, thing b WHERE a.id = 1 AND b.id = 2
	UNION ALL SELECT a.x, b.x, c.x, d.x FROM thing a, thing b, thing c, thing d WHERE (a.id, b.id, c.id, d.id) IN ((1, 2, 3, 4), (4, 3, 1, 2));
RESET client_min_messages;
SELECT count(*) AS rows, count(*) FILTER (WHERE o.learned IS DISTINCT FROM f.learned) AS differ FROM dml_evaluate_pairs('few', 'odd_pair', 'x1', 'x2', 'same') o JOIN found f USING (metric) WHERE metric <> 'rows';
SELECT count(*) AS rows, count(*) FILTER (WHERE o.learned IS DISTINCT FROM f.learned) AS differ FROM dml_evaluate_triplets('few', 'odd_triplet', 'x1', 'x2', 'x3', whiten => false) o JOIN held f USING (metric) WHERE metric <> 'rows';
SELECT count(*) AS rows, count(*) FILTER (WHERE o.learned IS DISTINCT FROM f.learned) AS differ FROM dml_evaluate_quadruplets('few', 'odd_quadruplet', 'x1', 'x2', 'x3', 'x4', whiten => false) o JOIN kept f USING (metric) WHERE metric <> 'rows';
SELECT o.constraints = f.constraints AS constraints, o.learned = f.learned AS learned FROM dml_train_pairs('few_pairs', 'odd_pair', 'x1', 'x2', 'same', method => 'itml') o, fitted f;
SELECT o.threshold = f.threshold AS threshold, o.true_accept_rate = f.true_accept_rate AS tar, o.false_accept_rate = f.false_accept_rate AS far
FROM dml_calibrate('few', 'odd_pair', a => 'x1', b => 'x2', same => 'same') o, set_to f;
SELECT count(*) FROM dml_evaluate_pairs('few', 'SELECT x, id % 2 = 0 AS same FROM thing', 'x', 'x', 'same');
SELECT version FROM dml_train_triplets('few_triplets', 'SELECT x FROM thing', 'x', 'x', 'x', method => 'scml');
SELECT constraints FROM dml_train_matches('few_matches', 'SELECT x1, x2 FROM pair UNION ALL SELECT x, x FROM thing', 'x1', 'x2', method => 'ntxent', epochs => 1, options => '{"validation": 0}');

-- No threshold rejects pairs at distance 0: rows of two classes with equal features, or a collapsed
-- model.
SELECT threshold FROM dml_calibrate('few', 'SELECT x, kind FROM thing UNION ALL SELECT x, kind + 1 FROM thing', label => 'kind', false_accept_rate => 0.001);
SELECT threshold > 0 AS found FROM dml_calibrate('few', 'SELECT x, kind FROM thing UNION ALL SELECT x, kind + 1 FROM thing', label => 'kind', false_accept_rate => 0.1);
SELECT threshold FROM dml_calibrate('few', 'SELECT ''{1,2,3}''::real[] AS x, id % 4 AS kind FROM thing', label => 'kind', criterion => 'accuracy');
SELECT threshold FROM dml_calibrate('few', 'SELECT ''{1,2,3}''::real[] AS x, id % 4 AS kind FROM thing', label => 'kind');
SELECT threshold FROM dml_calibrate('few', 'SELECT ''{1,2,3}''::real[] AS x, id % 4 AS kind FROM thing', label => 'kind', criterion => 'f_beta');
SELECT metric, no_learning, learned FROM dml_evaluate('few', 'SELECT ''{1,2,3}''::real[] AS x, id % 4 AS kind FROM thing', label => 'kind', metrics => '{best_accuracy,best_accuracy_threshold}', whiten => false, keep_duplicates => true) WHERE metric ~ 'best';
SELECT count(*) AS negative FROM dml_calibrations WHERE threshold < 0;
-- dml_classify accepts the threshold that dml_calibrate stores.
SELECT threshold > 0 AS found FROM dml_calibrate('few', 'thing', label => 'kind');
CREATE TABLE embedded AS SELECT kind, dml_embed('few', x) AS e FROM thing;
SELECT label FROM dml_classify('embedded', 'e', 'kind', '{1,0.2,0}'::real[], max_distance => (SELECT threshold FROM dml_calibrations WHERE model = 'few' AND active));

-- One genuine pair: the rate is 1 or 0, and its interval is nearly everything.
SELECT threshold > 0 AS found, true_accept_rate FROM dml_calibrate('few', '(SELECT * FROM pair WHERE same LIMIT 1) UNION ALL SELECT * FROM pair WHERE NOT same', a => 'x1', b => 'x2', same => 'same', false_accept_rate => 0.1);
SELECT metric, learned, round(learned_low::numeric, 3) AS low, round(learned_high::numeric, 3) AS high, difference_low <= difference AND difference <= difference_high AS holds
FROM dml_evaluate_pairs('few', '(SELECT * FROM pair WHERE same LIMIT 1) UNION ALL SELECT * FROM pair WHERE NOT same', 'x1', 'x2', 'same') WHERE metric IN ('tar_at_far_0.1', 'genuine_pairs');
SELECT metric, learned_high - learned_low > 0.5 AS wide FROM dml_evaluate('few', 'SELECT x, CASE id WHEN 2 THEN 1 ELSE id END AS kind FROM thing WHERE id <= 40', label => 'kind', metrics => '{tar_at_far_0.1}') WHERE metric ~ 'tar';

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'few%';
SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA few_test CASCADE;
