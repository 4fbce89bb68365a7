VACUUM ANALYZE photo, photo_test;
\echo Photograph 5 of those to ask about: 28 x 28 numbers from 0 to 255.
SELECT class, array_length(pixels, 1) AS numbers FROM photo_test WHERE id = 5;
\set ECHO none
\pset tuples_only on
SELECT '    ' || string_agg(substr(' .:-=+*#%@', 1 + least(9, ((pixels[56 * y + x] + pixels[56 * y + 28 + x]) / 52)::int), 1), '' ORDER BY x)
FROM photo_test, generate_series(0, 13) y, generate_series(1, 28) x
WHERE id = 5 GROUP BY y ORDER BY y;
