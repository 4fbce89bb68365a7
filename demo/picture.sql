-- What demo/picture draws: a line for each photograph, that is row of the picture, column
-- (0: the one asked about, 1 to 10 its nearest without learning, 11 to 20 with it),
-- class, pixels.  Asked about is the first test photograph of each class.
CREATE TEMP TABLE asked AS
SELECT row_number() OVER (ORDER BY id) AS line, id, class, pixels
FROM (SELECT DISTINCT ON (class) * FROM photo_test ORDER BY class, id) AS first_of_class;

SELECT line, 0 AS place, class, pixels FROM asked
UNION ALL
SELECT line, place, near.class, near.pixels FROM asked CROSS JOIN LATERAL (
	SELECT row_number() OVER () AS place, * FROM (
		SELECT photo.class, photo.pixels FROM photo
		ORDER BY photo.pixels::dml_vector <-> asked.pixels::dml_vector, photo.id LIMIT 10) AS nearest) AS near
UNION ALL
SELECT line, place, near.class, near.pixels FROM asked CROSS JOIN LATERAL (
	SELECT 10 + row_number() OVER () AS place, * FROM (
		SELECT photo.class, photo.pixels FROM photo
		ORDER BY photo.embedding <-> asked.pixels, photo.id LIMIT 10) AS nearest) AS near
ORDER BY 1, 2;
