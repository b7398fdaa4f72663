/* arguments_test.c - words in, request out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/arguments.h"
#include "cli/names.h"

enum { WORDS_MAX = 10 };

static const char commands_text[] =
	"[{\"name\":\"show\",\"args\":[]},"
	"{\"name\":\"show sessions\",\"args\":["
	"{\"name\":\"interface\",\"kind\":\"text\",\"positional\":true,\"help\":\"only this\"},"
	"{\"name\":\"app\",\"kind\":\"number\",\"help\":\"an app\"},"
	"{\"name\":\"verbose\",\"kind\":\"flag\",\"help\":\"more\"}]},"
	"{\"name\":\"capture\",\"args\":["
	"{\"name\":\"interface\",\"kind\":\"text\",\"positional\":true,\"required\":true,"
	"\"help\":\"where\"},"
	"{\"name\":\"file\",\"kind\":\"output\",\"positional\":true,\"help\":\"into\"}]},"
	"{\"name\":\"route add\",\"args\":["
	"{\"name\":\"prefix\",\"kind\":\"text\",\"positional\":true},"
	"{\"name\":\"to\",\"kind\":\"words\",\"positional\":true},"
	"{\"name\":\"vrf\",\"kind\":\"text\"}]},"
	"{\"name\":\"apply\",\"args\":["
	"{\"name\":\"file\",\"kind\":\"input\",\"positional\":true,\"help\":\"from\"}]}]";

/* clang-format off */
static const struct {
	const char *line;   /* as typed */
	const char *method;
	const char *params; /* NULL: refused */
	const char *why;
} lines[] = {
	{ "show", "show", "{}", NULL },
	{ "show sessions", "show sessions", "{}", NULL },
	{ "show sessions tap0", "show sessions", "{\"interface\":\"tap0\"}", NULL },
	{ "show sessions --app 3 tap0 --verbose", "show sessions",
	  "{\"app\":3,\"interface\":\"tap0\",\"verbose\":true}", NULL },
	{ "show sessions --app=-3", "show sessions", "{\"app\":-3}", NULL },
	{ "show sessions --app three", "show sessions", NULL, "--app \"three\": expected a whole number" },
	{ "show sessions --app 99999999999999999999", "show sessions", NULL,
	  "--app \"99999999999999999999\": expected a whole number" },
	{ "show sessions --app", "show sessions", NULL, "--app needs a value: an app" },
	{ "show sessions --app 1 --app 2", "show sessions", NULL, "--app is given twice" },
	{ "show sessions --verbose=1", "show sessions", NULL, "--verbose takes no value" },
	{ "show sessions --colour", "show sessions", NULL, "unknown option --colour" },
	{ "show sessions tap0 tap1", "show sessions", NULL, "unexpected word \"tap1\"" },
	{ "show sessions \xff", "show sessions", NULL, "--interface: the value is not UTF-8 text" },
	{ "capture", "capture", NULL, "missing interface: where" },
	{ "capture tap0 a.pcap", "capture", "{\"interface\":\"tap0\",\"file\":\"a.pcap\"}", NULL },
	{ "route add 10.0.0.0/8 via 10.0.0.1 --vrf blue via 10.0.0.2", "route add",
	  "{\"prefix\":\"10.0.0.0/8\",\"to\":\"via 10.0.0.1 via 10.0.0.2\",\"vrf\":\"blue\"}", NULL },
	{ "show me", "show", NULL, "unexpected word \"me\"" },
};
/* clang-format on */

static void check_line(const json_t *commands, unsigned i)
{
	char copy[200], why[200] = "", *words[WORDS_MAX], *save;
	unsigned n_words = 0, n_used;
	const json_t *command;
	struct request rq;

	strcpy(copy, lines[i].line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n_words++] = w;
	command = names_find_or_null(commands, words, n_words, &n_used);
	assert_string_equal(json_string_value(json_object_get(command, "name")), lines[i].method);
	if (lines[i].params) {
		char *params;

		assert_int_equal(arguments_parse(command, words + n_used, n_words - n_used, &rq,
						 why, sizeof(why)),
				 0);
		params = json_dumps(rq.params, JSON_COMPACT);
		assert_string_equal(params, lines[i].params);
		free(params);
		json_decref(rq.params);
	} else {
		assert_int_equal(arguments_parse(command, words + n_used, n_words - n_used, &rq,
						 why, sizeof(why)),
				 ERR_INVAL);
		assert_string_equal(why, lines[i].why);
	}
}

static void test_lines(void **state unused_arg)
{
	json_t *commands = json_loads(commands_text, 0, NULL);

	assert_non_null(commands);
	for (unsigned i = 0; i < count_of(lines); i++)
		check_line(commands, i);
	json_decref(commands);
}

static void test_files_are_told_apart(void **state unused_arg)
{
	json_t *commands = json_loads(commands_text, 0, NULL);
	char *capture[] = { "capture", "tap0", "a.pcap" }, *apply[] = { "apply", "net.yaml" };
	char why[100];
	unsigned n_used;
	const json_t *command = names_find_or_null(commands, capture, 3, &n_used);
	struct request rq;

	assert_int_equal(arguments_parse(command, capture + 1, 2, &rq, why, sizeof(why)), 0);
	assert_string_equal(rq.output, "a.pcap");
	assert_null(rq.input);
	json_decref(rq.params);
	command = names_find_or_null(commands, apply, 2, &n_used);
	assert_int_equal(arguments_parse(command, apply + 1, 1, &rq, why, sizeof(why)), 0);
	assert_string_equal(rq.input, "net.yaml");
	assert_null(rq.output);
	json_decref(rq.params);
	json_decref(commands);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_files_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
