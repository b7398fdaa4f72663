/* complete_test.c - what the last word of a command line may become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/complete.h"

enum { WORDS_MAX = 8, LINE_MAX_BYTES = 128 };

static const char commands_text[] =
	"[{'name': 'show interfaces', 'args': [{'name': 'interface', 'kind': 'text',"
	"   'positional': true}]},"
	" {'name': 'show routes', 'args': [{'name': 'to', 'kind': 'text', 'positional': true},"
	"   {'name': 'vrf', 'kind': 'text'}, {'name': 'limit', 'kind': 'number'}]},"
	" {'name': 'trace', 'args': []},"
	" {'name': 'trace add', 'args': [{'name': 'node', 'kind': 'text', 'positional': true},"
	"   {'name': 'protocol', 'kind': 'text', 'choices': 'tcp|udp'}]},"
	" {'name': 'spread', 'args': [{'name': 'interface', 'kind': 'text', 'positional': true},"
	"   {'name': 'state', 'kind': 'text', 'positional': true, 'choices': 'on|off'}]},"
	" {'name': 'route add', 'args': [{'name': 'prefix', 'kind': 'text', 'positional': true},"
	"   {'name': 'to', 'kind': 'words', 'positional': true, 'choices': 'via|dev|lookup'}]},"
	" {'name': 'vrf add', 'args': [{'name': 'name', 'kind': 'text', 'positional': true}]},"
	" {'name': 'vrf delete', 'args': [{'name': 'name', 'kind': 'text', 'positional': true}]},"
	" {'name': 'apply', 'args': [{'name': 'file', 'kind': 'input', 'positional': true},"
	"   {'name': 'dry-run', 'kind': 'flag'}]}]";

static const struct {
	const char *line; /* words between single blanks; the last is being typed */
	const char *expected;
} cases[] = {
	{ "", "help show trace spread route vrf apply" },
	{ "s", "show spread" },
	{ "show ", "interfaces routes" },
	{ "sh ro", "routes" },
	{ "fly ", "" },
	{ "help tr", "trace" },
	{ "help trace ", "add" },
	{ "show interfaces ", "?show interfaces.name" },
	{ "sh int la", "?show interfaces.name" },
	{ "show routes ", "" },
	{ "show routes -", "--vrf --limit --json --help" },
	{ "show routes --vrf ", "?show vrfs.name" },
	{ "show routes --vrf blue --", "--limit --json --help" },
	{ "show routes --limit ", "" },
	{ "show routes 10.0.0.1 ", "--vrf --limit --json --help" },
	{ "trace ", "add" },
	{ "trace -", "--json --help" },
	{ "trace add ", "?show runtime.nodes.node" },
	{ "trace add drop --protocol t", "tcp" },
	{ "spread lan ", "on off" },
	{ "spread lan of", "off" },
	{ "route add 10.0.0.0/8 ", "via dev lookup" },
	{ "route add 10.0.0.0/8 via 10.0.0.1 dev ", "?show interfaces.name" },
	{ "route add 10.0.0.0/8 lookup b", "?show vrfs.name" },
	{ "vrf add ", "" },
	{ "vrf delete ", "?show vrfs.name" },
	{ "apply ", "<files>" },
	{ "apply net.yaml ", "--dry-run --json --help" },
	{ "apply --dry-run n", "<files>" },
};

static void describe(const struct completion *c, char *out, size_t room)
{
	const json_t *word;
	size_t i, n = 0;

	out[0] = '\0';
	json_array_foreach(c->words, i, word) n +=
		(size_t)snprintf(out + n, room - n, "%s%s", i ? " " : "", json_string_value(word));
	if (c->ask)
		n += (size_t)snprintf(out + n, room - n, "?%s.%s%s%s", c->ask,
				      c->list ? c->list : "", c->list ? "." : "", c->name);
	if (c->files)
		snprintf(out + n, room - n, "<files>");
}

static void completes(void **state unused_arg)
{
	char text[sizeof(commands_text)];
	json_t *commands;

	memcpy(text, commands_text, sizeof(text));
	for (char *at = text; (at = strchr(at, '\'')); at++)
		*at = '"';
	commands = json_loads(text, 0, NULL);
	assert_non_null(commands);
	for (unsigned i = 0; i < count_of(cases); i++) {
		char line[LINE_MAX_BYTES], found[LINE_MAX_BYTES], *words[WORDS_MAX];
		unsigned n = 0;
		struct completion c;

		snprintf(line, sizeof(line), "%s", cases[i].line);
		for (char *rest = line; rest;)
			words[n++] = strsep(&rest, " ");
		complete(commands, words, n, &c);
		describe(&c, found, sizeof(found));
		if (strcmp(found, cases[i].expected) != 0)
			fail_msg("\"%s\": \"%s\", not \"%s\"", cases[i].line, found,
				 cases[i].expected);
		json_decref(c.words);
	}
	json_decref(commands);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(completes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
