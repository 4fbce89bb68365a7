-- Training on other knowledge than labels.
--
-- Each function has its result's columns written out: \df shows them, and they differ (chunklets, constraints), so that
-- one type for all would have columns that are NULL. @outcome@ stands for the lines of outcome.part, which all have.

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
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_chunklets(text, text, text, text, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns a metric from chunklets, small groups of rows that are known to belong together';

CREATE FUNCTION dml_train_pairs(
	model text,
	source text,
	a text,
	b text,
	same text,
	weight text DEFAULT NULL,
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
	OUT constraints bigint,
	OUT rows bigint,
	OUT skipped bigint,
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_pairs(text, text, text, text, text, text, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns a metric from pairs of rows that are the same or not';

CREATE FUNCTION dml_train_triplets(
	model text,
	source text,
	anchor text,
	positive text,
	negative text,
	weight text DEFAULT NULL,
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
	OUT constraints bigint,
	OUT rows bigint,
	OUT skipped bigint,
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_triplets(text, text, text, text, text, text, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns a metric from triplets: anchor is nearer to positive than to negative';

CREATE FUNCTION dml_train_quadruplets(
	model text,
	source text,
	a text,
	b text,
	c text,
	d text,
	weight text DEFAULT NULL,
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
	OUT constraints bigint,
	OUT rows bigint,
	OUT skipped bigint,
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_quadruplets(text, text, text, text, text, text, text, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns a metric from quadruplets: a and b are nearer than c and d';

CREATE FUNCTION dml_train_unlabeled(
	model text,
	source text,
	features text,
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
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_unlabeled(text, text, text, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns from rows alone: whitening, principal components, or a network that knows a row by views of it';

CREATE FUNCTION dml_train_matches(
	model text,
	source text,
	a text,
	b text,
	towers integer DEFAULT NULL,
	adapter boolean DEFAULT false,
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
	OUT constraints bigint,
	OUT rows bigint,
	OUT skipped bigint,
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_train_matches(text, text, text, text, integer, boolean, text, text, integer, integer, bigint, double precision, jsonb)
	IS 'learns from pairs that belong together, of one kind of row or of two, or adapts queries to stored vectors';
