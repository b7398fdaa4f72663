/*
 * config_tree.h - a YAML or JSON file as a tree whose every node knows where it came from.
 *
 *   load ──> tree ──> config_decode.h ──> typed structs
 *
 * Anchors and merge keys are resolved here: each use is a copy with its own path. Depth, number of
 * nodes and size are bounded, so that a file of nested aliases fails instead of filling memory.
 * A tree lives in the caller's arena and is not changed after loading and merging.
 */
#ifndef CONVOY_CONTROL_CONFIG_TREE_H
#define CONVOY_CONTROL_CONFIG_TREE_H

#include "base/arena.h"
#include "base/err.h"

enum {
	CONFIG_MAX_BYTES = 16 << 20,
	CONFIG_MAX_NODES = 400000,
	CONFIG_MAX_DEPTH = 60,
	CONFIG_MAX_ANCHORS = 1000,
};

enum config_kind { CONFIG_NULL, CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP };

struct config_node {
	enum config_kind kind;
	bool quoted;		       /* a scalar that is text whatever it looks like */
	uint32_t line, column;	       /* of the value, from 1 */
	uint32_t key_line, key_column; /* of the key; those of the value in a list */
	uint32_t idx;		       /* place in the parent */
	uint32_t n_items;
	const char *file;
	const char *key;  /* NULL outside a map */
	const char *text; /* of a scalar, ends in a zero that text_len does not count */
	size_t text_len;
	struct config_node *parent;	  /* NULL at the root */
	struct config_node *first, *last; /* items of a list or map, in file order */
	struct config_node *next;
};

/* The first error found, as one line without a newline: "FILE:LINE:COLUMN: what (at PATH)". */
struct config_error {
	char text[1024]; /* "" while there is none */
};

enum config_syntax { CONFIG_YAML, CONFIG_JSON };

/*
 * config_load_file - read @path; a name that ends in ".json" must be JSON, all else is YAML.
 * Returns 0 and the root (CONFIG_NULL for an empty file), or ERR_NOENT, ERR_PERM, ERR_IO for a
 * file that cannot be read, ERR_FORMAT for text that is not valid, ERR_FULL beyond a limit,
 * ERR_NOMEM. @error says why.
 */
must_check
int config_load_file(struct arena *a, const char *path, struct config_error *error,
		     struct config_node **root);

/* config_load_text - the same for @text, which is called @name in messages; both are copied. */
must_check
int config_load_text(struct arena *a, const char *name, struct slice text,
		     enum config_syntax syntax, struct config_error *error,
		     struct config_node **root);

/* config_append - make @n, which is in no tree, the last item of the list or map @parent. */
void config_append(struct config_node *parent, struct config_node *n);

/*
 * config_merge - put @over on top of @base: maps merge by key, lists are joined, scalars replaced.
 * The items of @over move into @base. Returns the merged root.
 */
struct config_node *config_merge(struct config_node *base, struct config_node *over);

/* config_name_is - true if @key is @snake_name or its lowerCamel spelling. */
bool config_name_is(const char *key, const char *snake_name);

/* config_member_or_null - the member of map @n called @snake_name; NULL too if @n is no map. */
const struct config_node *config_member_or_null(const struct config_node *n,
						const char *snake_name);

/* config_path - "static_resources.listeners[0].name" for @n into @out; returns @out. */
const char *config_path(const struct config_node *n, char *out, size_t size);

/*
 * config_fail - note what is wrong with the value @n, unless an error is noted already.
 * Returns ERR_INVAL, so that callers can return it. config_fail_key() points at the key.
 */
int config_fail(struct config_error *error, const struct config_node *n, const char *format, ...)
	printf_like(3, 4);
int config_fail_key(struct config_error *error, const struct config_node *n, const char *format,
		    ...) printf_like(3, 4);

/* config_fail_file - the same where there is no node, only a place in a file. Returns ERR_INVAL. */
int config_fail_file(struct config_error *error, const char *file, uint32_t line, uint32_t column,
		     const char *format, ...) printf_like(5, 6);

#endif
