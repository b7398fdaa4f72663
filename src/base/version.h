/* version.h - which Convoy this is. */
#ifndef CONVOY_BASE_VERSION_H
#define CONVOY_BASE_VERSION_H

/* convoy_version - "0.1.0", as in meson.build. */
static inline const char *convoy_version(void)
{
	return CONVOY_VERSION;
}

#endif
