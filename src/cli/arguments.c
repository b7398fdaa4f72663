/* arguments.c - from words to a request. */
#include "cli/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The argument called by the first @len bytes of @name. */
static const json_t *named_or_null(const json_t *args, const char *name, size_t len)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
	{
		const char *candidate = member(arg, "name");

		if (strlen(candidate) == len && strncmp(candidate, name, len) == 0)
			return arg;
	}
	return NULL;
}

/* True for an argument that takes all words that are left. */
static bool is_words(const json_t *arg)
{
	return strcmp(member(arg, "kind"), "words") == 0;
}

static const json_t *next_positional_or_null(const json_t *args, const json_t *params)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
	{
		if (json_is_true(json_object_get(arg, "positional")) &&
		    (is_words(arg) || !json_object_get(params, member(arg, "name"))))
			return arg;
	}
	return NULL;
}

static int set_number(struct request *rq, const char *name, const char *text, char *why,
		      size_t room)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end) {
		snprintf(why, room, "--%s \"%s\": expected a whole number", name, text);
		return ERR_INVAL;
	}
	json_object_set_new(rq->params, name, json_integer(n));
	return 0;
}

static json_t *value_or_null(const json_t *before, const char *text)
{
	return before ? json_sprintf("%s %s", json_string_value(before), text) : json_string(text);
}

static int set_value(struct request *rq, const json_t *arg, const char *text, char *why,
		     size_t room)
{
	const char *name = member(arg, "name"), *kind = member(arg, "kind");
	json_t *value;

	if (json_object_get(rq->params, name) && !is_words(arg)) {
		snprintf(why, room, "--%s is given twice", name);
		return ERR_INVAL;
	}
	if (strcmp(kind, "number") == 0)
		return set_number(rq, name, text, why, room);
	if (strcmp(kind, "output") == 0)
		rq->output = text;
	if (strcmp(kind, "input") == 0)
		rq->input = text;
	value = value_or_null(json_object_get(rq->params, name), text);
	if (!value) {
		snprintf(why, room, "--%s: the value is not UTF-8 text", name);
		return ERR_INVAL;
	}
	json_object_set_new(rq->params, name, value);
	return 0;
}

/* --name VALUE, --name=VALUE or --flag; *@n_taken words of @words belong to it. */
static int parse_named(struct request *rq, const json_t *args, char *const *words, unsigned n_words,
		       unsigned *n_taken, char *why, size_t room)
{
	const char *name = words[0] + 2;
	size_t len = strcspn(name, "=");
	const json_t *arg = named_or_null(args, name, len);

	*n_taken = 1;
	if (!arg) {
		snprintf(why, room, "unknown option --%.*s", (int)len, name);
		return ERR_INVAL;
	}
	if (strcmp(member(arg, "kind"), "flag") == 0) {
		if (name[len] == '=') {
			snprintf(why, room, "--%.*s takes no value", (int)len, name);
			return ERR_INVAL;
		}
		json_object_set_new(rq->params, member(arg, "name"), json_true());
		return 0;
	}
	if (name[len] == '=')
		return set_value(rq, arg, name + len + 1, why, room);
	if (n_words < 2) {
		snprintf(why, room, "--%s needs a value: %s", name, member(arg, "help"));
		return ERR_INVAL;
	}
	*n_taken = 2;
	return set_value(rq, arg, words[1], why, room);
}

static int parse_word(struct request *rq, const json_t *args, char *const *words, unsigned n_words,
		      unsigned *n_taken, char *why, size_t room)
{
	const json_t *arg;

	if (strncmp(words[0], "--", 2) == 0 && words[0][2])
		return parse_named(rq, args, words, n_words, n_taken, why, room);
	*n_taken = 1;
	arg = next_positional_or_null(args, rq->params);
	if (!arg) {
		snprintf(why, room, "unexpected word \"%s\"", words[0]);
		return ERR_INVAL;
	}
	return set_value(rq, arg, words[0], why, room);
}

static int check_required(const struct request *rq, const json_t *args, char *why, size_t room)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
	{
		if (json_is_true(json_object_get(arg, "required")) &&
		    !json_object_get(rq->params, member(arg, "name"))) {
			snprintf(why, room, "missing %s: %s", member(arg, "name"),
				 member(arg, "help"));
			return ERR_INVAL;
		}
	}
	return 0;
}

int arguments_parse(const json_t *command, char *const *words, unsigned n_words, struct request *rq,
		    char *why, size_t room)
{
	const json_t *args = json_object_get(command, "args");
	unsigned n_taken;
	int err = 0;

	*rq = (struct request){ .command = command, .params = json_object() };
	for (unsigned i = 0; i < n_words && err == 0; i += n_taken)
		err = parse_word(rq, args, words + i, n_words - i, &n_taken, why, room);
	if (err == 0)
		err = check_required(rq, args, why, room);
	if (err < 0)
		json_decref(rq->params);
	return err;
}
