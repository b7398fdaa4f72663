/* config_tree.c - files, names and merging of configuration trees. */
#include "control/config_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void config_append(struct config_node *parent, struct config_node *n)
{
	n->parent = parent;
	n->next = NULL;
	n->idx = parent->n_items++;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
}

static int read_whole(FILE *f, struct slice *text)
{
	size_t size = 0, len = 0;
	char *buf = NULL;

	for (;;) {
		if (len == size) {
			char *grown;

			size = size ? size * 2 : 16384;
			grown = size > 2 * (size_t)CONFIG_MAX_BYTES ? NULL : realloc(buf, size);
			if (!grown) {
				free(buf);
				return ERR_FULL;
			}
			buf = grown;
		}
		size_t got = fread(buf + len, 1, size - len, f);

		len += got;
		if (!got)
			break;
	}
	if (ferror(f)) {
		free(buf);
		return ERR_IO;
	}
	*text = slice_of(buf, len);
	return 0;
}

int config_load_file(struct arena *a, const char *path, struct config_error *error,
		     struct config_node **root)
{
	size_t name_len = strlen(path);
	bool json = name_len > 5 && !strcasecmp(path + name_len - 5, ".json");
	FILE *f = fopen(path, "re");
	struct slice text;
	int err;

	if (!f) {
		int cause = errno;

		config_fail_file(error, path, 1, 1, "cannot open the file: %s", strerror(cause));
		return err_of_errno(cause);
	}
	err = read_whole(f, &text);
	if (err) {
		config_fail_file(error, path, 1, 1, "cannot read the file: %s",
				 err == ERR_IO ? strerror(errno) : "it is too large");
		fclose(f);
		return err;
	}
	fclose(f);
	err = config_load_text(a, path, text, json ? CONFIG_JSON : CONFIG_YAML, error, root);
	free((void *)text.at);
	return err;
}

static void move_items(struct config_node *base, struct config_node *over)
{
	struct config_node *next;

	for (struct config_node *c = over->first; c; c = next) {
		next = c->next;
		config_append(base, c);
	}
}

static struct config_node *replace(struct config_node *old, struct config_node *with)
{
	const char *key = old->key;
	struct config_node *parent = old->parent, *next = old->next;
	uint32_t idx = old->idx;

	*old = *with;
	old->key = key;
	old->parent = parent;
	old->next = next;
	old->idx = idx;
	for (struct config_node *c = old->first; c; c = c->next)
		c->parent = old;
	return old;
}

struct config_node *config_merge(struct config_node *base, struct config_node *over)
{
	struct config_node *next;

	if (over->kind == CONFIG_NULL)
		return base;
	if (base->kind != over->kind || over->kind == CONFIG_SCALAR)
		return replace(base, over);
	if (over->kind == CONFIG_LIST) {
		move_items(base, over);
		return base;
	}
	for (struct config_node *c = over->first; c; c = next) {
		struct config_node *same = base->first;

		next = c->next;
		while (same && !config_name_is(same->key, c->key) &&
		       !config_name_is(c->key, same->key))
			same = same->next;
		if (same)
			config_merge(same, c);
		else
			config_append(base, c);
	}
	return base;
}

static bool is_lower_camel(const char *key, const char *snake)
{
	for (; *snake; snake++, key++) {
		char want = *snake;

		if (want == '_' && snake[1])
			want = (char)toupper((unsigned char)*++snake);
		if (*key != want)
			return false;
	}
	return !*key;
}

bool config_name_is(const char *key, const char *snake_name)
{
	return !strcmp(key, snake_name) || is_lower_camel(key, snake_name);
}

const struct config_node *config_member_or_null(const struct config_node *n, const char *snake_name)
{
	if (!n || n->kind != CONFIG_MAP)
		return NULL;
	for (const struct config_node *c = n->first; c; c = c->next)
		if (config_name_is(c->key, snake_name))
			return c;
	return NULL;
}
