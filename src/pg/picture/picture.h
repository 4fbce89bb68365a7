/*
 * picture.h
 *	  What dml_plot was asked for, the rows of a picture, and the drawing of each kind.
 */
#ifndef DML_PICTURE_H
#define DML_PICTURE_H

#include "compat.h"

#include "nodes/pg_list.h"

#include "evaluate/space.h"
#include "learn/picture/picture.h"
#include "learn/picture/project.h"

typedef struct PictureKind PictureKind;

/* The arguments of a picture; text in the encoding of the database. */
typedef struct PictureCall
{
	const PictureKind *kind;
	char	   *model;			/* NULL: no learning */
	char	   *source;
	char	   *features;
	char	   *label;
	char	   *gallery;
	char	   *cluster;
	Projection	projection;
	bool		k_given;
	int			k;
	bool		max_rows_given;
	int64		max_rows;
	int64		seed;
	bool		baseline;
	int			image_width;	/* -1: to be found out, 0: no images */
	char	   *title;			/* NULL: the kind's own */
	FigureTheme theme;
} PictureCall;

/* A kind of picture. */
struct PictureKind
{
	const char *name;
	bool		needs_label;
	int64		rows;			/* that are drawn if max_rows is not given */
	int64		most_rows;
	int			k;				/* if k is not given; 0: it has none */
	int			most_k;
	void		(*draw) (const PictureCall *call, Svg *svg);
};

/* An error that lists the kinds if there is none of this name. */
extern const PictureKind *picture_kind(const char *name);

/* A theme by its name, or an error. */
extern FigureTheme picture_theme(const char *name);

/* Check the arguments and draw: a whole svg element to svg, whose env it uses. */
extern void picture_draw(PictureCall *call, Svg *svg);

/* An environment for the mathematics of a picture. */
extern LearnEnv *picture_env(void);

/* Text of the database in UTF-8, for src/learn/picture. Bytes of SQL_ASCII come as they are. */
extern char *picture_utf8(const char *text);

/* ---------- rows of a picture ---------- */

#define PICTURE_SPACES	2

typedef struct PictureRows
{
	LearnEnv   *env;
	const DmlVersion *version;	/* NULL: none */
	DmlMatrix  *matrix;
	DmlMatrix  *searched;		/* the gallery, or NULL */
	Selection	rows;			/* of the matrix; the first drawn are the sample */
	Selection	gallery;		/* of searched */
	int64		drawn;
	int			n_classes;
	char	  **label;			/* in UTF-8 */
	int			n_spaces;		/* without learning (if wanted), learned (if there is a model) */
	Space		space[PICTURE_SPACES];
	const char *name[PICTURE_SPACES];
	List	   *stores;			/* FloatStores of picture_vectors */
} PictureRows;

/*
 * Read the source and the gallery as dml_evaluate does: as the current user, with the right to
 * embed checked and features of another role's model confined. label: an expression, or NULL.
 * partly: rows whose label is NULL are kept, with class -1, instead of skipped. spread: rows.n
 * becomes drawn; else the sample moves to the front.
 */
extern void picture_read(const PictureCall *call, const char *label, bool partly, bool spread, PictureRows *rows);

/* The vectors of a selection in space s. Valid until picture_free. */
extern const float4 *picture_vectors(PictureRows *rows, int s, const Selection *selection);

/*
 * Close the temporary files of the rows and their vectors, and free their memory. An error closes
 * them, too, but a statement that succeeds must not leave them behind.
 */
extern void picture_free(PictureRows *rows);

/* The threshold that the version is calibrated to, in the learned space; else NaN. */
extern double picture_threshold(const PictureRows *rows, int s);

/*
 * Title and subtitle. what: the beginning of the title. subtitle: in the encoding of the database,
 * or NULL.
 */
extern PictureText picture_text(const PictureCall *call, const PictureRows *rows, const char *what, const char *subtitle);

/* "2000 of 10000 rows of photo" */
extern char *picture_rows_text(const PictureCall *call, const PictureRows *rows);

/* ---------- kinds ---------- */

extern void picture_draw_space(const PictureCall *call, Svg *svg);
extern void picture_draw_clusters(const PictureCall *call, Svg *svg);
extern void picture_draw_distances(const PictureCall *call, Svg *svg);
extern void picture_draw_roc(const PictureCall *call, Svg *svg);
extern void picture_draw_confusion(const PictureCall *call, Svg *svg);
extern void picture_draw_neighbours(const PictureCall *call, Svg *svg);
extern void picture_draw_curve(const PictureCall *call, Svg *svg);

#endif							/* DML_PICTURE_H */
