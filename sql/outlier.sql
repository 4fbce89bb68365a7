-- dml_outlier_score, dml_outlier_scores, dml_outlier_lof.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA outlier_test;
SET search_path = outlier_test, public;
RESET client_min_messages;
CREATE TABLE reference (set int, id int, outlier int, x real[], lof float8, novelty float8, distance float8, PRIMARY KEY (set, id));
\copy reference FROM 'test/data/outlier_reference.csv' WITH (FORMAT csv, HEADER)
ALTER TABLE reference ADD e dml_vector;
UPDATE reference SET e = x::dml_vector;
CREATE FUNCTION near(a float8, b float8) RETURNS boolean LANGUAGE sql AS 'SELECT abs(a - b) <= 1e-5 * abs(b)';
CREATE FUNCTION part(set int, what text) RETURNS text LANGUAGE sql AS $$SELECT format('SELECT * FROM outlier_test.reference WHERE set = %s %s', set, what)$$;

-- Factors and distances are scikit-learn's: of all rows, as a window function, and of new rows.
SELECT r.set, count(*), bool_and(near(s.score, r.lof)) AS lof, bool_and(near(d.score, r.distance)) AS distance, bool_and(near(r.factor, r.lof)) AS window
FROM generate_series(0, 2) g CROSS JOIN LATERAL dml_outlier_scores(part(g, ''), 'e', 'id') s CROSS JOIN LATERAL dml_outlier_scores(part(g, ''), 'e', 'id', method => 'distance') d
	JOIN (SELECT *, dml_outlier_lof(e) OVER (PARTITION BY set) AS factor FROM reference) r ON r.set = g AND r.id = s.key::int WHERE s.key = d.key GROUP BY 1 ORDER BY 1;
SELECT set, bool_and(near(dml_outlier_score(part(set, 'AND id % 2 = 0'), 'e', x), novelty)) AS novelty FROM reference WHERE id % 40 = 1 GROUP BY 1 ORDER BY 1;
-- ROC AUC of the factors: the same as scikit-learn's.
CREATE TABLE scored AS SELECT r.set, r.id, r.outlier, r.lof, s.score FROM generate_series(0, 2) g CROSS JOIN LATERAL dml_outlier_scores(part(g, ''), 'e', 'id') s JOIN reference r ON r.set = g AND r.id = s.key::int;
SELECT a.set, round(avg((a.score > b.score)::int + (a.score = b.score)::int / 2.0), 4) AS ours, round(avg((a.lof > b.lof)::int + (a.lof = b.lof)::int / 2.0), 4) AS reference
FROM scored a JOIN scored b USING (set) WHERE a.outlier = 1 AND b.outlier = 0 GROUP BY 1 ORDER BY 1;

-- The index gives the same scores.
CREATE TABLE indexed AS SELECT * FROM reference WHERE set = 1;
ALTER TABLE indexed ADD PRIMARY KEY (id);
INSERT INTO indexed SELECT 1, id + 1000, 0, x, lof, novelty, distance, e FROM indexed WHERE id % 10 = 0;
CREATE TABLE plain AS SELECT key, lof.score AS lof, far.score AS far FROM dml_outlier_scores('indexed', 'e') lof JOIN dml_outlier_scores('indexed', 'e', method => 'distance') far USING (key);
CREATE TABLE plain_one AS SELECT id, dml_outlier_score('indexed', 'e', x) AS lof, dml_outlier_score('indexed', 'e', x, method => 'distance', k => 7) AS far FROM reference WHERE set = 1 AND id % 40 = 3;
CREATE INDEX ON indexed USING dml (e);
SET enable_seqscan = off;
SET jit = off;
SET dml.recall = 1;
SELECT count(*), bool_and(near(lof.score, p.lof)) AS lof, bool_and(far.score = p.far) AS distance
FROM dml_outlier_scores('indexed', 'e') lof JOIN dml_outlier_scores('indexed', 'e', method => 'distance') far USING (key) JOIN plain p USING (key);
SELECT count(*), bool_and(near(dml_outlier_score('indexed', 'e', x), p.lof)) AS lof, bool_and(dml_outlier_score('indexed', 'e', x, method => 'distance', k => 7) = p.far) AS distance
FROM plain_one p JOIN reference r USING (id) WHERE set = 1;
SELECT pg_stat_get_numscans('indexed_e_idx'::regclass) + pg_stat_get_xact_numscans('indexed_e_idx'::regclass) > 1000 AS index_used;
RESET dml.recall;
RESET enable_seqscan;

-- Neither the order of rows nor the limit of memory changes scores. NULL embeddings have none.
CREATE TABLE shuffled AS SELECT id, e FROM reference WHERE set = 2 ORDER BY x;
INSERT INTO shuffled VALUES (-1, NULL);
SET work_mem = '100kB';
SELECT count(*), count(score), bool_and(near(score, lof)) AS lof FROM dml_outlier_scores('shuffled', 'e', 'id') LEFT JOIN reference ON set = 2 AND id = key::int;
SELECT count(dml_outlier_lof) FROM (SELECT dml_outlier_lof(e, 50) OVER () FROM shuffled) w;
SET work_mem = '193kB';
SELECT count(dml_outlier_lof) FROM (SELECT dml_outlier_lof(e, 50) OVER () FROM shuffled) w;
RESET work_mem;

-- Few rows, equal rows, large k.
SELECT * FROM dml_outlier_scores($$SELECT 1 AS id, '[1,2]'::dml_vector AS e WHERE false$$, 'e', 'id');
SELECT * FROM dml_outlier_scores($$VALUES (1, '[1,2]'::dml_vector), (NULL, NULL)$$, 'column2', 'column1');
SELECT * FROM dml_outlier_scores($$VALUES (1, '[0]'::dml_vector), (2, '[1]'), (3, '[3]')$$, 'column2', 'column1', method => 'distance', k => 1000);
SELECT key, score FROM dml_outlier_scores($$VALUES (1, '[1]'::dml_vector), (2, '[1]'), (3, '[1]'), (4, '[2]'), (5, '[4]')$$, 'column2', 'column1', k => 2);
SELECT i, dml_outlier_lof(v::dml_vector, 2) OVER (PARTITION BY i < 6 ORDER BY i) AS lof FROM (VALUES (1, '[1]'), (2, '[1]'), (3, '[1]'), (4, '[2]'), (5, '[4]'), (6, NULL), (7, '[1]')) r (i, v);
SELECT dml_outlier_score($$SELECT '[1,2]'::dml_vector AS e WHERE false$$, 'e', '{1,2}'::real[]), dml_outlier_score($$SELECT '[1,2]'::dml_vector AS e$$, 'e', '{1,2}'::real[]),
	dml_outlier_score($$SELECT '[1,2]'::dml_vector AS e$$, 'e', '{4,6}'::real[], method => 'distance'), dml_outlier_score('reference', 'e', NULL::real[]);
SELECT dml_outlier_score($$VALUES ('[0]'::dml_vector), ('[1]'), ('[3]'), ('[4]')$$, 'column1', '{30}'::real[], k => 2) AS lof, 0.4 / (2 / 53.0) AS by_hand;

-- Conformal p-values: on new normal rows, an alarm is raised as often as was asked for. The rows of a
-- seed share their calibration, so the variance is three times that of the binomial distribution here.
CREATE FUNCTION uniform(bigint, bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT ((hashint8extended($1, $2) & 4503599627370495) + 0.5) / 4503599627370496';
CREATE FUNCTION gauss(i bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT sqrt(-2 * ln(outlier_test.uniform(2 * i, seed))) * cos(2 * pi() * outlier_test.uniform(2 * i + 1, seed))';
CREATE TABLE drawn AS SELECT seed, i AS id, ARRAY[gauss(5 * i, seed), gauss(5 * i + 1, seed) * (1 + seed % 3), gauss(5 * i + 2, seed) + 4 * floor(uniform(i, -seed) * (1 + seed % 4))]::real[]::dml_vector AS e
	FROM generate_series(1, 12) seed, generate_series(1, 800) i;
CREATE TABLE alarms AS SELECT seed, method, rate, count(*) FILTER (WHERE outlier) AS alarms, count(*) AS rows
	FROM (VALUES ('lof', 0.05), ('distance', 0.05), ('lof', 0.01)) v (method, rate), generate_series(1, 12) seed,
		LATERAL dml_outlier_scores(format('SELECT * FROM outlier_test.drawn WHERE id %% 2 = 0 AND seed = %s', seed), 'e', 'id', method => v.method,
			normal => format('SELECT * FROM outlier_test.drawn WHERE id %% 2 = 1 AND seed = %s', seed), false_alarm_rate => v.rate, seed => seed)
	GROUP BY 1, 2, 3;
SELECT method, rate, sum(rows) AS rows, sum(alarms) <= sum(rows) * rate + 3 * sqrt(3 * sum(rows) * rate * (1 - rate)) AS not_more,
	sum(alarms) >= sum(rows) * rate - 3 * sqrt(3 * sum(rows) * rate * (1 - rate)) AS not_fewer FROM alarms GROUP BY 1, 2 ORDER BY 1, 2;
-- Of photographs of digits: five digits are normal, in several splits; the others raise far more.
CREATE TABLE lines (line text);
\copy lines (line) FROM 'test/data/digits.csv' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CREATE TABLE digit AS SELECT row_number() OVER () AS id, v[65]::int AS class, v[1:64]::real[]::dml_vector AS e FROM (SELECT string_to_array(line, ',') AS v FROM lines OFFSET 1) s;
SELECT class < 5 AS normal, round(avg(outlier::int), 2) <= CASE WHEN class < 5 THEN 0.08 ELSE 1 END AS not_more, round(avg(outlier::int), 2) >= CASE WHEN class < 5 THEN 0.02 ELSE 0.3 END AS not_fewer
FROM generate_series(1, 5) seed, LATERAL dml_outlier_scores(format('SELECT * FROM outlier_test.digit WHERE class >= 5 OR hashint8extended(id, %s) %% 2 = 0', seed), 'e', 'id',
		normal => format('SELECT * FROM outlier_test.digit WHERE class < 5 AND hashint8extended(id, %s) %% 2 <> 0', seed), false_alarm_rate => 0.05)
	JOIN digit ON id = key::int GROUP BY 1 ORDER BY 1 DESC;
-- The definition: half of the normal rows are looked among, the others count. Without a rate there is no alarm.
SELECT count(*), count(DISTINCT p_value) > 100 AS many, bool_and(round((p_value * 201)::numeric, 6) = round((p_value * 201)::numeric)) AS multiples, min(p_value) >= 1 / 201.0 AS least, bool_or(outlier) AS outlier
FROM dml_outlier_scores('SELECT * FROM drawn WHERE seed = 1 AND id <= 400', 'e', 'id', normal => 'SELECT * FROM drawn WHERE seed = 1 AND id > 400');
-- The seed alone decides, not the order of rows.
SELECT bool_and(a.p_value = b.p_value) AS same, bool_and(a.p_value = c.p_value) AS another_seed
FROM dml_outlier_scores('SELECT * FROM drawn WHERE seed = 1 AND id <= 400', 'e', 'id', normal => 'SELECT * FROM drawn WHERE seed = 1 AND id > 400') a
	JOIN dml_outlier_scores('SELECT * FROM drawn WHERE seed = 1 AND id <= 400 ORDER BY id DESC', 'e', 'id', normal => 'SELECT * FROM drawn WHERE seed = 1 AND id > 400 ORDER BY e') b USING (key)
	JOIN dml_outlier_scores('SELECT * FROM drawn WHERE seed = 1 AND id <= 400', 'e', 'id', normal => 'SELECT * FROM drawn WHERE seed = 1 AND id > 400', seed => 7) c USING (key);

-- Errors, and the caller's rights.
SELECT dml_outlier_score(NULL, 'e', '{1}'::real[]);
SELECT dml_outlier_score('reference', 'e', '{1}'::real[], k => 0);
SELECT dml_outlier_score('reference', 'e', '{1}'::real[], method => 'best');
SELECT dml_outlier_score('reference', 'x', '{1}'::real[]);
SELECT dml_outlier_score('reference', 'e', '{1}'::real[]);
SELECT dml_outlier_score('SELECT * FROM reference WHERE set = 0', 'e', '{1,NaN}'::real[]);
SELECT dml_outlier_score('SELECT * FROM reference WHERE set = 0', 'e', 'text'::text);
SELECT dml_outlier_score('no_such_table', 'e', '{1}'::real[]);
SELECT dml_outlier_score('SELECT * FROM reference WHERE set = 0', 'max(e)', '{1}'::real[]);
SELECT * FROM dml_outlier_scores('reference', 'e');
SELECT * FROM dml_outlier_scores('SELECT e FROM reference', 'e');
SELECT * FROM dml_outlier_scores('reference', 'e', k => 1001);
SELECT * FROM dml_outlier_scores('reference', 'e', false_alarm_rate => 0.01);
SELECT * FROM dml_outlier_scores('reference', 'e', normal => 'reference', false_alarm_rate => 1);
SELECT * FROM dml_outlier_scores('reference', 'e', normal => part(0, 'AND id < 3'));
SELECT * FROM dml_outlier_scores(part(0, ''), 'e', 'id', normal => part(0, 'AND id < 196'), false_alarm_rate => 0.01);
SELECT count(*) FROM dml_outlier_scores(part(0, ''), 'e', 'id', normal => part(0, 'AND id < 197'), false_alarm_rate => 0.01);
SELECT * FROM dml_outlier_scores(part(1, ''), 'e', 'id', normal => part(0, ''));
SELECT dml_outlier_lof(e, 0) OVER () FROM reference;
SELECT dml_outlier_lof(e) OVER () FROM reference;
SELECT dml_outlier_lof(e) FROM reference;
CREATE ROLE outlier_user;
GRANT USAGE ON SCHEMA outlier_test TO outlier_user;
SET ROLE outlier_user;
SELECT dml_outlier_score('outlier_test.drawn', 'e', '{1,2,3}'::real[]);
SELECT * FROM dml_outlier_scores('outlier_test.drawn', 'e', 'id');
SELECT * FROM dml_outlier_scores($$SELECT 1 AS id, '[1,2,3]'::dml_vector AS e$$, 'e', 'id', normal => 'outlier_test.drawn');
RESET ROLE;
-- A cancel is obeyed within 100 ms.
CREATE FUNCTION cancelled_after() RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp();
BEGIN
	PERFORM count(*) FROM outlier_test.late;
	RETURN NULL;
EXCEPTION WHEN query_canceled THEN
	RETURN extract(epoch FROM clock_timestamp() - began) * 1000;
END $$;
CREATE TABLE large AS SELECT i AS id, ARRAY[sin(i), cos(i * 1.7), sin(i * 0.3)]::real[]::dml_vector AS e FROM generate_series(1, 60000) i;
CREATE VIEW late AS SELECT * FROM dml_outlier_scores('large', 'e', 'id', k => 50);
SET work_mem = '100MB';
SET statement_timeout = 600;
SELECT cancelled_after() < 700 AS at_once;
RESET statement_timeout;
SET client_min_messages = warning;
DROP SCHEMA outlier_test CASCADE;
DROP ROLE outlier_user;
