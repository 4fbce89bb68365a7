-- Operators between a dml_vector and raw input.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA raw_test;
SET search_path = raw_test, public;
SET dml.notice_interval = 0;

CREATE TABLE point (id int PRIMARY KEY, x real[], class int);
INSERT INTO point SELECT i, ARRAY[i % 7, (i * 3) % 5, i % 2], i % 3 FROM generate_series(1, 60) i;
SELECT version FROM dml_train('raw_m', 'point', 'x', 'class', method => 'supcon', network => '8 relu, 4', epochs => 2, options => '{"validation": 0}');
ALTER TABLE point ADD e dml_vector;
UPDATE point SET e = dml_embed('raw_m', x);

-- Each operator equals that between embeddings, on both sides, for both types of array.
SELECT bool_and((e <-> q) = (e <-> v) AND (q <-> e) = (v <-> e)) AS l2, bool_and((e <=> q) = (e <=> v) AND (q <=> e) = (v <=> e)) AS cosine,
	bool_and((e <#> q) = (e <#> v) AND (q <#> e) = (v <#> e)) AS inner_product, bool_and((e <+> q) = (e <+> v) AND (q <+> e) = (v <+> e)) AS l1
FROM point, (SELECT '{1,2,0.5}'::real[], dml_embed('raw_m', ARRAY[1, 2, 0.5])) q (q, v);
SELECT bool_and((e <-> q) = (e <-> v) AND (q <-> e) = (v <-> e)) AS l2, bool_and((e <=> q) = (e <=> v) AND (q <=> e) = (v <=> e)) AS cosine,
	bool_and((e <#> q) = (e <#> v) AND (q <#> e) = (v <#> e)) AS inner_product, bool_and((e <+> q) = (e <+> v) AND (q <+> e) = (v <+> e)) AS l1
FROM point, (SELECT '{1,2,0.5}'::float8[], dml_embed('raw_m', ARRAY[1, 2, 0.5])) q (q, v);
SELECT bool_and((e <-> i) = (e <-> v) AND (i <-> e) = (v <-> e) AND (e <=> s) = (e <=> v) AND (s <#> e) = (v <#> e) AND (e <+> b) = (e <+> v) AND (e <-> n) = (e <-> v)) AS of_other_numbers
FROM point, (SELECT '{1,2,1}'::int[], '{1,2,1}'::smallint[], '{1,2,1}'::bigint[], '{1,2,1}'::numeric[], dml_embed('raw_m', ARRAY[1, 2, 1])) q (i, s, b, n, v);
SELECT oprname, oprleft::regtype, oprright::regtype, oprcom <> 0 AS commutator FROM pg_operator
WHERE oprcode::text LIKE '%dml_raw%' ORDER BY oprname COLLATE "C", 2, 3;
SELECT bool_and(c.oprleft = o.oprright AND c.oprright = o.oprleft AND c.oprname = o.oprname AND c.oprcom = o.oid) AS commute
FROM pg_operator o JOIN pg_operator c ON c.oid = o.oprcom WHERE o.oprcode::text LIKE '%dml_raw%';

-- With a plain vector the array is used as it is.
SELECT '[3,0]'::dml_vector <-> '{0,4}'::real[] AS l2, '[3,0]'::dml_vector <=> '{0,4}'::float8[] AS cosine,
	'{3,0}'::real[] <#> '[1,4]'::dml_vector AS negative_inner_product, '{3,0}'::float8[] <+> '[0,4]'::dml_vector AS l1;
SELECT '[3,0]'::dml_vector <-> '{0,4,5}'::real[];

-- Search. The order of equal distances is by id.
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM point ORDER BY e <-> dml_embed('raw_m', ARRAY[1, 2, 0]), id LIMIT 5) t) AS same
FROM (SELECT id FROM point ORDER BY e <-> '{1,2,0}'::real[], id LIMIT 5) t;
PREPARE nearest(real[]) AS SELECT array_agg(id) FROM (SELECT id FROM point ORDER BY e <-> $1, id LIMIT 1) t;
EXECUTE nearest('{1,3,1}');
EXECUTE nearest('{2,1,0}');
EXPLAIN (COSTS OFF) SELECT id FROM point ORDER BY e <-> '{1,2,0}'::real[] LIMIT 5;

-- Stable, so that a parameter needs no new plan; safe in workers.
SELECT p.proname, p.provolatile, p.proparallel, p.proisstrict, count(*) FROM pg_proc p WHERE p.proname LIKE 'dml\_raw%' GROUP BY 1, 2, 3, 4 ORDER BY 1;
-- In a join, each outer row is a new query.
SELECT count(*) AS wrong FROM point p, point q WHERE (p.e <-> q.x) <> (p.e <-> q.e);
SELECT count(*) AS wrong FROM point p, point q WHERE (q.x <-> p.e) <> (p.e <-> q.e);

-- An embedding belongs to the version that made it, whatever the name means by now.
SELECT version FROM dml_train('raw_m', 'point', 'x', 'class', method => 'pca', dims => 2, options => '{"validation": 0}');
EXECUTE nearest('{1,3,1}');
SELECT count(*) AS wrong FROM point WHERE (e <-> x) <> 0;
-- Rows of two versions in one column: each row uses its own version.
UPDATE point SET e = dml_embed('raw_m', x) WHERE id % 2 = 0;
SELECT count(*) AS wrong FROM point WHERE (e <-> x) <> 0;
UPDATE point SET e = dml_embed('raw_m@1', x);

-- Refused.
SELECT e <-> '{1,2}'::real[] FROM point LIMIT 1;
SELECT e <-> '{}'::real[] FROM point LIMIT 1;
SELECT e <-> '{1,2,NULL}'::real[] FROM point LIMIT 1;
SELECT e <-> '{1,2,NaN}'::real[] FROM point LIMIT 1;
SELECT '{1,2,Infinity}'::float8[] <-> e FROM point LIMIT 1;
SELECT e <-> '{{1,2,3}}'::real[] FROM point LIMIT 1;
SELECT e <-> '{1,2,1e39}'::float8[] FROM point LIMIT 1;
SELECT (e <-> NULL::real[]) IS NULL AS left_null, (NULL::real[] <-> NULL::dml_vector) IS NULL AS both_null FROM point LIMIT 1;
SELECT '[1,2]@00000000000000ff'::dml_vector <-> '{1,2}'::real[];
-- After an error, the next call is right.
CREATE FUNCTION try(v dml_vector, q real[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN round((v <-> q)::numeric, 3);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT try(e, q) FROM (SELECT e, x FROM point WHERE id = 7) p, LATERAL (VALUES (1, x), (2, '{1,2}'), (3, x), (4, '{1,2,NaN}'), (5, x)) q (i, q) ORDER BY i;

-- The right to embed is checked for each user, also if PL/pgSQL keeps the call site.
CREATE ROLE regress_dml_raw;
GRANT USAGE ON SCHEMA raw_test TO regress_dml_raw;
GRANT SELECT ON point TO regress_dml_raw;
BEGIN;
SELECT try(e, x) FROM point WHERE id = 7;
SET LOCAL ROLE regress_dml_raw;
SELECT try(e, x) FROM point WHERE id = 7;
RESET ROLE;
SELECT dml_grant('raw_m', 'regress_dml_raw', 'embed');
SET LOCAL ROLE regress_dml_raw;
SELECT try(e, x) FROM point WHERE id = 7;
RESET ROLE;
SELECT dml_revoke('raw_m', 'regress_dml_raw', 'embed');
SET LOCAL ROLE regress_dml_raw;
SELECT try(e, x) FROM point WHERE id = 7;
COMMIT;

SELECT dml_drop_model('raw_m');
SELECT try(e, x) FROM point WHERE id = 7;
DROP OWNED BY regress_dml_raw;
DROP ROLE regress_dml_raw;
DROP SCHEMA raw_test CASCADE;
