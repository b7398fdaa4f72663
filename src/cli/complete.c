/* complete.c - what the last word of a command line may become. */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/names.h"

/* Where the names of things are, by what an argument or the word before is called. */
static const struct source {
	const char *called, *ask, *list, *name;
} sources[] = {
	{ "interface", "show interfaces", NULL, "name" },
	{ "dev", "show interfaces", NULL, "name" },
	{ "parent", "show interfaces", NULL, "name" },
	{ "other", "show interfaces", NULL, "name" },
	{ "vlan", "show interfaces", NULL, "name" },
	{ "bvi", "show interfaces", NULL, "name" },
	{ "bridge", "show bridges", NULL, "name" },
	{ "vrf", "show vrfs", NULL, "name" },
	{ "lookup", "show vrfs", NULL, "name" },
	{ "node", "show runtime", "nodes", "node" },
};

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Add the first @len bytes of @word if it begins with @typed and is not there yet. */
static void add(struct completion *c, const char *typed, const char *word, size_t len)
{
	json_t *text = json_stringn(word, len), *other;
	size_t i;

	if (!text || !begins(json_string_value(text), typed)) {
		json_decref(text);
		return;
	}
	json_array_foreach(c->words, i, other)
	{
		if (json_equal(other, text)) {
			json_decref(text);
			return;
		}
	}
	json_array_append_new(c->words, text);
}

static void add_word(struct completion *c, const char *typed, const char *word)
{
	add(c, typed, word, strlen(word));
}

/* --- the name of a command --- */

/* What follows in @name after @n words that abbreviate its first ones; NULL if they do not. */
static const char *rest_or_null(const char *name, char *const *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t len = strcspn(name, " ");

		if (!*words[i] || strlen(words[i]) > len || !begins(name, words[i]) || !name[len])
			return NULL;
		name += len + 1;
	}
	return name;
}

static void complete_name(const json_t *commands, char *const *words, unsigned n_words,
			  struct completion *c)
{
	const json_t *command;
	size_t i;

	json_array_foreach(commands, i, command)
	{
		const char *rest = rest_or_null(member(command, "name"), words, n_words - 1);

		if (rest)
			add(c, words[n_words - 1], rest, strcspn(rest, " "));
	}
}

/* --- its arguments --- */

static bool is_kind(const json_t *arg, const char *kind)
{
	return strcmp(member(arg, "kind"), kind) == 0;
}

static const struct source *source_or_null(const char *called)
{
	for (unsigned i = 0; i < count_of(sources); i++)
		if (strcmp(sources[i].called, called) == 0)
			return &sources[i];
	return NULL;
}

/* A thing that is only called "name" is of the kind that its command begins with. */
static const struct source *source_of_or_null(const json_t *command, const char *arg)
{
	const char *name = member(command, "name");
	char kind[32];

	if (strcmp(arg, "name") != 0)
		return source_or_null(arg);
	if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, " add") == 0)
		return NULL; /* a new one */
	snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(name, " "), name);
	return source_or_null(kind);
}

static void complete_value(const json_t *command, const json_t *arg, const char *before,
			   const char *typed, struct completion *c)
{
	const char *choices = member(arg, "choices");
	const struct source *source = is_kind(arg, "words") ? source_or_null(before) : NULL;

	if (!source)
		source = source_of_or_null(command, member(arg, "name"));
	if (source) {
		c->ask = source->ask;
		c->list = source->list;
		c->name = source->name;
		return;
	}
	c->files = is_kind(arg, "input") || is_kind(arg, "output");
	while (*choices) {
		size_t len = strcspn(choices, "|");

		add(c, typed, choices, len);
		choices += len + (choices[len] == '|');
	}
}

static const json_t *option_or_null(const json_t *args, const char *word)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg) if (begins(word, "--") &&
					     strcmp(member(arg, "name"), word + 2) == 0) return arg;
	return NULL;
}

static const json_t *positional_or_null(const json_t *args, unsigned n_before)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
	{
		if (!json_is_true(json_object_get(arg, "positional")))
			continue;
		if (is_kind(arg, "words") || n_before == 0)
			return arg;
		n_before--;
	}
	return NULL;
}

static bool is_given(const json_t *arg, char *const *words, unsigned n_words)
{
	for (unsigned i = 0; i < n_words; i++)
		if (begins(words[i], "--") && strcmp(words[i] + 2, member(arg, "name")) == 0)
			return true;
	return false;
}

static void complete_option(const json_t *args, char *const *words, unsigned n_words,
			    struct completion *c)
{
	const json_t *arg;
	char option[64];
	size_t i;

	json_array_foreach(args, i, arg)
	{
		snprintf(option, sizeof(option), "--%s", member(arg, "name"));
		if (!json_is_true(json_object_get(arg, "positional")) &&
		    !is_given(arg, words, n_words - 1))
			add_word(c, words[n_words - 1], option);
	}
	add_word(c, words[n_words - 1], "--json");
	add_word(c, words[n_words - 1], "--help");
}

/* @words follow the command's name; the last one is being typed. */
static void complete_argument(const json_t *command, char *const *words, unsigned n_words,
			      struct completion *c)
{
	const json_t *args = json_object_get(command, "args"), *arg;
	const char *typed = words[n_words - 1], *before = n_words > 1 ? words[n_words - 2] : "";
	unsigned n_positional = 0;

	for (unsigned i = 0; i + 1 < n_words; i++) {
		arg = option_or_null(args, words[i]);
		if (arg && !is_kind(arg, "flag") && ++i + 1 == n_words) {
			complete_value(command, arg, before, typed, c);
			return;
		}
		n_positional += !arg && !begins(words[i], "--");
	}
	arg = positional_or_null(args, n_positional);
	if (arg && *typed != '-')
		complete_value(command, arg, before, typed, c);
	else if (*typed == '-' || json_array_size(c->words) == 0)
		complete_option(args, words, n_words, c);
}

void complete(const json_t *commands, char *const *words, unsigned n_words, struct completion *out)
{
	const json_t *command;
	unsigned n_used;

	*out = (struct completion){ .words = json_array() };
	if (n_words == 1)
		add_word(out, words[0], "help");
	if (n_words > 1 && strcmp(words[0], "help") == 0) {
		complete_name(commands, words + 1, n_words - 1, out);
		return;
	}
	complete_name(commands, words, n_words, out);
	command = names_find_or_null(commands, words, n_words - 1, &n_used);
	if (command)
		complete_argument(command, words + n_used, n_words - n_used, out);
}
