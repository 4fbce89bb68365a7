CREATE INDEX photo_embedding ON photo USING dml (embedding);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)
SELECT id, class FROM photo
ORDER BY embedding <-> (SELECT pixels FROM photo_test WHERE id = 5) LIMIT 10;
\echo A thousand searches, by the index and by reading the table, and how far they agree:
\set ECHO none
CREATE TEMP TABLE asked_about AS SELECT id, dml_embed('fashion', pixels) AS embedding FROM photo_test WHERE id <= 1000;
CREATE TEMP TABLE clock AS SELECT clock_timestamp() AS t0, NULL::timestamptz AS t1, NULL::timestamptz AS t2;
CREATE TEMP TABLE by_index AS
SELECT a.id, near.* FROM asked_about a, LATERAL
	(SELECT array_agg(id) AS ids FROM (SELECT id FROM photo ORDER BY embedding <-> a.embedding LIMIT 10) s) near;
UPDATE clock SET t1 = clock_timestamp();
SET enable_indexscan = off;
CREATE TEMP TABLE by_scan AS
SELECT a.id, near.* FROM asked_about a, LATERAL
	(SELECT array_agg(id) AS ids FROM (SELECT id FROM photo ORDER BY embedding <-> a.embedding LIMIT 10) s) near
WHERE a.id <= 100;
UPDATE clock SET t2 = clock_timestamp();
RESET enable_indexscan;
SELECT current_setting('dml.recall') AS recall_asked,
	(SELECT round(avg((SELECT count(*) FROM unnest(i.ids) x WHERE x = ANY (s.ids))) / 10, 3)
		FROM by_index i JOIN by_scan s USING (id)) AS recall_found,
	round(extract(epoch FROM t1 - t0)::numeric, 2) AS ms_by_index,
	round(extract(epoch FROM t2 - t1)::numeric * 10, 2) AS ms_by_scan
FROM clock;
