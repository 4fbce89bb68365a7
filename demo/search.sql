SELECT class AS asked_about FROM photo_test WHERE id = 5;
\echo Without learning, by the Euclidean distance of the pixels:
SELECT id, class FROM photo
ORDER BY pixels::dml_vector <-> (SELECT pixels::dml_vector FROM photo_test WHERE id = 5) LIMIT 10;
\echo By the learned metric.  Raw pixels on the right: the column knows its own model.
SELECT id, class FROM photo
ORDER BY embedding <-> (SELECT pixels FROM photo_test WHERE id = 5) LIMIT 10;
