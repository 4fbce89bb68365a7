-- Raw input beside an embedding: embedded by the embedding's own model, once a scan.
CREATE FUNCTION dml_raw_l2(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <-> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_l2, COMMUTATOR = <->);
CREATE FUNCTION dml_raw_l2(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <-> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l2, COMMUTATOR = <->);
CREATE FUNCTION dml_raw_l2(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <-> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_l2, COMMUTATOR = <->);
CREATE FUNCTION dml_raw_l2(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <-> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l2, COMMUTATOR = <->);
CREATE FUNCTION dml_raw_cosine(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <=> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
CREATE FUNCTION dml_raw_cosine(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <=> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
CREATE FUNCTION dml_raw_cosine(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <=> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
CREATE FUNCTION dml_raw_cosine(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <=> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
CREATE FUNCTION dml_raw_negative_inner_product(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <#> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
CREATE FUNCTION dml_raw_negative_inner_product(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <#> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
CREATE FUNCTION dml_raw_negative_inner_product(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <#> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
CREATE FUNCTION dml_raw_negative_inner_product(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <#> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
CREATE FUNCTION dml_raw_l1(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <+> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
CREATE FUNCTION dml_raw_l1(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <+> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
CREATE FUNCTION dml_raw_l1(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <+> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
CREATE FUNCTION dml_raw_l1(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
CREATE OPERATOR <+> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
