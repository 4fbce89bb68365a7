/*
 * dataset.c
 *	  See dataset.h.
 */
#include "dataset.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES	4096

static LearnStatus
fetch(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	const Dataset *data = ctx;
	size_t		d = data->rows.d;

	for (int i = 0; i < count; i++)
		memcpy(out + i * d, data->x + index[i] * d, d * sizeof(float));
	return LEARN_OK;
}

Dataset *
dataset_make(LearnEnv *env, const float *x, const int32_t *label, int64_t n, int d, int n_classes)
{
	Dataset    *data = arena_alloc_zero(env->arena, 1, sizeof(Dataset));

	data->x = x;
	data->rows.n = n;
	data->rows.d = d;
	data->rows.label = label;
	data->rows.n_classes = n_classes;
	data->rows.fetch = fetch;
	data->rows.ctx = data;
	return data;
}

FILE *
dataset_open(const char *file_name)
{
	const char *dir = getenv("DML_TEST_DATA");
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "../data", file_name);
	file = fopen(path, "r");
	if (file == NULL)
	{
		perror(path);
		abort();
	}
	return file;
}

Dataset *
dataset_load(LearnEnv *env, const char *name, int stride)
{
	FILE	   *file;
	char		file_name[64];
	char		line[LINE_MAX_BYTES];
	int			lines = 0;
	int			d = 0;
	int			n = 0;
	int			n_classes = 0;
	float	   *x;
	int32_t    *label;

	snprintf(file_name, sizeof(file_name), "%s.csv", name);
	file = dataset_open(file_name);
	while (fgets(line, sizeof(line), file) != NULL)
		lines++;
	rewind(file);
	if (fgets(line, sizeof(line), file) != NULL)
		for (const char *p = line; *p != '\0'; p++)
			d += *p == ',';
	x = arena_alloc(env->arena, (size_t) lines * d, sizeof(float));
	label = arena_alloc(env->arena, lines, sizeof(int32_t));
	for (int i = 0; fgets(line, sizeof(line), file) != NULL; i++)
	{
		char	   *p = line;

		if (i % stride != 0)
			continue;
		for (int j = 0; j < d; j++, p++)
			x[(size_t) n * d + j] = strtof(p, &p);
		label[n] = atoi(p);
		if (label[n] >= n_classes)
			n_classes = label[n] + 1;
		n++;
	}
	fclose(file);
	return dataset_make(env, x, label, n, d, n_classes);
}
