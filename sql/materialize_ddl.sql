-- Materialised columns: tables of every kind, and the effect of DDL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA mat_ddl;
SET search_path = mat_ddl, public;
CREATE TABLE base AS
SELECT i AS id, ARRAY[i % 7, i % 3 + sin(i), (i * i) % 5]::real[] AS x, i % 3 AS class FROM generate_series(1, 100) i;
SELECT version FROM dml_train('mat_ddl', 'base', 'x', 'class', method => 'whiten');
SELECT version FROM dml_train('mat_ddl', 'base', 'x', 'class', method => 'lda');
SELECT version FROM dml_train('mat_ddl_columns', 'SELECT x[1] AS a, x[2] AS b, x[3] AS c, class FROM base', 'a, b, c', 'class', method => 'whiten');
RESET client_min_messages;
CREATE FUNCTION stale(relation regclass, "column" text DEFAULT 'e', features text DEFAULT 'x', model text DEFAULT 'mat_ddl@1') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s WHERE %I IS DISTINCT FROM dml_embed(%L, %s)', relation, "column", model, features) INTO result;
	RETURN result;
END $$;

-- Renamed: table, schema, column, feature.
CREATE TABLE t AS SELECT id, x FROM base;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ALTER TABLE t RENAME TO u;
ALTER TABLE u RENAME COLUMN x TO y;
ALTER TABLE u RENAME COLUMN e TO f;
CREATE SCHEMA mat_ddl_other;
ALTER TABLE u SET SCHEMA mat_ddl_other;
SELECT relation, "column", kept_fresh FROM dml_columns;
ALTER TABLE mat_ddl_other.u SET SCHEMA mat_ddl;
INSERT INTO u VALUES (1000, '{1,2,3}');
INSERT INTO u VALUES (1001, '{1,2}');
INSERT INTO u VALUES (1001, '{1,2,NaN}');
SELECT stale('u', 'f', 'y');
-- the model is in use by the column under its new name
SELECT dml_drop_model('mat_ddl');
-- the old name can be given to another column
SELECT embedded FROM dml_materialize('u', 'e', 'mat_ddl@2', 'y');
SELECT relation, "column", version, kept_fresh, features FROM dml_columns ORDER BY 2;
INSERT INTO u VALUES (1002, '{1,2,3}');
SELECT stale('u', 'f', 'y'), stale('u', 'e', 'y', 'mat_ddl@2');
SELECT rows, embedded FROM dml_materialize('u', 'f', 'mat_ddl@1');
SELECT relation, "column", version, kept_fresh, features FROM dml_columns ORDER BY 2;
-- a trigger of the user has the name that ours would get
CREATE TRIGGER zz_dml_g BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT embedded FROM dml_materialize('u', 'g', 'mat_ddl@1', 'y');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'u'::regclass ORDER BY 1;

-- A feature's column cannot be dropped or retyped while an embedding is made from it.
ALTER TABLE u DROP COLUMN y;
ALTER TABLE u ALTER COLUMN y TYPE double precision[];
SELECT dml_dematerialize('u', 'e'), dml_dematerialize('u', 'g'), dml_dematerialize('u', 'f', drop_column => false);
ALTER TABLE u ALTER COLUMN y TYPE double precision[];
SELECT embedded FROM dml_materialize('u', 'f', 'mat_ddl@1', 'y');
-- CASCADE drops the trigger: the column stays, and the view says that nothing keeps it fresh
ALTER TABLE u DROP COLUMN y CASCADE;
SELECT relation, "column", kept_fresh FROM dml_columns;
SELECT dml_dematerialize('u', 'f');
SELECT * FROM dml_columns;
-- A dropped column or table takes its record along.
ALTER TABLE u ADD y real[];
SELECT embedded FROM dml_materialize('u', 'f', 'mat_ddl@1', 'y');
ALTER TABLE u DROP COLUMN f;
ALTER TABLE u DROP COLUMN f CASCADE;
SELECT * FROM dml_columns;
INSERT INTO u VALUES (1003, '{1,2,3}');
SELECT embedded FROM dml_materialize('u', 'f', 'mat_ddl@1', 'y');
DROP TABLE u;
SELECT * FROM dml_columns;
-- The column's type is changed by hand.
CREATE TABLE t AS SELECT id, x FROM base;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ALTER TABLE t ALTER COLUMN e TYPE text;
DROP TRIGGER zz_dml_e ON t;
ALTER TABLE t ALTER COLUMN e TYPE text;
SELECT * FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
SELECT dml_dematerialize('t', 'e');
DROP TABLE t;

-- A new column with a dropped one's name is not materialised.
CREATE TABLE t AS SELECT id, x FROM base;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ALTER TABLE t DROP COLUMN e CASCADE;
ALTER TABLE t ADD COLUMN e text DEFAULT 'mine';
SELECT * FROM dml_columns;
SELECT dml_dematerialize('t', 'e');
SELECT e, count(*) FROM t GROUP BY 1;
SELECT dml_dematerialize('t', 'e');
ALTER TABLE t DROP COLUMN e;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ALTER TABLE t DROP COLUMN e CASCADE;
ALTER TABLE t ADD COLUMN e dml_vector DEFAULT '[1]';
SELECT * FROM dml_columns;
SELECT dml_dematerialize('t', 'e');
SELECT e, count(*) FROM t GROUP BY 1;
ALTER TABLE t DROP COLUMN e;
-- Two columns that exchanged their names.
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ALTER TABLE t ADD COLUMN f dml_vector DEFAULT '[1]';
DROP TRIGGER zz_dml_e ON t;
ALTER TABLE t RENAME COLUMN e TO g;
ALTER TABLE t RENAME COLUMN f TO e;
ALTER TABLE t RENAME COLUMN g TO f;
SELECT relation, "column", kept_fresh FROM dml_columns;
SELECT dml_dematerialize('t', 'e');
SELECT dml_dematerialize('t', 'f');
SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
ALTER TABLE t DROP COLUMN e;
-- Stale records do not keep a model from being dropped. The next record of the table removes them.
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@2', 'x');
ALTER TABLE t DROP COLUMN e CASCADE;
SELECT count(*) FROM dml_catalog.column_info;
SELECT embedded FROM dml_materialize('t', 'f', 'mat_ddl@1', 'x');
SELECT place FROM dml_catalog.column_info;
-- The record's text, as in a dump: it is looked up when it is read, and is empty if the name leads
-- nowhere.
CREATE TABLE "odd "".Table" ("E." dml_vector);
SELECT dml_catalog.column_of('"odd "".Table"', 1::smallint), dml_catalog.column_of('t', 77::smallint), dml_catalog.column_of('t', 1::smallint);
SELECT dml_catalog.column_table(c::dml_catalog.stored_column), dml_catalog.column_number(c::dml_catalog.stored_column)
FROM unnest(ARRAY['mat_ddl."odd "".Table"."E."', '-', 'mat_ddl.t.nothing', 'mat_ddl.no_table.e', 'no_schema.t.e', 'mat_ddl.t.id']) c;
SELECT 't.e'::dml_catalog.stored_column;
DROP TABLE "odd "".Table";
DROP TABLE t;
-- Rolled back, wholly or to a savepoint.
CREATE TABLE t AS SELECT id, x FROM base;
BEGIN;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ROLLBACK;
SELECT count(*) AS columns FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0;
BEGIN;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
SAVEPOINT s;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_ddl@2', 'x');
ROLLBACK TO s;
INSERT INTO t VALUES (1000, '{1,2,3}');
COMMIT;
SELECT stale('t');
BEGIN READ ONLY;
SELECT * FROM dml_materialize('t', 'e', 'mat_ddl@1', 'x');
ROLLBACK;
-- REPEATABLE READ: the table may have changed after the snapshot.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM t;
SELECT embedded FROM dml_materialize('t', 'e2', 'mat_ddl@1', 'x');
COMMIT;
SELECT stale('t', 'e2');

-- Constraints, indexes, generated columns.
CREATE TABLE c (id int PRIMARY KEY, x real[] NOT NULL, doubled int GENERATED ALWAYS AS (id * 2) STORED, CHECK (id > 0));
INSERT INTO c SELECT id, x FROM base;
CREATE INDEX ON c (doubled);
CREATE INDEX ON c ((x[1]));
SELECT embedded FROM dml_materialize('c', 'e', 'mat_ddl@1', 'x');
CREATE INDEX ON c (e);
ALTER TABLE c ADD CHECK (dml_dims(e) IN (2, 3));
SELECT embedded FROM dml_materialize('c', 'e', 'mat_ddl@2');
SELECT embedded FROM dml_materialize('c', 'e', 'mat_ddl@1');
SELECT stale('c'), sum(doubled) FROM c;
SET enable_seqscan = off;
SELECT count(*) FROM c WHERE doubled = 20;
SELECT count(*) FROM c c1 JOIN c c2 USING (e) WHERE c1.id = 7;
RESET enable_seqscan;
ALTER TABLE c ADD CONSTRAINT not_two CHECK (dml_dims(e) <> 2);
\set VERBOSITY terse
SELECT embedded FROM dml_materialize('c', 'e', 'mat_ddl@2');
\set VERBOSITY default
SELECT stale('c');
CREATE TABLE k (x real[], e dml_vector(3) UNIQUE);
SELECT * FROM dml_materialize('k', 'e', 'mat_ddl@1', 'x');
CREATE TABLE g (x real[], e dml_vector(3) GENERATED ALWAYS AS ('[1,2,3]'::dml_vector) STORED, y real[] GENERATED ALWAYS AS (x) STORED);
SELECT * FROM dml_materialize('g', 'e', 'mat_ddl@1', 'x');
SELECT * FROM dml_materialize('g', 'f', 'mat_ddl@1', 'y');

-- Triggers of the user: the embedding sees their changes to the row, and filling does not fire
-- them.
CREATE TABLE tr (id int, x real[], log int DEFAULT 0);
INSERT INTO tr SELECT id, x FROM base;
CREATE FUNCTION clamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.x[1] := least(NEW.x[1], 1);
	NEW.log := NEW.log + 1;
	RETURN NEW;
END $$;
CREATE TRIGGER clamp BEFORE INSERT OR UPDATE ON tr FOR EACH ROW EXECUTE FUNCTION clamp();
SELECT embedded FROM dml_materialize('tr', 'e', 'mat_ddl@1', 'x');
SELECT stale('tr'), sum(log) AS fired FROM tr;
INSERT INTO tr VALUES (1000, '{100,2,3}');
UPDATE tr SET x = '{200,1,1}' WHERE id = 1;
SELECT stale('tr'), sum(log) AS fired FROM tr;
-- a trigger changes a feature in an UPDATE that does not name it: not seen, as with every UPDATE OF
-- trigger
UPDATE tr SET log = 0 WHERE id = 6;
SELECT stale('tr');
SELECT embedded FROM dml_materialize('tr', 'e', 'mat_ddl@1', refresh => true);
SELECT stale('tr');
-- session_replication_role
SET session_replication_role = replica;
INSERT INTO tr VALUES (1001, '{100,2,3}');
UPDATE tr SET x = '{300,1,1}' WHERE id = 2;
RESET session_replication_role;
SELECT stale('tr'), max(x[1]) AS not_clamped FROM tr;

-- Kinds of tables.
CREATE UNLOGGED TABLE ul AS SELECT x FROM base;
SELECT embedded FROM dml_materialize('ul', 'e', 'mat_ddl@1', 'x');
CREATE TEMP TABLE tmp AS SELECT x FROM base;
SELECT embedded FROM dml_materialize('tmp', 'e', 'mat_ddl@1', 'x');
INSERT INTO tmp VALUES ('{1,2,3}');
SELECT stale('ul'), stale('tmp');
SELECT count(*) FROM dml_columns WHERE relation IN ('ul'::regclass, 'tmp'::regclass);
DROP TABLE tmp;
CREATE TEMP TABLE tmp (x real[]) ON COMMIT DROP;
CREATE VIEW v AS SELECT * FROM base;
SELECT * FROM dml_materialize('v', 'e', 'mat_ddl@1', 'x');
CREATE MATERIALIZED VIEW mv AS SELECT * FROM base;
SELECT * FROM dml_materialize('mv', 'e', 'mat_ddl@1', 'x');
CREATE SEQUENCE s;
SELECT * FROM dml_materialize('s', 'e', 'mat_ddl@1', 'x');
SELECT * FROM dml_materialize('pg_class', 'e', 'mat_ddl@1', 'x');
CREATE FOREIGN DATA WRAPPER mat_ddl_fdw;
CREATE SERVER mat_ddl_server FOREIGN DATA WRAPPER mat_ddl_fdw;
CREATE FOREIGN TABLE ft (x real[]) SERVER mat_ddl_server;
SELECT * FROM dml_materialize('ft', 'e', 'mat_ddl@1', 'x');
CREATE TABLE dropped_column (junk int, x real[], more int DEFAULT 3);
INSERT INTO dropped_column SELECT 1, x FROM base;
ALTER TABLE dropped_column DROP COLUMN junk;
ALTER TABLE dropped_column ADD added int DEFAULT 7;
SELECT embedded FROM dml_materialize('dropped_column', 'e', 'mat_ddl@1', 'x');
SELECT stale('dropped_column'), sum(more), sum(added) FROM dropped_column;
-- values out of line stay where they are
CREATE TABLE toasted (id int, x real[], big text);
ALTER TABLE toasted ALTER big SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT id, x, repeat(chr(65 + id % 26), 10000) FROM base;
SELECT pg_relation_size(reltoastrelid) AS before FROM pg_class WHERE oid = 'toasted'::regclass \gset
SELECT embedded FROM dml_materialize('toasted', 'e', 'mat_ddl@1', 'x');
SELECT pg_relation_size(reltoastrelid) = :before AS same_size FROM pg_class WHERE oid = 'toasted'::regclass;
SELECT stale('toasted'), count(*) FILTER (WHERE big = repeat(chr(65 + id % 26), 10000)) FROM toasted;

-- Partitions: existing, attached, created, split off; other orders of columns.
CREATE TABLE p (id int, x real[]) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (50);
CREATE TABLE p2 (junk text, x real[], id int);
ALTER TABLE p2 DROP COLUMN junk;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (50) TO (100);
INSERT INTO p SELECT id, x FROM base WHERE id < 100;
SELECT rows, embedded FROM dml_materialize('p', 'e', 'mat_ddl@1', 'x');
SELECT stale('p'), stale('p1'), stale('p2');
SELECT relation, "column", kept_fresh FROM dml_columns WHERE relation::text LIKE 'p%' ORDER BY 1;
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (100) TO (200);
CREATE TABLE p4 (e dml_vector(3), x real[], id int);
INSERT INTO p4 VALUES (NULL, '{1,2,3}', 250);
ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM (200) TO (300);
INSERT INTO p VALUES (110, '{1,1,1}'), (10, '{1,1,1}'), (210, '{1,1,1}');
INSERT INTO p2 (x, id) VALUES ('{1,2,3}', 77);
UPDATE p SET id = 120, x = '{3,3,3}' WHERE id = 20;
SELECT stale('p');
-- the next call fills the rows that an attached partition brought
SELECT rows, embedded FROM dml_materialize('p', 'e', 'mat_ddl@1');
SELECT stale('p');
SELECT * FROM dml_materialize('p1', 'e', 'mat_ddl@1', 'x');
SELECT * FROM dml_materialize('p1', 'own', 'mat_ddl@1', 'x');
SELECT embedded FROM dml_materialize('p', 'e', 'mat_ddl@2');
SELECT stale('p', model => 'mat_ddl@2');
ALTER TABLE p DETACH PARTITION p1;
SELECT dml_dematerialize('p', 'e');
SELECT count(*) FROM dml_columns WHERE relation = 'p'::regclass;
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('p'::regclass, 'p1'::regclass, 'p2'::regclass);
CREATE FOREIGN TABLE p5 PARTITION OF p FOR VALUES FROM (300) TO (400) SERVER mat_ddl_server;
SELECT * FROM dml_materialize('p', 'e', 'mat_ddl@1', 'x');
-- partitioned by the column itself
CREATE TABLE by_e (x real[], e dml_vector(3)) PARTITION BY HASH (e);
SELECT * FROM dml_materialize('by_e', 'e', 'mat_ddl@1', 'x');

-- Inheritance.
CREATE TABLE parent (id int, x real[]);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO parent SELECT id, x FROM base WHERE id <= 50;
INSERT INTO child SELECT id, x, 'c' FROM base WHERE id > 50;
SELECT rows, embedded FROM dml_materialize('parent', 'e', 'mat_ddl@1', 'x');
INSERT INTO child VALUES (1000, '{1,2,3}', 'd');
UPDATE parent SET x = '{2,2,2}' WHERE id IN (3, 60);
SELECT stale('parent');
SELECT relation, "column" FROM dml_columns WHERE relation IN ('parent'::regclass, 'child'::regclass) ORDER BY 1;
SELECT dml_dematerialize('parent', 'e');
SELECT relation, "column" FROM dml_columns WHERE relation IN ('parent'::regclass, 'child'::regclass);

-- Arguments.
SELECT * FROM dml_materialize(NULL, 'e', 'mat_ddl', 'x');
SELECT * FROM dml_materialize('t', NULL, 'mat_ddl', 'x');
SELECT * FROM dml_materialize('t', 'e', NULL, 'x');
SELECT * FROM dml_materialize('t', '', 'mat_ddl', 'x');
SELECT * FROM dml_materialize('nowhere', 'e', 'mat_ddl', 'x');
SELECT * FROM dml_materialize('t', 'e', 'mat_dll', 'x');
SELECT * FROM dml_materialize('t', 'e', 'mat_ddl@77', 'x');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'no_such_column');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl_columns');
\set SHOW_CONTEXT never
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'id');
\set SHOW_CONTEXT errors
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'x, id');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'ARRAY[1,2,3]');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'ARRAY[random(), id, id]');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', '(SELECT x FROM base LIMIT 1)');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'x; DROP TABLE base');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'ctid');
SELECT * FROM dml_materialize('t', 'x', 'mat_ddl', 'x');
SELECT * FROM dml_materialize('t', 'ctid', 'mat_ddl', 'x');
SELECT * FROM dml_materialize('t', 'n', 'mat_ddl', 'e::real[]');
SELECT * FROM dml_materialize('t', 'e', 'mat_ddl@1', 'e::real[]');
CREATE TABLE wide (a int, b int, c int, d int, e dml_vector(7));
SELECT * FROM dml_materialize('wide', 'e', 'mat_ddl', 'a, b, c');
SELECT * FROM dml_materialize('wide', 'n', 'mat_ddl_columns', 'a, b');
SELECT * FROM dml_materialize('wide', 'n', 'mat_ddl_columns', 'c, a, b');
SELECT rows FROM dml_materialize('wide', 'n', 'mat_ddl_columns', 'd, a, b');
SELECT dml_dematerialize('wide', 'a');
SELECT dml_dematerialize(NULL, 'a');
-- The trigger's function, used by hand.
SELECT dml_embed_trigger();
CREATE TRIGGER by_hand BEFORE INSERT ON base FOR EACH ROW EXECUTE FUNCTION dml_embed_trigger('mat_ddl');
INSERT INTO base VALUES (1, '{1,2,3}');
DROP TRIGGER by_hand ON base;
-- a trigger of the right form obeys the column's type; otherwise a dump could not be restored
CREATE TABLE by_hand (id int, x real[], e dml_vector(7));
INSERT INTO by_hand VALUES (1, '{1,2,3}');
CREATE TRIGGER by_hand BEFORE INSERT OR UPDATE OF x, e ON by_hand FOR EACH ROW WHEN (true OR NEW.x IS NULL)
	EXECUTE FUNCTION dml_embed_trigger('mat_ddl@1', 'x', '', 'x', 'e');
INSERT INTO by_hand VALUES (2, '{1,2,3}');
UPDATE by_hand SET x = '{1,2,4}';
UPDATE by_hand SET e = '[1,2,3,4,5,6,7]';
DROP TRIGGER by_hand ON by_hand;
ALTER TABLE by_hand ALTER e TYPE dml_vector(3);
CREATE TRIGGER by_other_hand BEFORE INSERT OR UPDATE OF x, e ON by_hand FOR EACH ROW WHEN (NEW.id > 0)
	EXECUTE FUNCTION dml_embed_trigger('mat_ddl@1', 'x', '', 'x', 'e');
INSERT INTO by_hand VALUES (3, '{1,2,3}');
SELECT id, dml_dims(e) FROM by_hand;
CREATE TRIGGER by_hand AFTER INSERT ON base EXECUTE FUNCTION dml_embed_trigger();
INSERT INTO base VALUES (1, '{1,2,3}');

SET client_min_messages = warning;
DROP FOREIGN DATA WRAPPER mat_ddl_fdw CASCADE;
DROP SCHEMA mat_ddl, mat_ddl_other CASCADE;
SELECT dml_drop_model('mat_ddl'), dml_drop_model('mat_ddl_columns');

-- Features that work only under the current search_path: training warns of them, and
-- dml_materialize fails.
SET client_min_messages = warning;
CREATE SCHEMA mat_path;
SET search_path = mat_path, public;
CREATE FUNCTION inner_one(real) RETURNS real IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
CREATE FUNCTION outer_one(real) RETURNS real IMMUTABLE LANGUAGE sql AS 'SELECT inner_one($1)';
CREATE FUNCTION outer_plpgsql(real, OUT twice real) IMMUTABLE LANGUAGE plpgsql AS 'BEGIN SELECT inner_one($1) INTO twice; END';
CREATE FUNCTION outer_two(real) RETURNS real IMMUTABLE LANGUAGE sql AS 'SELECT mat_path.outer_plpgsql($1)';
CREATE FUNCTION outer_set(real) RETURNS real IMMUTABLE LANGUAGE sql SET search_path = mat_path AS 'SELECT inner_one($1)';
CREATE TABLE p AS SELECT sin(i)::real AS f, (i % 3)::real AS g, i % 3 AS class FROM generate_series(1, 60) i;
SELECT version FROM dml_train('mat_path', 'p', 'outer_one(f), g', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT version FROM dml_train('mat_path', 'p', 'outer_plpgsql(f), g', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT version FROM dml_train('mat_path', 'p', 'outer_two(f), g', 'class', method => 'whiten', options => '{"validation": 0}');
\set SHOW_CONTEXT never
SELECT embedded FROM dml_materialize('p', 'e', 'mat_path');
\set SHOW_CONTEXT errors
SELECT version FROM dml_train('mat_path', 'p', 'outer_set(f), abs(g)', 'class', method => 'whiten', options => '{"validation": 0}');
SELECT embedded FROM dml_materialize('p', 'e', 'mat_path');
DROP SCHEMA mat_path CASCADE;
SELECT dml_drop_model('mat_path');
