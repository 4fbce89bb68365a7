-- The work of an evaluation has a bound; above it, a sample of the queries is used. A running
-- evaluation is shown.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA bound_test;
SET search_path = bound_test, public;
CREATE TABLE thing AS
SELECT i AS id, i % 10 AS kind, sin(i * 0.37) AS price, ARRAY[sin(i * 0.37) + i % 10, cos(i * 1.3), sin(i * 2.1)]::real[] AS x FROM generate_series(1, 600) i;
CREATE VIEW asked AS SELECT a.x AS q, b.x AS v FROM thing a JOIN thing b ON b.id = a.id + 10;
SELECT version FROM dml_train('bound', 'thing', 'x', 'kind', method => 'lda');
CREATE TABLE whole AS SELECT * FROM dml_evaluate('bound', 'thing', label => 'kind', whiten => false);
CREATE TABLE pairs AS SELECT threshold, genuine_pairs + impostor_pairs AS pairs FROM dml_calibrate('bound', 'thing', label => 'kind');
RESET client_min_messages;
SHOW dml.max_comparisons;
SET dml.max_comparisons = 72000;
CREATE TABLE sampled AS SELECT * FROM dml_evaluate('bound', 'thing', label => 'kind', whiten => false);
SELECT w.no_learning AS whole, s.no_learning AS sampled FROM whole w JOIN sampled s USING (metric) WHERE metric IN ('queries', 'gallery_rows') ORDER BY metric;
SELECT count(*) AS figures, count(*) FILTER (WHERE abs(w.learned - s.learned) > 0.1) AS far_off FROM whole w JOIN sampled s USING (metric)
WHERE metric ~ 'recall|map|mrr|ndcg|knn|auc|eer|^best_accuracy$';
-- max_queries overrides the bound. With a gallery, the bound counts queries and gallery.
SELECT count(*) AS figures, count(*) FILTER (WHERE w.learned IS DISTINCT FROM s.learned) AS differ
FROM whole w JOIN dml_evaluate('bound', 'thing', label => 'kind', whiten => false, max_queries => 600) s USING (metric);
SELECT no_learning FROM dml_evaluate('bound', 'SELECT * FROM thing WHERE id <= 100', label => 'kind', whiten => false, metrics => '{recall_at_1}', protocol => 'query_gallery', gallery => 'thing') WHERE metric = 'queries';
SELECT no_learning FROM dml_evaluate_target('bound', 'thing', target => 'price', whiten => false) WHERE metric = 'queries';
SELECT no_learning FROM dml_evaluate_matches('bound', 'asked', 'q', 'v', whiten => false) WHERE metric = 'queries';
SELECT c.genuine_pairs + c.impostor_pairs < p.pairs / 2 AS fewer, abs(c.threshold / p.threshold - 1) < 0.1 AS near FROM dml_calibrate('bound', 'thing', label => 'kind') c, pairs p;
RESET dml.max_comparisons;

-- A running evaluation is shown, to another role without the model's name. It is no longer shown
-- afterwards, also after an error.
CREATE FUNCTION watch(i int, stranger text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	IF i = 10 THEN
		SELECT * INTO p FROM dml_evaluation_progress WHERE pid = pg_backend_pid();
		RAISE NOTICE 'database % model % space % of % queries, started %', p.database = current_database(), p.model, p.space, p.queries, p.started <= clock_timestamp();
		PERFORM set_config('role', stranger, true);
		SELECT * INTO p FROM public.dml_evaluation_progress WHERE pid = pg_backend_pid();
		RAISE NOTICE 'database % model % space %', p.database = current_database(), p.model, p.space;
		PERFORM set_config('role', 'none', true);
	END IF;
	RETURN i;
END $$;
BEGIN;
CREATE ROLE bound_stranger;
GRANT USAGE ON SCHEMA bound_test TO bound_stranger;
SELECT count(*) > 0 AS measured FROM dml_evaluate('bound', 'thing', 'ARRAY[x[1], x[2], watch(id, ''bound_stranger'')]', 'kind', metrics => '{recall_at_1}', whiten => false);
ROLLBACK;
SELECT count(*) FROM dml_evaluation_progress WHERE pid = pg_backend_pid();
SELECT * FROM dml_evaluate('bound', 'thing', 'x[1] / (id - 300), x[2], x[3]', 'kind');
SELECT count(*) FROM dml_evaluation_progress WHERE pid = pg_backend_pid();
SELECT dml_drop_model('bound');
SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA bound_test CASCADE;
