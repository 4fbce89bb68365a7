-- How good is a model.

CREATE FUNCTION dml_held_out(label anyelement, share double precision DEFAULT 0.5, seed bigint DEFAULT 0)
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_held_out(anyelement, double precision, bigint) IS
	'is the class of this label among the share that protocol open_set holds out';

CREATE FUNCTION dml_evaluate(
	model text,
	source text,
	features text DEFAULT NULL,
	label text DEFAULT NULL,
	protocol text DEFAULT 'closed_set',
	gallery text DEFAULT NULL,
	k integer DEFAULT 5,
	share double precision DEFAULT 0.5,
	seed bigint DEFAULT 0,
	max_queries bigint DEFAULT NULL,
	OUT embedding text,
	OUT dims integer,
	OUT queries bigint,
	OUT lone bigint,
	OUT gallery_rows bigint,
	OUT classes integer,
	OUT recall_at_1 double precision,
	OUT recall_at_2 double precision,
	OUT recall_at_4 double precision,
	OUT recall_at_8 double precision,
	OUT r_precision double precision,
	OUT map_at_r double precision,
	OUT knn_accuracy double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 3;
COMMENT ON FUNCTION dml_evaluate(text, text, text, text, text, text, integer, double precision, bigint, bigint) IS
	'retrieval metrics on labelled rows without learning, whitened and learned, side by side';
