/* names.c - which command is meant. */
#include "cli/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alike.h"

/* A word of a command's name, which has spaces between them. */
struct word {
	const char *at;
	size_t len;
};

static const char *name_of(const json_t *command)
{
	const char *name = json_string_value(json_object_get(command, "name"));

	return name ? name : "";
}

/* Take the next word from *@name; false at its end. */
static bool next_word(const char **name, struct word *w)
{
	w->at = *name;
	w->len = strcspn(*name, " ");
	*name += w->len + ((*name)[w->len] == ' ');
	return w->len > 0;
}

/* --- how a typed word and a word of a name compare --- */

static bool is_same(const char *typed, struct word w)
{
	return strlen(typed) == w.len && memcmp(typed, w.at, w.len) == 0;
}

static bool abbreviates(const char *typed, struct word w)
{
	size_t len = strlen(typed);

	return len > 0 && len <= w.len && memcmp(typed, w.at, len) == 0;
}

/* --- how typed words and a name compare --- */

/* The words of @name that @words begin with by @matches, if they are all of them; otherwise 0. */
static unsigned whole_name(const char *name, char *const *words, unsigned n_words,
			   bool (*matches)(const char *, struct word))
{
	unsigned n = 0;

	for (struct word w; next_word(&name, &w); n++)
		if (n == n_words || !matches(words[n], w))
			return 0;
	return n;
}

static bool begins(const char *name, char *const *words, unsigned n_words)
{
	struct word w;

	for (unsigned n = 0; n < n_words; n++)
		if (!next_word(&name, &w) || !abbreviates(words[n], w))
			return false;
	return true;
}

/* Each of the typed words is like one of the name's. */
static bool has_all_alike(const char *name, char *const *words, unsigned n_words)
{
	for (unsigned n = 0; n < n_words; n++) {
		const char *rest = name;
		bool found = false;

		for (struct word w; !found && next_word(&rest, &w);)
			found = is_alike(words[n], strlen(words[n]), w.at, w.len);
		if (!found)
			return false;
	}
	return true;
}

static bool has_first(const char *name, char *const *words, unsigned n_words)
{
	struct word w;

	return n_words > 0 && next_word(&name, &w) && abbreviates(words[0], w);
}

/* --- the commands --- */

static const json_t *longest_or_null(const json_t *commands, char *const *words, unsigned n_words,
				     unsigned *n_used)
{
	const json_t *found = NULL, *command;
	size_t i;

	*n_used = 0;
	json_array_foreach(commands, i, command)
	{
		unsigned n = whole_name(name_of(command), words, n_words, is_same);

		if (n > *n_used) {
			*n_used = n;
			found = command;
		}
	}
	return found;
}

static const json_t *only_or_null(const json_t *commands, char *const *words, unsigned n_words,
				  unsigned *n_used)
{
	const json_t *found = NULL, *command;
	bool several = false;
	size_t i;

	*n_used = 0;
	json_array_foreach(commands, i, command)
	{
		unsigned n = whole_name(name_of(command), words, n_words, abbreviates);

		several = n == *n_used ? several || n > 0 : n < *n_used && several;
		if (n > *n_used) {
			*n_used = n;
			found = command;
		}
	}
	return several ? NULL : found;
}

const json_t *names_find_or_null(const json_t *commands, char *const *words, unsigned n_words,
				 unsigned *n_used)
{
	const json_t *found = longest_or_null(commands, words, n_words, n_used);

	return found ? found : only_or_null(commands, words, n_words, n_used);
}

json_t *names_near(const json_t *commands, char *const *words, unsigned n_words)
{
	static bool (*const ways[])(const char *, char *const *,
				    unsigned) = { begins, has_all_alike, has_first };
	json_t *near = json_array(), *command;
	size_t i;

	for (unsigned way = 0; json_array_size(near) == 0 && way < sizeof(ways) / sizeof(*ways);
	     way++)
		json_array_foreach(commands, i,
				   command) if (ways[way](name_of(command), words, n_words))
			json_array_append(near, command);
	return near;
}
