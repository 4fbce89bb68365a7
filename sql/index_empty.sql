-- An index without a live row takes the space of the next row.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
CREATE TABLE ie (id int, v dml_vector);
CREATE INDEX ie_v ON ie USING dml (v);
BEGIN;
INSERT INTO ie VALUES (1, '[1,2,3]');
ROLLBACK;
INSERT INTO ie VALUES (2, '[1,2,3,4]');
SELECT dims, rows FROM dml_index_stats('ie_v');
SET enable_seqscan = off;
SELECT id FROM ie ORDER BY v <-> '[1,2,3,5]' LIMIT 5;
-- a live row of another space is not given up
INSERT INTO ie VALUES (3, '[1,2]');
SELECT id FROM ie ORDER BY v <-> '[1,2]' LIMIT 5;
-- deleted by a committed transaction: gone
DELETE FROM ie;
SELECT id FROM ie ORDER BY v <-> '[1,2]' LIMIT 5;
SELECT id FROM ie ORDER BY v <-> '[1,2,3,4]' LIMIT 5;
SELECT id FROM ie WHERE dml_within(v, '[1,2]'::dml_vector, 10);
INSERT INTO ie VALUES (4, '[1,2]');
SELECT id FROM ie ORDER BY v <-> '[1,2]' LIMIT 5;
-- deleted by this transaction: it may come back
BEGIN;
DELETE FROM ie;
SAVEPOINT s;
INSERT INTO ie VALUES (5, '[1,2,3]');
ROLLBACK TO s;
SELECT id FROM ie ORDER BY v <-> '[1,2,3]' LIMIT 5;
ROLLBACK;
SELECT id FROM ie ORDER BY v <-> '[1,2]' LIMIT 5;
-- a savepoint that was rolled back, with rows before and after in one transaction
TRUNCATE ie;
BEGIN;
SAVEPOINT s;
INSERT INTO ie SELECT i, ('[' || i || ',1,2]')::dml_vector FROM generate_series(1, 3000) i;
ROLLBACK TO s;
INSERT INTO ie SELECT i, ('[' || i || ',1]')::dml_vector FROM generate_series(1, 3000) i;
COMMIT;
SELECT id FROM ie ORDER BY v <-> '[17,1]' LIMIT 3;
SELECT dims, rows, gone_pages > 20 AS gone FROM dml_index_stats('ie_v');
SELECT nodes > 20 AS nodes, rows, leaked > 20 AS leaked FROM dml_index_check('ie_v', true);
VACUUM ie;
SELECT rows, leaked, gone > 20 AS gone FROM dml_index_check('ie_v', true);
-- rows of a HOT chain
DELETE FROM ie WHERE id > 1;
UPDATE ie SET id = id + 1;
UPDATE ie SET id = id + 1;
INSERT INTO ie VALUES (1, '[1,2,3]');
DELETE FROM ie;
INSERT INTO ie VALUES (1, '[1,2,3]');
SELECT id FROM ie ORDER BY v <-> '[17,1,1]' LIMIT 3;
SELECT rows FROM dml_index_check('ie_v', true);
-- other metrics, and an index that was built, with an origin
DROP TABLE ie;
CREATE TABLE ie (id int, v dml_vector, t int);
INSERT INTO ie SELECT i, ('[' || i || ',1,2]')::dml_vector, i FROM generate_series(1, 500) i;
CREATE INDEX ie_l2 ON ie USING dml (v, t);
CREATE INDEX ie_cosine ON ie USING dml (v dml_cosine_ops);
CREATE INDEX ie_ip ON ie USING dml (v dml_ip_ops);
DELETE FROM ie;
VACUUM ie;
INSERT INTO ie SELECT i, ('[' || i || ',1]')::dml_vector, i FROM generate_series(1, 500) i;
SELECT id FROM ie WHERE t > 30 ORDER BY v <-> '[17,1]' LIMIT 2;
SELECT id FROM ie ORDER BY v <=> '[17,1]' LIMIT 2;
SELECT id FROM ie ORDER BY v <#> '[17,1]' LIMIT 2;
SELECT i, rows FROM unnest('{ie_l2,ie_cosine,ie_ip}'::regclass[]) i, dml_index_check(i, true);
VACUUM ie;
SELECT i, rows, leaked FROM unnest('{ie_l2,ie_cosine,ie_ip}'::regclass[]) i, dml_index_check(i, true);
DELETE FROM ie;
VACUUM ie;
SELECT i, rows, leaked FROM unnest('{ie_l2,ie_cosine,ie_ip}'::regclass[]) i, dml_index_check(i, true);
INSERT INTO ie VALUES (1, '[0,0,0,0]', 1), (2, '[1,2,3,4]', 2);
SELECT i, rows, leaked FROM unnest('{ie_l2,ie_cosine,ie_ip}'::regclass[]) i, dml_index_check(i, true);
DROP TABLE ie;
-- no room on a page: refused without a row
CREATE TABLE ie (v dml_vector(9000), w real[]);
CREATE INDEX ON ie USING dml (v);
CREATE INDEX ON ie USING dml ((w::dml_vector(9000)));
CREATE UNLOGGED TABLE ieu (v dml_vector(9000));
CREATE INDEX ON ieu USING dml (v);
CREATE DOMAIN long_vector AS dml_vector(9000);
CREATE DOMAIN longer_vector AS long_vector;
CREATE TABLE ied (v longer_vector);
CREATE INDEX ON ied USING dml (v);
CREATE INDEX ON ie USING dml ((v::long_vector));
DROP TABLE ie, ieu, ied;
DROP DOMAIN longer_vector, long_vector;
