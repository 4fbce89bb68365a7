-- What makes a distance.

CREATE FUNCTION dml_explain_pair(
	model text,
	a anyarray,
	b anyarray,
	OUT section text,
	OUT name text,
	OUT a double precision,
	OUT b double precision,
	OUT contribution double precision,
	OUT share double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dml_explain_pair_array' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION dml_explain_pair(text, anyarray, anyarray) IS
	'what each input column adds to the squared distance of two rows given as arrays of numbers';
CREATE FUNCTION dml_explain_pair(
	model text,
	a dml_vector,
	b dml_vector,
	OUT section text,
	OUT name text,
	OUT a double precision,
	OUT b double precision,
	OUT contribution double precision,
	OUT share double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dml_explain_pair_vector' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION dml_explain_pair(text, dml_vector, dml_vector) IS
	'what each input column adds to the squared distance of two rows given as plain vectors, or of a row and a vector that an adapter meets';
CREATE FUNCTION dml_explain_pair(
	model text,
	a record,
	b record,
	OUT section text,
	OUT name text,
	OUT a double precision,
	OUT b double precision,
	OUT contribution double precision,
	OUT share double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dml_explain_pair_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION dml_explain_pair(text, record, record) IS
	'what each feature adds to the squared distance of two rows that have the columns of the model''s features';
