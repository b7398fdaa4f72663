/* table.h - JSON rows as a table that reads well at 80 columns. */
#ifndef CONVOY_CONTROL_TABLE_H
#define CONVOY_CONTROL_TABLE_H

#include <jansson.h>

#include "control/text.h"

enum table_kind {
	TABLE_TEXT,   /* left aligned; an array is joined with spaces */
	TABLE_NUMBER, /* right aligned */
	TABLE_BYTES,  /* right aligned, with a unit */
};

struct table_column {
	const char *key;   /* of the row object; "a.b" reads a nested object */
	const char *title; /* lower case */
	enum table_kind kind;
};

enum { TABLE_COLUMNS_MAX = 12 };

/*
 * table_render - append @rows, an array of objects, under titles; "none" if there are no rows.
 * A value that a row lacks, or that is null, shows as "-". Columns are as wide as their widest
 * value and nothing is cut off; where the whole fits 80 columns depends on the caller's choice.
 */
void table_render(struct text *out, const json_t *rows, const struct table_column *columns,
		  unsigned n_columns);

/* table_sort - put @rows, an array of objects, into the order of their texts @keys, the first one
 * first. Without memory for that they stay as they are. */
void table_sort(json_t *rows, const char *const *keys, unsigned n_keys);

/* table_value - look @path up in @row: "a.b" reads member b of member a. NULL if there is none. */
const json_t *table_value(const json_t *row, const char *path);

#endif
