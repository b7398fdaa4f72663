/* config_yaml.c - JSON values as block YAML. */
#include "control/config_yaml.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

enum { INDENT = 2 };

/* What some reader of YAML takes for a truth value or for nothing. */
static bool is_word_of_yaml(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no",   "on",
					     "off",  "y",     "n",   "null", "~" };

	for (unsigned i = 0; i < count_of(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static unsigned count_char(const char *text, char wanted)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == wanted;
	return n;
}

/* Names, paths, prefixes and addresses stand without quotes; whatever could be a number does not.
 */
static bool is_plain(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(text);

	if (len == 0 || text[len - 1] == ':' || is_word_of_yaml(text))
		return false;
	for (const char *c = text; *c; c++)
		if (!strchr(letters, *c) && !strchr("0123456789._/:-", *c))
			return false;
	return strchr(letters, text[0]) || strchr(text, '/') || strstr(text, "::") ||
	       count_char(text, '.') > 1;
}

static void print_scalar(struct text *out, const json_t *value)
{
	char *json;

	if (json_is_string(value) && is_plain(json_string_value(value))) {
		text_add(out, "%s", json_string_value(value));
		return;
	}
	json = json_dumps(value, JSON_ENCODE_ANY); /* quoted as JSON is quoted as YAML */
	text_add(out, "%s", json ? json : "null");
	free(json);
}

/* Scalars, and what is empty. */
static bool fits_in_line(const json_t *value)
{
	return json_is_object(value)  ? json_object_size(value) == 0
	       : json_is_array(value) ? json_array_size(value) == 0
				      : true;
}

static bool is_flat_list(const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach(value, i, item) if (!fits_in_line(item)) return false;
	return json_is_array(value);
}

static void print_in_line(struct text *out, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (json_is_object(value)) {
		text_add(out, "{}");
	} else if (json_is_array(value)) {
		text_add(out, "[");
		json_array_foreach(value, i, item)
		{
			text_add(out, i ? ", " : "");
			print_in_line(out, item);
		}
		text_add(out, "]");
	} else {
		print_scalar(out, value);
	}
}

static void print_map(struct text *out, const json_t *map, int indent, bool on_line);

static void print_list(struct text *out, const json_t *list, int indent)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		text_add(out, "%*s- ", indent, "");
		if (json_is_object(item) && json_object_size(item) > 0) {
			print_map(out, item, indent + INDENT, true);
		} else if (fits_in_line(item) || is_flat_list(item)) {
			print_in_line(out, item);
			text_add(out, "\n");
		} else {
			text_add(out, "\n");
			print_list(out, item, indent + INDENT);
		}
	}
}

/* @on_line: the first member goes behind a "- " that is there already. */
static void print_map(struct text *out, const json_t *map, int indent, bool on_line)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
	{
		text_add(out, "%*s", on_line ? 0 : indent, "");
		on_line = false;
		text_add(out, is_plain(key) ? "%s:" : "\"%s\":", key);
		if (fits_in_line(value) || is_flat_list(value)) {
			text_add(out, " ");
			print_in_line(out, value);
			text_add(out, "\n");
		} else {
			text_add(out, "\n");
			if (json_is_object(value))
				print_map(out, value, indent + INDENT, false);
			else
				print_list(out, value, indent + INDENT);
		}
	}
}

void config_print_yaml(struct text *out, const json_t *value)
{
	if (json_object_size(value) == 0)
		text_add(out, "{}\n");
	print_map(out, value, 0, false);
}
