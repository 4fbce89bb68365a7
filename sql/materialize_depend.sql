-- The dependencies of a materialised column, and the messages of DDL that leaves a column that
-- nothing keeps fresh.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA mat_depend;
SET search_path = mat_depend, public;
CREATE TABLE base AS
SELECT i AS id, ARRAY[i % 7, i % 3 + sin(i), (i * i) % 5]::real[] AS x, i % 3 AS class FROM generate_series(1, 100) i;
SELECT version FROM dml_train('mat_depend', 'base', 'x', 'class', method => 'whiten');
SELECT version FROM dml_train('mat_depend_columns', 'SELECT x[1] AS a, x[2] AS b, x[3] AS c, class FROM base', 'a, b, c', 'class', method => 'whiten');
RESET client_min_messages;

-- A function, an operator, a type and a column that features use.
CREATE FUNCTION twice(real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 * 2; END';
CREATE FUNCTION joined(real, real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + $2; END';
CREATE OPERATOR ~+~ (LEFTARG = real, RIGHTARG = real, FUNCTION = joined);
CREATE DOMAIN positive AS real CHECK (VALUE > 0);
CREATE TABLE t AS SELECT id, x FROM base;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_depend', 'ARRAY[twice(x[1]), x[2] ~+~ x[3], (x[3] + 1)::positive]');
INSERT INTO t VALUES (1000, '{1,2,3}');
DROP FUNCTION twice(real);
DROP OPERATOR ~+~ (real, real);
DROP DOMAIN positive;
DROP SCHEMA mat_depend;
-- renaming is followed
ALTER FUNCTION twice(real) RENAME TO doubled;
ALTER DOMAIN positive RENAME TO above_zero;
CREATE SCHEMA mat_depend_other;
ALTER FUNCTION doubled(real) SET SCHEMA mat_depend_other;
ALTER OPERATOR ~+~ (real, real) SET SCHEMA mat_depend_other;
ALTER TABLE t RENAME x TO y;
-- another function gets the old name
CREATE FUNCTION twice(real) RETURNS real IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE ''not meant''; END';
INSERT INTO t VALUES (1001, '{1,2,3}');
\c -
SET search_path = mat_depend, public;
INSERT INTO t VALUES (1002, '{1,2,3}');
SELECT count(DISTINCT e), count(e) FROM t WHERE id >= 1000;
INSERT INTO t VALUES (1002, '{1,2,NaN}');
SELECT rows, embedded FROM dml_materialize('t', 'e', 'mat_depend');
SELECT features FROM dml_columns;
-- CASCADE drops the trigger, and the view says so
DROP FUNCTION mat_depend_other.doubled(real) CASCADE;
SELECT relation, "column", kept_fresh FROM dml_columns;
DROP TABLE t;
-- messages have the current names
CREATE TABLE t AS SELECT x[1] AS a, x[2] AS b, x[3] AS c FROM base;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_depend_columns');
ALTER TABLE t RENAME a TO first;
INSERT INTO t VALUES ('NaN', 1, 2);
DROP TABLE t;

-- A detached partition gets a record, and a NOTICE.
CREATE TABLE p (id int, x real[]) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (50);
CREATE TABLE p2 (junk text, x real[], id int) PARTITION BY RANGE (id);
ALTER TABLE p2 DROP COLUMN junk;
CREATE TABLE p2a PARTITION OF p2 FOR VALUES FROM (50) TO (75);
CREATE TABLE p2b PARTITION OF p2 FOR VALUES FROM (75) TO (101);
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (50) TO (101);
INSERT INTO p SELECT id, x FROM base;
SELECT embedded FROM dml_materialize('p', 'e', 'mat_depend', 'x');
SELECT relation, "column", kept_fresh FROM dml_columns;
ALTER TABLE p DETACH PARTITION p1;
ALTER TABLE p2 DETACH PARTITION p2b;
SELECT relation, "column", version, kept_fresh, features FROM dml_columns ORDER BY 1;
SELECT dml_drop_model('mat_depend');
-- the hint works
SELECT embedded FROM dml_materialize('mat_depend.p1', 'e', model => 'mat_depend@1', features => 'x');
INSERT INTO p1 VALUES (10, '{3,3,3}');
SELECT count(*) FROM p1 WHERE e IS DISTINCT FROM dml_embed('mat_depend', x);
SELECT relation, "column", kept_fresh FROM dml_columns ORDER BY 1;
-- attached again: it has the partitioned table's trigger, and no record of its own
UPDATE p2b SET x = '{1,1,1}' WHERE id = 80;
ALTER TABLE p2 ATTACH PARTITION p2b FOR VALUES FROM (75) TO (101);
SELECT relation, "column", kept_fresh FROM dml_columns ORDER BY 1;
SELECT rows, embedded FROM dml_materialize('mat_depend.p', 'e', model => 'mat_depend@1', features => 'x', refresh => true);
SELECT count(*) FROM p WHERE e IS DISTINCT FROM dml_embed('mat_depend', x);
-- a column that is materialised in the partition must be dematerialised first
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (50);
SELECT dml_dematerialize('p1', 'e', drop_column => false);
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (50);
INSERT INTO p VALUES (11, '{3,3,3}');
SELECT count(*) FROM p WHERE e IS DISTINCT FROM dml_embed('mat_depend', x);
SELECT relation, "column", kept_fresh FROM dml_columns ORDER BY 1;
-- the whole subtree
ALTER TABLE p DETACH PARTITION p2;
SELECT relation, "column", kept_fresh FROM dml_columns ORDER BY 1;
DROP TABLE p2;
SELECT relation, "column", kept_fresh FROM dml_columns ORDER BY 1;
-- without rows, or without a materialised column, there is no NOTICE
CREATE TABLE p3 (LIKE p);
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (300) TO (400);
CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (400) TO (500);
INSERT INTO p VALUES (310, '{1,2,3}'), (410, '{1,2,3}');
SELECT count(*) FROM p WHERE e IS DISTINCT FROM dml_embed('mat_depend', x);
DROP TABLE p;

-- Child tables.
CREATE TABLE parent AS SELECT id, x FROM base;
SELECT embedded FROM dml_materialize('parent', 'e', 'mat_depend', 'x');
CREATE TABLE child () INHERITS (parent);
CREATE TABLE other AS SELECT * FROM parent WHERE id < 10;
UPDATE other SET x = '{1,2,2}' WHERE id = 5;
ALTER TABLE other INHERIT parent;
INSERT INTO child VALUES (1, '{1,2,3}');
INSERT INTO other VALUES (1, '{1,2,3}');
SELECT rows, embedded FROM dml_materialize('parent', 'e', model => 'mat_depend@1', features => 'x', refresh => true);
INSERT INTO child VALUES (2, '{1,2,4}');
SELECT count(*) FROM parent WHERE e IS DISTINCT FROM dml_embed('mat_depend', x);
ALTER TABLE child NO INHERIT parent;
INSERT INTO child VALUES (3, '{1,2,5}');
SELECT count(*) FROM child WHERE e IS DISTINCT FROM dml_embed('mat_depend', x);
ALTER TABLE child INHERIT parent;
SELECT relation, "column", kept_fresh FROM dml_columns ORDER BY 1;
SELECT dml_watch_ddl();

SET client_min_messages = warning;
DROP SCHEMA mat_depend, mat_depend_other CASCADE;
SELECT dml_drop_model('mat_depend'), dml_drop_model('mat_depend_columns');
