-- Materialised columns.

CREATE FUNCTION dml_embed_trigger() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION dml_embed_trigger() IS 'keeps a materialised column fresh; dml_materialize makes its triggers';

CREATE FUNCTION dml_materialize(
	"table" regclass,
	"column" name,
	model text,
	features text DEFAULT NULL,
	refresh boolean DEFAULT false,
	OUT "table" regclass,
	OUT "column" name,
	OUT model text,
	OUT version integer,
	OUT dims integer,
	OUT rows bigint,
	OUT embedded bigint,
	OUT incomplete bigint,
	OUT seconds double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_materialize(regclass, name, text, text, boolean) IS
	'adds a column with the embedding of each row, fills it, and keeps it fresh by a trigger';

CREATE FUNCTION dml_dematerialize("table" regclass, "column" name, drop_column boolean DEFAULT true) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_dematerialize(regclass, name, boolean) IS
	'drops the trigger of a materialised column, its record and, unless told otherwise, the column';

-- The trigger knows where its column is, whatever that is called today: the last number of
-- its UPDATE OF list; its last argument is the name that the column is recorded under.
CREATE VIEW dml_columns AS
	SELECT c.relation, a.attname AS "column", m.name AS model, c.number AS version,
		c.number = m.active AS active, coalesce(t.tgenabled <> 'D', false) AS kept_fresh, c.features
	FROM dml_catalog.column_info c
	JOIN dml_catalog.model m ON m.id = c.model_id
	LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.relation AND t.tgparentid = 0
		AND t.tgfoid = 'dml_embed_trigger()'::pg_catalog.regprocedure
		AND pg_catalog.substring(t.tgargs, pg_catalog.octet_length(t.tgargs) - pg_catalog.octet_length(c."column"::text) - 1)
			= '\x00'::bytea || pg_catalog.convert_to(c."column"::text, pg_catalog.getdatabaseencoding()) || '\x00'::bytea
	JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND NOT a.attisdropped
		AND CASE WHEN t.oid IS NULL THEN a.attname = c."column"
			ELSE a.attnum = t.tgattr[pg_catalog.cardinality(t.tgattr::smallint[]) - 1] END;
COMMENT ON VIEW dml_columns IS 'materialised columns, and the version that each is made with';
GRANT SELECT ON dml_columns TO PUBLIC;
