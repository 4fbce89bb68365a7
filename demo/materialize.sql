SELECT * FROM dml_materialize('photo', 'embedding', model => 'fashion', features => 'pixels');
\echo From now on what is inserted or updated is embedded as it comes:
BEGIN;
INSERT INTO photo SELECT id + 60000, class, pixels FROM photo_test WHERE id <= 3
	RETURNING id, class, left(embedding::text, 40) || ' ...' AS embedding;
ROLLBACK;
