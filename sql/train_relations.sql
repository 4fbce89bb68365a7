-- Every loss learns from the constraints that it declares: pairs, triplets, matches, or rows alone.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
SET dml.notice_interval = 0;
CREATE SCHEMA train_relations_test;
SET search_path = train_relations_test, public;
-- The first three columns separate the things by little; the others are noise.
CREATE TABLE thing AS
SELECT i AS id, i % 8 AS kind, ARRAY[cos(i % 8 * 0.785), sin(i % 8 * 0.785), cos(i % 8 * 2.3), 3 * sin(i * 7.3), 3 * cos(i * 3.1), 3 * sin(i * 1.7)]::real[] AS x
FROM generate_series(1, 160) i;
CREATE TABLE pair AS
SELECT a.x AS a, b.x AS b, a.kind = b.kind AS same FROM thing a, thing b WHERE a.id < b.id AND (a.id * 31 + b.id * 17) % 11 = 0;
CREATE TABLE click AS
SELECT a.x AS q, b.x AS clicked, c.x AS skipped FROM thing a, thing b, thing c
WHERE a.kind = b.kind AND a.kind <> c.kind AND a.id <> b.id AND (a.id * 101 + b.id * 31 + c.id * 17) % 301 = 0;
CREATE TABLE twin AS
SELECT ARRAY(SELECT (SELECT sum(sin(i * (k + 0.37) * 1.9) * sin(k * j * 1.3)) FROM generate_series(1, 5) k) + 0.1 * sin(i * j * 7.7) FROM generate_series(1, 8) j)::real[] AS a,
	ARRAY(SELECT (SELECT sum(sin(i * (k + 0.37) * 1.9) * cos(k * j * 2.1)) FROM generate_series(1, 5) k) + 0.1 * sin(i * j * 5.3) FROM generate_series(1, 10) j)::real[] AS b
FROM generate_series(1, 300) i;
-- Each loss alone, or in a sum if it pulls in one direction only; "yes", or the score.
CREATE FUNCTION method_of(name text) RETURNS text LANGUAGE sql AS $$
SELECT CASE WHEN name IN ('intra_pair_variance', 'instance', 'orthogonal') THEN 'contrastive + 0.1 * ' || name ELSE name END $$;
CREATE FUNCTION yes(learned float8, limit_ float8) RETURNS text LANGUAGE sql AS $$
SELECT CASE WHEN learned > limit_ THEN 'yes' ELSE format('%s, not above %s', learned, limit_) END $$;
SELECT name, (SELECT yes(learned, without_learning + 0.1) FROM dml_train_pairs('relations', 'pair', 'a', 'b', 'same', method => method_of(name), network => '6', epochs => 20)) AS pairs
FROM dml_methods WHERE kind = 'gradient' AND supervision ~ 'pairs';
SELECT name, (SELECT yes(learned, without_learning + 0.1) FROM dml_train_triplets('relations', 'click', 'q', 'clicked', 'skipped', method => method_of(name), network => '6', epochs => 20)) AS triplets
FROM dml_methods WHERE kind = 'gradient' AND supervision ~ 'triplets';
SELECT name, (SELECT yes(learned, 0.08) FROM dml_train_matches('relations', 'twin', 'a', 'b', method => method_of(name), network => CASE WHEN name ~ 'vicreg|barlow' THEN '12, raw' ELSE '12, l2' END,
	epochs => 30)) AS matches
FROM dml_methods WHERE kind = 'gradient' AND supervision ~ 'matches';
SELECT name, (SELECT yes(learned, 0.2) FROM dml_train_unlabeled('relations', 'twin', 'b', method => method_of(name), network => CASE WHEN name ~ 'vicreg|barlow' THEN '12, raw' ELSE '12, l2' END,
	epochs => 20)) AS rows
FROM dml_methods WHERE kind = 'gradient' AND supervision ~ 'unlabeled rows';
-- A loss alone learns the mean of both directions; miners have a choice among matches and views.
SELECT yes(learned, 0.08) AS margin FROM dml_train_matches('relations', 'twin', 'a', 'b', method => 'margin + 0.5 * triplet', network => '12, l2', epochs => 40,
	options => '{"margin.miner": "semihard", "triplet.miner": "hard", "margin.margin": 0.3}');
SELECT yes(learned, 0.08) AS norm FROM dml_train_matches('relations', 'twin', 'a', 'b', method => 'norm + vicreg + 0.1 * infonce', network => '12, raw', epochs => 30, options => '{"vicreg.alpha": 20}');
\set VERBOSITY terse
SELECT dml_train_pairs('bad', 'pair', 'a', 'b', 'same', method => 'margin', options => '{"miner": "hard"}');
SELECT dml_train_pairs('bad', 'pair', 'a', 'b', 'same', method => 'circle');
SELECT dml_train_matches('bad', 'twin', 'a', 'b', method => 'center');
DROP SCHEMA train_relations_test CASCADE;
SELECT dml_drop_model('relations');
RESET search_path;
RESET client_min_messages;
