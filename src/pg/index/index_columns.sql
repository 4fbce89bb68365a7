-- Columns behind the vector of an index: USING dml (embedding, tenant, day).
--
-- Operators as in btree, strategies 1 to 5; support function 2 is btree's comparison.  They are written out, as in PostgreSQL's own
-- contrib: a loop would need a procedural language in the database.

CREATE OPERATOR FAMILY dml_integer_ops USING dml;

CREATE OPERATOR CLASS dml_int2_ops DEFAULT FOR TYPE smallint USING dml FAMILY dml_integer_ops AS
	OPERATOR 1 pg_catalog.< (smallint, smallint),
	OPERATOR 2 pg_catalog.<= (smallint, smallint),
	OPERATOR 3 pg_catalog.= (smallint, smallint),
	OPERATOR 4 pg_catalog.>= (smallint, smallint),
	OPERATOR 5 pg_catalog.> (smallint, smallint),
	FUNCTION 2 (smallint, smallint) pg_catalog.btint2cmp(smallint, smallint);
COMMENT ON OPERATOR CLASS dml_int2_ops USING dml IS 'a column of type smallint behind the vector';

CREATE OPERATOR CLASS dml_int4_ops DEFAULT FOR TYPE integer USING dml FAMILY dml_integer_ops AS
	OPERATOR 1 pg_catalog.< (integer, integer),
	OPERATOR 2 pg_catalog.<= (integer, integer),
	OPERATOR 3 pg_catalog.= (integer, integer),
	OPERATOR 4 pg_catalog.>= (integer, integer),
	OPERATOR 5 pg_catalog.> (integer, integer),
	FUNCTION 2 (integer, integer) pg_catalog.btint4cmp(integer, integer);
COMMENT ON OPERATOR CLASS dml_int4_ops USING dml IS 'a column of type integer behind the vector';

CREATE OPERATOR CLASS dml_int8_ops DEFAULT FOR TYPE bigint USING dml FAMILY dml_integer_ops AS
	OPERATOR 1 pg_catalog.< (bigint, bigint),
	OPERATOR 2 pg_catalog.<= (bigint, bigint),
	OPERATOR 3 pg_catalog.= (bigint, bigint),
	OPERATOR 4 pg_catalog.>= (bigint, bigint),
	OPERATOR 5 pg_catalog.> (bigint, bigint),
	FUNCTION 2 (bigint, bigint) pg_catalog.btint8cmp(bigint, bigint);
COMMENT ON OPERATOR CLASS dml_int8_ops USING dml IS 'a column of type bigint behind the vector';

ALTER OPERATOR FAMILY dml_integer_ops USING dml ADD
	OPERATOR 1 pg_catalog.< (smallint, integer), OPERATOR 2 pg_catalog.<= (smallint, integer), OPERATOR 3 pg_catalog.= (smallint, integer), OPERATOR 4 pg_catalog.>= (smallint, integer), OPERATOR 5 pg_catalog.> (smallint, integer),
	OPERATOR 1 pg_catalog.< (smallint, bigint), OPERATOR 2 pg_catalog.<= (smallint, bigint), OPERATOR 3 pg_catalog.= (smallint, bigint), OPERATOR 4 pg_catalog.>= (smallint, bigint), OPERATOR 5 pg_catalog.> (smallint, bigint),
	OPERATOR 1 pg_catalog.< (integer, smallint), OPERATOR 2 pg_catalog.<= (integer, smallint), OPERATOR 3 pg_catalog.= (integer, smallint), OPERATOR 4 pg_catalog.>= (integer, smallint), OPERATOR 5 pg_catalog.> (integer, smallint),
	OPERATOR 1 pg_catalog.< (integer, bigint), OPERATOR 2 pg_catalog.<= (integer, bigint), OPERATOR 3 pg_catalog.= (integer, bigint), OPERATOR 4 pg_catalog.>= (integer, bigint), OPERATOR 5 pg_catalog.> (integer, bigint),
	OPERATOR 1 pg_catalog.< (bigint, smallint), OPERATOR 2 pg_catalog.<= (bigint, smallint), OPERATOR 3 pg_catalog.= (bigint, smallint), OPERATOR 4 pg_catalog.>= (bigint, smallint), OPERATOR 5 pg_catalog.> (bigint, smallint),
	OPERATOR 1 pg_catalog.< (bigint, integer), OPERATOR 2 pg_catalog.<= (bigint, integer), OPERATOR 3 pg_catalog.= (bigint, integer), OPERATOR 4 pg_catalog.>= (bigint, integer), OPERATOR 5 pg_catalog.> (bigint, integer);

CREATE OPERATOR FAMILY dml_float_ops USING dml;

CREATE OPERATOR CLASS dml_float4_ops DEFAULT FOR TYPE real USING dml FAMILY dml_float_ops AS
	OPERATOR 1 pg_catalog.< (real, real),
	OPERATOR 2 pg_catalog.<= (real, real),
	OPERATOR 3 pg_catalog.= (real, real),
	OPERATOR 4 pg_catalog.>= (real, real),
	OPERATOR 5 pg_catalog.> (real, real),
	FUNCTION 2 (real, real) pg_catalog.btfloat4cmp(real, real);
COMMENT ON OPERATOR CLASS dml_float4_ops USING dml IS 'a column of type real behind the vector';

CREATE OPERATOR CLASS dml_float8_ops DEFAULT FOR TYPE double precision USING dml FAMILY dml_float_ops AS
	OPERATOR 1 pg_catalog.< (double precision, double precision),
	OPERATOR 2 pg_catalog.<= (double precision, double precision),
	OPERATOR 3 pg_catalog.= (double precision, double precision),
	OPERATOR 4 pg_catalog.>= (double precision, double precision),
	OPERATOR 5 pg_catalog.> (double precision, double precision),
	FUNCTION 2 (double precision, double precision) pg_catalog.btfloat8cmp(double precision, double precision);
COMMENT ON OPERATOR CLASS dml_float8_ops USING dml IS 'a column of type double precision behind the vector';

ALTER OPERATOR FAMILY dml_float_ops USING dml ADD
	OPERATOR 1 pg_catalog.< (real, double precision), OPERATOR 2 pg_catalog.<= (real, double precision), OPERATOR 3 pg_catalog.= (real, double precision), OPERATOR 4 pg_catalog.>= (real, double precision), OPERATOR 5 pg_catalog.> (real, double precision),
	OPERATOR 1 pg_catalog.< (double precision, real), OPERATOR 2 pg_catalog.<= (double precision, real), OPERATOR 3 pg_catalog.= (double precision, real), OPERATOR 4 pg_catalog.>= (double precision, real), OPERATOR 5 pg_catalog.> (double precision, real);

CREATE OPERATOR FAMILY dml_datetime_ops USING dml;

CREATE OPERATOR CLASS dml_date_ops DEFAULT FOR TYPE date USING dml FAMILY dml_datetime_ops AS
	OPERATOR 1 pg_catalog.< (date, date),
	OPERATOR 2 pg_catalog.<= (date, date),
	OPERATOR 3 pg_catalog.= (date, date),
	OPERATOR 4 pg_catalog.>= (date, date),
	OPERATOR 5 pg_catalog.> (date, date),
	FUNCTION 2 (date, date) pg_catalog.date_cmp(date, date);
COMMENT ON OPERATOR CLASS dml_date_ops USING dml IS 'a column of type date behind the vector';

CREATE OPERATOR CLASS dml_timestamp_ops DEFAULT FOR TYPE timestamp USING dml FAMILY dml_datetime_ops AS
	OPERATOR 1 pg_catalog.< (timestamp, timestamp),
	OPERATOR 2 pg_catalog.<= (timestamp, timestamp),
	OPERATOR 3 pg_catalog.= (timestamp, timestamp),
	OPERATOR 4 pg_catalog.>= (timestamp, timestamp),
	OPERATOR 5 pg_catalog.> (timestamp, timestamp),
	FUNCTION 2 (timestamp, timestamp) pg_catalog.timestamp_cmp(timestamp, timestamp);
COMMENT ON OPERATOR CLASS dml_timestamp_ops USING dml IS 'a column of type timestamp behind the vector';

CREATE OPERATOR CLASS dml_timestamptz_ops DEFAULT FOR TYPE timestamptz USING dml FAMILY dml_datetime_ops AS
	OPERATOR 1 pg_catalog.< (timestamptz, timestamptz),
	OPERATOR 2 pg_catalog.<= (timestamptz, timestamptz),
	OPERATOR 3 pg_catalog.= (timestamptz, timestamptz),
	OPERATOR 4 pg_catalog.>= (timestamptz, timestamptz),
	OPERATOR 5 pg_catalog.> (timestamptz, timestamptz),
	FUNCTION 2 (timestamptz, timestamptz) pg_catalog.timestamptz_cmp(timestamptz, timestamptz);
COMMENT ON OPERATOR CLASS dml_timestamptz_ops USING dml IS 'a column of type timestamptz behind the vector';

ALTER OPERATOR FAMILY dml_datetime_ops USING dml ADD
	OPERATOR 1 pg_catalog.< (date, timestamp), OPERATOR 2 pg_catalog.<= (date, timestamp), OPERATOR 3 pg_catalog.= (date, timestamp), OPERATOR 4 pg_catalog.>= (date, timestamp), OPERATOR 5 pg_catalog.> (date, timestamp),
	OPERATOR 1 pg_catalog.< (date, timestamptz), OPERATOR 2 pg_catalog.<= (date, timestamptz), OPERATOR 3 pg_catalog.= (date, timestamptz), OPERATOR 4 pg_catalog.>= (date, timestamptz), OPERATOR 5 pg_catalog.> (date, timestamptz),
	OPERATOR 1 pg_catalog.< (timestamp, date), OPERATOR 2 pg_catalog.<= (timestamp, date), OPERATOR 3 pg_catalog.= (timestamp, date), OPERATOR 4 pg_catalog.>= (timestamp, date), OPERATOR 5 pg_catalog.> (timestamp, date),
	OPERATOR 1 pg_catalog.< (timestamp, timestamptz), OPERATOR 2 pg_catalog.<= (timestamp, timestamptz), OPERATOR 3 pg_catalog.= (timestamp, timestamptz), OPERATOR 4 pg_catalog.>= (timestamp, timestamptz), OPERATOR 5 pg_catalog.> (timestamp, timestamptz),
	OPERATOR 1 pg_catalog.< (timestamptz, date), OPERATOR 2 pg_catalog.<= (timestamptz, date), OPERATOR 3 pg_catalog.= (timestamptz, date), OPERATOR 4 pg_catalog.>= (timestamptz, date), OPERATOR 5 pg_catalog.> (timestamptz, date),
	OPERATOR 1 pg_catalog.< (timestamptz, timestamp), OPERATOR 2 pg_catalog.<= (timestamptz, timestamp), OPERATOR 3 pg_catalog.= (timestamptz, timestamp), OPERATOR 4 pg_catalog.>= (timestamptz, timestamp), OPERATOR 5 pg_catalog.> (timestamptz, timestamp);

CREATE OPERATOR CLASS dml_bool_ops DEFAULT FOR TYPE boolean USING dml AS
	OPERATOR 1 pg_catalog.< (boolean, boolean),
	OPERATOR 2 pg_catalog.<= (boolean, boolean),
	OPERATOR 3 pg_catalog.= (boolean, boolean),
	OPERATOR 4 pg_catalog.>= (boolean, boolean),
	OPERATOR 5 pg_catalog.> (boolean, boolean),
	FUNCTION 2 (boolean, boolean) pg_catalog.btboolcmp(boolean, boolean);
COMMENT ON OPERATOR CLASS dml_bool_ops USING dml IS 'a column of type boolean behind the vector';

CREATE OPERATOR CLASS dml_uuid_ops DEFAULT FOR TYPE uuid USING dml AS
	OPERATOR 1 pg_catalog.< (uuid, uuid),
	OPERATOR 2 pg_catalog.<= (uuid, uuid),
	OPERATOR 3 pg_catalog.= (uuid, uuid),
	OPERATOR 4 pg_catalog.>= (uuid, uuid),
	OPERATOR 5 pg_catalog.> (uuid, uuid),
	FUNCTION 2 (uuid, uuid) pg_catalog.uuid_cmp(uuid, uuid);
COMMENT ON OPERATOR CLASS dml_uuid_ops USING dml IS 'a column of type uuid behind the vector';

CREATE OPERATOR CLASS dml_enum_ops DEFAULT FOR TYPE anyenum USING dml AS
	OPERATOR 1 pg_catalog.< (anyenum, anyenum),
	OPERATOR 2 pg_catalog.<= (anyenum, anyenum),
	OPERATOR 3 pg_catalog.= (anyenum, anyenum),
	OPERATOR 4 pg_catalog.>= (anyenum, anyenum),
	OPERATOR 5 pg_catalog.> (anyenum, anyenum),
	FUNCTION 2 (anyenum, anyenum) pg_catalog.enum_cmp(anyenum, anyenum);
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
