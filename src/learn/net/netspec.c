/*
 * netspec.c
 *	  The network line: from text to a NetSpec and back.
 *
 *		line  := "" | "identity" | [layer {"," layer}] ["," end]
 *		layer := width {word}			words in any order, each kind once
 *		end   := "l2" | "raw"			(an end alone: no layers)
 *
 * Letters may be upper or lower case.
 */
#include "net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER_WORDS	"relu, gelu, tanh, linear, batchnorm, layernorm, dropout P, residual"
#define WORD_SHOWN	40			/* bytes of a wrong word that an error quotes */
/* dropout is kept to six decimals, which float and text both hold */
#define DROPOUT_UNITS	1e6

typedef struct Word
{
	const char *text;
	int			length;			/* 0: end of the line */
} Word;

typedef struct Parser
{
	LearnEnv   *env;
	const char *line;
	const char *next;
	Word		word;			/* the current word; a comma is one */
	bool		has_act[NET_MAX_LAYERS];	/* the line names the layer's activation */
} Parser;

static const char *const act_names[] = {
	[ACT_LINEAR] = "linear",
	[ACT_RELU] = "relu",
	[ACT_GELU] = "gelu",
	[ACT_TANH] = "tanh"
};

static const char *const norm_names[] = {
	[NORM_BATCH] = "batchnorm",
	[NORM_LAYER] = "layernorm"
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
advance(Parser *p)
{
	while (is_space(*p->next))
		p->next++;
	p->word.text = p->next;
	if (*p->next == ',')
		p->next++;
	else
		while (*p->next != '\0' && *p->next != ',' && !is_space(*p->next))
			p->next++;
	p->word.length = (int) (p->next - p->word.text);
}

static bool
word_is(const Word *word, const char *text)
{
	for (int i = 0; i < word->length; i++)
	{
		char		c = word->text[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != text[i])
			return false;
	}
	return text[word->length] == '\0';
}

static bool
at_end(const Parser *p)
{
	return p->word.length == 0;
}

static bool
at_separator(const Parser *p)
{
	return at_end(p) || *p->word.text == ',';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Complain of the current word.  A long one is cut, at its first byte beyond ASCII if
 * there is one: the encoding is not known here, and half a character must not be shown.
 */
static LearnStatus
wrong_word(Parser *p, const char *what)
{
	char		shown[WORD_SHOWN + 4];
	int			n = p->word.length;

	if (at_end(p))
		return learn_fail(p->env, LEARN_INVALID, "network line: %s at its end", what);
	if (n > WORD_SHOWN)
	{
		n = 0;
		while (n < WORD_SHOWN && (unsigned char) p->word.text[n] < 0x80)
			n++;
	}
	snprintf(shown, sizeof(shown), "%.*s%s", n, p->word.text, n < p->word.length ? "..." : "");
	return learn_fail(p->env, LEARN_INVALID, "network line: %s at position %d: \"%s\"",
					  what, (int) (p->word.text - p->line) + 1, shown);
}

/* A whole number, or -1 if it is not one or out of range. */
static int
word_width(const Word *word)
{
	int			value = 0;

	for (int i = 0; i < word->length; i++)
	{
		if (!is_digit(word->text[i]))
			return -1;
		value = value * 10 + (word->text[i] - '0');
		if (value > NET_MAX_WIDTH)
			return -1;
	}
	return value > 0 ? value : -1;
}

/* Digits with at most one point among them, or -1. */
static double
word_fraction(const Word *word)
{
	double		value = 0;
	double		unit = 1;
	bool		point = false;
	bool		digits = false;

	for (int i = 0; i < word->length; i++)
	{
		char		c = word->text[i];

		if (c == '.' && !point)
			point = true;
		else if (is_digit(c))
		{
			digits = true;
			value = value * 10 + (c - '0');
			if (point)
				unit *= 10;
		}
		else
			return -1;
		if (i > WORD_SHOWN)
			return -1;
	}
	return digits ? value / unit : -1;
}

/* A word of a layer other than its width. */
static LearnStatus
parse_layer_word(Parser *p, LayerSpec *layer, bool *has_act, bool *has_dropout)
{
	for (int act = ACT_LINEAR; act <= ACT_TANH; act++)
		if (word_is(&p->word, act_names[act]))
		{
			if (*has_act)
				return wrong_word(p, "a second activation");
			*has_act = true;
			layer->act = act;
			return LEARN_OK;
		}
	for (int norm = NORM_BATCH; norm <= NORM_LAYER; norm++)
		if (word_is(&p->word, norm_names[norm]))
		{
			if (layer->norm != NORM_NONE)
				return wrong_word(p, "a second normalisation");
			layer->norm = norm;
			return LEARN_OK;
		}
	if (word_is(&p->word, "residual"))
	{
		if (layer->residual)
			return wrong_word(p, "a second residual");
		layer->residual = true;
		return LEARN_OK;
	}
	if (word_is(&p->word, "dropout"))
	{
		double		share;

		if (*has_dropout)
			return wrong_word(p, "a second dropout");
		*has_dropout = true;
		advance(p);
		share = at_separator(p) ? -1 : word_fraction(&p->word);
		share = floor(share * DROPOUT_UNITS + 0.5) / DROPOUT_UNITS;
		if (share < 0 || share >= 1)
		{
			wrong_word(p, "dropout needs a number from 0 to below 1");
			learn_hint(p->env, "For example \"256 relu dropout 0.1, 64\".");
			return LEARN_INVALID;
		}
		layer->dropout = share;
		return LEARN_OK;
	}
	if (word_is(&p->word, "l2") || word_is(&p->word, "raw"))
	{
		wrong_word(p, "a comma is missing before the end word");
		learn_hint(p->env, "For example \"256 relu, 64, raw\".");
		return LEARN_INVALID;
	}
	if (is_digit(*p->word.text))
	{
		wrong_word(p, "unexpected number");
		learn_hint(p->env, "Layers are separated by commas.");
		return LEARN_INVALID;
	}
	wrong_word(p, "unknown word");
	learn_hint(p->env, "After a layer's width: %s.", LAYER_WORDS);
	return LEARN_INVALID;
}

static LearnStatus
parse_layer(Parser *p, NetSpec *spec)
{
	LayerSpec  *layer;
	int			width_in = netspec_out(spec);
	bool		has_dropout = false;

	if (at_separator(p))
		return wrong_word(p, "a layer is missing");
	if (spec->n_layers == NET_MAX_LAYERS)
		return learn_fail(p->env, LEARN_INVALID, "network line: more than %d layers", NET_MAX_LAYERS);
	layer = &spec->layer[spec->n_layers];
	memset(layer, 0, sizeof(*layer));

	if (!is_digit(*p->word.text))
	{
		wrong_word(p, "a layer does not begin with its width");
		learn_hint(p->env, "A layer is a width and then any of %s; the line may end in l2 or raw.", LAYER_WORDS);
		return LEARN_INVALID;
	}
	layer->width = word_width(&p->word);
	if (layer->width < 0)
	{
		wrong_word(p, "not a width");
		learn_hint(p->env, "A width is a whole number from 1 to %d.", NET_MAX_WIDTH);
		return LEARN_INVALID;
	}
	advance(p);
	while (!at_separator(p))
	{
		LEARN_TRY(parse_layer_word(p, layer, &p->has_act[spec->n_layers], &has_dropout));
		advance(p);
	}
	if (layer->residual && layer->width != width_in)
	{
		learn_fail(p->env, LEARN_INVALID,
				   "network line: layer %d cannot be residual: it is %d wide and its input %d",
				   spec->n_layers + 1, layer->width, width_in);
		learn_hint(p->env, "A residual layer adds its input to its output, so the widths must agree.");
		return LEARN_INVALID;
	}
	spec->n_layers++;
	return LEARN_OK;
}

LearnStatus
netspec_parse(LearnEnv *env, const char *line, int in, NetSpec *spec)
{
	Parser		parser = {.env = env, .line = line, .next = line};
	Parser	   *p = &parser;
	char		canonical[2 * NET_LINE_MAX];

	memset(spec, 0, sizeof(*spec));
	if (in < 1 || in > NET_MAX_WIDTH)
		return learn_fail(env, LEARN_INVALID, "a network's input has 1 to %d values, not %d", NET_MAX_WIDTH, in);
	spec->in = in;

	advance(p);
	if (at_end(p))
		return LEARN_OK;
	if (word_is(&p->word, "identity"))
	{
		advance(p);
		return at_end(p) ? LEARN_OK : wrong_word(p, "\"identity\" stands alone; unexpected word");
	}

	spec->l2 = true;
	for (;;)
	{
		if (word_is(&p->word, "l2") || word_is(&p->word, "raw"))
		{
			spec->l2 = word_is(&p->word, "l2");
			advance(p);
			if (!at_end(p))
				return wrong_word(p, "something after the end word");
			break;
		}
		LEARN_TRY(parse_layer(p, spec));
		if (at_end(p))
			break;
		advance(p);
	}
	for (int i = 0; i < spec->n_layers - 1; i++)
		if (!p->has_act[i])
			spec->layer[i].act = ACT_RELU;

	netspec_print(spec, canonical, sizeof(canonical));
	if (strlen(canonical) >= NET_LINE_MAX)
		return learn_fail(env, LEARN_INVALID, "network line: longer than %d characters when written out", NET_LINE_MAX - 1);
	return LEARN_OK;
}

/* Append to line, which stays terminated; what does not fit is cut. */
static void
append(char *line, size_t size, const char *text)
{
	size_t		used = strlen(line);

	snprintf(line + used, size - used, "%s", text);
}

/* A dropout as the shortest decimal that reads back as the same float. */
static void
print_fraction(char *text, size_t size, float value)
{
	long		units = lround(value * DROPOUT_UNITS);
	int			digits = 6;

	while (digits > 1 && units % 10 == 0)
	{
		units /= 10;
		digits--;
	}
	snprintf(text, size, "0.%0*ld", digits, units);
}

void
netspec_print(const NetSpec *spec, char *line, size_t size)
{
	if (size == 0)
		return;
	line[0] = '\0';
	for (int i = 0; i < spec->n_layers; i++)
	{
		const LayerSpec *layer = &spec->layer[i];
		Activation	usual = i == spec->n_layers - 1 ? ACT_LINEAR : ACT_RELU;
		char		number[32];

		snprintf(number, sizeof(number), "%s%d", i > 0 ? ", " : "", layer->width);
		append(line, size, number);
		if (layer->norm != NORM_NONE)
		{
			append(line, size, " ");
			append(line, size, norm_names[layer->norm]);
		}
		if (layer->act != ACT_LINEAR || usual != ACT_LINEAR)
		{
			append(line, size, " ");
			append(line, size, act_names[layer->act]);
		}
		if (layer->dropout > 0)
		{
			append(line, size, " dropout ");
			print_fraction(number, sizeof(number), layer->dropout);
			append(line, size, number);
		}
		if (layer->residual)
			append(line, size, " residual");
	}
	if (spec->n_layers > 0)
		append(line, size, spec->l2 ? ", l2" : ", raw");
	else
		append(line, size, spec->l2 ? "l2" : "identity");
}

int
netspec_out(const NetSpec *spec)
{
	return spec->n_layers > 0 ? spec->layer[spec->n_layers - 1].width : spec->in;
}
