-- Answers to many questions, with one reading of the gallery.

CREATE FUNCTION dml_classify_all(
	source text,
	embedding text,
	label text,
	questions text,
	query text,
	key text DEFAULT NULL,
	k integer DEFAULT 5,
	max_distance double precision DEFAULT NULL,
	min_confidence double precision DEFAULT 0,
	weights text DEFAULT 'distance',
	OUT key text,
	OUT label text,
	OUT confidence double precision,
	OUT distance double precision,
	OUT neighbours integer)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_classify_all(text, text, text, text, text, text, integer, double precision, double precision, text) IS
	'the label of each row of a table of questions, by a vote of its nearest rows in another table';

CREATE FUNCTION dml_match_all(
	source text,
	embedding text,
	id text,
	questions text,
	query text,
	key text DEFAULT NULL,
	max_distance double precision DEFAULT NULL,
	OUT key text,
	OUT match text,
	OUT distance double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_match_all(text, text, text, text, text, text, double precision) IS
	'the nearest row of a table for each row of a table of questions, if the calibrated threshold accepts it';
