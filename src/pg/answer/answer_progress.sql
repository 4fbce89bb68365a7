-- What runs now.

CREATE FUNCTION dml_get_answer_progress(
	OUT pid integer,
	OUT datid oid,
	OUT userid oid,
	OUT function text,
	OUT source text,
	OUT rows_done bigint,
	OUT rows bigint,
	OUT found bigint,
	OUT started timestamp with time zone)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION dml_get_answer_progress() IS 'the searches for pairs and groups that run now, for the view dml_answer_progress';

CREATE VIEW @extschema@.dml_answer_progress AS
	SELECT p.pid, d.datname AS database, u.rolname AS "user", p.function, p.source, p.rows_done, p.rows, p.found, p.started
	FROM @extschema@.dml_get_answer_progress() p
	LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.datid
	LEFT JOIN pg_catalog.pg_roles u ON u.oid OPERATOR(pg_catalog.=) p.userid;
COMMENT ON VIEW dml_answer_progress IS 'the searches for pairs and groups that run now, in all databases of this server';
GRANT SELECT ON @extschema@.dml_answer_progress TO PUBLIC;
