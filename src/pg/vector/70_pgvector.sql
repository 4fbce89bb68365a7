-- Casts from and to vector and halfvec of pgvector, and functions that take them as input.
--
-- They are ordinary objects and no members of this extension.  So pg_dump writes them, after both
-- extensions, and DROP EXTENSION vector CASCADE drops them.  If they were members, it would drop this
-- extension.

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

	-- The casts are functions in C that read these types' layout: only types that belong to
	-- pgvector have it.  The others are in SQL: types are named with their schemas and casts
	-- have none, so the functions' bodies mean the same under any search_path.
	FOR wanted IN
		WITH theirs AS (
			SELECT t.typname, format('%I.%I', n.nspname, t.typname) AS type
			FROM pg_extension AS e
				JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
					AND d.classid = 'pg_type'::regclass AND d.deptype = 'e'
				JOIN pg_type AS t ON t.oid = d.objid
				JOIN pg_namespace AS n ON n.oid = t.typnamespace
			WHERE e.extname = 'vector' AND t.typname IN ('vector', 'halfvec')
		), functions (name, arguments, returns, body, cast_from, cast_to) AS (
			SELECT 'dml_vector', type, '@extschema@.dml_vector',
				CASE typname WHEN 'vector' THEN 'dml_vector_from_pgvector' ELSE 'dml_vector_from_halfvec' END,
				type, '@extschema@.dml_vector'
			FROM theirs
			UNION ALL
			SELECT 'dml_vector_to_' || typname, '@extschema@.dml_vector', type,
				CASE typname WHEN 'vector' THEN 'dml_vector_to_pgvector' ELSE 'dml_vector_to_halfvec' END,
				'@extschema@.dml_vector', type
			FROM theirs
			UNION ALL
			SELECT 'dml_embed', format('text, %s', type), '@extschema@.dml_vector',
				'SELECT @extschema@.dml_embed($1, CAST($2 AS pg_catalog.float4[]))', NULL, NULL
			FROM theirs
			UNION ALL
			SELECT f.name, format('text, %1$s, %1$s', type), f.returns,
				format('SELECT @extschema@.%I($1, CAST($2 AS pg_catalog.float4[]), CAST($3 AS pg_catalog.float4[]))', f.name),
				NULL, NULL
			FROM theirs, (VALUES ('dml_distance', 'double precision'), ('dml_match', 'boolean')) AS f (name, returns)
		)
		SELECT *, format('@extschema@.%I(%s)', name, arguments) AS function
		FROM functions
		WHERE CASE WHEN cast_from IS NULL THEN to_regprocedure(format('@extschema@.%I(%s)', name, arguments)) IS NULL
			ELSE NOT EXISTS (
				SELECT FROM pg_cast
				WHERE castsource = cast_from::regtype AND casttarget = cast_to::regtype) END
		ORDER BY cast_from, cast_to, name, arguments
	LOOP
		EXECUTE format(
			CASE WHEN wanted.cast_from IS NULL
				THEN 'CREATE FUNCTION %s RETURNS %s LANGUAGE sql STABLE STRICT PARALLEL SAFE AS %L'
				ELSE 'CREATE FUNCTION %s RETURNS %s LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS ''MODULE_PATHNAME'', %L' END,
			wanted.function, wanted.returns, wanted.body);
		IF wanted.cast_from IS NOT NULL THEN
			EXECUTE format(
				'CREATE CAST (%s AS %s) WITH FUNCTION %s AS ASSIGNMENT',
				wanted.cast_from, wanted.cast_to, wanted.function);
		END IF;

		-- An object that CREATE EXTENSION dml makes is a member at first.
		IF EXISTS (
			SELECT FROM pg_depend
			WHERE classid = 'pg_proc'::regclass AND objid = wanted.function::regprocedure AND deptype = 'e')
		THEN
			IF wanted.cast_from IS NOT NULL THEN
				EXECUTE format('ALTER EXTENSION dml DROP CAST (%s AS %s)', wanted.cast_from, wanted.cast_to);
			END IF;
			EXECUTE format('ALTER EXTENSION dml DROP FUNCTION %s', wanted.function);
		END IF;
		-- Functions without a type of dml must be dropped with dml, too.
		IF wanted.cast_from IS NULL THEN
			EXECUTE format('ALTER FUNCTION %s DEPENDS ON EXTENSION dml', wanted.function);
		END IF;
		made := made + 1;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION dml_add_pgvector_casts() IS 'create the casts between dml_vector and the types of pgvector, and functions that take these; returns how many were made';

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'vector'::pg_catalog.name) THEN
		PERFORM @extschema@.dml_add_pgvector_casts();
	END IF;
END
$$;
