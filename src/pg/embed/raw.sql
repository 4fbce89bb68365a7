-- Raw input beside an embedding: embedded by the embedding's own model, once a scan.
--
-- STABLE, since the model is read from the catalogue.

CREATE FUNCTION dml_raw_l2(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l2(dml_vector, real[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR <-> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (dml_vector, real[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l2(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l2(real[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR <-> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (real[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l2(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l2(dml_vector, double precision[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR <-> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (dml_vector, double precision[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l2(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l2(double precision[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR <-> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (double precision[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_cosine(dml_vector, real[]) IS 'cosine distance to raw input, which the model of the vector embeds';
CREATE OPERATOR <=> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (dml_vector, real[]) IS 'cosine distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_cosine(real[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';
CREATE OPERATOR <=> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (real[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_cosine(dml_vector, double precision[]) IS 'cosine distance to raw input, which the model of the vector embeds';
CREATE OPERATOR <=> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (dml_vector, double precision[]) IS 'cosine distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_cosine(double precision[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';
CREATE OPERATOR <=> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (double precision[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_negative_inner_product(dml_vector, real[]) IS 'negative inner product to raw input, which the model of the vector embeds';
CREATE OPERATOR <#> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (dml_vector, real[]) IS 'negative inner product to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_negative_inner_product(real[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';
CREATE OPERATOR <#> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (real[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_negative_inner_product(dml_vector, double precision[]) IS 'negative inner product to raw input, which the model of the vector embeds';
CREATE OPERATOR <#> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (dml_vector, double precision[]) IS 'negative inner product to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_negative_inner_product(double precision[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';
CREATE OPERATOR <#> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (double precision[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l1(dml_vector, real[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR <+> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (dml_vector, real[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l1(real[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR <+> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (real[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l1(dml_vector, double precision[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR <+> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (dml_vector, double precision[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dml_raw_l1(double precision[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR <+> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (double precision[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';
