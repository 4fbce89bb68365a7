-- Connected components of pairs.

CREATE FUNCTION dml_duplicates(
	source text,
	embedding text,
	within double precision DEFAULT NULL,
	key text DEFAULT NULL,
	metric text DEFAULT 'l2',
	OUT key text,
	OUT group_id bigint,
	OUT size bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_duplicates(text, text, double precision, text, text) IS
	'rows that have another row within a radius, in groups that such pairs connect';

CREATE FUNCTION dml_groups(
	source text,
	a text DEFAULT 'a',
	b text DEFAULT 'b',
	OUT key text,
	OUT group_id bigint,
	OUT size bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION dml_groups(text, text, text) IS
	'groups of keys that pairs connect';
