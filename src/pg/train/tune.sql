-- Search for hyper-parameters.

CREATE FUNCTION dml_tune(
	model text,
	source text,
	features text,
	label text,
	method text,
	network text DEFAULT NULL,
	dims integer DEFAULT NULL,
	epochs integer DEFAULT NULL,
	seed bigint DEFAULT 0,
	time_limit double precision DEFAULT NULL,
	open_set boolean DEFAULT true,
	options jsonb DEFAULT '{}',
	search jsonb DEFAULT NULL,
	trials integer DEFAULT 27,
	folds integer DEFAULT 3,
	OUT model text,
	OUT version integer,
	OUT method text,
	OUT network text,
	OUT dims integer,
	OUT rows bigint,
	OUT skipped bigint,
	OUT classes integer,
@outcome@
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_tune(text, text, text, text, text, text, integer, integer, bigint, double precision, boolean, jsonb, jsonb, integer, integer)
	IS 'searches hyper-parameters by cross-validation, trains with the best ones and stores a new version of the model';

CREATE VIEW @extschema@.dml_trials AS
	SELECT v.model, v.version, (c.value OPERATOR(pg_catalog.->>) 'trial')::integer AS trial, (c.value OPERATOR(pg_catalog.->>) 'rung')::integer AS rung,
		c.value OPERATOR(pg_catalog.->>) 'method' AS method, c.value OPERATOR(pg_catalog.->>) 'network' AS network, c.value OPERATOR(pg_catalog.->>) 'settings' AS settings,
		(c.value OPERATOR(pg_catalog.->>) 'epochs')::integer AS epochs, v.metric, (c.value OPERATOR(pg_catalog.->>) v.metric)::double precision AS score,
		(c.value OPERATOR(pg_catalog.->>) 'seconds')::double precision AS seconds, c.value OPERATOR(pg_catalog.->>) 'note' AS note
	FROM @extschema@.dml_model_versions v, LATERAL pg_catalog.jsonb_array_elements(v.candidates) c
	WHERE c.value OPERATOR(pg_catalog.?) 'trial';
COMMENT ON VIEW dml_trials IS 'what dml_tune tried, and how it scored';
GRANT SELECT ON @extschema@.dml_trials TO PUBLIC;
