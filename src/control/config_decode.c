/* config_decode.c - fill a struct from a map by its table of fields. */
#include "control/config_decode.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alike.h"

static const struct config_field *field_or_null(const struct config_message *m, const char *key)
{
	for (uint32_t i = 0; i < m->n_fields; i++)
		if (config_name_is(key, m->fields[i].name))
			return &m->fields[i];
	return NULL;
}

/* Is @key one of the space-separated snake_case @names? */
static bool is_among(const char *names, const char *key)
{
	char name[64];

	while (names && *names) {
		size_t len = strcspn(names, " ");

		if (len < sizeof(name)) {
			memcpy(name, names, len);
			name[len] = '\0';
			if (config_name_is(key, name))
				return true;
		}
		names += len;
		names += strspn(names, " ");
	}
	return false;
}

/* The field that was perhaps meant. */
static const char *near_or_null(const struct config_message *m, const char *key)
{
	for (uint32_t i = 0; i < m->n_fields; i++)
		if (is_alike(key, strlen(key), m->fields[i].name, strlen(m->fields[i].name)))
			return m->fields[i].name;
	return NULL;
}

static int refuse_name(struct config_decoder *d, const struct config_node *n,
		       const struct config_message *m)
{
	const char *near;

	if (is_among(m->known, n->key))
		return config_fail_missing(d, n, n->key);
	near = near_or_null(m, n->key);
	if (near)
		return config_fail_key(d->error, n,
				       "unknown field \"%.60s\" in %s; did you mean \"%s\"?",
				       n->key, m->name, near);
	return config_fail_key(d->error, n, "unknown field \"%.60s\" in %s", n->key, m->name);
}

/* The same as if it were not there. */
static bool is_unset(const struct config_node *n)
{
	return n->kind == CONFIG_NULL || (n->kind == CONFIG_LIST && !n->n_items);
}

static int take_number(struct config_decoder *d, const struct config_node *n,
		       const struct config_field *f, uint64_t type_max, uint64_t *out)
{
	return config_take_u64(d, n, f->min, f->max ? f->max : type_max, out);
}

static int take_message(struct config_decoder *d, const struct config_node *n,
			const struct config_field *f, const void **out)
{
	void *m = arena_alloc_or_null(d->arena, f->message->size);

	if (!m)
		return ERR_NOMEM;
	*out = m;
	return config_decode(d, n, f->message, m);
}

/* The first item of what should be a list; a single value counts as a list of one. */
static const struct config_node *first_item(const struct config_node *n, uint32_t *n_items)
{
	*n_items = n->kind == CONFIG_LIST ? n->n_items : 1;
	return n->kind == CONFIG_LIST ? n->first : n;
}

static int take_message_list(struct config_decoder *d, const struct config_node *n,
			     const struct config_field *f, uint8_t *holder)
{
	uint32_t count;
	const struct config_node *item = first_item(n, &count);
	uint8_t *items = arena_alloc_or_null(d->arena, count * f->message->size);

	if (!items)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < count; i++) {
		int err;

		if (item->kind == CONFIG_NULL)
			return config_fail(d->error, item, "an item of a list is null");
		err = config_decode(d, item, f->message, items + i * f->message->size);
		if (err)
			return err;
		item = item->next;
	}
	*(void **)(holder + f->offset) = items;
	*(uint32_t *)(holder + f->n_offset) = count;
	return 0;
}

static int take_string_list(struct config_decoder *d, const struct config_node *n,
			    const struct config_field *f, uint8_t *holder)
{
	uint32_t count;
	const struct config_node *item = first_item(n, &count);
	const char **items = arena_alloc_or_null(d->arena, count * sizeof(*items));

	if (!items)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < count; i++, item = item->next) {
		int err = config_take_string(d, item, &items[i]);

		if (err)
			return err;
	}
	*(const char ***)(holder + f->offset) = items;
	*(uint32_t *)(holder + f->n_offset) = count;
	return 0;
}

static int check_only(struct config_decoder *d, const struct config_node *n,
		      const struct config_field *f)
{
	if (n->kind == CONFIG_SCALAR && !strcasecmp(n->text, f->only))
		return 0;
	return config_fail_missing(d, n, f->feature ? f->feature : f->name);
}

static int take_duration(struct config_decoder *d, const struct config_node *n,
			 const struct config_field *f, uint64_t *out)
{
	int err = config_take_duration(d, n, out);

	if (err)
		return err;
	if (*out < f->min || (f->max && *out > f->max))
		return config_fail(d->error, n, "the duration %.40s is out of range",
				   n->text ? n->text : "");
	return 0;
}

static int take_scalar(struct config_decoder *d, const struct config_node *n,
		       const struct config_field *f, uint8_t *at)
{
	uint64_t number = 0;
	int err;

	switch (f->type) {
	case CONFIG_BOOL:
		return config_take_bool(d, n, (bool *)at);
	case CONFIG_U16:
		err = take_number(d, n, f, UINT16_MAX, &number);
		*(uint16_t *)at = (uint16_t)number;
		return err;
	case CONFIG_U32:
		err = take_number(d, n, f, UINT32_MAX, &number);
		*(uint32_t *)at = (uint32_t)number;
		return err;
	case CONFIG_U64:
		return take_number(d, n, f, UINT64_MAX, (uint64_t *)at);
	case CONFIG_DOUBLE:
		return config_take_double(d, n, (double *)at);
	case CONFIG_STRING:
		return config_take_string(d, n, (const char **)at);
	case CONFIG_DURATION:
		return take_duration(d, n, f, (uint64_t *)at);
	default:
		return config_take_enum(d, n, f->values, at);
	}
}

static int take_field(struct config_decoder *d, const struct config_node *n,
		      const struct config_field *f, uint8_t *holder)
{
	uint8_t *at = holder + f->offset;

	switch (f->type) {
	case CONFIG_MESSAGE:
		return config_decode(d, n, f->message, at);
	case CONFIG_MESSAGE_NEW:
		return take_message(d, n, f, (const void **)at);
	case CONFIG_MESSAGE_LIST:
		return take_message_list(d, n, f, holder);
	case CONFIG_STRING_LIST:
		return take_string_list(d, n, f, holder);
	case CONFIG_TREE:
		*(const struct config_node **)at = n;
		return 0;
	case CONFIG_CUSTOM:
		return f->decode(d, n, holder);
	case CONFIG_BY_FINISH:
	case CONFIG_NO_EFFECT:
		return 0;
	case CONFIG_ONLY:
		return check_only(d, n, f);
	case CONFIG_MISSING:
		return config_fail_missing(d, n, f->feature ? f->feature : f->name);
	case CONFIG_REPLACED:
		return config_fail_key(d->error, n, "\"%s\" is of the v2 API; v3 calls it \"%s\"",
				       f->name, f->feature);
	default:
		return take_scalar(d, n, f, at);
	}
}

/* Two members of one choice, by whichever was first in the file. */
static int check_case(struct config_decoder *d, const struct config_node *n,
		      const struct config_message *m, const struct config_field *f, uint8_t *holder)
{
	uint8_t *chosen = holder + f->case_offset;

	if (!f->case_is)
		return 0;
	if (*chosen) {
		for (uint32_t i = 0; i < m->n_fields; i++)
			if (m->fields[i].case_offset == f->case_offset &&
			    m->fields[i].case_is == *chosen)
				return config_fail_key(
					d->error, n, "\"%s\" excludes \"%s\", which is also given",
					m->fields[i].name, f->name);
	}
	*chosen = f->case_is;
	return 0;
}

static int check_empty(struct config_decoder *d, const struct config_node *n,
		       const struct config_field *f)
{
	if (!(f->flags & (CONFIG_REQUIRED | CONFIG_NOT_EMPTY)))
		return 0;
	if (n->kind == CONFIG_SCALAR && !n->text_len)
		return config_fail(d->error, n, "\"%s\" must not be empty", f->name);
	return 0;
}

static int check_required(struct config_decoder *d, const struct config_node *n,
			  const struct config_message *m, uint64_t seen)
{
	for (uint32_t i = 0; i < m->n_fields; i++)
		if ((m->fields[i].flags & CONFIG_REQUIRED) && !(seen & (1ull << i)))
			return config_fail(d->error, n, "\"%s\" is missing in %s",
					   m->fields[i].name, m->name);
	return 0;
}

static int decode_member(struct config_decoder *d, const struct config_node *c,
			 const struct config_message *m, uint8_t *out, uint64_t *seen)
{
	const struct config_field *f = field_or_null(m, c->key);
	uint64_t bit;
	int err;

	if (!f)
		return !strcmp(c->key, "@type") || c->kind == CONFIG_NULL ? 0
									  : refuse_name(d, c, m);
	bit = 1ull << (f - m->fields);
	if (*seen & bit)
		return config_fail_key(d->error, c, "\"%s\" is given in two spellings", f->name);
	if (is_unset(c))
		return 0;
	*seen |= bit;
	err = check_case(d, c, m, f, out);
	if (!err)
		err = check_empty(d, c, f);
	return err ? err : take_field(d, c, f, out);
}

int config_decode(struct config_decoder *d, const struct config_node *n,
		  const struct config_message *m, void *out)
{
	static const struct config_node nothing = { .kind = CONFIG_NULL, .file = "" };
	uint64_t seen = 0;
	int err = 0;

	invariant(m->n_fields <= 64);
	if (!n)
		n = &nothing;
	if (m->defaults)
		memcpy(out, m->defaults, m->size);
	else if (m->size)
		memset(out, 0, m->size);
	if (m->at_offset)
		*(const struct config_node **)((uint8_t *)out + m->at_offset) = n;
	if (n->kind == CONFIG_SCALAR || n->kind == CONFIG_LIST)
		return config_fail(d->error, n, "a map of fields expected (%s), not %s", m->name,
				   n->kind == CONFIG_LIST ? "a list" : "a single value");
	for (const struct config_node *c = n->first; c && !err; c = c->next)
		err = decode_member(d, c, m, out, &seen);
	if (!err)
		err = check_required(d, n, m, seen);
	if (!err && m->finish)
		err = m->finish(d, n, out);
	return err;
}
