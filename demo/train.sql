SET dml.threads = :threads;
\pset expanded on
SELECT * FROM dml_train('fashion', 'photo', features => 'pixels', label => 'class');
