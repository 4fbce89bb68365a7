-- dml_train_triplets and dml_train_quadruplets: relative comparisons.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;
SET dml.notice_interval = 0;
-- Users compare by the first two columns.
CREATE TABLE triplet_thing AS
SELECT i AS id, ARRAY[sin(i * 1.3), cos(i * 2.9), 4 * sin(i * 7.3), 4 * cos(i * 3.1), 4 * sin(i * 1.7)]::real[] AS x,
	sin(i * 1.3) AS u, cos(i * 2.9) AS v
FROM generate_series(1, 90) i;
CREATE TABLE click AS
SELECT a.id, a.x AS q, CASE WHEN near THEN b.x ELSE c.x END AS clicked, CASE WHEN near THEN c.x ELSE b.x END AS skipped
FROM triplet_thing a, triplet_thing b, triplet_thing c, LATERAL (SELECT (a.u - b.u) ^ 2 + (a.v - b.v) ^ 2 < (a.u - c.u) ^ 2 + (a.v - c.v) ^ 2 AS near) n
WHERE a.id <> b.id AND a.id <> c.id AND b.id < c.id AND (a.id * 101 + b.id * 31 + c.id * 17) % 301 = 0;

SET client_min_messages = warning;
SELECT model, version, method, network, dims, constraints, rows, metric, without_learning < 0.75 AS hard, learned > 0.8 AS good
FROM dml_train_triplets('taste', 'click', 'q', 'clicked', 'skipped', method => 'triplet', network => '5, raw', epochs => 30);
SELECT learned > without_learning AND learned >= whitened AS better FROM dml_train_triplets('taste_auto', 'click', 'q', 'clicked', 'skipped', time_limit => 5);
SELECT method, constraints, metric, learned > without_learning AS better
FROM dml_train_quadruplets('judged', 'click', 'q', 'clicked', 'q', 'skipped', method => 'lsml');
SELECT method, network, constraints, metric, learned > 0.8 AS good
FROM dml_train_quadruplets('judged', 'click', 'q', 'clicked', 'q', 'skipped', method => 'quadruplet', network => '5, raw', epochs => 30);
SELECT learned > without_learning AND learned >= whitened AS better
FROM dml_train_quadruplets('judged_auto', 'click', 'q', 'clicked', 'q', 'skipped', time_limit => 5);

-- One seed gives one model; a quadruplet with a common row is a triplet.
SELECT version FROM dml_train_triplets('taste', 'SELECT * FROM click ORDER BY md5(click::text)', 'q', 'clicked', 'skipped', method => 'triplet', network => '5, raw', epochs => 30);
SELECT count(DISTINCT space) FROM dml_model_versions WHERE model = 'taste';
-- Weights.
SELECT learned > 0.8 AS good FROM dml_train_triplets('taste_weight', 'SELECT q, clicked, skipped, 1 AS w FROM click UNION ALL SELECT q, skipped, clicked, 0 FROM click',
	'q', 'clicked', 'skipped', weight => 'w', method => 'triplet', network => '5, raw', epochs => 30);
SELECT learned > 0.8 AS good FROM dml_train_quadruplets('taste_weight', 'SELECT q, clicked, skipped, 1 AS w FROM click UNION ALL SELECT q, skipped, clicked, 0 FROM click',
	'q', 'clicked', 'q', 'skipped', weight => 'w', method => 'quadruplet', network => '5, raw', epochs => 30);
RESET client_min_messages;

SELECT * FROM dml_train_triplets('taste_bad', 'click', NULL, 'clicked', 'skipped');
\set VERBOSITY terse
SELECT * FROM dml_train_triplets('taste_bad', 'click', 'q', 'clicked', 'skipped', method => 'cosface');
\set VERBOSITY default
\set VERBOSITY terse
SELECT * FROM dml_train_quadruplets('taste_bad', 'click', 'q', 'clicked', 'q', 'skipped', method => 'triplet');
\set VERBOSITY default
SELECT * FROM dml_train_quadruplets('taste_bad', 'click', 'q', 'clicked', 'q', 'skipped', method => 'quadruplet + 0.1 * norm');
SELECT * FROM dml_train_triplets('taste_bad', 'click', 'q', 'clicked', 'skipped[1:2]');
SELECT * FROM dml_train_triplets('taste_bad', 'click', 'q', 'q', 'q');
SELECT * FROM dml_train_quadruplets('taste_bad', 'click', 'q', 'q', 'clicked', 'clicked');
SELECT * FROM dml_train_triplets('taste_bad', 'SELECT * FROM click WHERE id = 1', 'q', 'clicked', 'skipped', weight => '0');
SELECT * FROM dml_train_triplets('taste_bad', 'click', 'q', 'clicked', 'skipped || NULL::real');
-- All triplets share one anchor, so rows are on both sides of the split, and the reason says so.
SET client_min_messages = warning;
SELECT learned IS NOT NULL AS judged, reason ~ 'rows may be on both sides' AS says_so
FROM dml_train_triplets('taste_one', 'SELECT a.q, c.clicked, c.skipped FROM click c, (SELECT q FROM click ORDER BY id LIMIT 1) a', 'q', 'clicked', 'skipped', method => 'triplet', network => '2, raw', epochs => 2);
RESET client_min_messages;
SELECT count(*) FROM dml_models WHERE model = 'taste_bad';

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model LIKE 'taste%' OR model LIKE 'judged%';
DROP TABLE click, triplet_thing;
