-- A learned distance is a metric: of every kind of method, by every operator that promises it, and the index
-- agrees.  And what dml_explain says of a model.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA axioms_test;
SET search_path = axioms_test, public;
SET dml.notice_interval = 0;
CREATE TABLE item AS SELECT i AS id, ARRAY[i % 7 + sin(i), i % 3 + cos(i) / 3, i % 5, sqrt(i)]::real[] AS x, i % 4 AS class FROM generate_series(1, 200) i;
CREATE FUNCTION axioms(method text, OUT name text, OUT trained boolean, OUT holds boolean, OUT violations bigint) LANGUAGE plpgsql AS $$
BEGIN
	name := method;
	BEGIN
		PERFORM dml_train('ax', 'item', 'x', 'class', method => axioms.method, time_limit => 1);
	EXCEPTION WHEN invalid_parameter_value THEN		-- what only adds to another loss
		PERFORM dml_train('ax', 'item', 'x', 'class', method => 'supcon + 0.1 * ' || axioms.method, time_limit => 1);
	END;
	trained := true;
	SELECT bool_and(a.holds) FILTER (WHERE axiom <> 'separation'), sum(a.violations) FILTER (WHERE axiom <> 'separation')
	INTO holds, violations FROM dml_verify_axioms('ax', 'item', triples => 20000) a;
END $$;
-- Every method that learns from labels.
SELECT name, trained, holds, violations FROM (SELECT m.name AS method FROM dml_methods m WHERE m.supervision LIKE '%label%' AND m.name <> 'auto' ORDER BY 1) m, LATERAL axioms(method) a
WHERE NOT trained OR NOT holds OR violations > 0;
SELECT count(*) > 10 AS methods FROM dml_model_versions WHERE model = 'ax';

-- Of one model in full.
SELECT version > 0 AS trained FROM dml_train('ax', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT * FROM dml_verify_axioms('ax', 'item');
SELECT axiom, checked FROM dml_verify_axioms('ax', 'item', max_rows => 10, triples => 100, seed => 3) WHERE axiom <> 'separation';
-- A map that drops a feature does not separate rows that differ in it alone: a pseudometric, which it says.
SELECT version > 0 AS trained FROM dml_train('ax', 'SELECT ARRAY[x[1], 5] AS x, class FROM item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT axiom, holds, violations > 0 AS violated FROM dml_verify_axioms('ax', 'SELECT ARRAY[1, id] AS x FROM item');
-- One row: nothing to compare it with.
SELECT axiom, holds, checked FROM dml_verify_axioms('ax', 'SELECT ''{1,5}''::real[] AS x');

-- Each operator.  <-> and <+> are metrics, the angle of <=> is, <#> promises symmetry alone.
CREATE TABLE v AS SELECT id, ('[' || x[1] || ',' || x[2] || ',' || x[3] || ',' || x[4] || ']')::dml_vector AS a FROM item WHERE id <= 40;
SELECT bool_and(p.a <-> p.a = 0) AS l2, bool_and(p.a <+> p.a = 0) AS l1, bool_and(abs(p.a <=> p.a) < 1e-6) AS cosine FROM v p;
SELECT bool_and((p.a <-> q.a) = (q.a <-> p.a) AND (p.a <-> q.a) > 0) AS l2, bool_and((p.a <+> q.a) = (q.a <+> p.a) AND (p.a <+> q.a) > 0) AS l1,
	bool_and((p.a <=> q.a) = (q.a <=> p.a) AND (p.a <=> q.a) >= 0) AS cosine, bool_and((p.a <#> q.a) = (q.a <#> p.a)) AS inner_product
FROM v p JOIN v q ON p.id <> q.id;
SELECT bool_and((p.a <-> r.a) <= ((p.a <-> q.a) + (q.a <-> r.a)) * (1 + 1e-6)) AS l2, bool_and((p.a <+> r.a) <= ((p.a <+> q.a) + (q.a <+> r.a)) * (1 + 1e-6)) AS l1,
	bool_and(acos(greatest(1 - (p.a <=> r.a), -1)) <= acos(greatest(least(1 - (p.a <=> q.a), 1), -1)) + acos(greatest(least(1 - (q.a <=> r.a), 1), -1)) + 1e-3) AS angle
FROM v p, v q, v r WHERE p.id <> r.id AND r.id % 3 = 0;
-- Raw input is at the distance of its embedding, on either side; dml_distance is the same number.
SELECT version > 0 AS trained FROM dml_train('ax', 'item', 'x', 'class', method => 'lda', options => '{"validation": 0}');
CREATE TABLE e AS SELECT id, x, dml_embed('ax', x) AS e FROM item;
SELECT bool_and((p.e <-> q.x) = (p.e <-> q.e)) AS raw, bool_and((q.x <-> p.e) = (p.e <-> q.e)) AS commuted, bool_and(dml_distance('ax', p.x, q.x) = (p.e <-> q.e)) AS function
FROM e p, e q WHERE q.id % 7 = 0;
-- The index orders by the same distances: exact search finds what the axioms hold for.
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

-- dml_explain: a linear metric's weights are the squared distances that one unit of a feature makes.
SELECT name, abs(w.weight - dml_distance('ax', '{0,0,0,0}'::real[], ARRAY[j = 1, j = 2, j = 3, j = 4]::int[]::real[]) ^ 2) < 1e-4 * w.weight AS right
FROM (SELECT *, row_number() OVER () AS j FROM dml_explain('ax') WHERE section = 'feature weight') w;
SELECT section, name, value FROM dml_explain('ax') WHERE section = 'model' AND name IN ('method', 'network', 'preprocessing', 'features', 'label', 'rows');
SELECT count(*) > 5 AS settings FROM dml_explain('ax') WHERE section = 'setting';
-- Of any network: a feature that it does not look at moves nothing, one that it does, does.
SELECT version > 0 AS trained FROM dml_train('ax', 'SELECT ARRAY[x[1], 5, x[2]] AS x, class FROM item', 'x', 'class', method => 'supcon', epochs => 2, options => '{"validation": 0}');
SELECT name, weight > 0 AS moves FROM dml_explain('ax', 'SELECT ARRAY[x[1], 5, x[2]] AS x FROM item') WHERE section = 'feature importance';
SET client_min_messages = notice;
SELECT count(*) FROM dml_explain('ax') WHERE section LIKE 'feature%';
SET client_min_messages = warning;
-- In units of the mean distance: of a distance of one feature alone, the mean move is about that.
SELECT version > 0 AS trained FROM dml_train('ax', 'item', 'sqrt(x[4] ^ 2)', 'class', method => 'lda', options => '{"validation": 0}');
SELECT name, weight BETWEEN 0.7 AND 1.3 AS about_one FROM dml_explain('ax', 'item', max_rows => 200) WHERE section = 'feature importance';
SELECT * FROM dml_explain('no_such_model');
SELECT * FROM dml_explain(NULL);
SELECT * FROM dml_explain('ax', 'item', max_rows => 1);
SELECT * FROM dml_explain('ax', 'item', 'x');
SELECT * FROM dml_verify_axioms('ax', 'item', 'x');
SELECT * FROM dml_verify_axioms('ax', NULL);
SELECT * FROM dml_verify_axioms('ax', 'item', triples => 0);
DROP SCHEMA axioms_test CASCADE;
SELECT dml_drop_model('ax');
