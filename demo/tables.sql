CREATE EXTENSION dml;
CREATE TABLE photo (id integer PRIMARY KEY, class text, pixels real[]);
CREATE TABLE photo_test (LIKE photo INCLUDING ALL);
