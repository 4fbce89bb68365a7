/*
 * spelling.c
 *	  Edit distance between names, as they are pronounced: case, underscores and hyphens do not
 *	  count, so that NT-Xent is ntxent.
 */
#include "spelling.h"

#include <ctype.h>
#include <string.h>

#define LONGEST	64

/* Letters and digits of word, in lower case, cut off at LONGEST; returns how many. */
static int
essence(const char *word, char *out)
{
	int			n = 0;

	for (const char *p = word; *p && n < LONGEST; p++)
		if (isalnum((unsigned char) *p))
			out[n++] = (char) tolower((unsigned char) *p);
	return n;
}

/* How many letters must be put in, left out or changed (Levenshtein). */
static int
edits(const char *a, int n, const char *b, int m)
{
	int			row[LONGEST + 1];

	for (int j = 0; j <= m; j++)
		row[j] = j;
	for (int i = 1; i <= n; i++)
	{
		int			diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= m; j++)
		{
			int			best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

/* A third of the letters may be wrong; further off it is another word. */
void
spelling_begin(Spelling *s, const char *word)
{
	char		letters[LONGEST];
	int			n = essence(word, letters);

	s->word = word;
	s->best = NULL;
	s->distance = n == 0 ? 0 : n < 6 ? 2 : n / 3 + 1;
}

void
spelling_offer(Spelling *s, const char *candidate)
{
	char		a[LONGEST];
	char		b[LONGEST];
	int			n = essence(s->word, a);
	int			distance = edits(a, n, b, essence(candidate, b));

	if (distance < s->distance)
	{
		s->distance = distance;
		s->best = candidate;
	}
}
