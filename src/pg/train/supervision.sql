-- Training on other knowledge than labels.

CREATE FUNCTION dml_train_chunklets(
	model text,
	source text,
	features text,
	chunklet text,
	method text DEFAULT 'auto',
	network text DEFAULT NULL,
	dims integer DEFAULT NULL,
	epochs integer DEFAULT NULL,
	seed bigint DEFAULT 0,
	time_limit double precision DEFAULT NULL,
	options jsonb DEFAULT '{}',
	OUT model text,
	OUT version integer,
	OUT method text,
	OUT network text,
	OUT dims integer,
	OUT rows bigint,
	OUT skipped bigint,
	OUT chunklets integer,
	OUT epochs integer,
	OUT seconds double precision,
	OUT metric text,
	OUT without_learning double precision,
	OUT whitened double precision,
	OUT learned double precision,
	OUT reason text)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_chunklets(text, text, text, text, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns a metric from chunklets, small groups of rows that are known to belong together';
