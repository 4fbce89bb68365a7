-- Operators between an embedding and raw input, which the embedding's own model embeds once a scan.
--
-- STABLE, since the model is read from the catalogue.

CREATE FUNCTION dml_raw_l2(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l2(dml_vector, real[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<-> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (dml_vector, real[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l2(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l2(real[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<-> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (real[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l2(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l2(dml_vector, double precision[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<-> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (dml_vector, double precision[]) IS 'Euclidean (L2) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l2(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l2_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l2(double precision[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<-> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (double precision[], dml_vector) IS 'Euclidean (L2) distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_cosine(dml_vector, real[]) IS 'cosine distance to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<=> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (dml_vector, real[]) IS 'cosine distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_cosine(real[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<=> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (real[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_cosine(dml_vector, double precision[]) IS 'cosine distance to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<=> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (dml_vector, double precision[]) IS 'cosine distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_cosine(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_cosine_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_cosine(double precision[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<=> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_cosine, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (double precision[], dml_vector) IS 'cosine distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_negative_inner_product(dml_vector, real[]) IS 'negative inner product to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<#> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (dml_vector, real[]) IS 'negative inner product to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_negative_inner_product(real[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<#> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (real[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_negative_inner_product(dml_vector, double precision[]) IS 'negative inner product to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<#> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (dml_vector, double precision[]) IS 'negative inner product to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_negative_inner_product(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_negative_inner_product_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_negative_inner_product(double precision[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<#> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (double precision[], dml_vector) IS 'negative inner product from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(dml_vector, real[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l1(dml_vector, real[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<+> (LEFTARG = dml_vector, RIGHTARG = real[], FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (dml_vector, real[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(real[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l1(real[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<+> (LEFTARG = real[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (real[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(dml_vector, double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l1(dml_vector, double precision[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<+> (LEFTARG = dml_vector, RIGHTARG = double precision[], FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (dml_vector, double precision[]) IS 'taxicab (L1) distance to raw input, which the model of the vector embeds';

CREATE FUNCTION dml_raw_l1(double precision[], dml_vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'dml_raw_l1_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
COMMENT ON FUNCTION dml_raw_l1(double precision[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';
CREATE OPERATOR @extschema@.<+> (LEFTARG = double precision[], RIGHTARG = dml_vector, FUNCTION = dml_raw_l1, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (double precision[], dml_vector) IS 'taxicab (L1) distance from raw input, which the model of the vector embeds';

-- Operators for arrays of other numbers, since features are often such arrays.  Without these
-- operators PostgreSQL could not choose between the two array types above.
DO $do$
DECLARE
	kind text;
	op record;
BEGIN
	FOREACH kind IN ARRAY ARRAY['smallint[]', 'integer[]', 'bigint[]', 'numeric[]'] LOOP
		FOR op IN SELECT * FROM (VALUES
			('<->', 'dml_raw_l2', 'Euclidean (L2) distance'),
			('<=>', 'dml_raw_cosine', 'cosine distance'),
			('<#>', 'dml_raw_negative_inner_product', 'negative inner product'),
			('<+>', 'dml_raw_l1', 'taxicab (L1) distance')) o(name, function, says) LOOP
			EXECUTE pg_catalog.format($sql$
				CREATE FUNCTION %2$s(dml_vector, %1$s) RETURNS double precision
					AS 'MODULE_PATHNAME', '%2$s' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
				COMMENT ON FUNCTION %2$s(dml_vector, %1$s) IS '%4$s to raw input, which the model of the vector embeds';
				CREATE OPERATOR @extschema@.%3$s (LEFTARG = dml_vector, RIGHTARG = %1$s, FUNCTION = %2$s, COMMUTATOR = %3$s);
				COMMENT ON OPERATOR %3$s (dml_vector, %1$s) IS '%4$s to raw input, which the model of the vector embeds';
				CREATE FUNCTION %2$s(%1$s, dml_vector) RETURNS double precision
					AS 'MODULE_PATHNAME', '%2$s_commuted' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	SUPPORT dml_distance_support;
				COMMENT ON FUNCTION %2$s(%1$s, dml_vector) IS '%4$s from raw input, which the model of the vector embeds';
				CREATE OPERATOR @extschema@.%3$s (LEFTARG = %1$s, RIGHTARG = dml_vector, FUNCTION = %2$s, COMMUTATOR = %3$s);
				COMMENT ON OPERATOR %3$s (%1$s, dml_vector) IS '%4$s from raw input, which the model of the vector embeds';
				$sql$, kind, op.function, op.name, op.says);
		END LOOP;
	END LOOP;
END
$do$;
