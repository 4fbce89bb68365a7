-- The label of a row by its nearest neighbours in a table.

CREATE FUNCTION dml_classify(
	source text,
	embedding text,
	label text,
	query anyelement,
	k integer DEFAULT 5,
	max_distance double precision DEFAULT NULL,
	min_confidence double precision DEFAULT 0,
	weights text DEFAULT 'distance',
	OUT label text,
	OUT confidence double precision,
	OUT distance double precision,
	OUT neighbours integer)
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION dml_classify(text, text, text, anyelement, integer, double precision, double precision, text) IS
	'the label of raw input, or of a vector, by a vote of its nearest rows in a table';
