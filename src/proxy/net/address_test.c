/* address_test.c - addresses as text and as sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "base/err.h"
#include "proxy/net/address.h"

static struct address of(const char *text)
{
	struct address a;

	if (address_parse(&a, text))
		fail_msg("%s does not parse", text);
	return a;
}

static struct address ip(const char *text)
{
	struct address a;

	if (address_parse_ip(&a, text, 0))
		fail_msg("%s does not parse", text);
	return a;
}

static void test_text_round_trip(void **state unused_arg)
{
	static const char *const texts[] = {
		"127.0.0.1:80", "0.0.0.0:0",	     "255.255.255.255:65535", "[::]:1",
		"[::1]:8080",	"[2001:db8::5]:443", "[fe80::1%lo]:7",
	};
	char out[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < count_of(texts); i++) {
		struct address a = of(texts[i]);

		assert_int_equal(address_print(&a, out), strlen(texts[i]));
		assert_string_equal(out, texts[i]);
	}
}

static void test_bad_text(void **state unused_arg)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", ERR_FORMAT },
		{ "1.2.3.4", ERR_FORMAT },
		{ "1.2.3:80", ERR_FORMAT },
		{ "1.2.3.4:", ERR_FORMAT },
		{ "1.2.3.4:65536", ERR_RANGE },
		{ "1.2.3.4:+1", ERR_FORMAT },
		{ "1.2.3.4:080808", ERR_FORMAT },
		{ "::1:80", ERR_FORMAT },
		{ "[::1:80", ERR_FORMAT },
		{ "[]:80", ERR_FORMAT },
		{ "[1.2.3.4:80", ERR_FORMAT },
		{ "name:80", ERR_FORMAT },
		{ "[fe80::1%]:80", ERR_FORMAT },
		{ "unix:", ERR_RANGE },
	};
	struct address a;

	for (size_t i = 0; i < count_of(cases); i++)
		if (address_parse(&a, cases[i].text) != cases[i].err)
			fail_msg("\"%s\"", cases[i].text);
}

static void test_unix_paths(void **state unused_arg)
{
	char long_path[ADDRESS_UNIX_MAX + 2];
	char out[ADDRESS_TEXT_MAX];
	struct address a = of("unix:/run/a.sock");
	struct address abstract = of("unix:@hidden");

	address_print(&a, out);
	assert_string_equal(out, "/run/a.sock");
	assert_int_equal(abstract.path[0], '\0');
	address_print(&abstract, out);
	assert_string_equal(out, "@hidden");
	assert_false(address_equal(&a, &abstract));

	memset(long_path, 'x', sizeof(long_path));
	long_path[ADDRESS_UNIX_MAX + 1] = '\0';
	assert_int_equal(address_of_path(&a, long_path), ERR_RANGE);
	assert_int_equal(address_of_path(&a, long_path + 1), 0);
	assert_int_equal(address_print(&a, out), ADDRESS_UNIX_MAX);
}

static void test_prefixes(void **state unused_arg)
{
	static const struct {
		const char *address, *prefix;
		unsigned bits;
		bool in;
	} cases[] = {
		{ "10.1.2.3", "10.0.0.0", 8, true },
		{ "11.1.2.3", "10.0.0.0", 8, false },
		{ "10.1.2.3", "10.1.2.3", 32, true },
		{ "10.1.2.2", "10.1.2.3", 32, false },
		{ "10.1.2.3", "0.0.0.0", 0, true },
		{ "172.31.0.1", "172.16.0.0", 12, true },
		{ "172.32.0.1", "172.16.0.0", 12, false },
		{ "::ffff:10.9.9.9", "10.0.0.0", 8, true },
		{ "2001:db8::1", "2001:db8::", 32, true },
		{ "2001:db9::1", "2001:db8::", 32, false },
		{ "::1", "::1", 128, true },
		{ "::2", "::1", 128, false },
		{ "10.1.2.3", "::", 0, false },
		{ "10.1.2.3", "10.1.2.3", 33, false },
		{ "10.1.2.3", "10.1.2.2", 31, true },
	};

	for (size_t i = 0; i < count_of(cases); i++) {
		struct address a = ip(cases[i].address), p = ip(cases[i].prefix);

		if (address_in_prefix(&a, &p, cases[i].bits) != cases[i].in)
			fail_msg("%s in %s/%u", cases[i].address, cases[i].prefix, cases[i].bits);
	}
}

static void test_kinds(void **state unused_arg)
{
	static const struct {
		const char *address;
		bool loopback, internal;
	} cases[] = {
		{ "127.0.0.1", true, true },   { "127.9.9.9", true, true },
		{ "::1", true, true },	       { "::ffff:127.0.0.1", true, true },
		{ "10.0.0.1", false, true },   { "192.168.9.9", false, true },
		{ "172.16.0.1", false, true }, { "172.15.0.1", false, false },
		{ "fd00::1", false, true },    { "2001:db8::1", false, false },
		{ "8.8.8.8", false, false },
	};
	struct address a = ip("::ffff:1.2.3.4"), b = ip("1.2.3.4"), path = of("unix:/x");

	for (size_t i = 0; i < count_of(cases); i++) {
		struct address c = ip(cases[i].address);

		if (address_is_loopback(&c) != cases[i].loopback ||
		    address_is_internal(&c) != cases[i].internal)
			fail_msg("%s", cases[i].address);
	}
	assert_true(address_same_ip(&a, &b));
	assert_false(address_equal(&a, &b));
	assert_false(address_same_ip(&path, &path));
	assert_true(address_is_loopback(&path));
	a = of("1.2.3.4:1");
	b = of("1.2.3.4:2");
	assert_true(address_same_ip(&a, &b));
	assert_false(address_equal(&a, &b));
	assert_int_not_equal(address_hash(&a), address_hash(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_round_trip), cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_unix_paths),	cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
