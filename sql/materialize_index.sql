-- A materialised column with an index moves to another version, and the index with it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA mat_index;
SET search_path = mat_index, public;
SET enable_seqscan = off;
CREATE TABLE photo AS
SELECT i AS id, ARRAY[i % 7, i % 3 + sin(i), (i * i) % 5]::real[] AS pixels, i % 3 AS class FROM generate_series(1, 300) i;
RESET client_min_messages;
-- Rows whose column differs from dml_embed's result.
CREATE FUNCTION stale(relation regclass, model text, "column" text DEFAULT 'embedding') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s WHERE %I IS DISTINCT FROM dml_embed(%L, pixels)', relation, "column", model) INTO result;
	RETURN result;
END $$;
-- The dml indexes of a table; an error if one is damaged or does not agree with its table.
CREATE FUNCTION indexes(relation regclass) RETURNS TABLE (index text, valid boolean, dims integer) LANGUAGE plpgsql AS $$
DECLARE
	found regclass;
BEGIN
	FOR found IN SELECT c.oid FROM pg_class c JOIN pg_am m ON m.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid
		WHERE m.amname = 'dml' AND c.relkind = 'i'
			AND i.indrelid IN (SELECT relation UNION SELECT relid FROM pg_partition_tree(relation))
		ORDER BY c.relname
	LOOP
		PERFORM dml_index_check(found, true);
		SELECT found::text, indisvalid AND indisready INTO index, valid FROM pg_index WHERE indexrelid = found;
		SELECT s.dims INTO dims FROM dml_index_stats(found) s;
		RETURN NEXT;
	END LOOP;
END $$;
-- The number of nearest rows that differ between the index and a scan.
CREATE FUNCTION differ(relation regclass, "column" text DEFAULT 'embedding') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT array_agg(d ORDER BY d) FROM (SELECT %1$I <-> ''{3,1,2}''::real[] AS d FROM %2$s WHERE %1$I IS NOT NULL ORDER BY %1$I <-> ''{3,1,2}''::real[] LIMIT 20) s', "column", relation);
	found double precision[];
	right_ones double precision[];
BEGIN
	SET LOCAL dml.recall = 1;
	EXECUTE query INTO found;
	SET LOCAL enable_indexscan = off;
	SET LOCAL enable_seqscan = on;
	EXECUTE query INTO right_ones;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	RETURN (SELECT count(*) FROM unnest(found, right_ones) AS u (f, r) WHERE f IS DISTINCT FROM r);
END $$;

-- The steps of the README, twice: the second model has as many dimensions.
SELECT version, dims FROM dml_train('mat_index', 'photo', features => 'pixels', label => 'class', method => 'whiten');
SELECT version, dims, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index', features => 'pixels');
CREATE INDEX ON photo USING dml (embedding);
SELECT id FROM photo ORDER BY embedding <-> (SELECT pixels FROM photo WHERE id = 1), id LIMIT 1;
SELECT version, dims FROM dml_train('mat_index', 'photo', features => 'pixels', label => 'class', method => 'nca', options => '{"dims": 3, "epochs": 5}');
SELECT version, dims, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index', features => 'pixels');
SELECT id FROM photo ORDER BY embedding <-> (SELECT pixels FROM photo WHERE id = 1), id LIMIT 1;
SELECT stale('photo', 'mat_index@2'), differ('photo');
SELECT * FROM indexes('photo');
INSERT INTO photo VALUES (1000, '{1,2,3}', 0);
UPDATE photo SET pixels = '{3,2,1}' WHERE id = 7;
DELETE FROM photo WHERE id = 8;
VACUUM photo;
SELECT stale('photo', 'mat_index@2'), differ('photo');
SELECT * FROM indexes('photo');
-- called again with nothing to do, and with refresh
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index');
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index', refresh => true);

-- Several indexes: partial, with further columns, over an expression, of other access methods; and
-- one on another column.
ALTER TABLE photo ADD other dml_vector(2);
UPDATE photo SET other = ARRAY[id, class]::real[]::dml_vector;
CREATE INDEX photo_partial ON photo USING dml (embedding) WHERE class = 1;
CREATE INDEX photo_within ON photo USING dml (other) WHERE embedding IS NOT NULL;
CREATE INDEX photo_further ON photo USING dml (embedding dml_cosine_ops, class, id);
CREATE INDEX photo_typed ON photo USING dml ((embedding::dml_vector(3)));
CREATE INDEX photo_plain ON photo USING dml ((embedding::real[]::dml_vector));
CREATE INDEX photo_btree ON photo (embedding);
CREATE INDEX photo_hash ON photo USING hash (embedding);
COMMENT ON INDEX photo_partial IS 'stays';
ALTER INDEX photo_partial SET (recall = 0.9);
CREATE TEMP TABLE before AS SELECT indexrelid, relfilenode FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'photo'::regclass;
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@1');
SELECT stale('photo', 'mat_index@1'), differ('photo');
SELECT * FROM indexes('photo');
SELECT id FROM photo ORDER BY other <-> '[30,0]', id LIMIT 1;
SELECT indexrelid::regclass AS rebuilt FROM before JOIN pg_class c ON c.oid = indexrelid WHERE c.relfilenode <> before.relfilenode ORDER BY 1;
SELECT obj_description('photo_partial'::regclass), reloptions FROM pg_class WHERE oid = 'photo_partial'::regclass;
INSERT INTO photo (id, pixels, class) VALUES (1001, '{1,2,3}', 1);
SELECT id FROM photo ORDER BY embedding <-> '{1,2,3}'::real[], id LIMIT 1;
DROP INDEX photo_typed;

-- Another number of dimensions and back. The index follows, and so does one over an expression
-- without a number.
SELECT version, dims FROM dml_train('mat_index', 'photo', features => 'pixels', label => 'class', method => 'pca', dims => 2);
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index');
SELECT stale('photo', 'mat_index@3'), differ('photo');
SELECT * FROM indexes('photo');
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@2');
SELECT stale('photo', 'mat_index@2'), differ('photo');
SELECT * FROM indexes('photo');
DROP INDEX photo_plain, photo_further, photo_btree, photo_hash;

-- Rolled back, wholly or to a savepoint; an error in the middle.
BEGIN;
SAVEPOINT s;
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@1');
SELECT stale('photo', 'mat_index@1'), differ('photo');
INSERT INTO photo (id, pixels, class) VALUES (1002, '{2,2,3}', 1);
ROLLBACK TO s;
SELECT stale('photo', 'mat_index@2'), differ('photo');
COMMIT;
BEGIN;
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@1');
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@2');
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@3');
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@1');
SELECT stale('photo', 'mat_index@1'), differ('photo');
ROLLBACK;
SELECT stale('photo', 'mat_index@2'), differ('photo');
INSERT INTO photo (id, pixels, class) VALUES (1003, '{2,NULL,3}', 1);
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@1');
ALTER TABLE photo ADD CONSTRAINT not_one CHECK (class <> 2 OR dml_dims(embedding) <> 2);
\set VERBOSITY terse
SELECT version, embedded FROM dml_materialize('photo', 'embedding', model => 'mat_index@3');
\set VERBOSITY default
SELECT stale('photo', 'mat_index@1'), differ('photo');
SELECT * FROM indexes('photo');

-- A column of any number of dimensions; one that holds plain vectors; one that is all NULL.
CREATE TABLE loose (id int, pixels real[], embedding dml_vector, plain dml_vector(3) NOT NULL);
INSERT INTO loose SELECT id, pixels, NULL, pixels::dml_vector FROM photo WHERE id <= 300;
CREATE INDEX loose_e ON loose USING dml (embedding);
CREATE INDEX loose_p ON loose USING dml (plain);
SELECT version, embedded FROM dml_materialize('loose', 'embedding', 'mat_index@1', 'pixels');
SELECT version, embedded FROM dml_materialize('loose', 'embedding', 'mat_index@2');
SELECT version, embedded FROM dml_materialize('loose', 'embedding', 'mat_index@3');
SELECT version, embedded FROM dml_materialize('loose', 'plain', 'mat_index@2', 'pixels');
SELECT version, embedded FROM dml_materialize('loose', 'plain', 'mat_index@3');
SELECT stale('loose', 'mat_index@3'), stale('loose', 'mat_index@3', 'plain'), differ('loose'), differ('loose', 'plain');
SELECT * FROM indexes('loose');
-- an index for a fixed number of dimensions keeps it
CREATE INDEX loose_typed ON loose USING dml ((embedding::dml_vector(2)));
SELECT version, embedded FROM dml_materialize('loose', 'embedding', 'mat_index@1');
DROP INDEX loose_typed;
-- rows that were written while the trigger was disabled
TRUNCATE loose;
ALTER TABLE loose DISABLE TRIGGER USER;
INSERT INTO loose VALUES (1, '{1,2,3}', '[1,2,3]', '[1,2]'), (2, '{1,2,4}', '[1,2,3]', '[1,2]');
ALTER TABLE loose ENABLE ALWAYS TRIGGER zz_dml_embedding;
ALTER TABLE loose ENABLE ALWAYS TRIGGER zz_dml_plain;
SELECT version, embedded FROM dml_materialize('loose', 'embedding', 'mat_index@3', refresh => true);
SELECT version, embedded FROM dml_materialize('loose', 'plain', 'mat_index@3', refresh => true);
SELECT stale('loose', 'mat_index@3'), stale('loose', 'mat_index@3', 'plain');
SELECT * FROM indexes('loose');

-- Partitions, also one that comes with rows and an index of its own; child tables.
CREATE TABLE part (id int, pixels real[]) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
CREATE TABLE part_2 (junk text, pixels real[], id int);
ALTER TABLE part_2 DROP COLUMN junk;
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (100) TO (200);
INSERT INTO part SELECT id, pixels FROM photo WHERE id < 200;
SELECT embedded FROM dml_materialize('part', 'embedding', 'mat_index@1', 'pixels');
CREATE INDEX part_e ON part USING dml (embedding);
SELECT embedded FROM dml_materialize('part', 'embedding', 'mat_index@2');
SELECT stale('part', 'mat_index@2'), differ('part');
SELECT * FROM indexes('part');
CREATE TABLE part_3 AS SELECT id, pixels, dml_embed('mat_index@1', pixels)::dml_vector(3) AS embedding FROM photo WHERE id BETWEEN 200 AND 300;
CREATE INDEX part_3_e ON part_3 USING dml (embedding);
ALTER TABLE part ATTACH PARTITION part_3 FOR VALUES FROM (200) TO (301);
SELECT embedded FROM dml_materialize('part', 'embedding', 'mat_index@2');
SELECT stale('part', 'mat_index@2'), differ('part');
SELECT * FROM indexes('part');
SELECT embedded FROM dml_materialize('part', 'embedding', 'mat_index@3');
SELECT stale('part', 'mat_index@3'), differ('part');
SELECT * FROM indexes('part');
SELECT indisvalid FROM pg_index WHERE indexrelid = 'part_e'::regclass;
CREATE TABLE parent (id int, pixels real[]);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT id, pixels FROM photo WHERE id <= 50;
INSERT INTO child SELECT id, pixels FROM photo WHERE id > 50;
SELECT embedded FROM dml_materialize('parent', 'embedding', 'mat_index@1', 'pixels');
CREATE INDEX child_e ON child USING dml (embedding);
SELECT embedded FROM dml_materialize('parent', 'embedding', 'mat_index@2');
SELECT stale('parent', 'mat_index@2'), stale('child', 'mat_index@2');
SELECT * FROM indexes('child');

SET client_min_messages = warning;
DROP SCHEMA mat_index CASCADE;
SELECT dml_drop_model('mat_index');
