/*
 * json_memory.h - jansson says nothing when a member could not be added for want of memory: who
 * decides by what JSON says asks here whether all of it is there.
 */
#ifndef CONVOY_CONTROL_JSON_MEMORY_H
#define CONVOY_CONTROL_JSON_MEMORY_H

#include <stdint.h>

/* json_memory_watch - from now on, for the whole process; before JSON is first made. */
void json_memory_watch(void);

/* json_memory_lacks - how often JSON was refused memory. One thread uses JSON. */
uint64_t json_memory_lacks(void);

#endif
