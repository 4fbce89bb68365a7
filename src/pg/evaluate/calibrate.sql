-- Verification by a threshold.

CREATE FUNCTION dml_calibrate(
	model text,
	source text,
	features text DEFAULT NULL,
	label text DEFAULT NULL,
	false_accept_rate double precision DEFAULT NULL,
	criterion text DEFAULT NULL,
	beta double precision DEFAULT 1,
	a text DEFAULT NULL,
	b text DEFAULT NULL,
	same text DEFAULT NULL,
	OUT model text,
	OUT version integer,
	OUT threshold double precision,
	OUT criterion text,
	OUT target double precision,
	OUT false_accept_rate double precision,
	OUT true_accept_rate double precision,
	OUT accuracy double precision,
	OUT "precision" double precision,
	OUT genuine_pairs bigint,
	OUT impostor_pairs bigint)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_calibrate(text, text, text, text, double precision, text, double precision, text, text, text) IS
	'finds the distance up to which two rows are the same, and stores it with the version';

CREATE FUNCTION dml_match(model text, a anyarray, b anyarray) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_match_array' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION dml_match(text, anyarray, anyarray) IS 'are two rows, given as arrays of numbers, the same by the calibrated threshold';
CREATE FUNCTION dml_match(model text, a dml_vector, b dml_vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_match_vector' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION dml_match(text, dml_vector, dml_vector) IS 'are two rows, given as plain vectors or embeddings, the same by the calibrated threshold';
CREATE FUNCTION dml_match(model text, a record, b record) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dml_match_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION dml_match(text, record, record) IS 'are two rows, which have the columns of the model''s features, the same by the calibrated threshold';
