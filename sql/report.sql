-- The model card: its sections, what it says where something is missing, and that users' text cannot become markup.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE SCHEMA report;
SET search_path = report, public;
-- A page is well-formed, ASCII, loads nothing and runs nothing.
CREATE FUNCTION sound(page text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT xml_is_well_formed_document(page) AND octet_length(page) = length(page) AND page ~ '^<!DOCTYPE html>' AND page ~ 'default-src ''none''; style-src ''unsafe-inline''; img-src data:'
		AND page !~* '<script|<foreignObject|<img|<link|<iframe|<[^<>]*\s(on[a-z]+=|src=|href="(?!data:image/png;base64,|#))|[\x01-\x08\x0b-\x1f]' $$;
CREATE FUNCTION sections(page text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(m[1], ' ') FROM regexp_matches(page, '<section id="([a-z]+)">', 'g') m $$;
CREATE FUNCTION drawn(page text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(m[1], ' ') FROM regexp_matches(page, 'class="dml-plot dml-([a-z]+)"', 'g') m $$;

CREATE TABLE thing AS
SELECT i AS id, 'c' || i % 3 AS label, ARRAY[i % 3 + sin(i), cos(7 * i), (i % 3) * cos(3 * i)]::real[] AS x, i % 2 AS half
FROM generate_series(1, 120) i;
CREATE VIEW learn AS SELECT * FROM thing WHERE half = 0;
CREATE VIEW test AS SELECT * FROM thing WHERE half = 1;
SELECT rows FROM dml_train('report', 'learn', 'x', 'label', method => 'supcon', network => '8 relu, 4', epochs => 3);

CREATE TABLE page AS SELECT dml_report('report', 'test', label => 'label', gallery => 'learn', intended_use => E'Sorting.\nNot for people.', limitations => 'Only things.') AS page;
SELECT sound(page), sections(page), drawn(page) FROM page;
SELECT page ~ '<h1>Model card: report, version 1</h1>' AS title, page ~ '<p>Sorting\.</p><p>Not for people\.</p>' AS use, page ~ '<p>Only things\.</p>' AS limits,
	page ~ 'The version has none: dml_match' AS no_threshold, page ~ '<td class="k">recall_at_1</td>' AS figures, page ~ '<table class="worst">' AS by_class,
	page ~ 'rows that the model was trained on\. On rows' AS trained_on FROM page;
-- The figures are those of dml_evaluate.
SELECT page ~ format('<td class="k">recall_at_1</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td>', round(no_learning::numeric, 4), round(whitened::numeric, 4), round(learned::numeric, 4)) AS agrees
FROM page, dml_evaluate('report', 'test', label => 'label', gallery => 'learn') WHERE metric = 'recall_at_1';
-- A function of another role beside dml's own that would fit a call with fewer arguments, is not taken.
CREATE ROLE report_intruder;
SELECT format('GRANT CREATE, USAGE ON SCHEMA %I TO report_intruder', extnamespace::regnamespace::text) AS grant_create, extnamespace::regnamespace AS dml_schema FROM pg_extension WHERE extname = 'dml' \gset
:grant_create;
SET ROLE report_intruder;
CREATE FUNCTION :dml_schema.dml_evaluate(text, text, text, text, gallery text, max_queries bigint, seed bigint, per_class boolean, metrics text[],
	OUT metric text, OUT class text, OUT no_learning float8, OUT whitened float8, OUT learned float8, OUT learned_low float8, OUT learned_high float8, OUT difference_low float8, OUT difference_high float8)
	RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it runs as %', current_user; END $$;
RESET ROLE;
SELECT length(dml_report('report', 'test', label => 'label', gallery => 'learn')) > 0 AS made;
DROP OWNED BY report_intruder;
DROP ROLE report_intruder;
-- A threshold; the source of the training.
SELECT threshold > 0 AS calibrated FROM dml_calibrate('report', 'test', label => 'label', false_accept_rate => 0.1);
SELECT page ~ 'Two rows are the same if their distance is at most' AS threshold, page ~ 'found on the source of the evaluation' AS same_source
FROM (SELECT dml_report('report', 'test', label => 'label', max_rows => 30) AS page) p;
SELECT page ~ 'rows that the model was trained on\. On rows' AS trained_on FROM (SELECT dml_report('report', 'learn', label => 'label') AS page) p;
-- Without a source nothing is measured; a closed form has no epochs; one class has no pairs of two.
SELECT rows FROM dml_train('report_closed', 'learn', 'x', 'label', method => 'lda', options => '{"validation": 0}');
SELECT model, sound(page), sections(page), drawn(page), page ~ 'Nothing was measured for this report' AS told, page ~ 'No score was measured' AS no_score, page ~ 'does not learn in epochs|has no epochs' AS no_epochs
FROM (SELECT model, dml_report(model) AS page FROM unnest('{report,report_closed}'::text[]) model) p ORDER BY 1;
SELECT sound(page), drawn(page), page ~ 'No picture of this kind: there is no pair of two classes' AS told
FROM (SELECT dml_report('report', 'SELECT * FROM test WHERE label = ''c1''', label => 'label') AS page) p;
-- Text of users stays text.
CREATE TABLE evil AS SELECT '<script>alert(' || i % 3 || E')</script>"/>\x01' AS "</td><script>", ARRAY[i % 3 + sin(i), i]::real[] AS "<img src=x onerror=alert(1)>" FROM generate_series(1, 60) i;
SELECT rows FROM dml_train('report_<b>&"''', 'evil', '"<img src=x onerror=alert(1)>"', '"</td><script>"', method => 'lda');
SELECT sound(page), page ~ '&lt;script&gt;alert\(1\)&lt;/script&gt;&quot;/&gt;&#65533;' AS label, page ~ 'report_&lt;b&gt;&amp;&quot;&#39;' AS model
FROM (SELECT dml_report('report_<b>&"''', 'SELECT * FROM evil /* <script>alert(1)</script> */', label => '"</td><script>"',
	intended_use => '</p><script>alert(1)</script>', limitations => '<iframe src="//x">') AS page) p;
-- Errors and rights.
\set VERBOSITY default
SELECT dml_report(NULL);
SELECT dml_report('report', 'test');
SELECT dml_report('report', label => 'label');
SELECT dml_report('report', 'test', label => 'label', max_rows => 0);
SELECT dml_report('report', theme => 'pink');
\set VERBOSITY terse
SELECT dml_report('report', 'test', label => 'nothing');
CREATE ROLE report_reader;
GRANT USAGE ON SCHEMA report TO report_reader;
SET ROLE report_reader;
SELECT dml_report('report');
RESET ROLE;
SELECT dml_grant('report', 'report_reader', 'embed');
SET ROLE report_reader;
SELECT dml_report('report', 'report.test', label => 'label');
SELECT report.sections(dml_report('report'));
RESET ROLE;

DROP SCHEMA report CASCADE;
SELECT dml_drop_model(model) FROM unnest(ARRAY['report', 'report_closed', 'report_<b>&"''']) model;
DROP ROLE report_reader;
