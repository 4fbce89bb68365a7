-- Columns behind the vector of an index: USING dml (embedding, tenant, day).
--
-- Operators as in btree, strategies 1 to 5; support function 2 is btree's comparison.  They are written out, as in PostgreSQL's own
-- contrib: a loop would need a procedural language in the database.

CREATE OPERATOR FAMILY dml_integer_ops USING dml;

CREATE OPERATOR CLASS dml_int2_ops DEFAULT FOR TYPE smallint USING dml FAMILY dml_integer_ops AS
	OPERATOR 1 < (smallint, smallint),
	OPERATOR 2 <= (smallint, smallint),
	OPERATOR 3 = (smallint, smallint),
	OPERATOR 4 >= (smallint, smallint),
	OPERATOR 5 > (smallint, smallint),
	FUNCTION 2 (smallint, smallint) btint2cmp(smallint, smallint);
COMMENT ON OPERATOR CLASS dml_int2_ops USING dml IS 'a column of type smallint behind the vector';

CREATE OPERATOR CLASS dml_int4_ops DEFAULT FOR TYPE integer USING dml FAMILY dml_integer_ops AS
	OPERATOR 1 < (integer, integer),
	OPERATOR 2 <= (integer, integer),
	OPERATOR 3 = (integer, integer),
	OPERATOR 4 >= (integer, integer),
	OPERATOR 5 > (integer, integer),
	FUNCTION 2 (integer, integer) btint4cmp(integer, integer);
COMMENT ON OPERATOR CLASS dml_int4_ops USING dml IS 'a column of type integer behind the vector';

CREATE OPERATOR CLASS dml_int8_ops DEFAULT FOR TYPE bigint USING dml FAMILY dml_integer_ops AS
	OPERATOR 1 < (bigint, bigint),
	OPERATOR 2 <= (bigint, bigint),
	OPERATOR 3 = (bigint, bigint),
	OPERATOR 4 >= (bigint, bigint),
	OPERATOR 5 > (bigint, bigint),
	FUNCTION 2 (bigint, bigint) btint8cmp(bigint, bigint);
COMMENT ON OPERATOR CLASS dml_int8_ops USING dml IS 'a column of type bigint behind the vector';

ALTER OPERATOR FAMILY dml_integer_ops USING dml ADD
	OPERATOR 1 < (smallint, integer), OPERATOR 2 <= (smallint, integer), OPERATOR 3 = (smallint, integer), OPERATOR 4 >= (smallint, integer), OPERATOR 5 > (smallint, integer),
	OPERATOR 1 < (smallint, bigint), OPERATOR 2 <= (smallint, bigint), OPERATOR 3 = (smallint, bigint), OPERATOR 4 >= (smallint, bigint), OPERATOR 5 > (smallint, bigint),
	OPERATOR 1 < (integer, smallint), OPERATOR 2 <= (integer, smallint), OPERATOR 3 = (integer, smallint), OPERATOR 4 >= (integer, smallint), OPERATOR 5 > (integer, smallint),
	OPERATOR 1 < (integer, bigint), OPERATOR 2 <= (integer, bigint), OPERATOR 3 = (integer, bigint), OPERATOR 4 >= (integer, bigint), OPERATOR 5 > (integer, bigint),
	OPERATOR 1 < (bigint, smallint), OPERATOR 2 <= (bigint, smallint), OPERATOR 3 = (bigint, smallint), OPERATOR 4 >= (bigint, smallint), OPERATOR 5 > (bigint, smallint),
	OPERATOR 1 < (bigint, integer), OPERATOR 2 <= (bigint, integer), OPERATOR 3 = (bigint, integer), OPERATOR 4 >= (bigint, integer), OPERATOR 5 > (bigint, integer);

CREATE OPERATOR FAMILY dml_float_ops USING dml;

CREATE OPERATOR CLASS dml_float4_ops DEFAULT FOR TYPE real USING dml FAMILY dml_float_ops AS
	OPERATOR 1 < (real, real),
	OPERATOR 2 <= (real, real),
	OPERATOR 3 = (real, real),
	OPERATOR 4 >= (real, real),
	OPERATOR 5 > (real, real),
	FUNCTION 2 (real, real) btfloat4cmp(real, real);
COMMENT ON OPERATOR CLASS dml_float4_ops USING dml IS 'a column of type real behind the vector';

CREATE OPERATOR CLASS dml_float8_ops DEFAULT FOR TYPE double precision USING dml FAMILY dml_float_ops AS
	OPERATOR 1 < (double precision, double precision),
	OPERATOR 2 <= (double precision, double precision),
	OPERATOR 3 = (double precision, double precision),
	OPERATOR 4 >= (double precision, double precision),
	OPERATOR 5 > (double precision, double precision),
	FUNCTION 2 (double precision, double precision) btfloat8cmp(double precision, double precision);
COMMENT ON OPERATOR CLASS dml_float8_ops USING dml IS 'a column of type double precision behind the vector';

ALTER OPERATOR FAMILY dml_float_ops USING dml ADD
	OPERATOR 1 < (real, double precision), OPERATOR 2 <= (real, double precision), OPERATOR 3 = (real, double precision), OPERATOR 4 >= (real, double precision), OPERATOR 5 > (real, double precision),
	OPERATOR 1 < (double precision, real), OPERATOR 2 <= (double precision, real), OPERATOR 3 = (double precision, real), OPERATOR 4 >= (double precision, real), OPERATOR 5 > (double precision, real);

CREATE OPERATOR FAMILY dml_datetime_ops USING dml;

CREATE OPERATOR CLASS dml_date_ops DEFAULT FOR TYPE date USING dml FAMILY dml_datetime_ops AS
	OPERATOR 1 < (date, date),
	OPERATOR 2 <= (date, date),
	OPERATOR 3 = (date, date),
	OPERATOR 4 >= (date, date),
	OPERATOR 5 > (date, date),
	FUNCTION 2 (date, date) date_cmp(date, date);
COMMENT ON OPERATOR CLASS dml_date_ops USING dml IS 'a column of type date behind the vector';

CREATE OPERATOR CLASS dml_timestamp_ops DEFAULT FOR TYPE timestamp USING dml FAMILY dml_datetime_ops AS
	OPERATOR 1 < (timestamp, timestamp),
	OPERATOR 2 <= (timestamp, timestamp),
	OPERATOR 3 = (timestamp, timestamp),
	OPERATOR 4 >= (timestamp, timestamp),
	OPERATOR 5 > (timestamp, timestamp),
	FUNCTION 2 (timestamp, timestamp) timestamp_cmp(timestamp, timestamp);
COMMENT ON OPERATOR CLASS dml_timestamp_ops USING dml IS 'a column of type timestamp behind the vector';

CREATE OPERATOR CLASS dml_timestamptz_ops DEFAULT FOR TYPE timestamptz USING dml FAMILY dml_datetime_ops AS
	OPERATOR 1 < (timestamptz, timestamptz),
	OPERATOR 2 <= (timestamptz, timestamptz),
	OPERATOR 3 = (timestamptz, timestamptz),
	OPERATOR 4 >= (timestamptz, timestamptz),
	OPERATOR 5 > (timestamptz, timestamptz),
	FUNCTION 2 (timestamptz, timestamptz) timestamptz_cmp(timestamptz, timestamptz);
COMMENT ON OPERATOR CLASS dml_timestamptz_ops USING dml IS 'a column of type timestamptz behind the vector';

ALTER OPERATOR FAMILY dml_datetime_ops USING dml ADD
	OPERATOR 1 < (date, timestamp), OPERATOR 2 <= (date, timestamp), OPERATOR 3 = (date, timestamp), OPERATOR 4 >= (date, timestamp), OPERATOR 5 > (date, timestamp),
	OPERATOR 1 < (date, timestamptz), OPERATOR 2 <= (date, timestamptz), OPERATOR 3 = (date, timestamptz), OPERATOR 4 >= (date, timestamptz), OPERATOR 5 > (date, timestamptz),
	OPERATOR 1 < (timestamp, date), OPERATOR 2 <= (timestamp, date), OPERATOR 3 = (timestamp, date), OPERATOR 4 >= (timestamp, date), OPERATOR 5 > (timestamp, date),
	OPERATOR 1 < (timestamp, timestamptz), OPERATOR 2 <= (timestamp, timestamptz), OPERATOR 3 = (timestamp, timestamptz), OPERATOR 4 >= (timestamp, timestamptz), OPERATOR 5 > (timestamp, timestamptz),
	OPERATOR 1 < (timestamptz, date), OPERATOR 2 <= (timestamptz, date), OPERATOR 3 = (timestamptz, date), OPERATOR 4 >= (timestamptz, date), OPERATOR 5 > (timestamptz, date),
	OPERATOR 1 < (timestamptz, timestamp), OPERATOR 2 <= (timestamptz, timestamp), OPERATOR 3 = (timestamptz, timestamp), OPERATOR 4 >= (timestamptz, timestamp), OPERATOR 5 > (timestamptz, timestamp);

CREATE OPERATOR CLASS dml_bool_ops DEFAULT FOR TYPE boolean USING dml AS
	OPERATOR 1 < (boolean, boolean),
	OPERATOR 2 <= (boolean, boolean),
	OPERATOR 3 = (boolean, boolean),
	OPERATOR 4 >= (boolean, boolean),
	OPERATOR 5 > (boolean, boolean),
	FUNCTION 2 (boolean, boolean) btboolcmp(boolean, boolean);
COMMENT ON OPERATOR CLASS dml_bool_ops USING dml IS 'a column of type boolean behind the vector';

CREATE OPERATOR CLASS dml_uuid_ops DEFAULT FOR TYPE uuid USING dml AS
	OPERATOR 1 < (uuid, uuid),
	OPERATOR 2 <= (uuid, uuid),
	OPERATOR 3 = (uuid, uuid),
	OPERATOR 4 >= (uuid, uuid),
	OPERATOR 5 > (uuid, uuid),
	FUNCTION 2 (uuid, uuid) uuid_cmp(uuid, uuid);
COMMENT ON OPERATOR CLASS dml_uuid_ops USING dml IS 'a column of type uuid behind the vector';

CREATE OPERATOR CLASS dml_enum_ops DEFAULT FOR TYPE anyenum USING dml AS
	OPERATOR 1 < (anyenum, anyenum),
	OPERATOR 2 <= (anyenum, anyenum),
	OPERATOR 3 = (anyenum, anyenum),
	OPERATOR 4 >= (anyenum, anyenum),
	OPERATOR 5 > (anyenum, anyenum),
	FUNCTION 2 (anyenum, anyenum) enum_cmp(anyenum, anyenum);
COMMENT ON OPERATOR CLASS dml_enum_ops USING dml IS 'a column of type anyenum behind the vector';

-- An array is no column of the index.  The class lets CREATE INDEX come as far as the access method's own error.
CREATE OPERATOR CLASS dml_array_ops DEFAULT FOR TYPE anyarray USING dml AS
	OPERATOR 1 < (anyarray, anyarray),
	OPERATOR 2 <= (anyarray, anyarray),
	OPERATOR 3 = (anyarray, anyarray),
	OPERATOR 4 >= (anyarray, anyarray),
	OPERATOR 5 > (anyarray, anyarray),
	FUNCTION 2 (anyarray, anyarray) btarraycmp(anyarray, anyarray);
COMMENT ON OPERATOR CLASS dml_array_ops USING dml IS 'for the error that says how to index arrays: as dml_vector(n)';
