-- Rights to a model.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA privilege_test;
SET dml.notice_interval = 0;
CREATE ROLE regress_dml_owner;
CREATE ROLE regress_dml_team;
CREATE ROLE regress_dml_member IN ROLE regress_dml_team;
CREATE ROLE regress_dml_stranger;
CREATE ROLE regress_dml_super SUPERUSER;
GRANT ALL ON SCHEMA privilege_test TO PUBLIC;
CREATE TABLE privilege_test.point AS SELECT i AS a, i % 7 AS b, i % 2 AS class FROM generate_series(1, 40) i;
GRANT SELECT ON privilege_test.point TO PUBLIC;
SET search_path = privilege_test, public;

-- The results of a role's actions, as SQLSTATEs: 42501 is a missing right.
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'yes';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE VIEW rights AS SELECT current_user,
	try($q$SELECT dml_embed('priv', 1, 2)$q$) AS embed,
	try($q$SELECT dml_distance('priv@1', ARRAY[1, 2], ARRAY[3, 4])$q$) AS distance,
	try($q$SELECT e <-> ARRAY[1, 2]::real[] FROM kept$q$) AS raw,
	try($q$SELECT dml_weights('priv')$q$) AS weights;
GRANT SELECT ON rights TO PUBLIC;

SET ROLE regress_dml_owner;
SELECT version FROM dml_train('priv', 'point', 'a, b', 'class', method => 'whiten', options => '{"validation": 0}');
CREATE TABLE kept AS SELECT dml_embed('priv', 1, 2) AS e;
GRANT SELECT ON kept TO PUBLIC;
SELECT model, owner FROM dml_models WHERE model = 'priv';
TABLE rights;
RESET ROLE;
TABLE rights \gset
SELECT :'embed' AS embed, :'raw' AS raw, :'weights' AS weights;

-- Another role sees the model in the views, and can do nothing with it.
SET ROLE regress_dml_stranger;
SELECT model, owner, inputs, dims FROM dml_models WHERE model = 'priv';
TABLE rights;
SELECT dml_embed('priv', 1, 2);
SELECT e <-> ARRAY[1, 2]::real[] FROM kept;
SELECT dml_weights('priv');
SELECT dml_grant('priv', 'regress_dml_stranger', 'embed');
SELECT dml_revoke('priv', 'regress_dml_owner', 'embed');
SELECT dml_activate('priv', 1);
SELECT dml_set_owner('priv', 'regress_dml_stranger');
SELECT dml_drop_model('priv');
SELECT * FROM dml_train('priv', 'point', 'a, b', 'class', method => 'whiten');
SELECT count(*) FROM dml_evaluate('priv', 'point', 'a, b', 'class');
-- Distances between embeddings need no model.
SELECT e <-> e AS distance FROM kept;

-- Only the functions read or write the tables.
SELECT * FROM dml_catalog.model;
SELECT weights FROM dml_catalog.version;
INSERT INTO dml_catalog.privilege SELECT 1, 'public', 0, 0, 'embed';
UPDATE dml_model_versions SET version = 1;
DELETE FROM dml_models;
DELETE FROM dml_columns;
INSERT INTO dml_model_privileges VALUES ('priv', 'public', 'embed');
SELECT c.relname, p FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
WHERE c.relnamespace = 'dml_catalog'::regnamespace AND c.relkind = 'r' AND has_table_privilege('regress_dml_stranger', c.oid, p);
SELECT has_schema_privilege('regress_dml_stranger', 'dml_catalog', 'CREATE') AS can_create;
RESET ROLE;

-- Each right alone: to a role, to a role with members, to everybody.
SELECT dml_grant('priv', 'regress_dml_stranger', 'embed');
SET ROLE regress_dml_stranger;
TABLE rights;
RESET ROLE;
SELECT dml_revoke('priv', 'regress_dml_stranger', 'embed'), dml_grant('priv', 'regress_dml_stranger', 'weights');
SET ROLE regress_dml_stranger;
TABLE rights;
SET ROLE regress_dml_owner;
SELECT dml_grant('priv', 'regress_dml_team', 'embed'), dml_grant('priv', 'regress_dml_team', 'embed');
TABLE dml_model_privileges ORDER BY model, role, privilege;
SET ROLE regress_dml_member;
TABLE rights;
SET ROLE regress_dml_owner;
SELECT dml_revoke('priv', 'regress_dml_team', 'embed'), dml_revoke('priv', 'regress_dml_team', 'weights');
SET ROLE regress_dml_member;
TABLE rights;
RESET ROLE;
SELECT dml_grant('priv', 'PUBLIC', 'embed'), dml_grant('priv', 'public', 'weights');
SET ROLE regress_dml_member;
TABLE rights;
RESET ROLE;
SELECT dml_revoke('priv', 'public', 'embed'), dml_revoke('priv', 'PUBLIC', 'weights'), dml_revoke('priv', 'regress_dml_stranger', 'weights');
SELECT count(*) FROM dml_model_privileges WHERE model = 'priv';
SET ROLE regress_dml_super;
TABLE rights;
RESET ROLE;

-- Wrong arguments.
SELECT dml_grant('priv', 'regress_dml_nobody', 'embed');
SELECT dml_revoke('priv', 'regress_dml_nobody', 'embed');
SELECT dml_grant('priv', 'regress_dml_team', 'select');
SELECT dml_grant('prive', 'regress_dml_team', 'embed');
SELECT dml_grant('priv@1', 'regress_dml_team', 'embed');
SELECT dml_grant(NULL, 'regress_dml_team', 'embed') IS NULL AS nothing;
BEGIN READ ONLY;
SELECT dml_grant('priv', 'regress_dml_team', 'embed');
ROLLBACK;
BEGIN READ ONLY;
SELECT dml_revoke('priv', 'regress_dml_team', 'embed');
ROLLBACK;
BEGIN READ ONLY;
SELECT dml_set_owner('priv', 'regress_dml_team');
ROLLBACK;

-- A rollback undoes a grant.
BEGIN;
SELECT dml_grant('priv', 'regress_dml_stranger', 'embed');
ROLLBACK;
SET ROLE regress_dml_stranger;
TABLE rights;
RESET ROLE;

-- A SECURITY DEFINER function embeds for its caller, who has no right afterwards.
CREATE FUNCTION definer(real) RETURNS dml_vector LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN dml_embed('priv', $1, 2); END $$;
ALTER FUNCTION definer(real) OWNER TO regress_dml_owner;
CREATE FUNCTION invoker(real) RETURNS dml_vector LANGUAGE plpgsql AS $$ BEGIN RETURN dml_embed('priv', $1, 2); END $$;
CREATE FUNCTION definer_invokes(real) RETURNS dml_vector LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN invoker($1); END $$;
ALTER FUNCTION definer_invokes(real) OWNER TO regress_dml_owner;
SET ROLE regress_dml_stranger;
BEGIN;
SELECT definer(1) = definer_invokes(1) AS same;
SELECT invoker(1);
ROLLBACK;
-- A view embeds with the rights of the user who reads it, as functions in views are called.
RESET ROLE;
CREATE VIEW embedded AS SELECT dml_embed('priv', a, b) AS e FROM point;
GRANT SELECT ON embedded TO PUBLIC;
SET ROLE regress_dml_stranger;
SELECT count(e) FROM embedded;
RESET ROLE;

-- A renamed role keeps its rights.
SELECT dml_grant('priv', 'regress_dml_stranger', 'weights');
ALTER ROLE regress_dml_owner RENAME TO regress_dml_renamed;
ALTER ROLE regress_dml_stranger RENAME TO regress_dml_foreigner;
SELECT model, owner FROM dml_models WHERE model = 'priv';
TABLE dml_model_privileges;
SET ROLE regress_dml_renamed;
SELECT version FROM dml_train('priv', 'point', 'b, a', 'class', method => 'whiten', options => '{"validation": 0}');
TABLE rights;
SET ROLE regress_dml_foreigner;
TABLE rights;
RESET ROLE;
-- A new role with the old name has none of them.
CREATE ROLE regress_dml_owner;
CREATE ROLE regress_dml_stranger;
SET ROLE regress_dml_owner;
TABLE rights;
SELECT dml_drop_model('priv');
SET ROLE regress_dml_stranger;
TABLE rights;
RESET ROLE;
SELECT dml_grant('priv', 'regress_dml_stranger', 'weights');
SELECT * FROM dml_model_privileges ORDER BY role;
SELECT dml_revoke('priv', 'regress_dml_foreigner', 'weights');
TABLE dml_model_privileges;
SELECT dml_revoke('priv', 'regress_dml_stranger', 'weights');

-- Nor has a new role with the name of a dropped one.
SELECT dml_grant('priv', 'regress_dml_foreigner', 'embed');
ALTER TABLE kept OWNER TO CURRENT_USER;
ALTER FUNCTION definer(real) OWNER TO CURRENT_USER;
ALTER FUNCTION definer_invokes(real) OWNER TO CURRENT_USER;
DROP ROLE regress_dml_renamed;
DROP ROLE regress_dml_foreigner;
CREATE ROLE regress_dml_renamed;
CREATE ROLE regress_dml_foreigner;
SELECT regexp_replace(owner, '[0-9]+', '...') AS owner FROM dml_models WHERE model = 'priv';
SELECT regexp_replace(role, '[0-9]+', '...') AS role, privilege FROM dml_model_privileges;
SET ROLE regress_dml_renamed;
TABLE rights;
SELECT dml_drop_model('priv');
SET ROLE regress_dml_foreigner;
TABLE rights;
RESET ROLE;

-- Change of owner: by a superuser, and by an owner who is a member of the new role.
SELECT dml_set_owner('priv', 'regress_dml_nobody');
SELECT dml_set_owner('priv', 'regress_dml_member');
SET ROLE regress_dml_member;
SELECT try($q$SELECT dml_set_owner('priv', 'regress_dml_stranger')$q$) AS give_to_stranger;
SELECT dml_set_owner('priv', 'regress_dml_team');
SELECT model, owner FROM dml_models WHERE model = 'priv';
-- a member of the owner is an owner
SELECT dml_activate('priv', 1);
TABLE rights;
SET ROLE regress_dml_team;
TABLE rights;

-- A dump has the names of the time when it is made. They are looked up when it is restored, or
-- later.
RESET ROLE;
UPDATE dml_catalog.model SET owner = 'regress_dml_owner' WHERE name = 'priv';
INSERT INTO dml_catalog.privilege (model_id, grantee, privilege)
SELECT id, g::dml_catalog.stored_role, 'embed' FROM dml_catalog.model, unnest(ARRAY['regress_dml_stranger', 'regress_dml_absent']) g WHERE name = 'priv';
CREATE ROLE "regress dml ""Quoted""";
SELECT dml_grant('priv', 'regress dml "Quoted"', 'embed'), dml_grant('priv', 'public', 'weights');
ALTER ROLE regress_dml_owner RENAME TO regress_dml_third;
CREATE ROLE regress_dml_owner;
SELECT owner FROM dml_catalog.model WHERE name = 'priv';
SELECT grantee FROM dml_catalog.privilege WHERE grantee::text <> '-' ORDER BY grantee::text COLLATE "C";
SELECT grantee, grantee::text::dml_catalog.stored_role::text = grantee::text AS same FROM dml_catalog.privilege
WHERE grantee::text LIKE '%Quoted%' OR grantee::text = 'public';
SELECT 'a"b'::dml_catalog.stored_role, '"a"b"'::dml_catalog.stored_role;
SELECT repeat('x', 64)::dml_catalog.stored_role;
SELECT ''::dml_catalog.stored_role;
SELECT dml_catalog.role_name('-'), dml_catalog.role_id('-') IS NULL AS gone, dml_catalog.role_id('public') AS public,
	dml_catalog.role_name('"public"') AS public_again, dml_catalog.role_id('regress_dml_absent') IS NULL AS waits;
SELECT dml_revoke('priv', 'regress dml "Quoted"', 'embed'), dml_revoke('priv', 'public', 'weights');
DROP ROLE "regress dml ""Quoted""";
DROP ROLE regress_dml_owner;
ALTER ROLE regress_dml_third RENAME TO regress_dml_owner;
SELECT model, owner FROM dml_models WHERE model = 'priv';
SELECT role, privilege FROM dml_model_privileges WHERE role NOT LIKE 'unknown%' ORDER BY role;
SET ROLE regress_dml_stranger;
TABLE rights;
SET ROLE regress_dml_owner;
TABLE rights;
SELECT dml_revoke('priv', 'regress_dml_stranger', 'embed');
SET ROLE regress_dml_stranger;
TABLE rights;
SET ROLE regress_dml_owner;
SELECT dml_drop_model('priv');
RESET ROLE;
SELECT count(*) FROM dml_model_privileges;

DROP SCHEMA privilege_test CASCADE;
DROP ROLE regress_dml_owner, regress_dml_renamed, regress_dml_member, regress_dml_team, regress_dml_stranger, regress_dml_foreigner, regress_dml_super;
