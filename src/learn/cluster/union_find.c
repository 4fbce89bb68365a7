/*
 * union_find.c
 *	  Sets of elements that are joined pair by pair.
 *
 * A set is a tree of pointers to parents.  The smaller tree goes below the root of the larger one,
 * so a tree of n elements is at most log2(n) deep.  Each search halves the path that it takes.
 */
#include "union_find.h"

void
union_find_init(int32_t *parent, int32_t first, int32_t end)
{
	for (int32_t i = first; i < end; i++)
		parent[i] = -1;
}

int32_t
union_find_root(int32_t *parent, int32_t i)
{
	while (parent[i] >= 0)
	{
		if (parent[parent[i]] >= 0)
			parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

void
union_find_join(int32_t *parent, int32_t a, int32_t b)
{
	a = union_find_root(parent, a);
	b = union_find_root(parent, b);
	if (a == b)
		return;
	if (parent[a] > parent[b])
	{
		int32_t		larger = b;

		b = a;
		a = larger;
	}
	parent[a] += parent[b];
	parent[b] = a;
}
