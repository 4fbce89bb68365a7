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
