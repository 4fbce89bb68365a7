-- Materialised columns: who may call the functions, and as whom expressions run.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA mat_rights;
SET search_path = mat_rights, public;
CREATE TABLE base AS
SELECT i AS id, ARRAY[i % 7, i % 3 + sin(i), (i * i) % 5]::real[] AS x, i % 3 AS class FROM generate_series(1, 100) i;
SELECT version FROM dml_train('mat_rights', 'base', 'x', 'class', method => 'whiten');
RESET client_min_messages;
CREATE ROLE mat_owner;
CREATE ROLE mat_writer;
CREATE ROLE mat_nobody;
GRANT ALL ON SCHEMA mat_rights TO mat_owner;
GRANT USAGE ON SCHEMA mat_rights TO mat_writer, mat_nobody;
GRANT SELECT ON base TO PUBLIC;

SET ROLE mat_owner;
CREATE TABLE t AS SELECT id, x FROM base;
GRANT SELECT, INSERT, UPDATE ON t TO mat_writer;
RESET ROLE;

-- The caller must own the table. The table's owner needs the right to embed with the model.
SET ROLE mat_writer;
SELECT * FROM dml_materialize('t', 'e', 'mat_rights', 'x');
SELECT dml_dematerialize('t', 'e');
SET ROLE mat_owner;
SELECT * FROM dml_materialize('t', 'e', 'mat_rights', 'x');
RESET ROLE;
SELECT * FROM dml_materialize('t', 'e', 'mat_rights', 'x');
SELECT dml_grant('mat_rights', 'mat_owner', 'embed');
SET ROLE mat_owner;
SELECT embedded FROM dml_materialize('t', 'e', 'mat_rights', 'x');

-- A role that writes needs no right on the model, and no other right on the table than before.
SET ROLE mat_writer;
INSERT INTO t (id, x) VALUES (1000, '{1,2,3}');
UPDATE t SET x = '{3,2,1}' WHERE id = 1;
SELECT dml_embed('mat_rights', '{1,2,3}'::real[]);
RESET ROLE;
SELECT count(*) FILTER (WHERE e IS DISTINCT FROM dml_embed('mat_rights', x)) AS stale FROM t;
REVOKE UPDATE ON t FROM mat_writer;
GRANT UPDATE (x) ON t TO mat_writer;
SET ROLE mat_writer;
UPDATE t SET x = '{3,3,3}' WHERE id = 2;
UPDATE t SET e = NULL WHERE id = 2;
SET ROLE mat_nobody;
UPDATE t SET x = '{3,3,3}' WHERE id = 2;
SELECT relation, "column", model FROM dml_columns WHERE relation = 't'::regclass;
RESET ROLE;
SELECT count(*) FILTER (WHERE e IS DISTINCT FROM dml_embed('mat_rights', x)) AS stale FROM t;

-- The right is checked in every statement.
SELECT dml_revoke('mat_rights', 'mat_owner', 'embed');
SET ROLE mat_writer;
INSERT INTO t (id, x) VALUES (1001, '{1,2,3}');
RESET ROLE;
SELECT dml_grant('mat_rights', 'mat_owner', 'embed');
SET ROLE mat_writer;
INSERT INTO t (id, x) VALUES (1001, '{1,2,3}');
RESET ROLE;

-- Filling runs functions as the table's owner, also when a superuser calls.
CREATE TABLE who (what text, seen name);
GRANT INSERT ON who TO PUBLIC;
SET ROLE mat_owner;
CREATE FUNCTION note(text) RETURNS void LANGUAGE sql AS 'INSERT INTO mat_rights.who VALUES ($1, current_user)';
CREATE FUNCTION spy(real[]) RETURNS real[] IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM mat_rights.note(''feature''); RETURN $1; END';
CREATE FUNCTION spy_index(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM mat_rights.note(''index''); RETURN $1; END';
CREATE FUNCTION spy_check(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM mat_rights.note(''check''); RETURN true; END';
CREATE FUNCTION reset_role() RETURNS void LANGUAGE plpgsql AS 'BEGIN RESET ROLE; END';
CREATE FUNCTION escape(real[]) RETURNS real[] IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM mat_rights.reset_role(); RETURN $1; END';
CREATE TABLE s AS SELECT id, x FROM base LIMIT 3;
CREATE INDEX ON s (spy_index(id));
ALTER TABLE s ADD CHECK (spy_check(id));
RESET ROLE;
TRUNCATE who;
SELECT embedded FROM dml_materialize('s', 'e', 'mat_rights', 'spy(x)');
SELECT DISTINCT what, seen FROM who ORDER BY 1;
-- also when the table is rewritten
CREATE FUNCTION spy_dims(dml_vector) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM mat_rights.note(''rewrite''); RETURN true; END';
ALTER TABLE s ADD generated int GENERATED ALWAYS AS (spy_index(id)) STORED, ADD CHECK (spy_dims(e));
SELECT version FROM dml_train('mat_rights', 'base', 'x', 'class', method => 'lda', options => '{"validation": 0}');
TRUNCATE who;
SELECT dims, embedded FROM dml_materialize('s', 'e', 'mat_rights');
SELECT DISTINCT what, seen FROM who ORDER BY 1;
\set SHOW_CONTEXT never
SELECT embedded FROM dml_materialize('s', 'e', 'mat_rights', 'escape(x)');
\set SHOW_CONTEXT errors

-- Features that insert into the table that they are evaluated for.
SET ROLE mat_owner;
CREATE TABLE depth (id int, x real[]);
CREATE FUNCTION insert_depth(int, real[]) RETURNS void LANGUAGE sql AS 'INSERT INTO mat_rights.depth VALUES ($1, $2)';
CREATE FUNCTION again(int, real[]) RETURNS real[] STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF $1 > 0 THEN
		PERFORM mat_rights.insert_depth($1 - 1, $2);
	END IF;
	RETURN $2;
END $$;
SELECT embedded FROM dml_materialize('depth', 'e', 'mat_rights', 'again(id, x)');
INSERT INTO depth VALUES (3, '{1,2,3}');
SELECT id, e = dml_embed('mat_rights', x) AS fresh FROM depth ORDER BY id;
-- a function that has become volatile
ALTER FUNCTION again(int, real[]) VOLATILE;
INSERT INTO depth VALUES (2, '{1,2,3}');
-- a function that is needed cannot be dropped
DROP FUNCTION again(int, real[]);
RESET ROLE;

-- Row security: filling sees all rows.
SET ROLE mat_owner;
CREATE TABLE r AS SELECT id, x FROM base;
ALTER TABLE r ENABLE ROW LEVEL SECURITY;
ALTER TABLE r FORCE ROW LEVEL SECURITY;
CREATE POLICY low ON r USING (id <= 50);
SELECT rows, embedded FROM dml_materialize('r', 'e', 'mat_rights', 'x');
RESET ROLE;
SELECT count(*) FILTER (WHERE e IS DISTINCT FROM dml_embed('mat_rights', x)) AS stale FROM r;

-- A new owner without the right to embed.
ALTER TABLE t OWNER TO mat_nobody;
INSERT INTO t (id, x) VALUES (2000, '{1,2,3}');
SELECT dml_grant('mat_rights', 'mat_nobody', 'embed');
INSERT INTO t (id, x) VALUES (2000, '{1,2,3}');

-- A trigger made by hand gives no right that the table's owner does not have.
SELECT dml_revoke('mat_rights', 'mat_owner', 'embed');
SET ROLE mat_owner;
CREATE TABLE forged (x real[], e dml_vector(3));
CREATE TRIGGER forged BEFORE INSERT OR UPDATE OF x, e ON forged FOR EACH ROW EXECUTE FUNCTION dml_embed_trigger('mat_rights@1', 'x', '', 'x', 'e');
INSERT INTO forged VALUES ('{1,2,3}');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA mat_rights CASCADE;
SELECT dml_drop_model('mat_rights');
DROP ROLE mat_owner;
DROP ROLE mat_writer;
DROP ROLE mat_nobody;
