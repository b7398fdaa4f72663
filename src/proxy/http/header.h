/*
 * header.h - the header fields of one message: an array of {known-name id, name, value} spans in
 * a per-stream arena, the same for every codec.
 *
 * Names are lower case. Spans are borrowed from the arena or from static text; the map never
 * frees. Fields keep their order. A bit per known name says whether it may be present, so that
 * asking for an absent one costs a test.
 */
#ifndef CONVOY_PROXY_HTTP_HEADER_H
#define CONVOY_PROXY_HTTP_HEADER_H

#include "base/arena.h"
#include "base/err.h"

/* Names that the proxy itself asks for; header_names[] spells them. At most 64. */
enum header_id {
	HEADER_OTHER, /* every name that is not below */
	HEADER_HOST,
	HEADER_CONNECTION,
	HEADER_CONTENT_LENGTH,
	HEADER_CONTENT_TYPE,
	HEADER_TRANSFER_ENCODING,
	HEADER_KEEP_ALIVE,
	HEADER_PROXY_CONNECTION,
	HEADER_TE,
	HEADER_TRAILER,
	HEADER_UPGRADE,
	HEADER_HTTP2_SETTINGS,
	HEADER_EXPECT,
	HEADER_DATE,
	HEADER_SERVER,
	HEADER_VIA,
	HEADER_USER_AGENT,
	HEADER_ACCEPT,
	HEADER_ACCEPT_ENCODING,
	HEADER_COOKIE,
	HEADER_REFERER,
	HEADER_LOCATION,
	HEADER_X_REQUEST_ID,
	HEADER_X_FORWARDED_FOR,
	HEADER_X_FORWARDED_PROTO,
	HEADER_X_FORWARDED_HOST,
	HEADER_X_FORWARDED_PORT,
	HEADER_X_FORWARDED_CLIENT_CERT,
	HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
	HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME,
	HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS,
	HEADER_X_ENVOY_EXTERNAL_ADDRESS,
	HEADER_X_ENVOY_INTERNAL,
	HEADER_X_ENVOY_ORIGINAL_PATH,
	HEADER_X_ENVOY_ATTEMPT_COUNT,
	HEADER_X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL,
	HEADER_X_ENVOY_OVERLOADED,
	N_HEADER_IDS,
};

extern const struct slice header_names[N_HEADER_IDS];

struct header {
	const uint8_t *name;
	const uint8_t *value;
	uint32_t value_len;
	uint16_t name_len;
	uint8_t id;   /* enum header_id */
	uint8_t wire; /* not 0: the bytes from name on read "name: value\r\n" */
};

struct header_map {
	struct header *at; /* in @arena */
	struct arena *arena;
	uint64_t maybe_present; /* bit per enum header_id; HEADER_OTHER's is not kept */
	uint32_t n, capacity;
};

static inline struct slice header_name(const struct header *h)
{
	return slice_of(h->name, h->name_len);
}

static inline struct slice header_value(const struct header *h)
{
	return slice_of(h->value, h->value_len);
}

/* header_id_of - the id of a lower-case name; HEADER_OTHER for names that are not listed. */
enum header_id header_id_of(struct slice lower_name);

/* header_map_init - an empty map whose array grows in @arena; takes nothing yet. */
static inline void header_map_init(struct header_map *m, struct arena *arena)
{
	*m = (struct header_map){ .arena = arena };
}

static inline bool header_map_maybe_has(const struct header_map *m, enum header_id id)
{
	return (m->maybe_present >> id) & 1;
}

/* header_map_grow - room for more fields; for header_map_append(). ERR_NOMEM. */
must_check
int header_map_grow(struct header_map *m);

/*
 * header_map_append - one more field at the end, spans borrowed for the map's life.
 * @wire: see struct header
 * Returns 0, or ERR_NOMEM.
 */
must_check
static inline int header_map_append(struct header_map *m, struct header h)
{
	if (unlikely(m->n == m->capacity)) {
		int err = header_map_grow(m);

		if (err)
			return err;
	}
	m->at[m->n++] = h;
	m->maybe_present |= 1ull << h.id;
	return 0;
}

/* header_map_add - append known name @id with @value; same results as header_map_append(). */
must_check
int header_map_add(struct header_map *m, enum header_id id, struct slice value);

/* header_map_set - @value becomes the only field named @id, in the place of the first. */
must_check
int header_map_set(struct header_map *m, enum header_id id, struct slice value);

/* header_map_get_or_null - the first field named @id. */
struct header *header_map_get_or_null(const struct header_map *m, enum header_id id);

/* header_map_value - the value of the first field named @id; empty if there is none. */
struct slice header_map_value(const struct header_map *m, enum header_id id);

/* header_map_find_or_null - the first field of a lower-case @name, listed or not. */
struct header *header_map_find_or_null(const struct header_map *m, struct slice name);

/* header_map_remove - drop every field named @id; returns how many. */
unsigned header_map_remove(struct header_map *m, enum header_id id);

/* header_map_remove_set - drop every field whose name's bit (1 << id) is in @set. */
void header_map_remove_set(struct header_map *m, uint64_t set);

/* header_map_remove_name - drop every field of a lower-case @name, listed or not. */
unsigned header_map_remove_name(struct header_map *m, struct slice name);

/* header_map_remove_if - drop every field for which @drop says so. */
unsigned header_map_remove_if(struct header_map *m,
			      bool (*drop)(const struct header *h, void *context), void *context);

#endif
