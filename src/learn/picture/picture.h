/*
 * picture.h
 *	  The pictures: what each shows, from numbers that are computed already.
 *
 * All text is UTF-8 and may be a user's. A function draws a whole svg element; it polls, and
 * allocates in env's arena.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include "figure.h"
#include "learn/measure/roc.h"

typedef struct PictureText
{
	FigureTheme theme;
	const char *title;
	const char *subtitle;		/* NULL: none */
	const char *note;			/* NULL: none */
} PictureText;

/* ---------- space, clusters ---------- */

/* The most classes with a colour and form of their own; the others are grey. */
#define PICTURE_CLASSES	24

typedef struct SpacePanel
{
	const char *title;			/* NULL: none */
	const float *at;			/* n x 2; what is not finite is left out */
	const char *x;				/* labels of the axes */
	const char *y;
	bool		bare;			/* coordinates mean nothing: no numbers */
} SpacePanel;

typedef struct SpacePicture
{
	int64_t		n;
	const int32_t *class;		/* n: in [0, n_classes), or -1; NULL: all -1 */
	int			n_classes;
	char	  **label;			/* n_classes */
	const char *legend;			/* what the classes are; NULL: no legend */
	const char *nameless;		/* what rows of class -1 are */
	const char *many;			/* "classes", "clusters": in "17 other classes" */
	bool		sizes;			/* the legend has the number of rows of each class */
	const char *const *notes;	/* n_classes: further notes in the legend, or NULL */
	int			n_panels;		/* 1 or 2, side by side */
	SpacePanel	panel[2];
} SpacePicture;

extern LearnStatus picture_space(LearnEnv *env, const PictureText *text, const char *kind, const SpacePicture *picture, Svg *svg);

/* ---------- pairs: roc, distances ---------- */

/* The pairs of rows in one space. */
typedef struct PairCurve
{
	const char *name;			/* "learned" */
	const Roc  *roc;			/* has pairs of both kinds */
	double		threshold;		/* that the model was calibrated to; NaN: none */
} PairCurve;

extern LearnStatus picture_roc(LearnEnv *env, const PictureText *text, const PairCurve *curve, int n, Svg *svg);
extern LearnStatus picture_distances(LearnEnv *env, const PictureText *text, const PairCurve *curve, int n, Svg *svg);

/* ---------- curve ---------- */

typedef struct EpochPoint
{
	int			epoch;
	double		loss;			/* NaN: none */
	double		score;			/* NaN: not measured */
} EpochPoint;

typedef struct CurvePicture
{
	int			n;
	const EpochPoint *epoch;	/* at least one; epochs rise */
	const char *score;			/* its name */
	const char *score_title;	/* of the panel */
	double		without_learning;	/* NaN: not measured */
	double		whitened;
	double		learned;		/* of the model that was kept */
} CurvePicture;

extern LearnStatus picture_curve(LearnEnv *env, const PictureText *text, const CurvePicture *picture, Svg *svg);

/* ---------- confusion ---------- */

/* The most rows of a matrix; what is beyond is summed up in "others". */
#define PICTURE_CONFUSION	32

typedef struct ConfusionPicture
{
	int64_t		n;
	const int32_t *is;			/* n: the class of each row, in [0, n_classes) */
	const int32_t *voted;		/* n: the class that its neighbours have; -1: it has no neighbour */
	int			n_classes;
	char	  **label;
} ConfusionPicture;

extern LearnStatus picture_confusion(LearnEnv *env, const PictureText *text, const ConfusionPicture *picture, Svg *svg);

/* ---------- neighbours ---------- */

typedef struct NeighbourCell
{
	int32_t		class;			/* -1: there is no such neighbour */
	double		distance;
	const unsigned char *pixel; /* image_width x image_height, or NULL */
} NeighbourCell;

typedef struct NeighbourPicture
{
	int			rows;			/* asked about */
	int			k;
	const NeighbourCell *asked; /* rows */
	int			n_panels;		/* spaces, side by side: 1 or 2 */
	const char *name[2];
	const NeighbourCell *found[2];	/* rows x k, nearest first */
	char	  **label;
	int			image_width;	/* 0: no images */
	int			image_height;
} NeighbourPicture;

extern LearnStatus picture_neighbours(LearnEnv *env, const PictureText *text, const NeighbourPicture *picture, Svg *svg);

/* ---------- for several pictures ---------- */

/*
 * order[0 .. n): the labels as a reader expects them: numbers by value, then text by its bytes
 * without case, but numbers within text by value.
 */
extern void picture_sort_labels(char **label, int n, int32_t *order);

#endif							/* PICTURE_H */
