/*
 * radius_index.h
 *	  The neighbours of a table's rows within a radius, by an index.
 */
#ifndef DML_RADIUS_INDEX_H
#define DML_RADIUS_INDEX_H

#include "compat.h"

#include "storage/itemptr.h"

#include "learn/cluster/clusters.h"

typedef struct RadiusIndex RadiusIndex;

typedef struct RadiusRow
{
	ItemPointerData place;
	int32		number;			/* by which the scan knows the row */
} RadiusRow;

/*
 * Open an index of access method dml that serves this metric on a column of the table that source
 * names, where embedding is the name of the column.  NULL: there is none that the current
 * transaction may use, source is no table, it has child tables, or the caller may not read the
 * places of its rows.  Locks both until the transaction ends.
 */
extern RadiusIndex *radius_index_open(const char *source, const char *embedding, ClusterMetric metric);

/*
 * Search with the active snapshot, which is that by which the rows were read.  rows: n of them,
 * which are put into the order of their places.  Rows at other places are not handed out.
 */
extern void radius_index_begin(RadiusIndex *radius, RadiusRow *rows, int64 n, double within);

/* Hand the neighbours of a row to the scan, the row itself among them. */
extern void radius_index_neighbours(RadiusIndex *radius, const RadiusRow *row, Dbscan *scan);

extern void radius_index_end(RadiusIndex *radius);
extern void radius_index_close(RadiusIndex *radius);

#endif							/* DML_RADIUS_INDEX_H */
