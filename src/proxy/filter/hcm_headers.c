/*
 * hcm_headers.c - what a proxy adds to heads, and what it does not believe of strangers.
 *
 * With use_remote_address the peer is the client: its x-envoy-* fields are dropped, its address is
 * appended to x-forwarded-for, and a request from outside gets a new x-request-id. Without, the
 * connection comes from a trusted proxy in front, whose x-forwarded-for is believed.
 */
#include "proxy/filter/hcm_internal.h"
#include "proxy/http/chars.h"

static struct slice text_copy(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_text_or_null(a, slice_of(text, len));

	return copy ? slice_of(copy, len) : slice_of(NULL, 0);
}

static bool is_envoy_field(const struct header *f, void *context unused_arg)
{
	return f->name_len > 8 && memcmp(f->name, "x-envoy-", 8) == 0;
}

/*
 * The address that is @from_last entries before the last of x-forwarded-for; false if there are
 * not so many or it is no address. @only: the list has a single entry.
 */
static bool forwarded_address(const struct header_map *m, uint32_t from_last, struct address *out,
			      bool *only)
{
	struct slice list = header_map_value(m, HEADER_X_FORWARDED_FOR), rest = list, item;
	char text[64];
	uint32_t n = 0;

	while (chars_next_item(&rest, &item))
		n++;
	*only = n == 1;
	if (n <= from_last)
		return false;
	for (uint32_t i = 0; i < n - from_last; i++)
		if (!chars_next_item(&list, &item))
			return false;
	if (item.len >= sizeof(text))
		return false;
	memcpy(text, item.at, item.len);
	text[item.len] = '\0';
	return address_parse_ip(out, text, 0) == 0;
}

static int append_forwarded_for(struct hcm_stream *s)
{
	struct http_head *h = &s->base.request;
	struct slice before = header_map_value(&h->headers, HEADER_X_FORWARDED_FOR), value;
	char ip[ADDRESS_TEXT_MAX];
	size_t n = address_print_ip(connection_peer(s->base.connection), ip);

	if (before.len == 0) {
		value = text_copy(&s->arena, ip, n);
	} else {
		char *text = arena_format_or_null(&s->arena, "%.*s,%s", (int)before.len,
						  (const char *)before.at, ip);

		value = text ? slice_of_text(text) : slice_of(NULL, 0);
	}
	if (!value.at)
		return ERR_NOMEM;
	return header_map_set(&h->headers, HEADER_X_FORWARDED_FOR, value);
}

/* Who sent the request, as far as it can be believed. True: only one address vouches for it. */
static bool find_client(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	struct header_map *m = &s->base.request.headers;
	uint32_t hops = config->xff_num_trusted_hops;
	struct address *client = &s->c->client;
	bool only = false;

	if (config->use_remote_address) {
		if (hops && forwarded_address(m, hops - 1, client, &only))
			s->base.client = client;
		return !header_map_maybe_has(m, HEADER_X_FORWARDED_FOR);
	}
	if (header_map_maybe_has(m, HEADER_X_FORWARDED_FOR) &&
	    forwarded_address(m, hops, client, &only))
		s->base.client = client;
	return only;
}

static int set_proto(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	struct header_map *m = &s->base.request.headers;
	bool trust = !config->use_remote_address || config->xff_num_trusted_hops;

	if (trust && header_map_get_or_null(m, HEADER_X_FORWARDED_PROTO))
		return 0;
	return header_map_set(m, HEADER_X_FORWARDED_PROTO, slice_of_text("http"));
}

static int set_request_id(struct hcm_stream *s, bool from_outside)
{
	const struct hcm_config *config = s->factory->config;
	struct header_map *m = &s->base.request.headers;
	uint8_t *id;

	if (!config->generate_request_id)
		return 0;
	if (header_map_get_or_null(m, HEADER_X_REQUEST_ID) &&
	    (!from_outside || config->preserve_external_request_id))
		return 0;
	id = arena_alloc_or_null(&s->arena, REQUEST_ID_LEN);
	if (!id)
		return ERR_NOMEM;
	http_worker_request_id(s->worker, id);
	return header_map_set(m, HEADER_X_REQUEST_ID, slice_of(id, REQUEST_ID_LEN));
}

static int append_via(struct hcm_stream *s, struct header_map *m)
{
	struct slice before = header_map_value(m, HEADER_VIA);
	const char *via = s->factory->config->via;
	char *text;

	if (!via)
		return 0;
	if (before.len == 0)
		return header_map_set(m, HEADER_VIA, slice_of_text(via));
	text = arena_format_or_null(&s->arena, "%.*s, %s", (int)before.len, (const char *)before.at,
				    via);
	return text ? header_map_set(m, HEADER_VIA, slice_of_text(text)) : ERR_NOMEM;
}

/* strip_any_host_port, strip_matching_host_port: the authority without ":port". */
static void strip_port(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	struct slice *a = &s->base.request.authority;
	size_t n = a->len;
	unsigned port = 0, unit = 1;

	if (likely(!config->strip_any_host_port && !config->strip_matching_host_port))
		return;
	while (n && a->len - n < 5 && a->at[n - 1] >= '0' && a->at[n - 1] <= '9') {
		port += (unsigned)(a->at[n - 1] - '0') * unit;
		unit *= 10;
		n--;
	}
	if (n == 0 || n == a->len || a->at[n - 1] != ':')
		return;
	if (config->strip_any_host_port || port == connection_local(s->base.connection)->port)
		a->len = n - 1;
}

static int mark_origin(struct hcm_stream *s, bool internal, bool from_outside)
{
	struct header_map *m = &s->base.request.headers;
	char ip[ADDRESS_TEXT_MAX];
	struct slice text;

	if (internal)
		return header_map_set(m, HEADER_X_ENVOY_INTERNAL, slice_of_text("true"));
	header_map_remove(m, HEADER_X_ENVOY_INTERNAL);
	if (!from_outside)
		return 0;
	header_map_remove_if(m, is_envoy_field, NULL);
	text = text_copy(&s->arena, ip, address_print_ip(s->base.client, ip));
	return text.at ? header_map_set(m, HEADER_X_ENVOY_EXTERNAL_ADDRESS, text) : ERR_NOMEM;
}

int headers_of_request(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	struct header_map *m = &s->base.request.headers;
	bool single = find_client(s);
	bool internal = single && address_is_internal(s->base.client);
	bool from_outside = config->use_remote_address && !internal;
	int err = 0;

	strip_port(s);
	if (config->use_remote_address && !config->skip_xff_append)
		err = append_forwarded_for(s);
	if (!err)
		err = set_proto(s);
	if (!err)
		err = mark_origin(s, internal, from_outside);
	if (!err)
		err = set_request_id(s, from_outside);
	if (!err)
		err = append_via(s, m);
	/* Nobody in front of us speaks for a certificate (SANITIZE, Envoy's default). */
	header_map_remove(m, HEADER_X_FORWARDED_CLIENT_CERT);
	return err;
}

int headers_of_response(struct hcm_stream *s)
{
	const struct hcm_config *config = s->factory->config;
	struct header_map *m = &s->base.response.headers;
	int err = 0;

	if (config->server_header_transformation == SERVER_OVERWRITE ||
	    (config->server_header_transformation == SERVER_APPEND_IF_ABSENT &&
	     !header_map_get_or_null(m, HEADER_SERVER)))
		err = header_map_set(m, HEADER_SERVER, s->factory->server_name);
	if (!err && !header_map_get_or_null(m, HEADER_DATE))
		err = header_map_add(m, HEADER_DATE, http_worker_date(s->worker));
	if (!err && config->always_set_request_id_in_response) {
		struct slice id = header_map_value(&s->base.request.headers, HEADER_X_REQUEST_ID);

		if (id.len)
			err = header_map_set(m, HEADER_X_REQUEST_ID, id);
	}
	return err ? err : append_via(s, m);
}
