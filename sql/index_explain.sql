-- What EXPLAIN (ANALYZE) shows of a search, from PostgreSQL 18 on.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS dml;
RESET client_min_messages;

CREATE TABLE explained (id int, v dml_vector(4));
INSERT INTO explained SELECT i, ARRAY[i % 17, i % 31, i % 7, i]::real[]::dml_vector FROM generate_series(1, 2000) i;
CREATE INDEX explained_v ON explained USING dml (v);
ANALYZE explained;
SET enable_seqscan = off;

-- its counts, as far as they do not depend on the machine: each is there and above 0
CREATE FUNCTION counts(query text) RETURNS TABLE (what text, counted boolean) LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || query INTO plan;
	RETURN QUERY SELECT key, value::int > 0
		FROM jsonb_path_query(plan, 'strict $.** ? (@."Node Type" == "Index Scan")') node, jsonb_each_text(node)
		WHERE key IN ('Inner Pages', 'Leaves', 'Codes Scored', 'Exact Distances') ORDER BY key;
END $$;
SELECT * FROM counts('SELECT id FROM explained ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');

-- nothing for a node that did not run, and for other indexes
CREATE INDEX explained_id ON explained (id);
SELECT * FROM counts('SELECT id FROM explained WHERE id = 5');
SELECT * FROM counts('SELECT id FROM explained WHERE false ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10');

-- each search of a node adds to its counts
EXPLAIN (COSTS OFF) SELECT n.id FROM generate_series(1, 3) i,
	LATERAL (SELECT id FROM explained ORDER BY v <-> ARRAY[i, i, i, i]::real[] LIMIT 2) n;
SELECT * FROM counts('SELECT n.id FROM generate_series(1, 3) i,
	LATERAL (SELECT id FROM explained ORDER BY v <-> ARRAY[i, i, i, i]::real[] LIMIT 2) n');
DROP TABLE explained;
DROP FUNCTION counts;
