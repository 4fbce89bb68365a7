/*
 * draw_space.c
 *	  The kinds space and clusters: rows in the plane.
 */
#include "compat.h"

#include "picture.h"

#include <math.h>

#include "miscadmin.h"

#include "learn/measure/cluster.h"

/* The labels of an axis, with the share of the variance if it is known. */
static const char *
axis_label(Projection how, const Projected *at, int axis)
{
	if (how == PROJECT_TSNE)
		return psprintf("t-SNE %d", axis + 1);
	if (how == PROJECT_LDA && !(at->components && axis == 1))
		return psprintf("discriminant direction %d", axis + 1);
	if (isnan(at->share[axis]))
		return psprintf("principal component %d", how == PROJECT_LDA ? 1 : axis + 1);
	return psprintf("principal component %d (%.1f%% of the variance)", axis + 1, 100 * at->share[axis]);
}

static const char *
projection_note(Projection how)
{
	switch (how)
	{
		case PROJECT_PCA:
			return "A picture of two directions: rows that are apart in the space can meet here.";
		case PROJECT_LDA:
			return "The two directions that tell these classes apart best: classes look more separate here than they are for new rows.";
		case PROJECT_TSNE:
			return "t-SNE keeps neighbours together. Distances between groups, and how dense a group is, mean nothing.";
	}
	return NULL;
}

/* A panel of one space: its rows in the plane. */
static SpacePanel
make_panel(const PictureCall *call, PictureRows *rows, int s, const float4 *x)
{
	Projected	at;

	dml_learn_check(rows->env, project(rows->env, call->projection, x, rows->rows.label, rows->n_classes, rows->rows.n, rows->space[s].out,
									   (uint64) call->seed, &at));
	return (SpacePanel) {.title = rows->n_spaces > 1 ? rows->name[s] : NULL,.at = at.at,.x = axis_label(call->projection, &at, 0),
	.y = axis_label(call->projection, &at, 1),.bare = call->projection == PROJECT_TSNE};
}

static const char *
projection_name(Projection how)
{
	return how == PROJECT_PCA ? "PCA" : how == PROJECT_LDA ? "LDA" : "t-SNE";
}

void
picture_draw_space(const PictureCall *call, Svg *svg)
{
	PictureRows rows;
	SpacePicture picture = {.nameless = "no label",.many = "classes",.sizes = true};
	PictureText text;

	picture_read(call, call->label, true, true, &rows);
	picture.n = rows.rows.n;
	if (call->label)
	{
		picture.class = rows.rows.label;
		picture.n_classes = rows.n_classes;
		picture.label = rows.label;
		picture.legend = picture_utf8(call->label);
	}
	picture.n_panels = rows.n_spaces;
	for (int s = 0; s < rows.n_spaces; s++)
		picture.panel[s] = make_panel(call, &rows, s, picture_vectors(&rows, s, &rows.rows));
	text = picture_text(call, &rows, "Space", psprintf("%s of %s", projection_name(call->projection), picture_rows_text(call, &rows)));
	text.note = projection_note(call->projection);
	dml_learn_check(svg->env, picture_space(svg->env, &text, "space", &picture, svg));
	picture_free(&rows);
}

/* ---------- clusters ---------- */

/* For each cluster, "41 rows, 93% a": its size and its most frequent label. */
static const char **
purities(const PictureRows *rows, const int32 *cluster, int k)
{
	const char **notes = palloc(sizeof(char *) * k);
	int64	   *count = huge_array(Max(rows->n_classes, 1), sizeof(int64));

	for (int c = 0; c < k; c++)
	{
		int64		all = 0;
		int			most = 0;

		CHECK_FOR_INTERRUPTS();
		memset(count, 0, sizeof(int64) * rows->n_classes);
		for (int64 i = 0; i < rows->rows.n; i++)
			if (cluster[i] == c)
			{
				all++;
				if (rows->rows.label[i] >= 0)
					count[rows->rows.label[i]]++;
			}
		for (int l = 1; l < rows->n_classes; l++)
			if (count[l] > count[most])
				most = l;
		notes[c] = psprintf("%lld", (long long) all);
		if (rows->n_classes > 0 && count[most] > 0)
		{
			char	   *name = rows->label[most];
			int			end = 0;

			while (name[end] && (end < 9 || ((unsigned char) name[end] & 0xC0) == 0x80))
				end++;
			notes[c] = psprintf("%lld, %.0f%% %.*s%s", (long long) all, 100.0 * count[most] / all, end, name, name[end] ? ".." : "");
		}
	}
	return notes;
}

/* Clusters of a column, or by k-means in the learned space; without a model as the rows are. */
void
picture_draw_clusters(const PictureCall *call, Svg *svg)
{
	PictureRows rows;
	SpacePicture picture = {.legend = "cluster",.nameless = "no cluster",.many = "clusters",.sizes = true,.n_panels = 1};
	PictureCall own = *call;
	PictureText text;
	const float4 *x;
	const char *what;
	int			s;

	picture_read(call, call->cluster ? call->cluster : call->label, true, true, &rows);
	s = rows.n_spaces - 1;
	x = picture_vectors(&rows, s, &rows.rows);
	picture.n = rows.rows.n;
	if (call->cluster)
	{
		picture.class = rows.rows.label;
		picture.n_classes = rows.n_classes;
		picture.label = rows.label;
		picture.legend = picture_utf8(call->cluster);
		what = psprintf("clusters of %s", call->cluster);
	}
	else
	{
		int			k = (int) Min(call->k, rows.rows.n);
		int32	   *cluster = huge_array(rows.rows.n, sizeof(int32));

		dml_learn_check(rows.env, cluster_kmeans(rows.env, x, rows.rows.n, rows.space[s].out, k, (uint64) call->seed, cluster));
		picture.class = cluster;
		picture.n_classes = k;
		picture.label = palloc(sizeof(char *) * k);
		for (int c = 0; c < k; c++)
			picture.label[c] = psprintf("%d", c + 1);
		picture.notes = purities(&rows, cluster, k);
		what = psprintf("%d clusters by k-means", k);
		/* LDA is to tell clusters apart */
		rows.rows.label = cluster;
		rows.n_classes = k;
	}
	picture.panel[0] = make_panel(&own, &rows, s, x);
	picture.panel[0].title = NULL;
	text = picture_text(call, &rows, "Clusters", psprintf("%s, %s of %s", what, projection_name(call->projection), picture_rows_text(call, &rows)));
	text.note = projection_note(call->projection);
	dml_learn_check(svg->env, picture_space(svg->env, &text, "clusters", &picture, svg));
	picture_free(&rows);
}
