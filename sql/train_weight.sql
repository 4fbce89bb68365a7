-- Weights of constraints: weight 0 means absent and weight 2 means two copies, for every method and
-- supervision with weights: in counts, preprocessing, splits, batches and scores.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA weight_test;
SET search_path = weight_test, public;
-- Two columns separate the kinds, two are noise. Rows from 900 on are far off: they would show in
-- the preprocessing.
CREATE TABLE thing AS
SELECT i AS id, i % 4 AS kind, (CASE WHEN i < 900 THEN ARRAY[cos(i % 4 * 1.57) + 0.2 * sin(i * 1.3), sin(i % 4 * 1.57) + 0.2 * cos(i * 2.9), 3 * sin(i * 7.3), 3 * cos(i * 3.1)]
	ELSE ARRAY[50 * sin(i), i, -7 * cos(i * 2.1), 30 * cos(i * 0.3)] END)::real[] AS x
FROM (SELECT generate_series(1, 60) UNION ALL SELECT generate_series(900, 920)) AS s(i);
-- w is 2 for some. Constraints of weight 0 contradict the others, for known rows and for rows that
-- occur nowhere else.
CREATE TABLE pair AS
SELECT a.x AS x1, b.x AS x2, (a.kind = b.kind) = (greatest(a.id, b.id) < 900 AND b.id > 5) AS same,
	CASE WHEN greatest(a.id, b.id) >= 900 OR b.id <= 5 THEN 0 WHEN (a.id + b.id) % 3 = 0 THEN 2 ELSE 1 END AS w
FROM thing a, thing b WHERE a.id <> b.id AND (a.id * 31 + b.id * 17) % 11 = 0;
CREATE TABLE triplet AS
SELECT a.x AS x1, p.x AS x2, n.x AS x3,
	CASE WHEN greatest(a.id, p.id, n.id) >= 900 OR p.kind <> a.kind THEN 0 WHEN (a.id + n.id) % 3 = 0 THEN 2 ELSE 1 END AS w
FROM thing a, thing p, thing n WHERE a.id <> p.id AND a.id <> n.id AND n.kind <> a.kind
	AND (p.kind = a.kind OR a.id % 2 = 0) AND (a.id * 31 + p.id * 17 + n.id * 7) % 211 = 0;
CREATE TABLE quadruplet AS
SELECT a.x AS x1, b.x AS x2, c.x AS x3, d.x AS x4,
	CASE WHEN greatest(a.id, b.id) >= 900 OR a.kind <> b.kind THEN 0 WHEN (a.id + d.id) % 3 = 0 THEN 2 ELSE 1 END AS w
FROM thing a, thing b, thing c, thing d WHERE a.id < b.id AND c.id < d.id AND c.id <= 60 AND d.id <= 60 AND c.kind <> d.kind
	AND (a.kind = b.kind OR a.id % 2 = 0) AND (a.id * 31 + b.id * 17 + c.id * 7 + d.id * 3) * 7919 % 9973 < 3;
-- Each table of constraints with weights, without those of weight 0, and with copies in place of
-- weights.
CREATE TABLE sources (kind text, weights text, absent text, copies text);
INSERT INTO sources SELECT k || 's', k, 'SELECT * FROM ' || k || ' WHERE w > 0',
	'SELECT t.* FROM ' || k || ' t, generate_series(1, w)' FROM unnest(ARRAY['pair', 'triplet', 'quadruplet']) k;
-- The result of a training: the weights' hash, and everything that is counted or scored.
CREATE FUNCTION fit(kind text, method text, source text, weight text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	gradient boolean := NOT EXISTS (SELECT FROM dml_methods m WHERE name = method AND m.kind <> 'gradient');
	arguments text := CASE kind WHEN 'pairs' THEN '''x1'', ''x2'', ''same''' WHEN 'triplets' THEN '''x1'', ''x2'', ''x3''' ELSE '''x1'', ''x2'', ''x3'', ''x4''' END;
BEGIN
	EXECUTE format('SELECT row(r.constraints, r.rows, r.skipped, r.epochs, r.without_learning, r.whitened, r.learned, r.reason)::text
		FROM dml_train_%s(''weighed'', %L, %s, weight => %L, method => %L, epochs => %L, network => %L, time_limit => 20) r',
		kind, source, arguments, weight, method, CASE WHEN gradient OR method = 'auto' THEN 4 END, CASE WHEN gradient THEN '3, raw' END) INTO result;
	RETURN (SELECT v.space FROM dml_model_versions v WHERE model = 'weighed' ORDER BY version DESC LIMIT 1) || ' ' || result;
EXCEPTION WHEN OTHERS THEN
	-- a regulariser learns nothing by itself
	IF SQLERRM !~ 'by itself' THEN RAISE; END IF;
	RETURN fit(kind, CASE kind WHEN 'pairs' THEN 'contrastive' ELSE 'triplet' END || ' + 0.1 * ' || method, source, weight);
END $$;
CREATE TABLE fitted AS
SELECT s.kind, m.name, fit(s.kind, m.name, s.weights, 'w') AS weights, fit(s.kind, m.name, s.absent, 'w') AS absent, fit(s.kind, m.name, s.copies, NULL) AS copies
FROM sources s, dml_methods m
WHERE m.supervision ~ s.kind OR m.supervision = 'any' OR (m.supervision = 'none' AND (m.kind = 'closed form' OR s.kind <> 'quadruplets')) ORDER BY s.kind, m.name COLLATE "C";
SELECT kind, count(*) FROM fitted GROUP BY kind ORDER BY kind;
-- No rows: all are equal.
SELECT kind, name, weights = absent AS zero_is_absence, weights = copies AS two_are_copies, weights, absent, copies
FROM fitted WHERE weights <> absent OR weights <> copies OR weights IS NULL;
-- Weights of 1 equal no weights.
SELECT kind, fit(kind, method, 'SELECT *, 1 AS one FROM (' || absent || ') t', 'one') = fit(kind, method, absent, NULL) AS ones_are_none
FROM sources, unnest(ARRAY['itml', 'contrastive']) AS method WHERE kind = 'pairs';
-- The scale of mmc: the mean squared distance of same pairs is 1, however many pairs are different.
CREATE FUNCTION mmc_scale(share int) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fit('pairs', 'mmc', format('SELECT * FROM pair WHERE w > 0 AND (same OR (1000 * x1[3])::int %% %s = 0)', share), 'w');
	RETURN (SELECT round((sum(w * dml_distance('weighed', x1, x2) ^ 2) / sum(w))::numeric, 3) FROM pair WHERE w > 0 AND same);
END $$;
SELECT mmc_scale(1) AS all_pairs, mmc_scale(3) AS fewer_different;
RESET client_min_messages;
-- A NOTICE counts the constraints left out. All of weight 0: an error.
SELECT constraints, rows, skipped FROM dml_train_pairs('weighed', 'SELECT * FROM pair', 'x1', 'x2', 'same', weight => 'w', method => 'itml');
SELECT constraints FROM dml_train_pairs('weighed', 'pair', 'x1', 'x2', 'same', weight => '0', method => 'itml');
SELECT metric, learned FROM dml_evaluate_triplets('weighed', 'triplet', 'x1', 'x2', 'x3', weight => '0');
-- Evaluation.
SET client_min_messages = warning;
CREATE FUNCTION assess(kind text, source text, weight text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(r::text, '';'') FROM dml_evaluate_%s(''weighed'', %L, ''x1'', ''x2'', ''x3''%s, weight => %L) r',
		kind, source, CASE kind WHEN 'quadruplets' THEN ', ''x4''' ELSE '' END, weight) INTO result;
	RETURN result;
END $$;
SELECT kind, assess(kind, weights, 'w') = assess(kind, absent, 'w') AS zero_is_absence, assess(kind, weights, 'w') = assess(kind, copies, NULL) AS two_are_copies
FROM sources WHERE kind <> 'pairs' ORDER BY kind;
SELECT dml_drop_model('weighed');
RESET search_path;
DROP SCHEMA weight_test CASCADE;
