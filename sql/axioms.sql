-- A learned distance is a metric, for every kind of method and every operator that promises it, and
-- the index agrees. And the output of dml_explain.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA axioms_test;
SET search_path = axioms_test, public;
SET dml.notice_interval = 0;
CREATE TABLE item AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5, sqrt(i)]::real[] AS x, i % 4 AS class FROM generate_series(1, 200) i;
-- What is known of the rows, in every form that a method can learn from.
CREATE VIEW judged AS SELECT a.x AS a, b.x AS b, a.class = b.class AS same FROM item a, item b WHERE a.id < b.id AND (a.id * 31 + b.id * 17) % 23 = 0;
CREATE VIEW compared AS SELECT a.x AS a, b.x AS p, c.x AS n FROM item a, item b, item c
WHERE a.class = b.class AND a.class <> c.class AND a.id <> b.id AND (a.id * 101 + b.id * 31 + c.id * 17) % 1009 = 0;
-- Rows to measure on: the training rows, some of them twice, and new ones.
CREATE VIEW asked AS SELECT x FROM item UNION ALL SELECT x FROM item WHERE id <= 20 UNION ALL VALUES ('{0,0,0,0}'::real[]), ('{-300,200,0,0.001}'), ('{1e-20,0,0,0}');
CREATE TABLE mapped (id int, e dml_vector);
CREATE INDEX ON mapped USING dml (e);
CREATE FUNCTION nearest(query dml_vector, by_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_indexscan', by_index::text, true);
	EXECUTE 'SELECT string_agg(d::text, '' '') FROM (SELECT e <-> $1 AS d FROM mapped ORDER BY e <-> $1 LIMIT 20) n' INTO result USING query;
	RETURN result;
END $$;
-- Train with one kind of supervision (a regulariser together with another loss). Then check the
-- axioms, and whether the index orders by these distances.
CREATE FUNCTION train(kind text, method text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CASE
		WHEN kind IN ('labels', 'none', 'any') THEN PERFORM dml_train('ax', 'item', 'x', 'class', method => train.method, time_limit => 0.3);
		WHEN kind = 'target' THEN PERFORM dml_train('ax', 'item', 'x', 'x[1] + x[4]', method => train.method, time_limit => 0.3);
		WHEN kind = 'pairs' THEN PERFORM dml_train_pairs('ax', 'judged', 'a', 'b', 'same', method => train.method, time_limit => 0.3);
		WHEN kind = 'triplets' THEN PERFORM dml_train_triplets('ax', 'compared', 'a', 'p', 'n', method => train.method, time_limit => 0.3);
		WHEN kind = 'quadruplets' THEN PERFORM dml_train_quadruplets('ax', 'compared', 'a', 'p', 'a', 'n', method => train.method, time_limit => 0.3);
		WHEN kind = 'matches' THEN PERFORM dml_train_matches('ax', 'SELECT * FROM judged WHERE same', 'a', 'b', method => train.method, time_limit => 0.3,
			adapter => train.method IN ('ridge', 'procrustes'));
		WHEN kind = 'chunklets' THEN PERFORM dml_train_chunklets('ax', 'item', 'x', 'class', method => train.method, time_limit => 0.3);
		WHEN kind = 'unlabeled rows' THEN PERFORM dml_train_unlabeled('ax', 'item', 'x', method => train.method, time_limit => 0.3);
	END CASE;
END $$;
CREATE FUNCTION axioms(kind text, method text, OUT holds boolean, OUT violations bigint, OUT index_agrees boolean) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		PERFORM train(kind, method);
	EXCEPTION WHEN invalid_parameter_value THEN
		PERFORM train(kind, 'contrastive + 0.1 * ' || method);
	END;
	SELECT bool_and(a.holds), sum(a.violations) INTO holds, violations
	FROM dml_verify_axioms('ax', 'asked', 'x', triples => 20000) a WHERE axiom <> 'separation';
	TRUNCATE mapped;
	INSERT INTO mapped SELECT row_number() OVER (), dml_embed('ax', x) FROM asked;
	PERFORM set_config('dml.recall', '1', true);
	SELECT bool_and(nearest(e, true) = nearest(e, false)) INTO index_agrees FROM mapped WHERE id % 20 = 3 OR id > 220;
END $$;
-- Every method, with every kind of supervision that it accepts.
CREATE TABLE outcome AS
SELECT kind, m.name, a.* FROM (SELECT m.name, unnest(string_to_array(m.supervision, ', ')) AS kind FROM dml_methods m ORDER BY 1, 2) m, LATERAL axioms(kind, m.name) a;
SELECT * FROM outcome WHERE (holds AND violations = 0 AND index_agrees) IS NOT TRUE;
SELECT (SELECT count(DISTINCT name) FROM outcome) = (SELECT count(*) FROM dml_methods) AS every_method;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT e <-> '{0,0,0,0}'::real[] FROM mapped ORDER BY e <-> '{0,0,0,0}'::real[] LIMIT 20;
RESET enable_seqscan;
-- Either side of two towers.
SELECT version > 0 AS trained FROM dml_train_matches('ax_two', 'SELECT a, b[1:3] AS b FROM judged WHERE same', 'a', 'b', method => 'ntxent', epochs => 2);
SELECT bool_and(a.holds AND b.holds) AS hold FROM dml_verify_axioms('ax_two/a', 'asked', 'x') a JOIN dml_verify_axioms('ax_two/b', 'asked', 'x[1:3]') b USING (axiom) WHERE axiom <> 'separation';

-- The full output for one model.
SELECT version > 0 AS trained FROM dml_train('ax', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT * FROM dml_verify_axioms('ax', 'item');
SELECT axiom, checked FROM dml_verify_axioms('ax', 'item', max_rows => 10, triples => 100, seed => 3) WHERE axiom <> 'separation';
-- A map that drops a feature does not separate rows that differ in it alone. It is a pseudometric,
-- and the function says so.
SELECT version > 0 AS trained FROM dml_train('ax', 'SELECT ARRAY[x[1], 5] AS x, class FROM item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT axiom, holds, violations > 0 AS violated FROM dml_verify_axioms('ax', 'SELECT ARRAY[1, id] AS x FROM item');
-- One row: nothing to compare it with.
SELECT axiom, holds, checked FROM dml_verify_axioms('ax', 'SELECT ''{1,5}''::real[] AS x');

-- Each operator: <-> and <+> are metrics, the angle of <=> is one, <#> promises symmetry only.
CREATE TABLE v AS SELECT id, ('[' || x[1] || ',' || x[2] || ',' || x[3] || ',' || x[4] || ']')::dml_vector AS a FROM item WHERE id <= 40;
SELECT bool_and(p.a <-> p.a = 0) AS l2, bool_and(p.a <+> p.a = 0) AS l1, bool_and(abs(p.a <=> p.a) < 1e-6) AS cosine FROM v p;
SELECT bool_and((p.a <-> q.a) = (q.a <-> p.a) AND (p.a <-> q.a) > 0) AS l2, bool_and((p.a <+> q.a) = (q.a <+> p.a) AND (p.a <+> q.a) > 0) AS l1,
	bool_and((p.a <=> q.a) = (q.a <=> p.a) AND (p.a <=> q.a) >= 0) AS cosine, bool_and((p.a <#> q.a) = (q.a <#> p.a)) AS inner_product
FROM v p JOIN v q ON p.id <> q.id;
SELECT bool_and((p.a <-> r.a) <= ((p.a <-> q.a) + (q.a <-> r.a)) * (1 + 1e-6)) AS l2, bool_and((p.a <+> r.a) <= ((p.a <+> q.a) + (q.a <+> r.a)) * (1 + 1e-6)) AS l1,
	bool_and(acos(greatest(1 - (p.a <=> r.a), -1)) <= acos(greatest(least(1 - (p.a <=> q.a), 1), -1)) + acos(greatest(least(1 - (q.a <=> r.a), 1), -1)) + 1e-3) AS angle
FROM v p, v q, v r WHERE p.id <> r.id AND r.id % 3 = 0;
-- The distance to raw input is that to its embedding, on either side; dml_distance gives that
-- number.
SELECT version > 0 AS trained FROM dml_train('ax', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
CREATE TABLE e AS SELECT id, x, dml_embed('ax', x) AS e FROM item;
SELECT bool_and((p.e <-> q.x) = (p.e <-> q.e)) AS raw, bool_and((q.x <-> p.e) = (p.e <-> q.e)) AS commuted, bool_and(dml_distance('ax', p.x, q.x) = (p.e <-> q.e)) AS function
FROM e p, e q WHERE q.id % 7 = 0;
-- The index orders by these distances: exact search returns the rows for which the axioms hold.
CREATE INDEX ON e USING dml (e);
SET enable_seqscan = off;
SET dml.recall = 1;
CREATE FUNCTION nearest(query dml_vector) RETURNS text LANGUAGE sql AS 'SELECT string_agg(d::text, '' '') FROM (SELECT e <-> query AS d FROM e ORDER BY e <-> query LIMIT 20) n';
CREATE TABLE by_index AS SELECT id, nearest(e) FROM e WHERE id % 11 = 0;
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT count(*), bool_and(nearest = nearest(e)) AS same FROM by_index JOIN e USING (id);
SELECT bool_and(nearest LIKE '0 %') AS itself_first FROM by_index;
RESET enable_indexscan;
RESET dml.recall;

-- dml_explain: the weights of a linear metric are the squared distances that one unit of a feature
-- makes.
SELECT name, abs(w.weight - dml_distance('ax', '{0,0,0,0}'::real[], ARRAY[j = 1, j = 2, j = 3, j = 4]::int[]::real[]) ^ 2) < 1e-4 * w.weight AS right
FROM (SELECT *, row_number() OVER () AS j FROM dml_explain('ax') WHERE section = 'feature weight') w;
SELECT section, name, value FROM dml_explain('ax') WHERE section = 'model' AND name IN ('method', 'network', 'preprocessing', 'features', 'label', 'rows');
SELECT count(*) > 5 AS settings FROM dml_explain('ax') WHERE section = 'setting';
-- For any network: a feature that the network ignores moves nothing, and one that it uses does.
SELECT version > 0 AS trained FROM dml_train('ax', 'SELECT ARRAY[x[1], 5, x[2]] AS x, class FROM item', 'x', 'class', method => 'supcon', epochs => 2, options => '{"validation": 0}');
SELECT section, name, weight > 0 AS moves FROM dml_explain('ax', 'SELECT ARRAY[x[1], 5, x[2]] AS x FROM item') WHERE section ~ 'importance';
SET client_min_messages = notice;
SELECT count(*) FROM dml_explain('ax') WHERE section LIKE 'feature%';
SET client_min_messages = warning;
-- In units of the mean distance. If the distance depends on one feature alone, the mean move is
-- about that distance.
SELECT version > 0 AS trained FROM dml_train('ax', 'item', 'sqrt(x[4] ^ 2)', 'class', method => 'lda', options => '{"validation": 0}');
SELECT name, weight BETWEEN 0.7 AND 1.3 AS about_one FROM dml_explain('ax', 'item', max_rows => 200) WHERE section = 'feature importance';
-- If one feature decides everything and gets another row's value, the neighbours are that row's.
SELECT name, weight > 0.8 AS nearly_all FROM dml_explain('ax', 'item', max_rows => 200, k => 5) WHERE section = 'neighbour importance';
SELECT weight FROM dml_explain('ax', 'SELECT * FROM item WHERE id < 4', k => 5) WHERE section = 'neighbour importance';
-- A model of pairs, of unlabelled rows, and a side of two towers: no label is needed.
SELECT version > 0 AS trained FROM dml_train_pairs('ax', 'SELECT ARRAY[a[1], 5] AS a, ARRAY[b[1], 5] AS b, same FROM judged', 'a', 'b', 'same', method => 'itml');
SELECT section, name, weight > 0 AS moves FROM dml_explain('ax', 'SELECT ARRAY[x[1], 5] AS x FROM item', 'x') WHERE section ~ 'importance';
SELECT name, weight > 0 AS moves FROM dml_explain('ax_two/b', 'SELECT ARRAY[x[1], 5, x[2]] AS x FROM item', 'x') WHERE section = 'neighbour importance';
SELECT * FROM dml_explain('ax', 'item', k => 0);
SELECT * FROM dml_explain('ax_tow');
SELECT * FROM dml_explain(NULL);
SELECT * FROM dml_explain('ax', 'item', max_rows => 1);
SELECT * FROM dml_explain('ax', 'item', 'x');
SELECT * FROM dml_verify_axioms('ax', 'item', 'x');
SELECT * FROM dml_verify_axioms('ax', NULL);
SELECT * FROM dml_verify_axioms('ax', 'item', triples => 0);
DROP SCHEMA axioms_test CASCADE;
SELECT dml_drop_model('ax'), dml_drop_model('ax_two');
