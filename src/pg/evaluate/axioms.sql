-- Is it a metric.

CREATE FUNCTION dml_verify_axioms(
	model text,
	source text,
	features text DEFAULT NULL,
	max_rows bigint DEFAULT 1000,
	triples bigint DEFAULT 100000,
	seed bigint DEFAULT 0,
	OUT axiom text,
	OUT holds boolean,
	OUT checked bigint,
	OUT violations bigint,
	OUT worst double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 5;
COMMENT ON FUNCTION dml_verify_axioms(text, text, text, bigint, bigint, bigint) IS
	'checks the axioms of a metric on rows of a table, with the worst violation of each';
