/* name.h - what may name an object: an interface, a bridge, a VRF. */
#ifndef CONVOY_BASE_NAME_H
#define CONVOY_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* name_is_good - 1 to @room - 1 printable ASCII characters without blanks. */
static inline bool name_is_good(const char *name, size_t room)
{
	size_t len = 0;

	for (; name[len]; len++)
		if (len + 1 >= room || name[len] <= ' ' || name[len] > '~')
			return false;
	return len > 0;
}

#endif
