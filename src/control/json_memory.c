/* json_memory.c - jansson's memory, counted where there is none. */
#include "control/json_memory.h"

#include <jansson.h>
#include <stdlib.h>

/* jansson's hooks have no context. */
static uint64_t n_lacks;

static void *get_memory(size_t n)
{
	void *p = malloc(n);

	n_lacks += !p;
	return p;
}

void json_memory_watch(void)
{
	json_set_alloc_funcs(get_memory, free);
}

uint64_t json_memory_lacks(void)
{
	return n_lacks;
}
