/*
 * encode.c
 *	  Applies an encoder to a row.
 */
#include "encode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

#ifndef M_PI
#define M_PI	3.14159265358979323846
#endif

/* Seconds of the cycles, in the order of their bits. */
static const double period[] = {86400.0, 7 * 86400.0, 365.2425 * 86400.0};
static const char *const cycle_name[] = {"day", "week", "year"};

#define N_CYCLES	3

static int
count_cycles(int cycles)
{
	int			n = 0;

	for (int c = 0; c < N_CYCLES; c++)
		n += cycles >> c & 1;
	return n;
}

/* Numbers of a block without those for other and missing values. */
static int
plain_width(const EncodeColumn *column)
{
	return column->kind == ENCODE_TIME ? 1 + 2 * count_cycles(column->cycles) : column->n;
}

bool
encode_layout(Encoder *encoder)
{
	encoder->width = 0;
	for (int i = 0; i < encoder->n; i++)
	{
		EncodeColumn *column = &encoder->column[i];

		column->first = encoder->width;
		column->width = plain_width(column) + column->has_other + column->has_missing;
		encoder->width += column->width;
		if (encoder->width > ENCODE_MAX_WIDTH)
			return false;
	}
	return encoder->width > 0;
}

/* Eight bytes at a time, so that a value of a megabyte costs little. */
uint64_t
encode_hash(EncodeString string)
{
	uint64_t	hash = string.n;
	size_t		i = 0;

	for (; i + 8 <= string.n; i += 8)
	{
		uint64_t	word = 0;

		for (int b = 0; b < 8; b++)
			word |= (uint64_t) (unsigned char) string.bytes[i + b] << (8 * b);
		hash = rng_mix(hash ^ word) + UINT64_C(0x9e3779b97f4a7c15);
	}
	for (; i < string.n; i++)
		hash = rng_mix(hash ^ (unsigned char) string.bytes[i]) + UINT64_C(0x9e3779b97f4a7c15);
	return rng_mix(hash);
}

/* The place of a value in the vocabulary, or -1. */
static int
find_value(const EncodeColumn *column, EncodeString string)
{
	uint64_t	hash = encode_hash(string);
	int			low = 0;
	int			high = column->n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;

		if (column->hash[mid] < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low < column->n && column->hash[low] == hash ? low : -1;
}

static void
put_time(const EncodeColumn *column, double x, float *out)
{
	float		share = (float) (1 / sqrt(1 + count_cycles(column->cycles)));
	int			at = 1;

	out[0] = share * (float) ((x - column->mean[0]) * column->scale[0]);
	for (int c = 0; c < N_CYCLES; c++)
	{
		double		angle = 2 * M_PI * (fmod(x, period[c]) / period[c]);

		if (!(column->cycles >> c & 1))
			continue;
		out[at++] = share * (float) sin(angle);
		out[at++] = share * (float) cos(angle);
	}
}

/* Different values of the bag; a value that the vocabulary lacks counts once. */
static void
put_bag(const EncodeColumn *column, const EncodeValue *value, float *out)
{
	int			found = 0;
	int			width = column->n + column->has_other;

	for (int i = 0; i < value->n; i++)
	{
		int			at = find_value(column, value->strings[i]);

		if (at < 0 && !column->has_other)
			continue;
		out[at < 0 ? column->n : at] = 1;
	}
	for (int j = 0; j < width; j++)
		found += out[j] != 0;
	for (int j = 0; j < width && found > 0; j++)
		out[j] *= (float) (1 / sqrt(found));
}

/* Returns whether an element was missing. */
static bool
put_array(const EncodeColumn *column, const EncodeValue *value, float *out)
{
	bool		missing = false;

	for (int j = 0; j < column->n; j++)
	{
		if (isnan(value->numbers[j]))
			missing = true;
		else
			out[j] = (float) ((value->numbers[j] - column->mean[j]) * column->scale[j]);
	}
	return missing;
}

static bool
has_missing_element(const EncodeValue *value)
{
	for (int j = 0; j < value->n; j++)
		if (isnan(value->numbers[j]))
			return true;
	return false;
}

bool
encode_row(const Encoder *encoder, const EncodeValue *values, float *out)
{
	memset(out, 0, sizeof(float) * encoder->width);
	for (int i = 0; i < encoder->n; i++)
	{
		const EncodeColumn *column = &encoder->column[i];
		const EncodeValue *value = &values[i];
		float	   *block = out + column->first;
		bool		missing = value->missing;
		int			at;

		if (encoder->skip && (missing || (column->kind == ENCODE_ARRAY && has_missing_element(value))))
			return false;
		if (!missing)
			switch (column->kind)
			{
				case ENCODE_NUMBER:
					block[0] = (float) ((value->number - column->mean[0]) * column->scale[0]);
					break;
				case ENCODE_ARRAY:
					missing = put_array(column, value, block);
					break;
				case ENCODE_CATEGORY:
					at = find_value(column, value->strings[0]);
					if (at >= 0)
						block[at] = 1;
					else if (column->has_other)
						block[column->n] = 1;
					break;
				case ENCODE_TEXT:
					encode_text(value->strings[0], column->n, block);
					break;
				case ENCODE_BAG:
					put_bag(column, value, block);
					break;
				case ENCODE_TIME:
					put_time(column, value->number, block);
					break;
				case ENCODE_KINDS:
					break;
			}
		if (missing && column->has_missing)
			block[column->width - 1] = 1;
		else if (missing && column->has_other)
			block[column->n] = 1;
	}
	return true;
}

int
encode_numbers(const Encoder *encoder)
{
	int			numbers = 0;

	for (int i = 0; i < encoder->n; i++)
	{
		if (encoder->column[i].kind != ENCODE_NUMBER && encoder->column[i].kind != ENCODE_ARRAY)
			return 0;
		numbers += encoder->column[i].n;
	}
	return numbers;
}

int
encode_place_column(const Encoder *encoder, int j)
{
	int			i = 0;

	while (j >= encoder->column[i].first + encoder->column[i].width)
		i++;
	return i;
}

static void
time_place_name(const EncodeColumn *column, int at, const char *name, char *buf, size_t size)
{
	int			next = 1;

	if (at == 0)
		snprintf(buf, size, "%s", name);
	for (int c = 0; c < N_CYCLES; c++)
	{
		if (!(column->cycles >> c & 1))
			continue;
		if (at == next)
			snprintf(buf, size, "%s: sine of the %s", name, cycle_name[c]);
		if (at == next + 1)
			snprintf(buf, size, "%s: cosine of the %s", name, cycle_name[c]);
		next += 2;
	}
}

void
encode_place_name(const Encoder *encoder, int j, const char *const *columns, char *buf, size_t size)
{
	int			i = encode_place_column(encoder, j);
	const EncodeColumn *column = &encoder->column[i];
	const char *name = columns[i];
	int			at = j - column->first;

	if (at == column->width - 1 && column->has_missing)
		snprintf(buf, size, "%s IS NULL", name);
	else if (at == column->n && column->has_other)
		snprintf(buf, size, column->kind == ENCODE_BAG ? "%s has another value" : "%s is another value", name);
	else if (column->kind == ENCODE_CATEGORY)
		snprintf(buf, size, "%s = %s", name, column->name[at]);
	else if (column->kind == ENCODE_BAG)
		snprintf(buf, size, "%s has %s", name, column->name[at]);
	else if (column->kind == ENCODE_TIME)
		time_place_name(column, at, name, buf, size);
	else if (column->kind == ENCODE_NUMBER)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s[%d]", name, at + 1);
}
