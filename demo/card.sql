-- The model card that demo/start writes to .demo/report.html.
SET dml.threads = :threads;
SET client_min_messages = warning;
SELECT dml_report('fashion', 'SELECT * FROM photo_test WHERE id % 2 = 1', label => 'class',
	gallery => 'SELECT * FROM photo WHERE id <= 10000',
	intended_use => 'Finding clothes that look alike on grey photographs of 28 x 28 pixels.',
	max_rows => 1000,
	limitations => 'Photographs of one shop, each with one piece of clothing on an empty background.');
