/*
 * options_value.c
 *	  The value of an option as JSON text.
 */
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Write text as a JSON string; the texts here hold no control characters worth keeping. */
static void
json_string(const char *text, char *json, size_t size)
{
	size_t		used = 0;

	json[used++] = '"';
	for (const char *p = text; *p && used + 4 < size; p++)
	{
		if ((unsigned char) *p < 0x20)
			continue;
		if (*p == '"' || *p == '\\')
			json[used++] = '\\';
		json[used++] = *p;
	}
	json[used++] = '"';
	json[used] = '\0';
}

void
options_value(const TrainOptions *options, int i, int term, char *json, size_t size)
{
	const OptionDef *def = options_at(i);
	const char *field = (const char *) options + def->offset + (options_of_loss(i) ? term * sizeof(MethodTerm) : 0);
	bool		constraints = options_given(options, i, term);
	bool		chosen = !constraints && (options_of_loss(i) || strcmp(def->default_text, "chosen") == 0 ||
									strcmp(def->default_text, "method's") == 0);

	snprintf(json, size, "null");
	switch (def->type)
	{
		case OPTION_INT:
			if (!chosen || *(const int *) field > 0)
				snprintf(json, size, "%d", *(const int *) field);
			break;
		case OPTION_SEED:
			snprintf(json, size, "%lld", (long long) *(const int64_t *) field);
			break;
		case OPTION_REAL:
			if (!isnan(*(const double *) field) && !(chosen && *(const double *) field == 0))
				snprintf(json, size, "%.15g", *(const double *) field);
			break;
		case OPTION_BOOL:
			if (*(const int *) field >= 0)
				snprintf(json, size, "%s", *(const int *) field ? "true" : "false");
			break;
		case OPTION_NAME:
			if (*(const int *) field >= def->word_base)
			{
				const char *word = def->words;
				size_t		n;

				for (int skip = *(const int *) field - def->word_base; skip > 0; skip--)
					word = strchr(word, ',') + 1;
				n = strcspn(word, ",");
				snprintf(json, size, "\"%.*s\"", (int) n, word);
			}
			break;
		case OPTION_TEXT:
			if (*field != '\0')
				json_string(field, json, size);
			break;
	}
}
