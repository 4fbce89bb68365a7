-- The nearest entities, each by its nearest row.

CREATE FUNCTION dml_nearest_entities(
	source text,
	embedding text,
	entity text,
	query anyelement,
	k integer DEFAULT 10,
	key text DEFAULT NULL,
	metric text DEFAULT 'l2',
	OUT entity text,
	OUT key text,
	OUT distance double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 10;
COMMENT ON FUNCTION dml_nearest_entities(text, text, text, anyelement, integer, text, text) IS
	'the k nearest entities to raw input or a vector, each by its nearest row in a table';
