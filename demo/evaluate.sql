SET dml.threads = :threads;
SET maintenance_work_mem = '512MB';
SELECT embedding, dims, recall_at_1, recall_at_8, knn_accuracy,
	round(r_precision::numeric, 4) AS r_precision, round(map_at_r::numeric, 4) AS map_at_r
FROM dml_evaluate('fashion', 'photo_test', label => 'class', gallery => 'photo');
