-- The access method dml: nearest neighbours by an index.

CREATE FUNCTION dml_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION dml_handler(internal) IS 'the index access method dml';
CREATE ACCESS METHOD dml TYPE INDEX HANDLER dml_handler;
COMMENT ON ACCESS METHOD dml IS 'index for ORDER BY distance LIMIT k, a tree of clusters';

CREATE FUNCTION dml_index_metric_l2() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_index_metric_l2() IS 'support function of dml_l2_ops';
CREATE FUNCTION dml_index_metric_cosine() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_index_metric_cosine() IS 'support function of dml_cosine_ops';
CREATE FUNCTION dml_index_metric_ip() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_index_metric_ip() IS 'support function of dml_ip_ops';

CREATE OPERATOR CLASS dml_l2_ops DEFAULT FOR TYPE dml_vector USING dml AS
	OPERATOR 1 @extschema@.<-> (dml_vector, dml_vector) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> (dml_vector, real[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> (dml_vector, double precision[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> (dml_vector, smallint[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> (dml_vector, integer[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> (dml_vector, bigint[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> (dml_vector, numeric[]) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 @extschema@.dml_index_metric_l2();
COMMENT ON OPERATOR CLASS dml_l2_ops USING dml IS 'Euclidean (L2) distance, <->';

CREATE OPERATOR CLASS dml_cosine_ops FOR TYPE dml_vector USING dml AS
	OPERATOR 1 @extschema@.<=> (dml_vector, dml_vector) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> (dml_vector, real[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> (dml_vector, double precision[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> (dml_vector, smallint[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> (dml_vector, integer[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> (dml_vector, bigint[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> (dml_vector, numeric[]) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 @extschema@.dml_index_metric_cosine();
COMMENT ON OPERATOR CLASS dml_cosine_ops USING dml IS 'cosine distance, <=>';

CREATE OPERATOR CLASS dml_ip_ops FOR TYPE dml_vector USING dml AS
	OPERATOR 1 @extschema@.<#> (dml_vector, dml_vector) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> (dml_vector, real[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> (dml_vector, double precision[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> (dml_vector, smallint[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> (dml_vector, integer[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> (dml_vector, bigint[]) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> (dml_vector, numeric[]) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 @extschema@.dml_index_metric_ip();
COMMENT ON OPERATOR CLASS dml_ip_ops USING dml IS 'negative inner product, <#>';
