-- What clients send beside an embedding: an array without a type is taken for a dml_vector.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE TABLE client_item AS SELECT i AS id, ARRAY[i % 7, i % 5]::real[] AS x, i % 2 AS class FROM generate_series(1, 40) i;
SELECT version FROM dml_train('client', 'client_item', 'x', 'class', method => 'whiten');
SELECT embedded FROM dml_materialize('client_item', 'e', 'client', 'x');
RESET client_min_messages;
PREPARE nearest AS SELECT id FROM client_item ORDER BY e <-> $1, id LIMIT 1;
PREPARE typed AS SELECT id FROM client_item ORDER BY e <-> $1::real[], id LIMIT 1;
PREPARE within AS SELECT count(*) > 0 AS some FROM client_item WHERE dml_within(e, $1, 1);
-- the text of an array, and that of a vector
EXECUTE nearest('{1,1}');
EXECUTE nearest('{"1","1"}');
EXECUTE nearest('[1,1]');
SELECT e <=> '[1,1]' FROM client_item LIMIT 1;
SELECT e <#> '{1,1}' FROM client_item LIMIT 1;
SELECT '[1,1]' <+> e FROM client_item LIMIT 1;
EXECUTE within('{1,1}');
EXECUTE within('[1,1]');
-- by the index
CREATE INDEX ON client_item USING dml (e);
SET enable_seqscan = off;
DEALLOCATE nearest;
PREPARE nearest AS SELECT id FROM client_item ORDER BY e <-> $1 LIMIT 1;
EXECUTE nearest('{1,1}');
EXECUTE nearest('[1,1]');
-- the hint works
EXECUTE typed('{1,1}');
DROP TABLE client_item;
SELECT dml_drop_model('client');
