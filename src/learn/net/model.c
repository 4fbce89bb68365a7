/*
 * model.c
 *	  A model's stored form and its use: save, load, embed.
 */
#include "model.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

#define FORMAT		"dml/1"
#define FORMAT_SIDES	"dml/2"

/* In front of the names of side b's strings and tensors. */
#define PREFIX_B	"b."

/* Rows that go through preprocessing and network together: they stay in the cache. */
#define EMBED_ROWS	128

/* What a tensor of a model is. */
typedef enum PartKind
{
	PART_MEAN,
	PART_SCALE,
	PART_PROJ,
	PART_WEIGHT,
	PART_BIAS,
	PART_GAIN,
	PART_SHIFT,
	PART_RUNNING_MEAN,
	PART_RUNNING_VAR
} PartKind;

typedef struct Part
{
	PartKind	kind;
	int			layer;
	char		name[ST_NAME_MAX];
	int			n_dims;
	size_t		shape[2];
} Part;

#define MAX_PARTS	(3 + 6 * NET_MAX_LAYERS)

#define ORIGIN		"prep.origin"
#define ENCODER		"prep.encoder"

int
model_in(const Model *model)
{
	return model->prep->in;
}

int
model_out(const Model *model)
{
	return netspec_out(&model->net->spec);
}

static bool
projects(PrepKind kind)
{
	return kind == PREP_PCA || kind == PREP_WHITEN;
}

/* ---------- which tensors a model has ---------- */

static void
add_part(Part *part, int *n, const char *prefix, PartKind kind, int layer, const char *name, size_t rows, size_t cols)
{
	Part	   *p = &part[(*n)++];

	p->kind = kind;
	p->layer = layer;
	if (layer < 0)
		snprintf(p->name, sizeof(p->name), "%sprep.%s", prefix, name);
	else
		snprintf(p->name, sizeof(p->name), "%slayers.%d.%s", prefix, layer, name);
	p->n_dims = cols > 0 ? 2 : 1;
	p->shape[0] = rows;
	p->shape[1] = cols;
}

/*
 * The tensors of a model with this preprocessing of in columns and this network, in the
 * order in which they are stored.  Known from the header alone, so that a stored model is
 * checked before memory is taken for it.
 */
static int
list_parts(const char *prefix, PrepKind kind, int in, const NetSpec *spec, Part *part)
{
	int			n = 0;

	if (kind != PREP_NONE)
	{
		add_part(part, &n, prefix, PART_MEAN, -1, "mean", in, 0);
		add_part(part, &n, prefix, PART_SCALE, -1, "scale", in, 0);
	}
	if (projects(kind))
		add_part(part, &n, prefix, PART_PROJ, -1, "proj", spec->in, in);
	for (int i = 0; i < spec->n_layers; i++)
	{
		const LayerSpec *layer = &spec->layer[i];
		size_t		fan_in = i == 0 ? spec->in : spec->layer[i - 1].width;

		add_part(part, &n, prefix, PART_WEIGHT, i, "weight", layer->width, fan_in);
		if (layer->norm != NORM_BATCH)
			add_part(part, &n, prefix, PART_BIAS, i, "bias", layer->width, 0);
		if (layer->norm != NORM_NONE)
		{
			add_part(part, &n, prefix, PART_GAIN, i, "gain", layer->width, 0);
			add_part(part, &n, prefix, PART_SHIFT, i, "shift", layer->width, 0);
		}
		if (layer->norm == NORM_BATCH)
		{
			add_part(part, &n, prefix, PART_RUNNING_MEAN, i, "running_mean", layer->width, 0);
			add_part(part, &n, prefix, PART_RUNNING_VAR, i, "running_var", layer->width, 0);
		}
	}
	return n;
}

/* Where a part's numbers are in memory. */
static float *
part_values(const Model *model, const Part *part)
{
	const Net  *net = model->net;
	const LayerOffset *offset = part->layer < 0 ? NULL : &net->offset[part->layer];

	switch (part->kind)
	{
		case PART_MEAN:
			return model->prep->mean;
		case PART_SCALE:
			return model->prep->scale;
		case PART_PROJ:
			return model->prep->proj;
		case PART_WEIGHT:
			return net->params + offset->weight;
		case PART_BIAS:
			return net->params + offset->bias;
		case PART_GAIN:
			return net->params + offset->gain;
		case PART_SHIFT:
			return net->params + offset->shift;
		case PART_RUNNING_MEAN:
			return net->running + offset->running;
		case PART_RUNNING_VAR:
			return net->running + offset->running + net->spec.layer[part->layer].width;
	}
	return NULL;
}

size_t
model_bytes(const Model *model)
{
	const Prep *prep = model->prep;
	size_t		floats = model->net->n_params + model->net->n_running;

	if (prep->kind != PREP_NONE)
		floats += 2 * (size_t) prep->in;
	if (prep->proj != NULL)
		floats += (size_t) prep->out * prep->in;
	return sizeof(Model) + sizeof(Prep) + sizeof(Net) + floats * sizeof(float) +
		(model->origin != NULL ? prep->in * sizeof(double) : 0);
}

/* ---------- saving ---------- */

static void
add_string(StFile *file, const char *prefix, const char *name, const char *value)
{
	StString   *s = &file->string[file->n_strings++];

	snprintf(s->name, sizeof(s->name), "%s%s", prefix, name);
	snprintf(s->value, sizeof(s->value), "%s", value);
}

static bool
all_finite(const float *x, size_t n)
{
	bool		finite = true;

	for (size_t i = 0; i < n; i++)
		finite &= isfinite(x[i]) != 0;
	return finite;
}

/* One side's origin into the file; first of the tensors, so that doubles are aligned. */
static LearnStatus
add_origin(LearnEnv *env, StFile *file, const char *prefix, const Model *model)
{
	StTensor   *t;

	if (model->origin == NULL)
		return LEARN_OK;
	for (int j = 0; j < model->prep->in; j++)
		if (!isfinite(model->origin[j]))
			return learn_fail(env, LEARN_DIVERGED, "the model has an origin that is not a finite number");
	t = &file->tensor[file->n_tensors++];
	snprintf(t->name, sizeof(t->name), "%s%s", prefix, ORIGIN);
	t->n_dims = 1;
	t->shape[0] = model->prep->in;
	t->wide = true;
	t->bytes = false;
	t->values = model->origin;
	return LEARN_OK;
}

/* One side's encoder into the file, its length a multiple of 8. */
static LearnStatus
add_encoder(LearnEnv *env, StFile *file, const char *prefix, const Model *model)
{
	StTensor   *t;
	unsigned char *bytes;

	if (model->encoder == NULL)
		return LEARN_OK;
	t = &file->tensor[file->n_tensors++];
	memset(t, 0, sizeof(*t));
	LEARN_TRY(encode_save(env, model->encoder, &bytes, &t->shape[0]));
	snprintf(t->name, sizeof(t->name), "%s%s", prefix, ENCODER);
	t->n_dims = 1;
	t->bytes = true;
	t->values = bytes;
	return LEARN_OK;
}

/* One side's strings and tensors into the file. */
static LearnStatus
add_side(LearnEnv *env, StFile *file, const char *prefix, const Model *model)
{
	Part		part[MAX_PARTS];
	char		line[NET_LINE_MAX];
	char		in[16];
	int			n;

	snprintf(in, sizeof(in), "%d", model->prep->in);
	netspec_print(&model->net->spec, line, sizeof(line));
	add_string(file, prefix, "in", in);
	add_string(file, prefix, "network", line);
	add_string(file, prefix, "prep", prep_name(model->prep->kind));

	n = list_parts(prefix, model->prep->kind, model->prep->in, &model->net->spec, part);
	for (int i = 0; i < n; i++)
	{
		StTensor   *t = &file->tensor[file->n_tensors++];

		memcpy(t->name, part[i].name, sizeof(t->name));
		t->n_dims = part[i].n_dims;
		memcpy(t->shape, part[i].shape, sizeof(t->shape));
		t->wide = t->bytes = false;
		t->values = part_values(model, &part[i]);
		if (!all_finite(t->values, st_count(t)))
			return learn_fail(env, LEARN_DIVERGED, "the model has a weight that is not a finite number (%s)", t->name);
	}
	return LEARN_OK;
}

LearnStatus
model_save(LearnEnv *env, const Model *model, void **blob, size_t *size)
{
	ModelSides	sides = {.a = (Model *) model};

	return model_save_sides(env, &sides, blob, size);
}

LearnStatus
model_save_sides(LearnEnv *env, const ModelSides *sides, void **blob, size_t *size)
{
	return model_export(env, sides, NULL, blob, size);
}

LearnStatus
model_export(LearnEnv *env, const ModelSides *sides, const char *description, void **blob, size_t *size)
{
	StFile		file;
	char		target[32];

	file.n_strings = file.n_tensors = 0;
	file.description = description;
	add_string(&file, "", "format", sides->b ? FORMAT_SIDES : FORMAT);
	LEARN_TRY(add_origin(env, &file, "", sides->a));
	if (sides->b)
		LEARN_TRY(add_origin(env, &file, PREFIX_B, sides->b));
	LEARN_TRY(add_encoder(env, &file, "", sides->a));
	if (sides->b)
		LEARN_TRY(add_encoder(env, &file, PREFIX_B, sides->b));
	LEARN_TRY(add_side(env, &file, "", sides->a));
	if (sides->b)
		LEARN_TRY(add_side(env, &file, PREFIX_B, sides->b));
	if (sides->adapter)
	{
		snprintf(target, sizeof(target), "%016llx", (unsigned long long) sides->target);
		add_string(&file, "", "target", target);
	}
	return st_write(env, &file, blob, size);
}

/* ---------- loading ---------- */

/* The text of a number from 1 to NET_MAX_WIDTH as model_save writes it, or 0. */
static int
read_width(const char *text)
{
	char		again[16];
	int			value = 0;

	for (const char *p = text; *p >= '0' && *p <= '9' && value <= NET_MAX_WIDTH; p++)
		value = value * 10 + (*p - '0');
	snprintf(again, sizeof(again), "%d", value);
	return value >= 1 && value <= NET_MAX_WIDTH && strcmp(again, text) == 0 ? value : 0;
}

/* A side's string; NULL: there is none. */
static const char *
side_string(const StFile *file, const char *prefix, const char *name)
{
	char		full[ST_NAME_MAX];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return st_string(file, full);
}

/* Of which sides the file is, and whether it has the strings of such a model and no others. */
static LearnStatus
read_format(LearnEnv *env, const StFile *file, ModelSides *sides, bool *both)
{
	const char *format = st_string(file, "format");
	const char *target = st_string(file, "target");
	char		again[32];
	unsigned long long value = 0;

	if (format == NULL)
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its metadata are not those of a model");
	*both = strcmp(format, FORMAT_SIDES) == 0;
	if (!*both && strcmp(format, FORMAT) != 0)
	{
		learn_fail(env, LEARN_CORRUPT, "the stored model has format \"%.40s\", not \"%s\"", format, FORMAT);
		learn_hint(env, "It may come from a later version of dml.");
		return LEARN_CORRUPT;
	}
	sides->adapter = *both && target != NULL;
	if (file->n_strings != (*both ? 7 : 4) + (sides->adapter ? 1 : 0))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its metadata are not those of a model");
	if (sides->adapter)
	{
		value = strtoull(target, NULL, 16);
		snprintf(again, sizeof(again), "%016llx", value);
		if (strcmp(again, target) != 0)
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: target \"%.40s\"", target);
	}
	sides->target = value;
	return LEARN_OK;
}

/* Preprocessing kind, input width and network of one side of a stored model, from its strings. */
static LearnStatus
read_strings(LearnEnv *env, const StFile *file, const char *prefix, PrepKind *kind, int *in, NetSpec *spec)
{
	const char *network = side_string(file, prefix, "network");
	const char *prep = side_string(file, prefix, "prep");
	const char *width = side_string(file, prefix, "in");
	const StTensor *proj;
	char		name[ST_NAME_MAX];
	char		line[NET_LINE_MAX];
	int			net_in;

	if (network == NULL || prep == NULL || width == NULL)
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its metadata are not those of a model");
	if (!prep_by_name(prep, kind))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: unknown preprocessing \"%.40s\"", prep);
	*in = read_width(width);
	if (*in == 0)
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: input width \"%.40s\"", width);

	net_in = *in;
	snprintf(name, sizeof(name), "%sprep.proj", prefix);
	proj = st_tensor(file, name);
	if (projects(*kind))
	{
		if (proj == NULL || proj->shape[0] > NET_MAX_WIDTH)
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its projection is missing or too large");
		net_in = (int) proj->shape[0];
	}
	if (netspec_parse(env, network, net_in, spec) != LEARN_OK)
	{
		char		reason[sizeof(env->message)];

		snprintf(reason, sizeof(reason), "%s", env->message);
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: %.400s", reason);
	}
	netspec_print(spec, line, sizeof(line));
	if (strcmp(line, network) != 0)
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its network line is not in canonical form");
	return LEARN_OK;
}

/* The file has the tensors of one side, with these shapes. */
static LearnStatus
check_parts(LearnEnv *env, const StFile *file, const Part *part, int n)
{
	for (int i = 0; i < n; i++)
	{
		const StTensor *t = st_tensor(file, part[i].name);

		if (t == NULL)
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" is missing", part[i].name);
		if (t->wide || t->bytes)
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" is not of type F32", part[i].name);
		if (t->n_dims != part[i].n_dims || t->shape[0] != part[i].shape[0] ||
			(t->n_dims == 2 && t->shape[1] != part[i].shape[1]))
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" has not the shape that the network has",
							  part[i].name);
	}
	return LEARN_OK;
}

/* The struct and its arrays, unfilled. */
static LearnStatus
create_prep(LearnEnv *env, PrepKind kind, int in, int out, Prep **prep)
{
	Prep	   *p;

	LEARN_ALLOC(env, p, 1);
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->in = in;
	p->out = out;
	if (kind != PREP_NONE)
	{
		LEARN_ALLOC(env, p->mean, in);
		LEARN_ALLOC(env, p->scale, in);
	}
	if (projects(kind))
		LEARN_ALLOC(env, p->proj, (size_t) out * in);
	*prep = p;
	return LEARN_OK;
}

/* What a stored side is like, known before memory is taken for it. */
typedef struct StoredSide
{
	PrepKind	kind;
	int			in;
	NetSpec		spec;
	Part		part[MAX_PARTS];
	int			n;
	const StTensor *origin;		/* or NULL */
	const StTensor *encoder;	/* or NULL */
} StoredSide;

static LearnStatus
read_side(LearnEnv *env, const StFile *file, const char *prefix, StoredSide *side)
{
	char		name[ST_NAME_MAX];

	LEARN_TRY(read_strings(env, file, prefix, &side->kind, &side->in, &side->spec));
	snprintf(name, sizeof(name), "%s%s", prefix, ORIGIN);
	side->origin = st_tensor(file, name);
	if (side->origin != NULL &&
		(!side->origin->wide || side->origin->n_dims != 1 || side->origin->shape[0] != (size_t) side->in))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" has not one F64 for each input", name);
	snprintf(name, sizeof(name), "%s%s", prefix, ENCODER);
	side->encoder = st_tensor(file, name);
	if (side->encoder != NULL && (!side->encoder->bytes || side->encoder->n_dims != 1 || side->origin != NULL))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its encoder");
	side->n = list_parts(prefix, side->kind, side->in, &side->spec, side->part);
	return check_parts(env, file, side->part, side->n);
}

static LearnStatus
load_side(LearnEnv *env, const StFile *file, const StoredSide *side, Model **model)
{
	const Part *part = side->part;
	int			n = side->n;
	Model	   *result;

	LEARN_ALLOC(env, result, 1);
	LEARN_TRY(create_prep(env, side->kind, side->in, side->spec.in, &result->prep));
	LEARN_TRY(net_create(env, &side->spec, &result->net));
	for (int i = 0; i < n; i++)
	{
		const StTensor *t = st_tensor(file, part[i].name);
		float	   *values = part_values(result, &part[i]);

		if (!st_copy(file, t, values))
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" has a value that is not a finite number",
							  part[i].name);
		if (part[i].kind == PART_RUNNING_VAR)
			for (size_t j = 0; j < part[i].shape[0]; j++)
				if (values[j] < 0)
					return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" has a negative variance",
									  part[i].name);
	}
	result->origin = NULL;
	if (side->origin != NULL)
	{
		double	   *origin;

		LEARN_ALLOC(env, origin, side->in);
		if (!st_copy(file, side->origin, origin))
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: tensor \"%s\" has a value that is not a finite number",
							  side->origin->name);
		result->origin = origin;
	}
	result->encoder = NULL;
	if (side->encoder != NULL)
	{
		Encoder    *encoder;

		LEARN_TRY(encode_load(env, file->data + side->encoder->begin, st_count(side->encoder), &encoder));
		if (encoder->width != side->in)
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its encoder makes %d numbers and its network takes %d",
							  encoder->width, side->in);
		result->encoder = encoder;
	}
	*model = result;
	return LEARN_OK;
}

static LearnStatus
load_file(LearnEnv *env, const StFile *file, ModelSides *sides)
{
	StoredSide	side[2];
	bool		both = false;

	memset(sides, 0, sizeof(*sides));
	LEARN_TRY(read_format(env, file, sides, &both));
	side[1].n = 0;
	side[1].origin = side[1].encoder = NULL;
	LEARN_TRY(read_side(env, file, "", &side[0]));
	if (both)
		LEARN_TRY(read_side(env, file, PREFIX_B, &side[1]));
	if (file->n_tensors != side[0].n + side[1].n + (side[0].origin != NULL) + (side[1].origin != NULL) +
		(side[0].encoder != NULL) + (side[1].encoder != NULL))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: it has tensors that the network has not");
	if (both && netspec_out(&side[0].spec) != netspec_out(&side[1].spec))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its sides have different dimensions");
	LEARN_TRY(load_side(env, file, &side[0], &sides->a));
	return both ? load_side(env, file, &side[1], &sides->b) : LEARN_OK;
}

LearnStatus
model_load_sides(LearnEnv *env, const void *blob, size_t size, ModelSides *sides)
{
	StFile		file;

	LEARN_TRY(st_read(env, blob, size, &file));
	return load_file(env, &file, sides);
}

LearnStatus
model_import(LearnEnv *env, const void *blob, size_t size, ModelSides *sides, const char **description)
{
	StFile		file;

	LEARN_TRY(st_read_described(env, blob, size, &file));
	*description = file.description;
	return load_file(env, &file, sides);
}

LearnStatus
model_load(LearnEnv *env, const void *blob, size_t size, Model **model)
{
	ModelSides	sides;

	LEARN_TRY(model_load_sides(env, blob, size, &sides));
	if (sides.b)
		return learn_fail(env, LEARN_CORRUPT, "the stored model has two sides, where one is wanted");
	*model = sides.a;
	return LEARN_OK;
}

/* ---------- embedding ---------- */

static bool
has_network(const Model *model)
{
	return model->net->spec.n_layers > 0 || model->net->spec.l2;
}

/* In scratch: preprocessed rows, then what prep_apply or net_infer needs beside them. */
size_t
model_scratch(const Model *model, int n)
{
	const Prep *prep = model->prep;
	size_t		rows = n < EMBED_ROWS ? n : EMBED_ROWS;
	size_t		centred = prep->proj != NULL ? rows * prep->in : 0;
	size_t		network = has_network(model) ? net_scratch(model->net, (int) rows) : 0;

	return rows * prep->out + (centred > network ? centred : network);
}

/* At most EMBED_ROWS rows. */
static void
embed_rows(const Model *model, const float *x, int n, float *out, float *scratch)
{
	const Prep *prep = model->prep;
	float	   *beside = scratch + (size_t) n * prep->out;

	if (!has_network(model))
		prep_apply(prep, x, n, out, beside);
	else if (prep->kind == PREP_NONE)
		net_infer(model->net, x, n, out, beside);
	else
	{
		prep_apply(prep, x, n, scratch, beside);
		net_infer(model->net, scratch, n, out, beside);
	}
}

void
model_embed(const Model *model, const float *x, int n, float *out, float *scratch, int *bad)
{
	size_t		in = model_in(model);
	size_t		width = model_out(model);

	for (int r = 0; r < n; r += EMBED_ROWS)
		embed_rows(model, x + r * in, n - r < EMBED_ROWS ? n - r : EMBED_ROWS, out + r * width, scratch);
	if (bad == NULL)
		return;
	*bad = -1;
	for (int r = 0; r < n && *bad < 0; r++)
		if (!all_finite(out + r * width, width))
			*bad = r;
}
