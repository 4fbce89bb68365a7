SET dml.threads = :threads;
SET maintenance_work_mem = '512MB';
SELECT metric, round(no_learning::numeric, 4) AS no_learning, round(whitened::numeric, 4) AS whitened, round(learned::numeric, 4) AS learned,
	round(difference::numeric, 4) AS difference, round(difference_low::numeric, 4) AS low, round(difference_high::numeric, 4) AS high
FROM dml_evaluate('fashion', 'photo_test', label => 'class', gallery => 'photo')
WHERE metric IN ('dims', 'recall_at_1', 'recall_at_8', 'knn_accuracy', 'r_precision', 'map_at_r', 'roc_auc', 'eer', 'tar_at_far_0.01');
