/* header.c - known header names, and the array of fields. */
#include "proxy/http/header.h"

enum { FIRST_CAPACITY = 24 };

#define NAME(text)                                                                                 \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

const struct slice header_names[N_HEADER_IDS] = {
	[HEADER_OTHER] = NAME(""),
	[HEADER_HOST] = NAME("host"),
	[HEADER_CONNECTION] = NAME("connection"),
	[HEADER_CONTENT_LENGTH] = NAME("content-length"),
	[HEADER_CONTENT_TYPE] = NAME("content-type"),
	[HEADER_TRANSFER_ENCODING] = NAME("transfer-encoding"),
	[HEADER_KEEP_ALIVE] = NAME("keep-alive"),
	[HEADER_PROXY_CONNECTION] = NAME("proxy-connection"),
	[HEADER_TE] = NAME("te"),
	[HEADER_TRAILER] = NAME("trailer"),
	[HEADER_UPGRADE] = NAME("upgrade"),
	[HEADER_HTTP2_SETTINGS] = NAME("http2-settings"),
	[HEADER_EXPECT] = NAME("expect"),
	[HEADER_DATE] = NAME("date"),
	[HEADER_SERVER] = NAME("server"),
	[HEADER_VIA] = NAME("via"),
	[HEADER_USER_AGENT] = NAME("user-agent"),
	[HEADER_ACCEPT] = NAME("accept"),
	[HEADER_ACCEPT_ENCODING] = NAME("accept-encoding"),
	[HEADER_COOKIE] = NAME("cookie"),
	[HEADER_REFERER] = NAME("referer"),
	[HEADER_LOCATION] = NAME("location"),
	[HEADER_X_REQUEST_ID] = NAME("x-request-id"),
	[HEADER_X_FORWARDED_FOR] = NAME("x-forwarded-for"),
	[HEADER_X_FORWARDED_PROTO] = NAME("x-forwarded-proto"),
	[HEADER_X_FORWARDED_HOST] = NAME("x-forwarded-host"),
	[HEADER_X_FORWARDED_PORT] = NAME("x-forwarded-port"),
	[HEADER_X_FORWARDED_CLIENT_CERT] = NAME("x-forwarded-client-cert"),
	[HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS] = NAME("x-envoy-expected-rq-timeout-ms"),
	[HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME] = NAME("x-envoy-upstream-service-time"),
	[HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS] = NAME("x-envoy-upstream-rq-timeout-ms"),
	[HEADER_X_ENVOY_EXTERNAL_ADDRESS] = NAME("x-envoy-external-address"),
	[HEADER_X_ENVOY_INTERNAL] = NAME("x-envoy-internal"),
	[HEADER_X_ENVOY_ORIGINAL_PATH] = NAME("x-envoy-original-path"),
	[HEADER_X_ENVOY_ATTEMPT_COUNT] = NAME("x-envoy-attempt-count"),
	[HEADER_X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL] = NAME("x-envoy-immediate-health-check-fail"),
	[HEADER_X_ENVOY_OVERLOADED] = NAME("x-envoy-overloaded"),
};
_Static_assert(N_HEADER_IDS <= 64, "one bit of maybe_present each");

static enum header_id if_equal(struct slice name, enum header_id id)
{
	return memcmp(name.at, header_names[id].at, name.len) == 0 ? id : HEADER_OTHER;
}

/* Of two or three names of one length, the letter at @at that differs picks the candidate. */
static enum header_id of_length_10(struct slice n)
{
	switch (n.at[0]) {
	case 'c':
		return if_equal(n, HEADER_CONNECTION);
	case 'k':
		return if_equal(n, HEADER_KEEP_ALIVE);
	default:
		return if_equal(n, HEADER_USER_AGENT);
	}
}

static enum header_id of_length_16(struct slice n)
{
	switch (n.at[12]) {
	case 't':
		return if_equal(n, HEADER_PROXY_CONNECTION);
	case 'h':
		return if_equal(n, HEADER_X_FORWARDED_HOST);
	case 'p':
		return if_equal(n, HEADER_X_FORWARDED_PORT);
	default:
		return if_equal(n, HEADER_X_ENVOY_INTERNAL);
	}
}

enum header_id header_id_of(struct slice n)
{
	switch (n.len) {
	case 2:
		return if_equal(n, HEADER_TE);
	case 3:
		return if_equal(n, HEADER_VIA);
	case 4:
		return if_equal(n, n.at[0] == 'h' ? HEADER_HOST : HEADER_DATE);
	case 6:
		switch (n.at[0]) {
		case 'a':
			return if_equal(n, HEADER_ACCEPT);
		case 'c':
			return if_equal(n, HEADER_COOKIE);
		case 'e':
			return if_equal(n, HEADER_EXPECT);
		default:
			return if_equal(n, HEADER_SERVER);
		}
	case 7:
		switch (n.at[0]) {
		case 'u':
			return if_equal(n, HEADER_UPGRADE);
		case 't':
			return if_equal(n, HEADER_TRAILER);
		default:
			return if_equal(n, HEADER_REFERER);
		}
	case 8:
		return if_equal(n, HEADER_LOCATION);
	case 10:
		return of_length_10(n);
	case 12:
		return if_equal(n, n.at[0] == 'c' ? HEADER_CONTENT_TYPE : HEADER_X_REQUEST_ID);
	case 14:
		return if_equal(n, n.at[0] == 'c' ? HEADER_CONTENT_LENGTH : HEADER_HTTP2_SETTINGS);
	case 15:
		return if_equal(n,
				n.at[0] == 'a' ? HEADER_ACCEPT_ENCODING : HEADER_X_FORWARDED_FOR);
	case 16:
		return of_length_16(n);
	case 17:
		return if_equal(n, n.at[0] == 't' ? HEADER_TRANSFER_ENCODING
						  : HEADER_X_FORWARDED_PROTO);
	case 18:
		return if_equal(n, HEADER_X_ENVOY_OVERLOADED);
	case 21:
		return if_equal(n, n.at[8] == 'o' ? HEADER_X_ENVOY_ORIGINAL_PATH
						  : HEADER_X_ENVOY_ATTEMPT_COUNT);
	case 23:
		return if_equal(n, HEADER_X_FORWARDED_CLIENT_CERT);
	case 24:
		return if_equal(n, HEADER_X_ENVOY_EXTERNAL_ADDRESS);
	case 29:
		return if_equal(n, HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME);
	case 30:
		return if_equal(n, n.at[8] == 'e' ? HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS
						  : HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS);
	case 35:
		return if_equal(n, HEADER_X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL);
	default:
		return HEADER_OTHER;
	}
}

int header_map_grow(struct header_map *m)
{
	uint32_t capacity = m->capacity ? m->capacity * 2 : FIRST_CAPACITY;
	struct header *at = arena_alloc_or_null(m->arena, capacity * sizeof(*at));

	if (!at)
		return ERR_NOMEM;
	if (m->n)
		memcpy(at, m->at, m->n * sizeof(*at));
	m->at = at;
	m->capacity = capacity;
	return 0;
}

static struct header known(enum header_id id, struct slice value)
{
	return (struct header){
		.name = header_names[id].at,
		.name_len = (uint16_t)header_names[id].len,
		.value = value.at,
		.value_len = (uint32_t)value.len,
		.id = (uint8_t)id,
	};
}

int header_map_add(struct header_map *m, enum header_id id, struct slice value)
{
	return header_map_append(m, known(id, value));
}

struct header *header_map_get_or_null(const struct header_map *m, enum header_id id)
{
	if (!header_map_maybe_has(m, id))
		return NULL;
	for (uint32_t i = 0; i < m->n; i++)
		if (m->at[i].id == id)
			return &m->at[i];
	return NULL;
}

struct slice header_map_value(const struct header_map *m, enum header_id id)
{
	const struct header *h = header_map_get_or_null(m, id);

	return h ? header_value(h) : slice_of(NULL, 0);
}

int header_map_set(struct header_map *m, enum header_id id, struct slice value)
{
	struct header *first = header_map_get_or_null(m, id);
	uint32_t kept;

	if (!first)
		return header_map_add(m, id, value);
	*first = known(id, value);
	kept = (uint32_t)(first - m->at) + 1;
	while (kept < m->n && m->at[kept].id != id)
		kept++;
	for (uint32_t i = kept; i < m->n; i++)
		if (m->at[i].id != id)
			m->at[kept++] = m->at[i];
	m->n = kept;
	return 0;
}

struct header *header_map_find_or_null(const struct header_map *m, struct slice name)
{
	enum header_id id = header_id_of(name);

	if (id != HEADER_OTHER)
		return header_map_get_or_null(m, id);
	for (uint32_t i = 0; i < m->n; i++)
		if (slice_equal(header_name(&m->at[i]), name))
			return &m->at[i];
	return NULL;
}

unsigned header_map_remove_if(struct header_map *m,
			      bool (*drop)(const struct header *h, void *context), void *context)
{
	uint32_t kept = 0, had = m->n;

	for (uint32_t i = 0; i < had; i++)
		if (!drop(&m->at[i], context))
			m->at[kept++] = m->at[i];
	m->n = kept;
	return had - kept;
}

static bool has_id(const struct header *h, void *id)
{
	return h->id == *(const enum header_id *)id;
}

static bool has_name(const struct header *h, void *name)
{
	return slice_equal(header_name(h), *(const struct slice *)name);
}

unsigned header_map_remove(struct header_map *m, enum header_id id)
{
	if (!header_map_maybe_has(m, id))
		return 0;
	m->maybe_present &= ~(1ull << id);
	return header_map_remove_if(m, has_id, &id);
}

void header_map_remove_set(struct header_map *m, uint64_t set)
{
	uint32_t kept = 0;

	if (!(m->maybe_present & set))
		return;
	m->maybe_present &= ~set;
	while (kept < m->n && !(set >> m->at[kept].id & 1))
		kept++;
	for (uint32_t i = kept; i < m->n; i++)
		if (!(set >> m->at[i].id & 1))
			m->at[kept++] = m->at[i];
	m->n = kept;
}

unsigned header_map_remove_name(struct header_map *m, struct slice name)
{
	enum header_id id = header_id_of(name);

	if (id != HEADER_OTHER)
		return header_map_remove(m, id);
	return header_map_remove_if(m, has_name, &name);
}
