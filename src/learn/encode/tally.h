/*
 * tally.h
 *	  Counts how often each value of a column occurs, in bounded memory.
 */
#ifndef TALLY_H
#define TALLY_H

#include "encode.h"

/* Different values that are counted; beyond, the rarest are forgotten. */
#define TALLY_MAX	(1 << 19)

typedef struct TallyEntry
{
	uint64_t	hash;
	uint32_t	count;
	char		name[ENCODE_NAME_MAX + 1];	/* the value's first bytes, whole characters of UTF-8 */
} TallyEntry;

typedef struct Tally
{
	TallyEntry *entry;
	int			n;
	int			capacity;
	int32_t    *slot;			/* open addressing: entry + 1, or 0 */
	int			slots;			/* a power of two, at least twice the capacity */
	/* values that occurred this often at most may have been forgotten */
	uint32_t	forgotten;
	int			limit;			/* values; TALLY_MAX unless fewer are of interest */
} Tally;

extern LearnStatus tally_start(LearnEnv *env, int limit, Tally *tally);

/* Count a value.  Two values with one hash of 64 bits are taken as equal. */
extern LearnStatus tally_add(LearnEnv *env, Tally *tally, EncodeString value);

/*
 * The most frequent values, most of them at most, that occur at least least times; a tie is decided
 * by the hash.  They are moved to the front of entry, in the order of their hashes.  Returns how
 * many.
 */
extern int	tally_choose(Tally *tally, int most, uint32_t least);

#endif							/* TALLY_H */
