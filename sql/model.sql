-- The catalogue of models: versions, views, names, dropping, the session's cache.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA model_test;
SET search_path = model_test, public;
SET dml.notice_interval = 0;

CREATE TABLE point (a real, b real, x real[], class text);
INSERT INTO point SELECT a, b, ARRAY[a, b], class FROM (
	SELECT (i % 10 + 20 * (i / 50))::real AS a, ((i * 7) % 11)::real AS b, CASE i / 50 WHEN 0 THEN 'low' ELSE 'high' END AS class
	FROM generate_series(0, 99) i) p;
INSERT INTO point VALUES (NULL, 1, ARRAY[NULL, 1], 'low');

-- Versions count from 1; the name means the latest one.
SELECT model, version FROM dml_train('model_a', 'point', 'a, b', 'class', method => 'whiten', options => '{"validation": 0, "missing": "skip"}');
SELECT model, version FROM dml_train('model_a', 'point', 'x', 'class', method => 'pca', dims => 1, seed => 3, options => '{"validation": 0}');
SELECT model, owner = current_user AS mine, active, method, network, inputs, dims, metric, created <= now() AS created
FROM dml_models WHERE model LIKE 'model%';
SELECT model, version, active, method, asked_method, inputs, columns, dims, source, features, label, rows, skipped, classes, epochs, seed,
	space ~ '^[0-9a-f]{16}$' AS space, weight_bytes > 100 AS weights, library_version
FROM dml_model_versions WHERE model = 'model_a' ORDER BY version;
SELECT settings->'dims' AS dims, settings->'seed' AS seed, jsonb_typeof(history) AS history, jsonb_typeof(candidates) AS candidates
FROM dml_model_versions WHERE model = 'model_a' ORDER BY version;

-- The space is the hash of the weights: equal training gives an equal space.
SELECT version FROM dml_train('model_b', 'point', 'a, b', 'class', method => 'whiten', options => '{"validation": 0, "missing": "skip"}');
SELECT a.space = b.space AS same_function, a.space = c.space AS other_function
FROM dml_model_versions a, dml_model_versions b, dml_model_versions c
WHERE (a.model, a.version, b.model, b.version, c.model, c.version) = ('model_a', 1, 'model_b', 1, 'model_a', 2);

-- The weights are a safetensors file, which begins with the length of its header.
SELECT get_byte(w, 0) + 256 * get_byte(w, 1) + 8 < length(w) AS header_fits, substring(w FROM 9 FOR 1) = '{' AS header,
	convert_from(substring(w FROM 9 FOR get_byte(w, 0) + 256 * get_byte(w, 1)), 'UTF8')::json->'__metadata__'->>'format' AS format
FROM dml_weights('model_a') w;
SELECT dml_weights('model_a@1') = dml_weights('model_b') AS same, dml_weights('model_a@1') = dml_weights('model_a') AS other;
SELECT substring(sha256(dml_weights('model_a')) FOR 8) = decode(space, 'hex') AS space_is_hash
FROM dml_model_versions WHERE model = 'model_a' AND active;

-- The active version.
SELECT dml_dims(dml_embed('model_a', 1, 2)), dml_dims(dml_embed('model_a@1', 1, 2)), dml_dims(dml_embed('model_a@2', 1, 2));
SELECT dml_activate('model_a', 1);
SELECT dml_dims(dml_embed('model_a', 1, 2));
SELECT model, version, active FROM dml_model_versions WHERE model = 'model_a' ORDER BY version;
SELECT dml_activate('model_a', 2);

-- Names.
SELECT dml_embed('model_c', 1, 2);
SELECT dml_embed('modell_a', 1, 2);
SELECT dml_embed('model_a@3', 1, 2);
SELECT dml_embed('model_a@0', 1, 2);
SELECT dml_embed('model_a@-1', 1, 2);
SELECT dml_embed('model_a@', 1, 2);
SELECT dml_embed('model_a@1x', 1, 2);
SELECT dml_embed('model_a@99999999999', 1, 2);
SELECT dml_embed('model_a@99999999999999999999', 1, 2);
-- (the hint lists models of other tests)
\set VERBOSITY terse
SELECT dml_embed('', 1, 2);
SELECT dml_embed(repeat('m', 100), 1, 2);
\set VERBOSITY default
SELECT dml_weights('model_a@3');
SELECT dml_weights('model_c');
SELECT dml_activate('model_a', 3);
SELECT dml_activate('model_c', 1);
SELECT dml_drop_model('model_c');
SELECT version FROM dml_train('model@3', 'point', 'a', 'class');
SELECT version FROM dml_train('', 'point', 'a', 'class');
SELECT version FROM dml_train(repeat('m', 64), 'point', 'a', 'class');
SELECT version FROM dml_train('Modèle "ä" '' \ ', 'point', 'a', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT dml_dims(dml_embed('Modèle "ä" '' \ @1', 1));
SELECT dml_embed('Modèle "ä" '' \', 1);
SELECT dml_drop_model('Modèle "ä" '' \ ');

-- A rolled-back training leaves nothing behind, and its number is used again.
BEGIN;
SELECT version FROM dml_train('model_b', 'point', 'x', 'class', method => 'pca', dims => 1, options => '{"validation": 0}');
SELECT dml_dims(dml_embed('model_b', 1, 2));
ROLLBACK;
SELECT dml_dims(dml_embed('model_b', 1, 2));
SELECT dml_embed('model_b@2', 1, 2);
BEGIN;
SAVEPOINT s;
SELECT version FROM dml_train('model_b', 'point', 'x', 'class', method => 'pca', dims => 1, options => '{"validation": 0}');
SELECT dml_embed('model_b', 1, 2) <-> dml_embed('model_b@1', 1, 2);
ROLLBACK TO s;
SELECT dml_dims(dml_embed('model_b', 1, 2));
SELECT version FROM dml_train('model_b', 'point', 'a', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT dml_dims(dml_embed('model_b', 1)), dml_dims(dml_embed('model_b@2', 1)), dml_dims(dml_embed('model_b@1', 1, 2));
COMMIT;
SELECT model, version, inputs FROM dml_model_versions WHERE model = 'model_b' ORDER BY version;

-- An equal function of other columns, made after a rollback, is another version to the cache.
SELECT version FROM dml_train('model_r', 'point', 'a', 'class', method => 'whiten', options => '{"validation": 0}');
BEGIN;
SELECT version FROM dml_train('model_r', 'point', 'a, b', 'class', method => 'whiten', options => '{"validation": 0, "missing": "skip"}');
SELECT dml_space(dml_embed('model_r', 1, 2)) AS space \gset
ROLLBACK;
SELECT version FROM dml_train('model_r', 'SELECT a AS c, b AS d, class FROM point', 'c, d', 'class', method => 'whiten', options => '{"validation": 0, "missing": "skip"}');
SELECT dml_space(dml_embed('model_r', 1, 2)) = :'space' AS same_function;
SELECT dml_embed('model_r', 1);
SELECT dml_drop_model('model_r');

-- A statement sees one version, and the next statement may see a newer one, also in PL/pgSQL and
-- prepared statements.
PREPARE dims AS SELECT dml_dims(dml_embed('model_b', 1, 2));
SELECT dml_activate('model_b', 1);
EXECUTE dims;
SELECT version FROM dml_train('model_b', 'point', 'x', 'class', method => 'pca', dims => 1, options => '{"validation": 0}');
EXECUTE dims;
SET client_min_messages = notice;
DO $$
BEGIN
	FOR v IN 1 .. 3 LOOP
		IF v <> 2 THEN
			PERFORM dml_activate('model_b', v);
			RAISE NOTICE 'version %: % dimensions', v, dml_dims(dml_embed('model_b', 1, 2));
		END IF;
	END LOOP;
END $$;
SET client_min_messages = warning;

-- Under a snapshot older than the training, the name still means the version of that time.
SELECT dml_activate('model_b', 1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dml_dims(dml_embed('model_b', 1, 2));
SELECT pg_current_xact_id_if_assigned() IS NULL AS reads_only;
COMMIT;

-- The cache is bounded; an evicted version is loaded again.
SELECT version FROM dml_train('model_wide', 'SELECT ARRAY(SELECT sin(i * j) FROM generate_series(1, 50) j)::real[] AS x, i % 3 AS c FROM generate_series(1, 60) i',
	'x', 'c', method => 'supcon', network => '512 relu, 64', epochs => 1, options => '{"validation": 0}');
-- PostgreSQL 13 does not show memory contexts, so nothing is checked there.
CREATE FUNCTION cached(expected text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text := expected;
BEGIN
	IF to_regclass('pg_catalog.pg_backend_memory_contexts') IS NOT NULL THEN
		EXECUTE $q$SELECT string_agg(ident, ', ' ORDER BY ident COLLATE "C") FROM pg_backend_memory_contexts WHERE name = 'dml model'$q$ INTO found;
	END IF;
	RETURN found;
END $$;
\c -
SET search_path = model_test, public;
SET client_min_messages = warning;
SELECT cached(NULL);
SELECT dml_dims(dml_embed('model_a', 1, 2)), dml_dims(dml_embed('model_wide', array_fill(1, ARRAY[50])));
SELECT cached('model_a, model_wide');
SET dml.model_cache = '200kB';
SELECT dml_dims(dml_embed('model_b', 1, 2));
SELECT cached('model_b');
SET dml.model_cache = 0;
SELECT dml_dims(dml_embed('model_wide', array_fill(1, ARRAY[50])));
SELECT cached('model_wide');
-- a version that a statement uses stays; one that a single row used is loaded again for another row
SELECT count(DISTINCT dml_embed(name, 1, 2)) FROM (SELECT CASE i % 2 WHEN 0 THEN 'model_a' ELSE 'model_b' END FROM generate_series(1, 100) i) n (name);
SELECT count(DISTINCT dml_embed(a, 1, 2)), count(DISTINCT dml_embed(b, 1, 2))
FROM (SELECT 'model_a', 'model_b' FROM generate_series(1, 100) i) n (a, b);
RESET dml.model_cache;

-- Only the functions change the catalogue. Dropping a model removes everything that belongs to it.
SELECT dml_grant('model_a', 'public', 'embed');
SELECT dml_drop_model('model_a');
SELECT count(*) FROM dml_model_versions WHERE model = 'model_a';
SELECT count(*) FROM dml_model_privileges WHERE model = 'model_a';
SELECT dml_embed('model_a', 1, 2);
SELECT version FROM dml_train('model_a', 'point', 'a', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT dml_drop_model(NULL) IS NULL, dml_activate('model_a', NULL) IS NULL, dml_weights(NULL) IS NULL;

-- Refused while a column uses the model, also after the column was renamed.
SELECT "column", dims FROM dml_materialize('point', 'embedding', 'model_b');
SELECT relation, "column", model, version, active FROM dml_columns WHERE model = 'model_b';
SELECT dml_drop_model('model_b');
ALTER TABLE point RENAME COLUMN embedding TO "Renamed";
ALTER TABLE point RENAME TO spot;
SELECT dml_drop_model('model_b');
DROP TABLE spot;
SELECT dml_drop_model('model_b');
SELECT count(*) FROM dml_columns WHERE model = 'model_b';

-- pg_restore -j fills the tables of the catalogue in any order, which foreign keys would not allow.
SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'dml_catalog'::regnamespace;
SELECT c::regclass, u.filter FROM pg_extension e, unnest(extconfig, extcondition) u (c, filter)
WHERE extname = 'dml' ORDER BY c::regclass::text COLLATE "C";

-- No function writes on a standby or in a read-only transaction.
BEGIN READ ONLY;
SELECT dml_drop_model('model_a');
ROLLBACK;
BEGIN READ ONLY;
SELECT dml_activate('model_a', 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT dml_dims(dml_embed('model_a', 1));
COMMIT;

-- VACUUM FULL moves rows to places of other rows of their transaction: the cache also compares
-- model and version.
CREATE TABLE moved AS SELECT ARRAY[i, i % 7, i % 3]::real[] AS x, i % 3 AS class FROM generate_series(1, 90) i;
BEGIN;
SELECT version FROM dml_train('model_moved1', 'SELECT class, ARRAY[x[1], x[2]] AS x FROM moved', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('model_moved2', 'SELECT class, ARRAY[x[2], x[3]] AS x FROM moved', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('model_moved2', 'SELECT class, ARRAY[x[1], x[3]] AS x FROM moved', 'x', 'class', method => 'lda', options => '{"validation": 0}');
SELECT version FROM dml_train('model_moved3', 'SELECT class, ARRAY[x[3], x[2]] AS x FROM moved', 'x', 'class', method => 'lda', options => '{"validation": 0}');
COMMIT;
CREATE TABLE before_moving AS SELECT m, dml_embed(m, ARRAY[1, 2]::real[]) AS e FROM unnest(ARRAY['model_moved1', 'model_moved2@1', 'model_moved2@2', 'model_moved3']) m;
SELECT count(DISTINCT e) FROM before_moving;
SELECT dml_drop_model('model_moved1');
VACUUM FULL dml_catalog.version;
SELECT m, dml_embed(m, ARRAY[1, 2]::real[]) = e AS same FROM before_moving WHERE m <> 'model_moved1' ORDER BY m;
DELETE FROM dml_catalog.version WHERE number = 1 AND model_id = (SELECT id FROM dml_catalog.model WHERE name = 'model_moved2');
CLUSTER dml_catalog.version USING version_pkey;
SELECT m, dml_embed(m, ARRAY[1, 2]::real[]) = e AS same FROM before_moving WHERE m IN ('model_moved2@2', 'model_moved3') ORDER BY m;
SELECT dml_drop_model('model_moved2'), dml_drop_model('model_moved3');

-- Methods.
SELECT name, kind, supervision, paper IS NOT NULL AS has_paper FROM dml_methods WHERE kind <> 'gradient';
SELECT count(*) >= 11 AS gradients, count(*) = count(description) AS described, count(*) = count(paper) AS cited FROM dml_methods WHERE kind = 'gradient';

-- Every object of the catalogue, of embedding and of raw input has a comment.
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend d
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dml') AND deptype = 'e'
	AND (classid = 'pg_namespace'::regclass
		OR EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v'))
		OR EXISTS (SELECT FROM pg_proc p WHERE p.oid = d.objid AND d.classid = 'pg_proc'::regclass AND p.proname !~ '^dml_(vector|scalar)')
		OR EXISTS (SELECT FROM pg_operator o WHERE o.oid = d.objid AND d.classid = 'pg_operator'::regclass AND o.oprcode::text ~ 'raw'))
	AND obj_description(objid, classid::regclass::name) IS NULL
ORDER BY 1;

SELECT dml_drop_model('model_a');
SELECT dml_drop_model('model_wide');
DROP SCHEMA model_test CASCADE;
