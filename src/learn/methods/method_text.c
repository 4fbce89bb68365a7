/*
 * method_text.c
 *	  Methods by name: sums of them, lists of what can be used.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "methods.h"
#include "base/spelling.h"

/* Is word in a list of words with ", " between them? */
static bool
has_word(const char *list, const char *word)
{
	size_t		length = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += length)
		if ((p == list || p[-1] == ' ') && (p[length] == ',' || p[length] == '\0'))
			return true;
	return false;
}

bool
method_learns_from(const Method *method, const char *supervision)
{
	return strcmp(method->supervision, "any") == 0 || strcmp(method->supervision, "none") == 0 ||
		has_word(method->supervision, supervision) ||
		(strcmp(supervision, "chunklets") == 0 && has_word(method->supervision, "labels")) ||
		(strcmp(supervision, "labels") == 0 && has_word(method->supervision, "target"));
}

bool
method_of_target(const Method *method)
{
	return strcmp(method->supervision, "target") == 0;
}

static bool
is_listed(const Method *method, const char *supervision, bool partial)
{
	return method->partial == partial && (supervision == NULL || method_learns_from(method, supervision));
}

/* Names with ", " between them, cut off where size does not allow more. */
void
method_names(const char *supervision, bool partial, char *buf, size_t size)
{
	size_t		used = 0;

	if (size > 0)
		buf[0] = '\0';
	for (int i = 0; i < method_count() && used < size; i++)
		if (is_listed(method_at(i), supervision, partial))
			used += snprintf(buf + used, size - used, "%s%s", used > 0 ? ", " : "", method_at(i)->name);
}

/* The function that learns from what a method is defined on: what stands first in its list. */
static const char *
function_of(const Method *method)
{
	static const struct
	{
		const char *supervision;
		const char *function;
	}			functions[] = {
		{"pairs", "dml_train_pairs"}, {"triplets", "dml_train_triplets"}, {"quadruplets", "dml_train_quadruplets"},
		{"matches", "dml_train_matches"}, {"chunklets", "dml_train_chunklets"},
	};
	size_t		n = strcspn(method->supervision, ",");

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strlen(functions[i].supervision) == n && strncmp(functions[i].supervision, method->supervision, n) == 0)
			return functions[i].function;
	return "dml_train";
}

/*
 * The loss of quadruplets that are given has no block of similarities that other losses could look
 * at, too.
 */
static bool
has_sums(const char *supervision)
{
	return supervision == NULL || strcmp(supervision, "quadruplets") != 0;
}

/* There is no such method (method is NULL), or it does not learn from supervision. */
static LearnStatus
refuse_method(LearnEnv *env, const char *name, const Method *method, const char *supervision)
{
	char		names[1536];
	char		terms[256] = "";
	char		learns[160] = "";
	Spelling	spelling;

	if (method == NULL)
	{
		learn_fail(env, LEARN_INVALID, "unknown method \"%s\"", name);
		spelling_begin(&spelling, name);
		for (int i = 0; i < method_count(); i++)
			spelling_offer(&spelling, method_at(i)->name);
		if (spelling.best)
		{
			learn_hint(env, "Perhaps you meant \"%s\". The view dml_methods has all methods.", spelling.best);
			return LEARN_INVALID;
		}
	}
	else
	{
		learn_fail(env, LEARN_INVALID, "method \"%s\" does not learn from %s", name,
				   strcmp(supervision, "target") == 0 ? "a number to predict" : supervision);
		snprintf(learns, sizeof(learns), "It learns from %s: see %s. ", method->supervision, function_of(method));
	}
	method_names(supervision, false, names, sizeof(names));
	if (has_sums(supervision))
		method_names(supervision, true, terms, sizeof(terms));
	learn_hint(env, "%sValid methods are: %s.%s%s%s", learns, names, terms[0] ? " As terms of a sum also: " : "", terms, terms[0] ? "." : "");
	return LEARN_INVALID;
}

/*
 * The next term of a sum, from *text on, which moves behind it.  "0.5 * center", "center", "center
 * * 0.5".
 */
static LearnStatus
parse_term(LearnEnv *env, const char *whole, const char **text, const char *supervision, MethodTerm *term)
{
	const char *p = *text;
	char		name[64];
	size_t		n;
	bool		weighted = false;

	memset(term, 0, sizeof(*term));
	term->weight = 1;
	p += strspn(p, " \t\n");
	if (isdigit((unsigned char) *p) || *p == '.')
	{
		char	   *end;

		term->weight = strtod(p, &end);
		p = end + strspn(end, " \t\n");
		if (*p++ != '*')
			return learn_fail(env, LEARN_INVALID, "a weight in method \"%s\" is not followed by *", whole);
		p += strspn(p, " \t\n");
		weighted = true;
	}
	n = strcspn(p, " \t\n+*");
	if (n == 0 && whole[0] != '\0')
		return learn_fail(env, LEARN_INVALID, "a term is missing in method \"%s\"", whole);
	snprintf(name, sizeof(name), "%.*s", (int) n, p);
	p += n;
	p += strspn(p, " \t\n");
	if (*p == '*' && !weighted)
	{
		char	   *end;

		p++;
		term->weight = strtod(p, &end);
		if (end == p)
			return learn_fail(env, LEARN_INVALID, "in method \"%s\" there is no number behind *", whole);
		p = end + strspn(end, " \t\n");
	}
	term->method = method_by_name(name);
	if (term->method == NULL || (supervision && !method_learns_from(term->method, supervision)))
		return refuse_method(env, name, term->method, supervision);
	if (!(term->weight > 0 && term->weight <= 1e6))
		return learn_fail(env, LEARN_INVALID, "the weight of \"%s\" must be above 0 and at most 1e6, not %g",
						  name, term->weight);
	if (*p != '\0' && *p != '+')
		return learn_fail(env, LEARN_INVALID, "method \"%s\" is not understood from \"%s\" on", whole, p);
	*text = p;
	return LEARN_OK;
}

LearnStatus
method_parse(LearnEnv *env, const char *text, const char *supervision, MethodTerm *term, int *n_terms)
{
	const char *p = text;
	bool		whole = false;
	int			n = 0;

	for (;; p++)
	{
		if (n == METHOD_MAX_TERMS)
			return learn_fail(env, LEARN_INVALID, "a sum of methods has %d terms at most", METHOD_MAX_TERMS);
		LEARN_TRY(parse_term(env, text, &p, supervision, &term[n]));
		for (int i = 0; i < n; i++)
			if (term[i].method == term[n].method)
				return learn_fail(env, LEARN_INVALID, "method \"%s\" occurs twice in a sum", term[n].method->name);
		whole = whole || !term[n].method->partial;
		n++;
		if (*p == '\0')
			break;
	}
	if (n == 1 && term[0].weight != 1)
		return learn_fail(env, LEARN_INVALID, "a weight means nothing to method \"%s\" alone", term[0].method->name);
	for (int i = 0; i < n && n > 1; i++)
		if (term[i].method->loss.function == NULL || !has_sums(supervision))
		{
			learn_fail(env, LEARN_INVALID, "method \"%s\" cannot be a term of a sum", term[i].method->name);
			if (has_sums(supervision))
				learn_hint(env, "Only losses can be added up.");
			else
				learn_hint(env, "The loss of %s that are given stands alone.", supervision);
			return LEARN_INVALID;
		}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n && method_of_target(term[i].method); k++)
			if (!method_learns_from(term[k].method, "target"))
			{
				learn_fail(env, LEARN_INVALID, "method \"%s\" learns from a number to predict, and \"%s\" does not",
						   term[i].method->name, term[k].method->name);
				learn_hint(env, "The terms of a sum learn from the same.");
				return LEARN_INVALID;
			}
	if (!whole)
	{
		learn_fail(env, LEARN_INVALID, "method \"%s\" learns nothing by itself", term[0].method->name);
		learn_hint(env, "Add it to a loss, for example 'supcon + 0.1 * %s'.", term[0].method->name);
		return LEARN_INVALID;
	}
	*n_terms = n;
	return LEARN_OK;
}

void
method_print(const MethodTerm *term, int n_terms, char *buf, size_t size)
{
	size_t		used = 0;

	buf[0] = '\0';
	for (int i = 0; i < n_terms && used < size; i++)
	{
		if (term[i].weight != 1)
			used += snprintf(buf + used, size - used, "%s%g * %s", i > 0 ? " + " : "", term[i].weight, term[i].method->name);
		else
			used += snprintf(buf + used, size - used, "%s%s", i > 0 ? " + " : "", term[i].method->name);
	}
}
