-- Looking into an index: is it right, what is it made of, what does a search cost.

CREATE FUNCTION dml_index_check(index regclass, heap boolean DEFAULT false,
		OUT height integer, OUT nodes bigint, OUT rows bigint, OUT dead bigint,
		OUT gone bigint, OUT free bigint, OUT leaked bigint)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION dml_index_check(regclass, boolean) IS
	'walk an index against every invariant, and against its table: an error names the block that is wrong';

CREATE FUNCTION dml_index_stats(index regclass,
		OUT dims integer, OUT space text, OUT metric text, OUT height integer, OUT leaf_bits integer, OUT inner_bits integer,
		OUT pages bigint, OUT inner_pages bigint, OUT leaf_pages bigint, OUT gone_pages bigint, OUT free_pages bigint,
		OUT rows bigint, OUT dead bigint, OUT fill double precision, OUT bytes_per_row double precision,
		OUT calibrated_leaves bigint, OUT recalls double precision[], OUT recall_leaves integer[], OUT recall_exact integer[],
		OUT search_inner bigint, OUT search_leaves bigint, OUT search_codes bigint, OUT search_exact bigint)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION dml_index_stats(regclass) IS
	'what an index is made of, what each recall costs in it, and what the last search of this session did';

CREATE FUNCTION dml_index_recall(index regclass, sample integer DEFAULT 100, k integer DEFAULT 10,
		time_limit double precision DEFAULT 10,
		OUT questions integer, OUT asked double precision, OUT found double precision,
		OUT low double precision, OUT high double precision)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION dml_index_recall(regclass, integer, integer, double precision) IS
	'which share of the nearest rows searches in an index find: asked for and found, with a 95 % interval';
