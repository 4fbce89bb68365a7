-- How good is a model.
--
-- @figures@ stands for the lines of figures.part: the columns that all evaluations return.

CREATE FUNCTION dml_held_out(label anyelement, share double precision DEFAULT 0.5, seed bigint DEFAULT 0)
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dml_held_out(anyelement, double precision, bigint) IS
	'is the class of this label among the share that protocol open_set holds out';

CREATE FUNCTION dml_evaluate(
	model text,
	source text,
	features text DEFAULT NULL,
	label text DEFAULT NULL,
	protocol text DEFAULT 'closed_set',
	gallery text DEFAULT NULL,
	k integer DEFAULT 5,
	share double precision DEFAULT 0.5,
	seed bigint DEFAULT 0,
	max_queries bigint DEFAULT NULL,
	group_by text DEFAULT NULL,
	time_by text DEFAULT NULL,
	grade text DEFAULT NULL,
	recall_at integer[] DEFAULT '{1,2,4,8,10}',
	per_class boolean DEFAULT false,
	keep_duplicates boolean DEFAULT false,
	metrics text[] DEFAULT NULL,
	whiten boolean DEFAULT true,
	OUT metric text,
	OUT class text,
@figures@
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 50;
COMMENT ON FUNCTION dml_evaluate(text, text, text, text, text, text, integer, double precision, bigint, bigint, text, text, text, integer[], boolean, boolean, text[], boolean) IS
	'retrieval, clustering, verification and identification on labelled rows without learning, whitened and learned, side by side';

CREATE FUNCTION dml_evaluate_target(
	model text,
	source text,
	features text DEFAULT NULL,
	target text DEFAULT NULL,
	gallery text DEFAULT NULL,
	k integer DEFAULT 5,
	seed bigint DEFAULT 0,
	max_queries bigint DEFAULT NULL,
	keep_duplicates boolean DEFAULT false,
	whiten boolean DEFAULT true,
	OUT metric text,
@figures@
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 7;
COMMENT ON FUNCTION dml_evaluate_target(text, text, text, text, text, integer, bigint, bigint, boolean, boolean) IS
	'how well a number is predicted from the nearest rows without learning, whitened and learned, side by side';

CREATE FUNCTION dml_evaluate_pairs(
	model text,
	source text,
	a text DEFAULT NULL,
	b text DEFAULT NULL,
	same text DEFAULT NULL,
	seed bigint DEFAULT 0,
	whiten boolean DEFAULT true,
	OUT metric text,
@figures@
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20;
COMMENT ON FUNCTION dml_evaluate_pairs(text, text, text, text, text, bigint, boolean) IS
	'verification on judged pairs without learning, whitened and learned, side by side';

CREATE FUNCTION dml_evaluate_triplets(
	model text,
	source text,
	anchor text DEFAULT NULL,
	positive text DEFAULT NULL,
	negative text DEFAULT NULL,
	weight text DEFAULT NULL,
	seed bigint DEFAULT 0,
	whiten boolean DEFAULT true,
	OUT metric text,
@figures@
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20;
COMMENT ON FUNCTION dml_evaluate_triplets(text, text, text, text, text, text, bigint, boolean) IS
	'the share of triplets that hold without learning, whitened and learned, side by side';

CREATE FUNCTION dml_evaluate_quadruplets(
	model text,
	source text,
	a text DEFAULT NULL,
	b text DEFAULT NULL,
	c text DEFAULT NULL,
	d text DEFAULT NULL,
	weight text DEFAULT NULL,
	seed bigint DEFAULT 0,
	whiten boolean DEFAULT true,
	OUT metric text,
@figures@
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20;
COMMENT ON FUNCTION dml_evaluate_quadruplets(text, text, text, text, text, text, text, bigint, boolean) IS
	'the share of quadruplets that hold without learning, whitened and learned, side by side';

CREATE FUNCTION dml_evaluate_matches(
	model text,
	source text,
	a text DEFAULT NULL,
	b text DEFAULT NULL,
	grade text DEFAULT NULL,
	gallery text DEFAULT NULL,
	gallery_features text DEFAULT NULL,
	recall_at integer[] DEFAULT '{1,2,4,8,10}',
	max_queries bigint DEFAULT NULL,
	seed bigint DEFAULT 0,
	whiten boolean DEFAULT true,
	OUT metric text,
@figures@
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20;
COMMENT ON FUNCTION dml_evaluate_matches(text, text, text, text, text, text, text, integer[], bigint, bigint, boolean) IS
	'retrieval and verification on matches, of one tower or two, without learning, whitened and learned, side by side';

CREATE FUNCTION dml_get_evaluation_progress(
	OUT pid integer,
	OUT datid oid,
	OUT userid oid,
	OUT model text,
	OUT space text,
	OUT queries_done bigint,
	OUT queries bigint,
	OUT gallery_rows bigint,
	OUT started timestamp with time zone)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION dml_get_evaluation_progress() IS 'the evaluations that run now, for the view dml_evaluation_progress';

CREATE VIEW @extschema@.dml_evaluation_progress AS
	SELECT p.pid, d.datname AS database, u.rolname AS "user", p.model, p.space, p.queries_done, p.queries, p.gallery_rows, p.started
	FROM @extschema@.dml_get_evaluation_progress() p
	LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.datid
	LEFT JOIN pg_catalog.pg_roles u ON u.oid OPERATOR(pg_catalog.=) p.userid;
COMMENT ON VIEW dml_evaluation_progress IS 'the evaluations that run now, in all databases of this server';
GRANT SELECT ON @extschema@.dml_evaluation_progress TO PUBLIC;
