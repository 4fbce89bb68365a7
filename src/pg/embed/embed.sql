-- Embedding rows.
--
-- STABLE and not IMMUTABLE, since a name means the active version, which the next training changes.
-- COST: a network of a few hundred units takes as long as a few hundred simple functions.

CREATE FUNCTION dml_embed(model text, input anyarray) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_array' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed(text, anyarray) IS 'the embedding of a row given as an array of numbers';
CREATE FUNCTION dml_embed(model text, input dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_plain' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed(text, dml_vector) IS 'the embedding of a row given as a plain vector';
CREATE FUNCTION dml_embed(model text, VARIADIC input double precision[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_array' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed(text, double precision[]) IS 'the embedding of a row given column by column';
CREATE FUNCTION dml_embed(model text, input record) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed(text, record) IS 'the embedding of a row that has the columns of the model''s features';

-- IMMUTABLE, because the name must have a version, whose weights never change. There is no form for
-- a record: the features of such a model may depend on settings.
CREATE FUNCTION dml_embed_pinned(version text, input anyarray) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_pinned_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed_pinned(text, anyarray) IS 'the embedding of an array of numbers by a named version';
CREATE FUNCTION dml_embed_pinned(version text, input dml_vector) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_pinned_plain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed_pinned(text, dml_vector) IS 'the embedding of a plain vector by a named version';
CREATE FUNCTION dml_embed_pinned(version text, VARIADIC input double precision[]) RETURNS dml_vector
	AS 'MODULE_PATHNAME', 'dml_embed_pinned_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dml_embed_pinned(text, double precision[]) IS 'the embedding of a row, column by column, by a named version';

CREATE FUNCTION dml_distance(model text, a anyarray, b anyarray) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_distance_array' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION dml_distance(text, anyarray, anyarray) IS 'the learned distance of two rows given as arrays of numbers';
CREATE FUNCTION dml_distance(model text, a dml_vector, b dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_distance_plain' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION dml_distance(text, dml_vector, dml_vector) IS 'the learned distance of two rows given as plain vectors';
CREATE FUNCTION dml_distance(model text, a record, b record) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_distance_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION dml_distance(text, record, record) IS 'the learned distance of two rows that have the columns of the model''s features';
