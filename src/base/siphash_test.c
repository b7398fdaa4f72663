/* siphash_test.c - vectors of the reference implementation: key 00..0f, input 00 01 02 ... */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/siphash.h"

static void test_reference_vectors(void **state unused_arg)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31u },
		{ 1, 0x74f839c593dc67fdu },
		{ 8, 0x93f5f5799a932462u },
		{ 15, 0xa129ca6149be45e5u },
	};
	const struct siphash_key key = { { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u } };
	uint8_t in[16];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (unsigned i = 0; i < count_of(vectors); i++)
		assert_true(siphash(&key, in, vectors[i].len) == vectors[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reference_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
