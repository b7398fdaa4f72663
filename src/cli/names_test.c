/* names_test.c - words in, command or what is near out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/names.h"

enum { WORDS_MAX = 8 };

static const char commands_text[] = "[{\"name\":\"trace\"},{\"name\":\"trace add\"},"
				    "{\"name\":\"show interfaces\"},{\"name\":\"show routes\"},"
				    "{\"name\":\"show runtime\"},{\"name\":\"route add\"},"
				    "{\"name\":\"route delete\"},{\"name\":\"apply\"}]";

/* clang-format off */
static const struct {
	const char *line;
	const char *name; /* of the command; NULL: none */
	const char *rest; /* how many words are left, or which commands are near */
} lines[] = {
	{ "trace", "trace", "0" },
	{ "trace add lan", "trace add", "1" },
	{ "trace a", "trace", "1" },            /* a whole name goes before a shortened one */
	{ "tr a", "trace add", "0" },
	{ "sh int lan", "show interfaces", "1" },
	{ "sh rou", "show routes", "0" },
	{ "r d 10.0.0.0/8", "route delete", "1" },
	{ "app net.yaml", "apply", "1" },
	{ "sh r", NULL, "show routes,show runtime" },
	{ "s", NULL, "show interfaces,show routes,show runtime" },
	{ "shwo routes", NULL, "show routes" },
	{ "show rotes", NULL, "show routes" },
	{ "show rutime", NULL, "show runtime" },
	{ "show routess", NULL, "show routes" },
	{ "interface", NULL, "show interfaces" },
	{ "add route", NULL, "route add" },
	{ "show fooo", NULL, "show interfaces,show routes,show runtime" },
	{ "route", NULL, "route add,route delete" },
	{ "xyzzy", NULL, "" },
	{ "", NULL, "" },
};
/* clang-format on */

static void near_text(const json_t *commands, char *const *words, unsigned n_words, char *out,
		      size_t room)
{
	json_t *near = names_near(commands, words, n_words), *command;
	size_t i, n = 0;

	out[0] = '\0';
	json_array_foreach(near, i, command) n +=
		(size_t)snprintf(out + n, room - n, "%s%s", i ? "," : "",
				 json_string_value(json_object_get(command, "name")));
	json_decref(near);
}

static void check_line(const json_t *commands, unsigned i)
{
	char copy[200], text[400], *words[WORDS_MAX] = { "" }, *save;
	unsigned n_words = 0, n_used;
	const json_t *command;

	strcpy(copy, lines[i].line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n_words++] = w;
	n_words += n_words == 0; /* "convoy ''" */
	command = names_find_or_null(commands, words, n_words, &n_used);
	if (lines[i].name) {
		assert_non_null(command);
		assert_string_equal(json_string_value(json_object_get(command, "name")),
				    lines[i].name);
		snprintf(text, sizeof(text), "%u", n_words - n_used);
	} else {
		assert_null(command);
		near_text(commands, words, n_words, text, sizeof(text));
	}
	assert_string_equal(text, lines[i].rest);
}

static void test_lines(void **state unused_arg)
{
	json_t *commands = json_loads(commands_text, 0, NULL);

	assert_non_null(commands);
	for (unsigned i = 0; i < count_of(lines); i++)
		check_line(commands, i);
	json_decref(commands);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
