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

CREATE FUNCTION dml_watch_ddl() RETURNS event_trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION dml_watch_ddl() IS 'tells when a partition or a child table has a materialised column that nothing keeps fresh';
CREATE EVENT TRIGGER dml_watch_ddl ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE')
	EXECUTE FUNCTION @extschema@.dml_watch_ddl();
COMMENT ON EVENT TRIGGER dml_watch_ddl IS 'tells when a partition or a child table has a materialised column that nothing keeps fresh';

-- The trigger of a column is known by the last number of its UPDATE OF list.
CREATE VIEW @extschema@.dml_columns AS
	SELECT a.attrelid::pg_catalog.regclass AS relation, a.attname AS "column", m.name AS model, c.number AS version,
		c.number OPERATOR(pg_catalog.=) m.active AS active,
		EXISTS (SELECT FROM pg_catalog.pg_trigger t
			WHERE t.tgrelid OPERATOR(pg_catalog.=) a.attrelid AND t.tgparentid OPERATOR(pg_catalog.=) 0
				AND t.tgfoid OPERATOR(pg_catalog.=) '@extschema@.dml_embed_trigger()'::pg_catalog.regprocedure
				AND t.tgenabled OPERATOR(pg_catalog.<>) 'D'
				AND a.attnum OPERATOR(pg_catalog.=)
					t.tgattr[pg_catalog.cardinality(t.tgattr::pg_catalog.int2[]) OPERATOR(pg_catalog.-) 1]) AS kept_fresh,
		c.features
	FROM dml_catalog.column_info c
	JOIN dml_catalog.model m ON m.id OPERATOR(pg_catalog.=) c.model_id
	JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) dml_catalog.column_table(c.place)
		AND a.attnum OPERATOR(pg_catalog.=) dml_catalog.column_number(c.place);
COMMENT ON VIEW dml_columns IS 'materialised columns, and the version that each is made with';
GRANT SELECT ON @extschema@.dml_columns TO PUBLIC;
