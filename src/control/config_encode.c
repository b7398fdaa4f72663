/* config_encode.c - from a struct to JSON by its table of fields. */
#include "control/config_encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const uint8_t zeros[8] __attribute__((aligned(8)));

static bool is_plain_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	/* A leading zero is somebody's notation; 18 digits fit into 64 bits. */
	return digits > 0 && digits <= 18 && !text[digits] && (text[0] != '0' || digits == 1);
}

static json_t *encode_scalar(const struct config_node *n)
{
	if (!n->quoted && is_plain_number(n->text))
		return json_integer(strtoll(n->text, NULL, 10));
	if (!n->quoted && strcmp(n->text, "true") == 0)
		return json_true();
	if (!n->quoted && strcmp(n->text, "false") == 0)
		return json_false();
	return json_stringn(n->text, n->text_len);
}

json_t *config_encode_tree(const struct config_node *n)
{
	json_t *value;

	switch (n->kind) {
	case CONFIG_SCALAR:
		return encode_scalar(n);
	case CONFIG_LIST:
		value = json_array();
		for (const struct config_node *c = n->first; c; c = c->next)
			json_array_append_new(value, config_encode_tree(c));
		return value;
	case CONFIG_MAP:
		value = json_object();
		for (const struct config_node *c = n->first; c; c = c->next)
			json_object_set_new(value, c->key, config_encode_tree(c));
		return value;
	case CONFIG_NULL:
		break;
	}
	return json_null();
}

static json_t *encode_enum(const struct config_enum *values, uint8_t value)
{
	for (uint32_t i = 0; i < values->n_values; i++)
		if (values->values[i].value == value)
			return json_string(values->values[i].name);
	return json_integer(value);
}

/* "1.5s": the fewest digits that say it exactly. */
static json_t *encode_duration(uint64_t ns)
{
	char text[48];
	int len = snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(ns / NS_PER_S),
			   (unsigned long long)(ns % NS_PER_S));

	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	text[len++] = 's';
	return json_stringn(text, (size_t)len);
}

static size_t size_of(enum config_type type)
{
	switch (type) {
	case CONFIG_BOOL:
		return sizeof(bool);
	case CONFIG_ENUM:
		return sizeof(uint8_t);
	case CONFIG_U16:
		return sizeof(uint16_t);
	case CONFIG_U32:
		return sizeof(uint32_t);
	default:
		return sizeof(uint64_t);
	}
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What must be there has no default, whatever its value. */
static bool is_default(const struct config_message *m, const struct config_field *f,
		       const uint8_t *at)
{
	const uint8_t *usual = m->defaults ? (const uint8_t *)m->defaults + f->offset : zeros;

	if (f->flags & CONFIG_REQUIRED)
		return false;
	if (f->type == CONFIG_STRING)
		return is_same_text(*(const char *const *)at, *(const char *const *)usual);
	return memcmp(at, usual, size_of(f->type)) == 0;
}

/* JSON's integers here end at 2^63 - 1; a number may be text. */
static json_t *encode_u64(uint64_t n)
{
	return n <= INT64_MAX ? json_integer((json_int_t)n) : json_sprintf("%" PRIu64, n);
}

static json_t *encode_number(const struct config_field *f, const uint8_t *at)
{
	switch (f->type) {
	case CONFIG_BOOL:
		return json_boolean(*(const bool *)at);
	case CONFIG_U16:
		return json_integer(*(const uint16_t *)at);
	case CONFIG_U32:
		return json_integer(*(const uint32_t *)at);
	case CONFIG_U64:
		return encode_u64(*(const uint64_t *)at);
	case CONFIG_DOUBLE:
		return json_real(*(const double *)at);
	case CONFIG_DURATION:
		return encode_duration(*(const uint64_t *)at);
	case CONFIG_STRING:
		return json_string(*(const char *const *)at);
	default:
		return encode_enum(f->values, *at);
	}
}

static json_t *encode_messages(const struct config_field *f, const uint8_t *holder,
			       const struct config_node *n)
{
	const uint8_t *items = *(const uint8_t *const *)(holder + f->offset);
	uint32_t count = *(const uint32_t *)(holder + f->n_offset);
	const struct config_node *item = n && n->kind == CONFIG_LIST ? n->first : n;
	json_t *list = count ? json_array() : NULL;

	for (uint32_t i = 0; i < count; i++) {
		json_array_append_new(
			list, config_encode(f->message, items + i * f->message->size, item));
		item = item ? item->next : NULL;
	}
	return list;
}

static json_t *encode_words(const struct config_field *f, const uint8_t *holder)
{
	const char *const *words = *(const char *const *const *)(holder + f->offset);
	uint32_t count = *(const uint32_t *)(holder + f->n_offset);
	json_t *list = count ? json_array() : NULL;

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(words[i]));
	return list;
}

/* An empty message says nothing, unless it is there to choose one of several. */
static json_t *encode_message(const struct config_field *f, const void *at,
			      const struct config_node *n)
{
	json_t *value = n ? config_encode(f->message, at, n) : NULL;

	if (f->case_is || json_object_size(value) > 0)
		return value;
	json_decref(value);
	return NULL;
}

/* NULL where there is nothing to say. */
static json_t *encode_field(const struct config_message *m, const struct config_field *f,
			    const uint8_t *holder, const struct config_node *n)
{
	const uint8_t *at = holder + f->offset;

	if (f->case_is && holder[f->case_offset] != f->case_is)
		return NULL;
	switch (f->type) {
	case CONFIG_MESSAGE:
		return encode_message(f, at, n);
	case CONFIG_MESSAGE_NEW:
		return *(const void *const *)at
			       ? config_encode(f->message, *(const void *const *)at, n)
			       : NULL;
	case CONFIG_MESSAGE_LIST:
		return encode_messages(f, holder, n);
	case CONFIG_STRING_LIST:
		return encode_words(f, holder);
	case CONFIG_CUSTOM:
	case CONFIG_BY_FINISH:
		return n && n->kind != CONFIG_NULL ? config_encode_tree(n) : NULL;
	case CONFIG_TREE:
	case CONFIG_NO_EFFECT:
	case CONFIG_ONLY:
	case CONFIG_MISSING:
	case CONFIG_REPLACED:
		return NULL;
	default:
		/* What must be there is said even when it is the usual. */
		return is_default(m, f, at) && !(f->flags & CONFIG_REQUIRED) ? NULL
									     : encode_number(f, at);
	}
}

json_t *config_encode(const struct config_message *m, const void *in, const struct config_node *n)
{
	json_t *object = json_object();

	for (uint32_t i = 0; object && i < m->n_fields; i++) {
		const struct config_field *f = &m->fields[i];
		json_t *value =
			encode_field(m, f, in, n ? config_member_or_null(n, f->name) : NULL);

		if (value)
			json_object_set_new(object, f->name, value);
	}
	return object;
}

static void sort_value(json_t *value, const struct config_field *f)
{
	json_t *item;
	size_t i;

	if (!f->message)
		return;
	if (json_is_object(value))
		config_sort(value, f->message);
	json_array_foreach(value, i, item) if (json_is_object(item)) config_sort(item, f->message);
}

void config_sort(json_t *object, const struct config_message *m)
{
	json_t *sorted = json_object();

	for (uint32_t i = 0; i < m->n_fields; i++) {
		json_t *value = json_object_get(object, m->fields[i].name);

		if (!value)
			continue;
		sort_value(value, &m->fields[i]);
		json_object_set(sorted, m->fields[i].name, value);
	}
	json_object_update_missing(sorted, object);
	json_object_clear(object);
	json_object_update(object, sorted);
	json_decref(sorted);
}
