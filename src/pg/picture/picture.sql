-- Pictures and the report.

CREATE FUNCTION dml_plot(
	kind text,
	model text DEFAULT NULL,
	source text DEFAULT NULL,
	features text DEFAULT NULL,
	label text DEFAULT NULL,
	gallery text DEFAULT NULL,
	cluster text DEFAULT NULL,
	projection text DEFAULT 'pca',
	k integer DEFAULT NULL,
	max_rows bigint DEFAULT NULL,
	seed bigint DEFAULT 0,
	baseline boolean DEFAULT true,
	image_width integer DEFAULT NULL,
	title text DEFAULT NULL,
	theme text DEFAULT 'light')
	RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_plot(text, text, text, text, text, text, text, text, integer, bigint, bigint, boolean, integer, text, text) IS
	'a picture as SVG (kind: space, clusters, distances, roc, confusion, neighbours or curve)';

CREATE FUNCTION dml_report(
	model text,
	source text DEFAULT NULL,
	features text DEFAULT NULL,
	label text DEFAULT NULL,
	gallery text DEFAULT NULL,
	intended_use text DEFAULT NULL,
	limitations text DEFAULT NULL,
	max_rows bigint DEFAULT 2000,
	seed bigint DEFAULT 0,
	theme text DEFAULT 'auto')
	RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dml_report(text, text, text, text, text, text, text, bigint, bigint, text) IS
	'the model card of a model as one HTML page: data, split, method, figures, pictures, threshold, intended use, and what was not tested';
