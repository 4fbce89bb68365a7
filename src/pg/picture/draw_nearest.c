/*
 * draw_nearest.c
 *	  The kinds confusion and neighbours: what is nearest to rows.
 *
 * Rows ask among the gallery, or, if there is none, each among the others. Rows with equal features
 * and label are hidden from each other, as in dml_evaluate.
 */
#include "compat.h"

#include "picture.h"

#include <math.h>

#include "miscadmin.h"

#include "ann/distance.h"
#include "evaluate/evaluate.h"
#include "learn/measure/assess.h"
#include "learn/picture/png.h"

/* side from which on a square array of bytes is taken for an image */
#define LEAST_IMAGE	8

/* Search for the first nq rows in space s; voted and nearest as in AssessTask. */
static void
search(PictureRows *rows, int s, int64 nq, int k, int32 *voted, int32 *nearest)
{
	AssessTask	task = {.self = rows->searched == NULL,.d = rows->space[s].out,.n_classes = rows->n_classes,.knn_k = k,.nq = nq,
	.voted = voted,.nearest = nearest,.skip = ~ASSESS_NEAREST};
	Selection	asked = rows->rows;
	const Selection *gallery = rows->searched ? &rows->gallery : &rows->rows;
	ArenaMark	mark = arena_mark(rows->env->arena);
	Assessment	assessment;

	if (rows->searched)
		asked.n = nq;
	task.query = picture_vectors(rows, s, &asked);
	task.gallery = rows->searched ? picture_vectors(rows, s, gallery) : task.query;
	task.query_label = asked.label;
	task.gallery_label = gallery->label;
	task.ng = gallery->n;
	task.query_hash = select_hashes(&asked);
	task.gallery_hash = rows->searched ? select_hashes(gallery) : task.query_hash;
	dml_learn_check(rows->env, assess(rows->env, &task, &assessment));
	if (nearest)
		for (int64 q = 0; q < nq; q++)
			for (int i = 1; i < k && nearest[q * k + i] >= 0; i++)
				for (int j = i; j > 0; j--)
				{
					int32	   *pair = nearest + q * k + j - 1;
					const float4 *query = task.query + q * task.d;
					int32		swap = pair[0];

					if (distance_l2(query, task.gallery + (int64) pair[0] * task.d, task.d) <=
						distance_l2(query, task.gallery + (int64) pair[1] * task.d, task.d))
						break;
					pair[0] = pair[1];
					pair[1] = swap;
				}
	arena_reset(rows->env->arena, mark);
}

static char *
among(const PictureCall *call)
{
	return call->gallery ? psprintf("among %s", call->gallery) : pstrdup("each among the others");
}

/* In the learned space; without a model as the rows are. */
void
picture_draw_confusion(const PictureCall *call, Svg *svg)
{
	PictureRows rows;
	ConfusionPicture picture;
	PictureText text;
	int32	   *voted;

	picture_read(call, call->label, false, false, &rows);
	rows.drawn = Min(rows.drawn, evaluate_queries(rows.drawn, rows.searched ? rows.gallery.n : rows.rows.n));
	voted = huge_array(rows.drawn, sizeof(int32));
	search(&rows, rows.n_spaces - 1, rows.drawn, call->k, voted, NULL);
	picture = (ConfusionPicture) {.n = rows.drawn,.is = rows.rows.label,.voted = voted,.n_classes = rows.n_classes,.label = rows.label};
	text = picture_text(call, &rows, psprintf("Confusion of %d nearest neighbours", call->k),
						psprintf("%s by %s, %s", picture_rows_text(call, &rows), call->label, among(call)));
	dml_learn_check(svg->env, picture_confusion(svg->env, &text, &picture, svg));
	picture_free(&rows);
}

/* ---------- neighbours ---------- */

/*
 * Rows to ask about, to the front: the first of each class, by the order of labels, then the second
 * of each ...
 */
static void
choose_questions(PictureRows *rows, int64 wanted)
{
	Selection  *all = &rows->rows;
	int32	   *order = palloc(sizeof(int32) * Max(rows->n_classes, 1));
	int64		chosen = 0;

	picture_sort_labels(rows->label, rows->n_classes, order);
	while (chosen < wanted)
		for (int c = 0; c < rows->n_classes && chosen < wanted; c++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int64 i = chosen; i < all->n; i++)
				if (all->label[i] == order[c])
				{
					int64		index = all->index[chosen];
					int32		label = all->label[chosen];

					all->index[chosen] = all->index[i];
					all->label[chosen++] = all->label[i];
					all->index[i] = index;
					all->label[i] = label;
					break;
				}
		}
}

/* The numbers of a row as the user has them. */
static float4 *
row_numbers(PictureRows *rows, const Selection *selection, int64 i)
{
	const Rows *of = &selection->matrix->rows;
	const double *origin = rows->version ? rows->version->model->origin : NULL;
	float4	   *x = palloc(sizeof(float4) * of->d);

	dml_learn_check(rows->env, of->fetch(rows->env, of->ctx, selection->index + i, 1, x));
	for (int k = 0; k < of->d && origin; k++)
		x[k] += origin[k];
	return x;
}

/* The numbers of a cell's row, or NULL. */
typedef struct CellImage
{
	NeighbourCell *cell;
	float4	   *x;
} CellImage;

/*
 * Find out whether rows are images, from those that are shown: an array of width x height whole
 * numbers from 0 to 255, or of any numbers if the width was given. Sets the pixels of the cells.
 */
static void
make_images(const PictureCall *call, PictureRows *rows, CellImage *image, int n, NeighbourPicture *picture)
{
	int			d = rows->matrix->rows.d;
	int			width = call->image_width;
	double		low = 0;
	double		high = 0;

	if (width < 0)
	{
		width = (int) (sqrt(d) + 0.5);
		if (rows->matrix->input_kind != DML_INPUT_ARRAY || width * width != d || width < LEAST_IMAGE || width > PNG_MAX_SIDE)
			return;
		for (int i = 0; i < n; i++)
			for (int k = 0; k < d; k++)
				if (!(image[i].x[k] >= 0 && image[i].x[k] <= 255 && image[i].x[k] == floorf(image[i].x[k])))
					return;
	}
	if (width == 0)
		return;
	if (d % width != 0 || width > PNG_MAX_SIDE || d / width > PNG_MAX_SIDE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d numbers are no image %d pixels wide", d, width),
				 errdetail("The width must divide the numbers, and neither side can have more than %d pixels.", PNG_MAX_SIDE),
				 errhint("image_width => 0 draws no images.")));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < d; k++)
		{
			low = Min(low, image[i].x[k]);
			high = Max(high, image[i].x[k]);
		}
	for (int i = 0; i < n; i++)
	{
		unsigned char *pixel = palloc(d);

		for (int k = 0; k < d; k++)
			pixel[k] = high > low ? (unsigned char) (255 * ((image[i].x[k] - low) / (high - low)) + 0.5) : 0;
		image[i].cell->pixel = pixel;
	}
	picture->image_width = width;
	picture->image_height = d / width;
}

void
picture_draw_neighbours(const PictureCall *call, Svg *svg)
{
	PictureRows rows;
	NeighbourPicture picture = {.k = call->k};
	NeighbourCell *asked;
	CellImage  *image;
	int			images = 0;
	PictureText text;

	picture_read(call, call->label, false, false, &rows);
	choose_questions(&rows, rows.drawn);
	picture.rows = (int) rows.drawn;
	picture.label = rows.label;
	picture.n_panels = rows.n_spaces;
	picture.asked = asked = palloc0(sizeof(NeighbourCell) * picture.rows);
	image = palloc(sizeof(CellImage) * picture.rows * (1 + rows.n_spaces * call->k));
	for (int r = 0; r < picture.rows; r++)
	{
		asked[r].class = rows.rows.label[r];
		image[images++] = (CellImage) {&asked[r], row_numbers(&rows, &rows.rows, r)};
	}
	for (int s = 0; s < rows.n_spaces; s++)
	{
		const Selection *gallery = rows.searched ? &rows.gallery : &rows.rows;
		int32	   *nearest = palloc(sizeof(int32) * picture.rows * call->k);
		NeighbourCell *found = palloc0(sizeof(NeighbourCell) * picture.rows * call->k);
		Selection	two = *gallery;
		int			d = rows.space[s].out;

		search(&rows, s, picture.rows, call->k, NULL, nearest);
		for (int i = 0; i < picture.rows * call->k; i++)
		{
			int64		pair[1];
			const float4 *a;
			const float4 *b;

			found[i].class = -1;
			if (nearest[i] < 0)
				continue;
			found[i].class = gallery->label[nearest[i]];
			two.n = 1;
			two.index = pair;
			pair[0] = gallery->index[nearest[i]];
			b = picture_vectors(&rows, s, &two);
			two.matrix = rows.matrix;
			pair[0] = rows.rows.index[i / call->k];
			a = picture_vectors(&rows, s, &two);
			two.matrix = gallery->matrix;
			found[i].distance = distance_l2(a, b, d);
			image[images++] = (CellImage) {&found[i], row_numbers(&rows, gallery, nearest[i])};
		}
		picture.name[s] = rows.name[s];
		picture.found[s] = found;
	}
	make_images(call, &rows, image, images, &picture);
	text = picture_text(call, &rows, psprintf("%d nearest neighbours", call->k),
						psprintf("%s by %s, %s", picture_rows_text(call, &rows), call->label, among(call)));
	dml_learn_check(svg->env, picture_neighbours(svg->env, &text, &picture, svg));
	picture_free(&rows);
}
