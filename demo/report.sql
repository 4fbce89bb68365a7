\echo A threshold, on half of the photographs to ask about; the report is about the other half.
SELECT round(threshold::numeric, 4) AS threshold, round(true_accept_rate::numeric, 4) AS same_accepted,
	round(false_accept_rate::numeric, 4) AS different_accepted, genuine_pairs, impostor_pairs
FROM dml_calibrate('fashion', 'SELECT * FROM photo_test WHERE id % 2 = 0', label => 'class', false_accept_rate => 0.01);
