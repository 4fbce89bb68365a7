-- What a model is and looks at.

CREATE FUNCTION dml_explain(
	model text,
	source text DEFAULT NULL,
	features text DEFAULT NULL,
	max_rows bigint DEFAULT 256,
	seed bigint DEFAULT 0,
	k integer DEFAULT 10,
	OUT section text,
	OUT name text,
	OUT value text,
	OUT weight double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 50;
COMMENT ON FUNCTION dml_explain(text, text, text, bigint, bigint, integer) IS
	'how a model came about, its settings, and what its distance looks at';
