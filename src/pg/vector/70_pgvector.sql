-- Casts from and to vector and halfvec of pgvector.
--
-- They and their functions are no members of this extension but ordinary objects:
-- pg_dump writes them out, after both extensions; and DROP EXTENSION vector CASCADE takes
-- these casts along, and not this whole extension, as it would if they were members.

CREATE FUNCTION dml_add_pgvector_casts() RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted record;
	made integer := 0;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
		RAISE EXCEPTION 'the extension vector (pgvector) is not installed in this database'
			USING ERRCODE = 'undefined_object', HINT = 'Run CREATE EXTENSION vector first.';
	END IF;

	-- Types are named with their schemas and casts have none, so the functions' bodies
	-- mean the same under any search_path.
	FOR wanted IN
		WITH ours AS (
			SELECT '@extschema@.dml_vector' AS type
		), theirs AS (
			SELECT t.typname, format('%I.%I', n.nspname, t.typname) AS type
			FROM pg_extension AS e
				JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
					AND d.classid = 'pg_type'::regclass AND d.deptype = 'e'
				JOIN pg_type AS t ON t.oid = d.objid
				JOIN pg_namespace AS n ON n.oid = t.typnamespace
			WHERE e.extname = 'vector' AND t.typname IN ('vector', 'halfvec')
		), casts AS (
			SELECT theirs.type AS source, ours.type AS target, '@extschema@.dml_vector' AS function
			FROM ours, theirs
			UNION ALL
			SELECT ours.type, theirs.type, '@extschema@.dml_vector_to_' || theirs.typname
			FROM ours, theirs
		)
		SELECT source, target, format('%s(%s)', function, source) AS function
		FROM casts
		WHERE NOT EXISTS (
			SELECT FROM pg_cast
			WHERE castsource = source::regtype AND casttarget = target::regtype)
		ORDER BY source, target
	LOOP
		EXECUTE format(
			'CREATE FUNCTION %s RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS %L',
			wanted.function, wanted.target,
			format('SELECT CAST(CAST($1 AS pg_catalog.float4[]) AS %s)', wanted.target));
		EXECUTE format(
			'CREATE CAST (%s AS %s) WITH FUNCTION %s AS ASSIGNMENT',
			wanted.source, wanted.target, wanted.function);

		-- What CREATE EXTENSION dml makes is a member, to begin with.
		IF EXISTS (
			SELECT FROM pg_depend
			WHERE classid = 'pg_proc'::regclass AND objid = wanted.function::regprocedure AND deptype = 'e')
		THEN
			EXECUTE format('ALTER EXTENSION dml DROP CAST (%s AS %s)', wanted.source, wanted.target);
			EXECUTE format('ALTER EXTENSION dml DROP FUNCTION %s', wanted.function);
		END IF;
		made := made + 1;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION dml_add_pgvector_casts() IS 'create the casts between dml_vector and the types of pgvector; returns how many were made';

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'vector'::pg_catalog.name) THEN
		PERFORM @extschema@.dml_add_pgvector_casts();
	END IF;
END
$$;
