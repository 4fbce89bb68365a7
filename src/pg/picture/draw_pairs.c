/*
 * draw_pairs.c
 *	  The kinds distances and roc: all pairs of a sample of rows.
 */
#include "compat.h"

#include "picture.h"

#include "learn/measure/assess.h"

/* The pairs of the sample in one space, which needs pairs of both kinds. */
static void
make_curve(PictureRows *rows, int s, PairCurve *curve)
{
	AssessTask	task = {.self = true,.d = rows->space[s].out,.n_classes = rows->n_classes};
	Roc		   *roc = palloc0(sizeof(Roc));

	task.query = task.gallery = picture_vectors(rows, s, &rows->rows);
	task.query_label = task.gallery_label = rows->rows.label;
	task.nq = task.ng = rows->rows.n;
	dml_learn_check(rows->env, assess_pairs(rows->env, &task, roc));
	if (roc_genuine(roc) == 0 || roc_impostor(roc) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no pair of %s", roc_genuine(roc) == 0 ? "the same class" : "two classes"),
				 errdetail("The picture is of pairs that are the same and pairs that are not, of %lld rows.", (long long) rows->rows.n)));
	*curve = (PairCurve) {.name = rows->name[s],.roc = roc,.threshold = picture_threshold(rows, s)};
}

/* All spaces, learned first if it is to stand above the other. Returns the number of curves. */
static int
make_curves(const PictureCall *call, PictureRows *rows, bool learned_first, PairCurve *curve)
{
	picture_read(call, call->label, false, true, rows);
	for (int s = 0; s < rows->n_spaces; s++)
		make_curve(rows, s, &curve[learned_first ? rows->n_spaces - 1 - s : s]);
	return rows->n_spaces;
}

static PictureText
text_of(const PictureCall *call, const PictureRows *rows, const char *what)
{
	return picture_text(call, rows, what, psprintf("All pairs of %s; two rows are the same if they agree in %s",
												   picture_rows_text(call, rows), call->label));
}

void
picture_draw_distances(const PictureCall *call, Svg *svg)
{
	PictureRows rows;
	PairCurve	curve[PICTURE_SPACES];
	int			n = make_curves(call, &rows, false, curve);
	PictureText text = text_of(call, &rows, "Distances of pairs");

	dml_learn_check(svg->env, picture_distances(svg->env, &text, curve, n, svg));
	picture_free(&rows);
}

void
picture_draw_roc(const PictureCall *call, Svg *svg)
{
	PictureRows rows;
	PairCurve	curve[PICTURE_SPACES];
	int			n = make_curves(call, &rows, true, curve);
	PictureText text = text_of(call, &rows, "Verification: receiver operating characteristic");

	dml_learn_check(svg->env, picture_roc(svg->env, &text, curve, n, svg));
	picture_free(&rows);
}
