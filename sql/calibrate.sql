-- dml_calibrate, dml_match.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA calibrate_test;
SET search_path = calibrate_test, public;
RESET client_min_messages;
CREATE FUNCTION noise(i float8) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT 2 * (sin(i * 12.9898) * 43758.5453 - floor(sin(i * 12.9898) * 43758.5453)) - 1';
CREATE TABLE face AS SELECT i AS id, i % 12 AS person, ARRAY[3 * sin(i % 12) + noise(i), 3 * cos(5 * (i % 12)) + noise(i + 0.3), noise(i + 0.6)]::real[] AS x FROM generate_series(1, 180) i;
SELECT version FROM dml_train('cal', 'face', 'x', 'person', method => 'lda', options => '{"validation": 0}');

-- Not calibrated: an error, not a guess.
SELECT dml_match('cal', x, x) FROM face WHERE id = 1;

-- Each criterion, against the pairs themselves.
CREATE TABLE pair AS SELECT a.x AS ax, b.x AS bx, a.person = b.person AS same, dml_distance('cal', a.x, b.x) AS distance FROM face a JOIN face b ON a.id < b.id;
CREATE FUNCTION holds(threshold float8, OUT far float8, OUT tar float8, OUT accuracy float8, OUT "precision" float8) LANGUAGE sql AS $$
	SELECT avg((distance <= threshold)::int) FILTER (WHERE NOT same), avg((distance <= threshold)::int) FILTER (WHERE same),
		avg(((distance <= threshold) = same)::int), avg(same::int) FILTER (WHERE distance <= threshold) FROM pair $$;
SELECT c.criterion, target, genuine_pairs, impostor_pairs, abs(h.far - c.false_accept_rate) < 1e-12 AS far, abs(h.tar - c.true_accept_rate) < 1e-12 AS tar,
	abs(h.accuracy - c.accuracy) < 1e-12 AS accuracy, abs(h."precision" - c."precision") < 1e-12 AS "precision"
FROM (SELECT * FROM dml_calibrate('cal', 'face', label => 'person', false_accept_rate => 0.001) UNION ALL
	SELECT * FROM dml_calibrate('cal', 'face', label => 'person', criterion => 'accuracy') UNION ALL
	SELECT * FROM dml_calibrate('cal', 'face', 'x', 'person', criterion => 'f_beta', beta => 0.5) UNION ALL
	SELECT * FROM dml_calibrate('cal', 'face', label => 'person')) c, LATERAL holds(threshold) h;
-- What each criterion promises.
CREATE TABLE step AS
SELECT DISTINCT ON (distance) (count(*) FILTER (WHERE NOT same) OVER w)::float8 / count(*) FILTER (WHERE NOT same) OVER () AS far,
	(count(*) FILTER (WHERE same) OVER w)::float8 / count(*) FILTER (WHERE same) OVER () AS tar,
	(count(*) FILTER (WHERE same) OVER w + count(*) FILTER (WHERE NOT same) OVER () - count(*) FILTER (WHERE NOT same) OVER w)::float8 / count(*) OVER () AS accuracy,
	avg(same::int) OVER w AS "precision"
FROM pair WINDOW w AS (ORDER BY distance);
SELECT false_accept_rate <= 0.01 AS kept, abs(true_accept_rate - (SELECT max(tar) FROM step WHERE far <= 0.01)) < 1e-12 AS best
FROM dml_calibrate('cal', 'face', label => 'person', false_accept_rate => 0.01);
SELECT abs(accuracy - (SELECT max(accuracy) FROM step)) < 1e-12 AS best FROM dml_calibrate('cal', 'face', label => 'person', criterion => 'accuracy');
SELECT abs(5 * "precision" * true_accept_rate / (4 * "precision" + true_accept_rate) - (SELECT max(5 * "precision" * tar / (4 * "precision" + tar)) FROM step WHERE tar > 0)) < 1e-12 AS best
FROM dml_calibrate('cal', 'face', label => 'person', criterion => 'f_beta', beta => 2);
SELECT abs(abs(false_accept_rate - 1 + true_accept_rate) - (SELECT min(abs(far - 1 + tar)) FROM step)) < 1e-12 AS best FROM dml_calibrate('cal', 'face', label => 'person');

-- Judged pairs give the threshold that the labels give, up to the rounding of a distance.
CREATE TABLE by_label AS SELECT * FROM dml_calibrate('cal', 'face', label => 'person', false_accept_rate => 0.01);
SELECT abs(p.threshold - l.threshold) < 1e-5 AS threshold, p.false_accept_rate = l.false_accept_rate AS far, p.true_accept_rate = l.true_accept_rate AS tar,
	p.genuine_pairs = l.genuine_pairs AS genuine, p.impostor_pairs = l.impostor_pairs AS impostor
FROM by_label l, dml_calibrate('cal', 'pair', a => 'ax', b => 'bx', same => 'same', false_accept_rate => 0.01) p;
-- dml_match uses it, for arrays, plain vectors and embeddings.
SELECT count(*), bool_and(dml_match('cal', ax, bx) = (distance <= threshold)) AS arrays,
	bool_and(dml_match('cal', ax::dml_vector, bx::dml_vector) = (distance <= threshold)) AS vectors,
	bool_and(dml_match('cal', dml_embed('cal', ax), dml_embed('cal', bx)) = (distance <= threshold)) AS embeddings,
	bool_and(dml_match('cal@1', ax, bx) = (distance <= threshold)) AS version
FROM pair, dml_calibrations WHERE model = 'cal';
SELECT dml_match('cal', NULL::real[], '{1,2,3}') IS NULL AS null_row, dml_match('cal', '{1,NULL,3}'::real[], '{1,2,3}'::real[]) IS NULL AS null_element;
SELECT model, version, active, criterion, target, false_accept_rate <= 0.01 AS kept, genuine_pairs, source FROM dml_calibrations WHERE model = 'cal';
-- The threshold belongs to the version. The next version has none; the old one keeps its own.
SELECT version FROM dml_train('cal', 'face', 'x', 'person', method => 'whiten', options => '{"validation": 0}');
SELECT dml_match('cal', x, x) FROM face WHERE id = 1;
SELECT dml_match('cal@1', x, x) FROM face WHERE id = 1;
SELECT dml_match('cal', dml_embed('cal@1', x), dml_embed('cal@1', x)) FROM face WHERE id = 1;
SELECT version FROM dml_calibrate('cal@1', 'face', label => 'person');
-- A statement uses the threshold as of its beginning; the next statement sees the new one.
SELECT version FROM dml_calibrate('cal', 'face', label => 'person');
SELECT dml_match('cal', x, x) FROM face WHERE id = 1;

-- Too few pairs.
SELECT criterion FROM dml_calibrate('cal', 'SELECT * FROM face WHERE id <= 30', label => 'person', false_accept_rate => 0.01);
SELECT * FROM dml_calibrate('cal', 'SELECT * FROM face WHERE id <= 30', label => 'person', false_accept_rate => 0.0001);
SELECT * FROM dml_calibrate('cal', 'SELECT * FROM face WHERE id <= 12', label => 'person');
SELECT * FROM dml_calibrate('cal', 'SELECT * FROM face', label => '1');
SELECT true_accept_rate FROM dml_calibrate('cal', 'SELECT ''{1,2,3}''::real[] AS x, i % 2 AS person FROM generate_series(1, 30) i', label => 'person', false_accept_rate => 0.1);
SELECT criterion FROM dml_calibrate('cal', 'SELECT CASE WHEN same THEN ax END AS ax, bx, same FROM pair UNION ALL SELECT ax, bx, same FROM pair', a => 'ax', b => 'bx', same => 'same');

-- Errors.
SELECT * FROM dml_calibrate('cal', 'face');
SELECT * FROM dml_calibrate(NULL, 'face', label => 'person');
SELECT * FROM dml_calibrate('call', 'face', label => 'person');
SELECT * FROM dml_calibrate('cal', 'face', label => 'person', criterion => 'best');
SELECT * FROM dml_calibrate('cal', 'face', label => 'person', criterion => 'accuracy', false_accept_rate => 0.1);
SELECT * FROM dml_calibrate('cal', 'face', label => 'person', criterion => 'false_accept_rate');
SELECT * FROM dml_calibrate('cal', 'face', label => 'person', false_accept_rate => 1);
SELECT * FROM dml_calibrate('cal', 'face', label => 'person', false_accept_rate => 'NaN');
SELECT * FROM dml_calibrate('cal', 'face', label => 'person', beta => 0);
SELECT * FROM dml_calibrate('cal', 'face', 'x[1], x[2]', 'person');
SELECT * FROM dml_calibrate('cal', 'pair', a => 'ax', b => 'bx');
SELECT * FROM dml_calibrate('cal', 'pair', label => 'same', a => 'ax', b => 'bx', same => 'same');
SELECT * FROM dml_calibrate('cal', 'pair', a => 'ax', b => 'distance', same => 'same');
SELECT * FROM dml_calibrate('cal', 'pair', a => 'ax', b => 'bx', same => 'distance');
SELECT * FROM dml_calibrate('cal', 'SELECT * FROM pair WHERE false', a => 'ax', b => 'bx', same => 'same');
SELECT dml_match('cal', '{1,2}'::real[], '{1,2}'::real[]);
BEGIN READ ONLY;
SELECT * FROM dml_calibrate('cal', 'face', label => 'person');
ROLLBACK;

-- Rights: the owner calibrates; whoever may embed can match.
CREATE ROLE cal_user;
GRANT USAGE ON SCHEMA calibrate_test TO cal_user;
GRANT SELECT ON face TO cal_user;
SET ROLE cal_user;
SELECT dml_match('cal', x, x) FROM face WHERE id = 1;
RESET ROLE;
SELECT dml_grant('cal', 'cal_user', 'embed');
SET ROLE cal_user;
SELECT dml_match('cal', x, x) FROM face WHERE id = 1;
SELECT * FROM dml_calibrate('cal', 'face', label => 'person');
RESET ROLE;
SELECT dml_drop_model('cal');
SELECT count(*) FROM dml_calibrations WHERE model = 'cal';
SET client_min_messages = warning;
DROP SCHEMA calibrate_test CASCADE;
DROP ROLE cal_user;
