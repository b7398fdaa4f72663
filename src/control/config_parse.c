/*
 * config_parse.c - build the tree from libfyaml's stream of events.
 * Events and not its documents: the tree's limits then hold while it grows, and duplicate keys and
 * aliases cost what they cost here.
 */
#include "control/config_tree.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <strings.h>

struct anchor {
	const char *name;
	struct config_node *node;
};

struct builder {
	struct arena *arena;
	struct config_error *error;
	const char *file;
	struct config_node *root;
	struct config_node *open;  /* innermost list or map that is being filled */
	struct config_node *named; /* a member of @open that has its key and waits for a value */
	uint32_t depth;
	uint32_t n_nodes;
	uint32_t n_anchors;
	struct anchor anchors[CONFIG_MAX_ANCHORS];
};

static int fail_at(struct builder *b, const struct fy_mark *m, int err, const char *what)
{
	config_fail_file(b->error, b->file, m ? (uint32_t)m->line + 1 : 1,
			 m ? (uint32_t)m->column + 1 : 1, "%s", what);
	return err;
}

static struct config_node *new_node_or_null(struct builder *b)
{
	struct config_node *n;

	if (b->n_nodes == CONFIG_MAX_NODES)
		return NULL;
	n = arena_zalloc_or_null(b->arena, sizeof(*n));
	if (!n)
		return NULL;
	b->n_nodes++;
	n->file = b->file;
	return n;
}

static void place(struct config_node *n, const struct fy_mark *m)
{
	n->line = m ? (uint32_t)m->line + 1 : 1;
	n->column = m ? (uint32_t)m->column + 1 : 1;
	if (!n->key) {
		n->key_line = n->line;
		n->key_column = n->column;
	}
}

static int no_room(struct builder *b, const struct fy_mark *m)
{
	return fail_at(b, m, ERR_FULL,
		       "the file is too large: too many values, or aliases of aliases");
}

/* The node that the next value goes into: the waiting member, a new list item or the root. */
static struct config_node *next_node_or_null(struct builder *b, const struct fy_mark *m)
{
	struct config_node *n = b->named;

	if (!n)
		n = new_node_or_null(b);
	if (!n)
		return NULL;
	if (!b->open)
		b->root = n;
	else if (!b->named)
		config_append(b->open, n);
	b->named = NULL;
	place(n, m);
	return n;
}

static int add_anchor(struct builder *b, struct fy_token *name, struct config_node *n,
		      const struct fy_mark *m)
{
	size_t len;
	const char *text;

	if (!name)
		return 0;
	if (b->n_anchors == CONFIG_MAX_ANCHORS)
		return fail_at(b, m, ERR_FULL, "too many anchors");
	text = fy_token_get_text(name, &len);
	b->anchors[b->n_anchors].name = arena_text_or_null(b->arena, slice_of(text, len));
	b->anchors[b->n_anchors].node = n;
	return b->anchors[b->n_anchors++].name ? 0 : no_room(b, m);
}

static bool is_null_text(const char *text)
{
	return !*text || !strcmp(text, "~") || !strcasecmp(text, "null");
}

/* Only YAML's own tags; what an application's tag asks for would be lost silently. */
static int check_tag(struct builder *b, struct fy_token *tag, const struct fy_mark *m, bool *is_str)
{
	size_t len;
	const char *text;

	*is_str = false;
	if (!tag)
		return 0;
	text = fy_token_get_text(tag, &len);
	*is_str = (len >= 3 && !memcmp(text + len - 3, "str", 3)) || (len == 1 && *text == '!');
	if (len == 1 || (len > 1 && memmem(text, len, "yaml.org,2002:", 14)))
		return 0;
	return fail_at(b, m, ERR_FORMAT, "this YAML tag is not supported");
}

static int add_key(struct builder *b, const struct fy_mark *m, const char *text, size_t len)
{
	struct config_node *n = new_node_or_null(b);

	if (n)
		n->key = arena_text_or_null(b->arena, slice_of(text, len));
	if (!n || !n->key)
		return no_room(b, m);
	n->key_line = m ? (uint32_t)m->line + 1 : 1;
	n->key_column = m ? (uint32_t)m->column + 1 : 1;
	if (strlen(n->key) != len)
		return fail_at(b, m, ERR_FORMAT, "a key contains a NUL");
	config_append(b->open, n);
	b->named = n;
	return 0;
}

static bool awaits_key(const struct builder *b)
{
	return b->open && b->open->kind == CONFIG_MAP && !b->named;
}

static bool is_in_quotes(struct fy_token *t)
{
	enum fy_scalar_style style = fy_token_scalar_style(t);

	return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static int add_scalar(struct builder *b, struct fy_event *e, const struct fy_mark *m)
{
	struct fy_token *value = e->scalar.value;
	bool plain = !value || fy_token_scalar_style(value) == FYSS_PLAIN;
	size_t len = 0;
	const char *text = value ? fy_token_get_text(value, &len) : "";
	struct config_node *n;
	bool is_str;
	int err;

	if (!text)
		return fail_at(b, m, ERR_FORMAT, "this text cannot be read");
	err = check_tag(b, e->scalar.tag, m, &is_str);
	if (err)
		return err;
	if (awaits_key(b))
		return add_key(b, m, text, len);
	n = next_node_or_null(b, m);
	if (n)
		n->text = arena_text_or_null(b->arena, slice_of(text, len));
	if (!n || !n->text)
		return no_room(b, m);
	n->text_len = len;
	n->quoted = !plain || is_str;
	if (value && is_in_quotes(value))
		n->column--; /* the mark is that of the text, not of its quote */
	n->kind = !n->quoted && is_null_text(n->text) ? CONFIG_NULL : CONFIG_SCALAR;
	return add_anchor(b, e->scalar.anchor, n, m);
}

static int open_container(struct builder *b, enum config_kind kind, struct fy_token *anchor,
			  struct fy_token *tag, const struct fy_mark *m)
{
	struct config_node *n;
	bool is_str;
	int err = check_tag(b, tag, m, &is_str);

	if (err)
		return err;
	if (awaits_key(b))
		return fail_at(b, m, ERR_FORMAT, "a key must be plain text");
	if (b->depth++ == CONFIG_MAX_DEPTH)
		return fail_at(b, m, ERR_FULL, "values are nested too deeply");
	n = next_node_or_null(b, m);
	if (!n)
		return no_room(b, m);
	n->kind = kind;
	b->open = n;
	return add_anchor(b, anchor, n, m);
}

static int compare_keys(const void *a, const void *b)
{
	const struct config_node *const *left = a, *const *right = b;
	int order = strcmp((*left)->key, (*right)->key);

	return order ? order : (*left)->idx < (*right)->idx ? -1 : 1;
}

static int check_duplicates(struct builder *b, const struct config_node *map)
{
	struct config_node **sorted = malloc((map->n_items + 1) * sizeof(*sorted));
	uint32_t n = 0;
	int err = 0;

	if (!sorted)
		return no_room(b, NULL);
	for (struct config_node *c = map->first; c; c = c->next)
		sorted[n++] = c;
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (uint32_t i = 1; i < n && !err; i++) {
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) || !strcmp(sorted[i]->key, "<<"))
			continue;
		config_fail_key(b->error, sorted[i], "\"%.80s\" is given twice, first in line %u",
				sorted[i]->key, sorted[i - 1]->key_line);
		err = ERR_FORMAT;
	}
	free(sorted);
	return err;
}

/* A deep copy of @from into the empty node @to, which keeps its own key and parent. */
static int copy_value(struct builder *b, struct config_node *to, const struct config_node *from,
		      uint32_t depth)
{
	if (depth > CONFIG_MAX_DEPTH)
		return no_room(b, NULL);
	to->kind = from->kind;
	to->quoted = from->quoted;
	to->text = from->text;
	to->text_len = from->text_len;
	to->line = from->line;
	to->column = from->column;
	for (const struct config_node *c = from->first; c; c = c->next) {
		struct config_node *n = new_node_or_null(b);
		int err;

		if (!n)
			return no_room(b, NULL);
		n->key = c->key;
		n->key_line = c->key_line;
		n->key_column = c->key_column;
		config_append(to, n);
		err = copy_value(b, n, c, depth + 1);
		if (err)
			return err;
	}
	return 0;
}

static bool is_open(const struct builder *b, const struct config_node *n)
{
	for (const struct config_node *o = b->open; o; o = o->parent)
		if (o == n)
			return true;
	return false;
}

static int add_alias(struct builder *b, struct fy_event *e, const struct fy_mark *m)
{
	struct config_node *from = NULL, *to;
	size_t len;
	const char *name = fy_token_get_text(e->alias.anchor, &len);

	if (awaits_key(b))
		return fail_at(b, m, ERR_FORMAT, "an alias cannot be a key");
	for (uint32_t i = b->n_anchors; i-- && !from;)
		if (strlen(b->anchors[i].name) == len && !memcmp(b->anchors[i].name, name, len))
			from = b->anchors[i].node;
	if (!from)
		return fail_at(b, m, ERR_FORMAT, "no anchor of this name above");
	if (is_open(b, from))
		return fail_at(b, m, ERR_FORMAT, "this alias would contain itself");
	to = next_node_or_null(b, m);
	if (!to)
		return no_room(b, m);
	return copy_value(b, to, from, b->depth);
}

static bool has_key(const struct config_node *map, const char *key)
{
	for (const struct config_node *c = map->first; c; c = c->next)
		if (!strcmp(c->key, key))
			return true;
	return false;
}

/* The members of @from that @map lacks move there. */
static int merge_members(struct builder *b, struct config_node *map, struct config_node *from)
{
	struct config_node *next;

	if (from->kind == CONFIG_LIST) {
		for (struct config_node *c = from->first; c; c = c->next) {
			int err = merge_members(b, map, c);

			if (err)
				return err;
		}
		return 0;
	}
	if (from->kind != CONFIG_MAP) {
		config_fail(b->error, from, "a merge key (<<) takes a map or a list of maps");
		return ERR_FORMAT;
	}
	for (struct config_node *c = from->first; c; c = next) {
		next = c->next;
		if (!has_key(map, c->key))
			config_append(map, c);
	}
	return 0;
}

static int resolve_merge_keys(struct builder *b, struct config_node *map)
{
	struct config_node *items = map->first, *merged = NULL, *next;

	for (struct config_node *c = items; c && !merged; c = c->next)
		if (!strcmp(c->key, "<<"))
			merged = c;
	if (!merged)
		return 0;
	map->first = map->last = NULL;
	map->n_items = 0;
	for (struct config_node *c = items; c; c = next) {
		next = c->next;
		if (strcmp(c->key, "<<"))
			config_append(map, c);
		else if (c != merged)
			return config_fail_key(b->error, c, "only one merge key (<<) per map"),
			       ERR_FORMAT;
	}
	return merge_members(b, map, merged);
}

static int close_container(struct builder *b)
{
	struct config_node *n = b->open;
	int err = 0;

	if (n->kind == CONFIG_MAP)
		err = check_duplicates(b, n);
	if (!err && n->kind == CONFIG_MAP)
		err = resolve_merge_keys(b, n);
	b->open = n->parent;
	b->depth--;
	return err;
}

static int add_event(struct builder *b, struct fy_event *e)
{
	const struct fy_mark *m = fy_event_start_mark(e);

	switch (e->type) {
	case FYET_DOCUMENT_START:
		if (b->root)
			return fail_at(b, m, ERR_FORMAT, "more than one document in the file");
		return 0;
	case FYET_SCALAR:
		return add_scalar(b, e, m);
	case FYET_ALIAS:
		return add_alias(b, e, m);
	case FYET_MAPPING_START:
		return open_container(b, CONFIG_MAP, e->mapping_start.anchor, e->mapping_start.tag,
				      m);
	case FYET_SEQUENCE_START:
		return open_container(b, CONFIG_LIST, e->sequence_start.anchor,
				      e->sequence_start.tag, m);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return close_container(b);
	default:
		return 0;
	}
}

static int note_syntax_error(struct builder *b, struct fy_diag *diag)
{
	void *prev = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &prev);

	if (!e)
		return fail_at(b, NULL, ERR_FORMAT, "not valid YAML or JSON");
	config_fail_file(b->error, b->file, e->line > 0 ? (uint32_t)e->line : 1,
			 e->column > 0 ? (uint32_t)e->column : 1, "not valid YAML or JSON: %s",
			 e->msg);
	return ERR_FORMAT;
}

static int parse(struct builder *b, struct slice text, enum config_syntax syntax)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = { 0 };
	struct fy_parser *parser = NULL;
	struct fy_event *e;
	int err = ERR_NOMEM;

	fy_diag_cfg_default(&diag_cfg);
	cfg.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
		    (syntax == CONFIG_JSON ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE);
	cfg.diag = fy_diag_create(&diag_cfg);
	if (!cfg.diag)
		return ERR_NOMEM;
	fy_diag_set_collect_errors(cfg.diag, true);
	parser = fy_parser_create(&cfg);
	if (!parser || fy_parser_set_string(parser, (const char *)text.at, text.len))
		goto out;
	err = 0;
	while (!err && (e = fy_parser_parse(parser))) {
		err = add_event(b, e);
		fy_parser_event_free(parser, e);
	}
	if (!err && (fy_diag_got_error(cfg.diag) || b->open))
		err = note_syntax_error(b, cfg.diag);
out:
	if (parser)
		fy_parser_destroy(parser);
	fy_diag_destroy(cfg.diag);
	return err;
}

/* Length of the UTF-8 sequence at @at, 0 if it is none. RFC 3629 §4. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	uint8_t first = at[0];
	size_t len = first < 0x80   ? 1
		     : first < 0xc2 ? 0
		     : first < 0xe0 ? 2
		     : first < 0xf0 ? 3
		     : first < 0xf5 ? 4
				    : 0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
	    (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f))
		return 0;
	return len;
}

static int check_utf8(struct builder *b, struct slice text)
{
	struct fy_mark m = { 0 };

	while (m.input_pos < text.len) {
		size_t len = utf8_length(text.at + m.input_pos, text.len - m.input_pos);

		if (!len)
			return fail_at(b, &m, ERR_FORMAT, "not valid UTF-8");
		m.column++;
		if (text.at[m.input_pos] == '\n') {
			m.line++;
			m.column = 0;
		}
		m.input_pos += len;
	}
	return 0;
}

int config_load_text(struct arena *a, const char *name, struct slice text,
		     enum config_syntax syntax, struct config_error *error,
		     struct config_node **root)
{
	struct builder *b = calloc(1, sizeof(*b));
	int err = ERR_NOMEM;

	if (!b)
		return ERR_NOMEM;
	b->arena = a;
	b->error = error;
	b->file = arena_text_or_null(a, slice_of_text(name));
	if (b->file)
		err = check_utf8(b, text);
	if (!err)
		err = parse(b, text, syntax);
	if (!err && !b->root) {
		b->root = new_node_or_null(b);
		if (b->root)
			place(b->root, NULL);
		else
			err = ERR_NOMEM;
	}
	if (err == ERR_NOMEM)
		config_fail_file(error, name, 1, 1, "out of memory");
	*root = err ? NULL : b->root;
	free(b);
	return err;
}
