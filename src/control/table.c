/* table.c - two passes over the rows: measure the columns, then print. */
#include "control/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { GAP = 2, KEY_MAX = 64 };

const json_t *table_value(const json_t *row, const char *path)
{
	char key[KEY_MAX];
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL) {
		size_t len = (size_t)(dot - path);

		invariant(len < sizeof(key));
		memcpy(key, path, len);
		key[len] = '\0';
		row = json_object_get(row, key);
		path = dot + 1;
	}
	return json_object_get(row, path);
}

static void add_value(struct text *out, const json_t *value, enum table_kind kind)
{
	const json_t *item;
	size_t i;

	if (kind == TABLE_BYTES && json_is_integer(value)) {
		text_add_bytes(out, (unsigned long long)json_integer_value(value));
	} else if (json_is_string(value)) {
		text_add(out, "%s", json_string_value(value));
	} else if (json_is_integer(value)) {
		text_add(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		text_add(out, "%.1f", json_real_value(value));
	} else if (json_is_boolean(value)) {
		text_add(out, "%s", json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value) && json_array_size(value) > 0) {
		json_array_foreach(value, i, item)
		{
			text_add(out, "%s", i ? " " : "");
			add_value(out, item, kind);
		}
	} else {
		text_add(out, "-");
	}
}

/* The value as text, in @cell, which is reused from call to call. */
static const char *cell_of(struct text *cell, const json_t *row, const struct table_column *column)
{
	cell->len = 0;
	add_value(cell, table_value(row, column->key), column->kind);
	return cell->at;
}

static void add_cell(struct text *out, const char *value, size_t *start, size_t width,
		     enum table_kind kind)
{
	size_t taken = text_columns(value);

	text_pad(out, kind == TABLE_TEXT ? *start : *start + width - taken);
	text_add(out, "%s", value);
	*start += width + GAP;
}

void table_render(struct text *out, const json_t *rows, const struct table_column *columns,
		  unsigned n_columns)
{
	size_t width[TABLE_COLUMNS_MAX];
	struct text cell = { 0 };
	const json_t *row;
	size_t i, start = 0;

	invariant(n_columns <= TABLE_COLUMNS_MAX);
	if (json_array_size(rows) == 0) {
		text_add(out, "none\n");
		return;
	}
	for (unsigned c = 0; c < n_columns; c++) {
		width[c] = text_columns(columns[c].title);
		json_array_foreach(rows, i, row)
		{
			size_t taken = text_columns(cell_of(&cell, row, &columns[c]));

			width[c] = taken > width[c] ? taken : width[c];
		}
	}
	for (unsigned c = 0; c < n_columns; c++)
		add_cell(out, columns[c].title, &start, width[c], columns[c].kind);
	text_add(out, "\n");
	json_array_foreach(rows, i, row)
	{
		start = 0;
		for (unsigned c = 0; c < n_columns; c++)
			add_cell(out, cell_of(&cell, row, &columns[c]), &start, width[c],
				 columns[c].kind);
		text_add(out, "\n");
	}
	text_deinit(&cell);
}

struct sorted_row {
	json_t *row;
	const char *const *keys;
	unsigned n_keys;
};

static int compare_rows(const void *a, const void *b)
{
	const struct sorted_row *x = a, *y = b;

	for (unsigned i = 0; i < x->n_keys; i++) {
		const char *left = json_string_value(table_value(x->row, x->keys[i]));
		const char *right = json_string_value(table_value(y->row, x->keys[i]));
		int order = strcmp(left ? left : "", right ? right : "");

		if (order != 0)
			return order;
	}
	return 0;
}

void table_sort(json_t *rows, const char *const *keys, unsigned n_keys)
{
	size_t n = json_array_size(rows);
	struct sorted_row *sorted = calloc(n ? n : 1, sizeof(*sorted));

	if (!sorted)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] =
			(struct sorted_row){ json_incref(json_array_get(rows, i)), keys, n_keys };
	qsort(sorted, n, sizeof(*sorted), compare_rows);
	for (size_t i = 0; i < n; i++)
		json_array_set_new(rows, i, sorted[i].row);
	free(sorted);
}
