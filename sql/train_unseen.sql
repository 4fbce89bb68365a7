-- Classes that are not there in training: auto learns what holds for them, and keeps no learning otherwise.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA train_unseen;
SET search_path = train_unseen, public;

-- Pseudo-random numbers that are nearly normal, with deviation 1.
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$ SELECT sum(('x' || substr(md5($1), 4 * k + 1, 4))::bit(16)::int / 65536.0 - 0.5) * sqrt(1.5) FROM generate_series(0, 7) k $$;
CREATE TYPE figures AS (kept int, gain float8, least float8);

-- Three draws of a table of classes: how often something learned is kept from some of them, and what it does to MAP@R of the others.
CREATE FUNCTION unseen(source text, known int) RETURNS figures LANGUAGE plpgsql AS $$
DECLARE
	gains float8[] := '{}';
	kept int := 0;
	method text;
	gain float8;
BEGIN
	FOR draw IN 1 .. 3 LOOP
		SELECT t.method INTO method FROM dml_train('unseen', format('SELECT x, class FROM %s WHERE draw = %s AND class < %s', source, draw, known),
			'x', 'class', epochs => 2, open_set => true, time_limit => 1000) t;
		SELECT difference INTO gain FROM dml_evaluate('unseen',
			format('SELECT x, class FROM %s WHERE draw = %s AND class >= %s', source, draw, known), 'x', 'class', metrics => '{map_at_r}') WHERE metric = 'map_at_r';
		kept := kept + (method <> 'none')::int;
		gains := gains || gain;
	END LOOP;
	RETURN (kept, (SELECT avg(g) FROM unnest(gains) g), (SELECT min(g) FROM unnest(gains) g));
END $$;

-- Each class is told by two columns of its own: what tells the known ones says nothing of others.
CREATE TABLE own AS
SELECT draw, class, ARRAY(SELECT (chance(concat_ws(',', draw, class, i, j)) * CASE WHEN j / 2 = class THEN 0.2 ELSE 1 END
	+ CASE WHEN j / 2 = class THEN 2 ELSE 0 END)::real FROM generate_series(0, 19) j) AS x
FROM generate_series(1, 3) draw, generate_series(0, 9) class, generate_series(1, 16) i;
SELECT gain >= 0 AS mean_not_below, least > -0.02 AS none_far_below FROM unseen('own', 5);

-- All classes lie about means in four columns; four others are louder and say nothing.
CREATE TABLE shared AS
SELECT draw, class, ARRAY(SELECT (chance(concat_ws(',', draw, class, i, j)) * CASE WHEN j < 4 THEN 0.5 ELSE 4 END
	+ CASE WHEN j < 4 THEN 1.5 * chance(concat_ws(';', draw, class, j)) ELSE 0 END)::real FROM generate_series(0, 7) j) AS x
FROM generate_series(1, 3) draw, generate_series(0, 13) class, generate_series(1, 16) i;
SELECT kept = 3 AS kept, gain > 0.2 AS far_better, least >= 0 AS never_worse FROM unseen('shared', 7);
-- of three classes each is held out once; of two none can be
SELECT gain >= 0 AS mean_not_below FROM unseen('shared', 3);
SELECT learned IS NOT NULL AS judged FROM dml_train('unseen', 'SELECT * FROM shared WHERE class < 3', 'x', 'class', method => 'lda', open_set => true);
SELECT dml_train('unseen', 'SELECT * FROM shared WHERE class < 2', 'x', 'class', open_set => true);

-- A closed form is shrunk towards the rows as they are: all the way, distances are theirs but for their unit.
CREATE FUNCTION spread(options jsonb, method text) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dml_train('shrunk', 'SELECT * FROM shared WHERE draw = 1', 'x', 'class', method => method, options => options);
	RETURN (SELECT stddev(r) / avg(r) FROM (SELECT dml_distance('shrunk', a.x, b.x) / (a.x::dml_vector <-> b.x::dml_vector) AS r
		FROM shared a, shared b WHERE a.draw = 1 AND b.draw = 1 AND a.class = 0 AND b.class = 1) d);
END $$;
SELECT method, spread('{"shrink": 1, "preprocess": "none"}', method) < 1e-4 AS as_it_is FROM unnest('{lmnn,nca_linear}'::text[]) method;
SELECT method, spread('{"shrink": 1}', method) < spread('{"shrink": 0.5}', method) AS half, spread('{"shrink": 0.5}', method) < spread('{}', method) AS less
FROM unnest('{whiten,covariance,rca,lda,lfda}'::text[]) method;
CREATE FUNCTION embedded(method text, OUT length float8, OUT network text) LANGUAGE plpgsql AS $$
BEGIN
	SELECT t.network INTO network FROM dml_train('shrunk', 'SELECT * FROM shared WHERE draw = 1', 'x', 'class', method => method, dims => 3,
		options => '{"l2": true}') t;
	SELECT sqrt(sum(e * e)) INTO length FROM unnest(dml_embed('shrunk', (SELECT x FROM shared LIMIT 1))::real[]) e;
END $$;
SELECT method, l.network, abs(length - 1) < 1e-5 AS unit FROM unnest('{whiten,pca,lda,rca,lfda}'::text[]) method, embedded(method) l;
SELECT dml_train('shrunk', 'shared', 'x', 'class', method => 'lda', options => '{"shrink": 1.5}');
SELECT dml_train('shrunk', 'shared', 'x', 'class', method => 'pca', options => '{"shrink": 0.5}');
SELECT dml_train('shrunk', 'shared', 'x', 'class', options => '{"shrink": 0.5}');
-- what auto chose is recorded, and gives the same model by name
SELECT reason ~ '\(shrink = ' AS said FROM dml_train('chosen', 'SELECT * FROM shared WHERE draw = 1 AND class < 4', 'x', 'class', epochs => 5, open_set => true);
SELECT method, settings #> '{shrink,value}' AS shrink, settings #> '{l2,value}' AS l2 FROM dml_model_versions WHERE model = 'chosen';

SELECT count(dml_drop_model(model)) FROM dml_models WHERE model IN ('unseen', 'shrunk', 'chosen');
DROP SCHEMA train_unseen CASCADE;
