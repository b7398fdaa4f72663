/* address_fuzz.c - text to address and back: what parses prints as text that parses to the same. */
#include <string.h>

#include "proxy/net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[ADDRESS_TEXT_MAX * 2], printed[ADDRESS_TEXT_MAX];
	struct address a, again;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (address_parse(&a, text))
		return 0;
	invariant(address_print(&a, printed) < sizeof(printed));
	if (a.family == ADDRESS_UNIX)
		invariant(address_of_path(&again, printed) == 0);
	else
		invariant(address_parse(&again, printed) == 0);
	invariant(address_equal(&a, &again));
	invariant(address_hash(&a) == address_hash(&again));
	return 0;
}
