-- Training, and what other sessions see of it.

CREATE FUNCTION dml_train(
	model text,
	source text,
	features text,
	label text DEFAULT NULL,
	method text DEFAULT 'auto',
	network text DEFAULT NULL,
	dims integer DEFAULT NULL,
	epochs integer DEFAULT NULL,
	seed bigint DEFAULT 0,
	time_limit double precision DEFAULT NULL,
	open_set boolean DEFAULT false,
	options jsonb DEFAULT '{}',
	target text DEFAULT NULL,
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
COMMENT ON FUNCTION dml_train(text, text, text, text, text, text, integer, integer, bigint, double precision, boolean, jsonb, text)
	IS 'learns a metric from labelled rows, or rows with a number to predict, and stores it as a new version of the model';

CREATE FUNCTION dml_get_training_progress(
	OUT pid integer,
	OUT datid oid,
	OUT userid oid,
	OUT model text,
	OUT method text,
	OUT phase text,
	OUT rows bigint,
	OUT epoch bigint,
	OUT epochs bigint,
	OUT step bigint,
	OUT steps bigint,
	OUT loss double precision,
	OUT validation double precision,
	OUT best double precision,
	OUT seconds_left double precision,
	OUT started timestamp with time zone)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION dml_get_training_progress() IS 'the trainings that run now, for the view dml_training_progress';

CREATE VIEW @extschema@.dml_training_progress AS
	SELECT p.pid, d.datname AS database, u.rolname AS "user", p.model, p.method, p.phase, p.rows,
		p.epoch, p.epochs, p.step, p.steps, p.loss, p.validation, p.best, p.seconds_left, p.started
	FROM @extschema@.dml_get_training_progress() p
	LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.datid
	LEFT JOIN pg_catalog.pg_roles u ON u.oid OPERATOR(pg_catalog.=) p.userid;
COMMENT ON VIEW dml_training_progress IS 'the trainings that run now, in all databases of this server';
GRANT SELECT ON @extschema@.dml_training_progress TO PUBLIC;

CREATE FUNCTION dml_get_options(
	OUT name text,
	OUT type text,
	OUT allowed text,
	OUT default_value text,
	OUT closed_form boolean,
	OUT description text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 40;
COMMENT ON FUNCTION dml_get_options() IS 'what the parameter options of dml_train may hold, for the view dml_options';

CREATE VIEW @extschema@.dml_options AS SELECT * FROM @extschema@.dml_get_options();
COMMENT ON VIEW dml_options IS 'what the parameter options of dml_train may hold';
GRANT SELECT ON @extschema@.dml_options TO PUBLIC;
