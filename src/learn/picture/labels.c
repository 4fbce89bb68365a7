/*
 * labels.c
 *	  The order of labels in a legend and in a matrix.
 */
#include "picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Is the whole label a finite number? */
static bool
number_of(const char *label, double *number)
{
	char	   *end;

	*number = strtod(label, &end);
	return end != label && *end == '\0' && isfinite(*number);
}

/* The number of digits at s, without leading zeros, which *s moves behind. */
static size_t
digits(const char **s)
{
	while (**s == '0' && (*s)[1] >= '0' && (*s)[1] <= '9')
		(*s)++;
	return strspn(*s, "0123456789");
}

/* A byte of ASCII without case. */
static unsigned char
folded(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char) c;
}

/*
 * Text by its bytes without case, but numbers within by value: "kind 9" before "kind 10". Equal
 * ones by their bytes.
 */
static int
compare_text(const char *a, const char *b)
{
	const char *whole_a = a;
	const char *whole_b = b;

	while (*a && *b)
	{
		size_t		n = digits(&a);
		size_t		m = digits(&b);
		int			order;

		if (n > 0 && m > 0)
		{
			order = n != m ? (n < m ? -1 : 1) : memcmp(a, b, n);
			if (order != 0)
				return order;
			a += n;
			b += m;
		}
		else if (folded(*a) != folded(*b))
			break;
		else
		{
			a++;
			b++;
		}
	}
	if (folded(*a) != folded(*b))
		return folded(*a) < folded(*b) ? -1 : 1;
	return strcmp(whole_a, whole_b);
}

static int
compare_labels(const char *a, const char *b)
{
	double		x;
	double		y;
	bool		a_number = number_of(a, &x);
	bool		b_number = number_of(b, &y);

	if (a_number != b_number)
		return a_number ? -1 : 1;
	if (a_number && x != y)
		return x < y ? -1 : 1;
	return compare_text(a, b);
}

void
picture_sort_labels(char **label, int n, int32_t *order)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	/* heap sort, since qsort of libc may allocate */
	for (int heap = n, start = n / 2; heap > 1;)
	{
		int			root;

		if (start > 0)
			root = --start;
		else
		{
			int32_t		first = order[0];

			order[0] = order[--heap];
			order[heap] = first;
			root = 0;
		}
		for (int child; (child = 2 * root + 1) < heap; root = child)
		{
			int32_t		swap = order[root];

			if (child + 1 < heap && compare_labels(label[order[child]], label[order[child + 1]]) < 0)
				child++;
			if (compare_labels(label[order[root]], label[order[child]]) >= 0)
				break;
			order[root] = order[child];
			order[child] = swap;
		}
	}
}
