-- Pairs within a radius.

CREATE FUNCTION dml_pairs(
	source text,
	embedding text,
	within double precision DEFAULT NULL,
	key text DEFAULT NULL,
	metric text DEFAULT 'l2',
	OUT a text,
	OUT b text,
	OUT distance double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dml_pairs_one' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_pairs(text, text, double precision, text, text) IS
	'all pairs of rows within a radius, each once';

CREATE FUNCTION dml_pairs(
	source_a text,
	embedding_a text,
	source_b text,
	embedding_b text,
	within double precision DEFAULT NULL,
	key_a text DEFAULT NULL,
	key_b text DEFAULT NULL,
	metric text DEFAULT 'l2',
	OUT a text,
	OUT b text,
	OUT distance double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dml_pairs_two' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_pairs(text, text, text, text, double precision, text, text, text) IS
	'all pairs of a row of one table and a row of another within a radius';
