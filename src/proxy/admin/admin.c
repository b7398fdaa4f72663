/*
 * admin.c - the admin listener and its connections: the HTTP/1.1 codec, one request at a time,
 * each answered at once on the main thread.
 */
#include "proxy/admin/admin.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "proxy/admin/page.h"
#include "proxy/http/http1.h"

enum {
	MAX_HEAD_BYTES = 60 * 1024,
	MAX_HEADERS = 100,
	BUFFER_LIMIT_BYTES = 1 << 20,
	MAX_CONNECTIONS = 1000,
	ARENA_CHUNK_BYTES = 4096,
	ARENA_LIMIT_BYTES = 1 << 20,
};

struct admin {
	struct network_filter_factory factory;
	const struct network_filter_factory *factories[1];
	struct filter_chain chain;
	struct listener_spec spec;
	struct listener *listener;
	struct server *server;
	struct admin_log **logs;
	unsigned n_logs;
};

struct admin_connection {
	struct network_filter filter;
	struct connection_observer observer;
	struct admin *admin;
	struct http1 http1;
	struct arena arena; /* of the request under way */
	struct http_head head;
	struct header_map trailers;
	size_t body_bytes;
	bool paused; /* the peer does not read its answers */
	bool closing;
};

static const struct http1_settings settings = { .max_head_bytes = MAX_HEAD_BYTES,
						.max_headers = MAX_HEADERS,
						.allow_absolute_url = true };

static void add_field(struct http_head *h, const char *name, const char *value)
{
	struct header f = { .name = (const uint8_t *)name,
			    .name_len = (uint16_t)strlen(name),
			    .value = (const uint8_t *)value,
			    .value_len = (uint32_t)strlen(value),
			    .id = (uint8_t)header_id_of(slice_of_text(name)) };

	invariant(header_map_append(&h->headers, f) == 0); /* a few fields in a fresh arena */
}

static const char *date_text(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &utc); /* RFC 9110 §5.6.7 */
	return out;
}

static void write_answer(struct admin_connection *c, unsigned status, const char *content_type,
			 const char *body, size_t len)
{
	struct connection *conn = c->filter.connection;
	struct codec *codec = &c->http1.codec;
	struct http_head head;
	struct buffer out;
	struct arena arena;
	char length[24], date[40];
	size_t n;

	arena_init(&arena, ARENA_CHUNK_BYTES, ARENA_LIMIT_BYTES);
	buffer_init(&out, dispatcher_memory(connection_dispatcher(conn)));
	http_head_init(&head, &arena);
	head.status = (uint16_t)status;
	snprintf(length, sizeof(length), "%zu", len);
	add_field(&head, "content-type", content_type);
	add_field(&head, "cache-control", "no-cache, max-age=0");
	add_field(&head, "x-content-type-options", "nosniff");
	add_field(&head, "content-length", length);
	add_field(&head, "date", date_text(date, sizeof(date)));
	add_field(&head, "server", "envoy");
	codec->announce_close = c->closing;
	n = codec->ops->head_bound(codec, &head);
	n = codec->ops->write_head(codec, 0, &head, false, buffer_reserve(&out, n));
	buffer_commit(&out, n);
	if (c->head.method_id != METHOD_HEAD)
		buffer_append(&out, body, len);
	connection_write(conn, &out, false);
	buffer_deinit(&out);
	arena_deinit(&arena);
}

static void log_request(const struct admin_connection *c, unsigned status, size_t len)
{
	const struct admin_log_entry e = {
		.method = c->head.method,
		.path = c->head.path,
		.authority = c->head.authority,
		.user_agent = header_map_value(&c->head.headers, HEADER_USER_AGENT),
		.status = status,
		.bytes_received = c->body_bytes,
		.bytes_sent = len,
		.peer = connection_peer(c->filter.connection),
	};

	for (unsigned i = 0; i < c->admin->n_logs; i++)
		admin_log_write(c->admin->logs[i], &e);
}

static void take_path(struct admin_request *r, const struct http_head *head)
{
	size_t len = head->path.len;
	char *query;

	if (len >= sizeof(r->path))
		len = sizeof(r->path) - 1;
	memcpy(r->path, head->path.at, len);
	r->path[len] = '\0';
	query = strchr(r->path, '?');
	r->query = "";
	if (query) {
		*query = '\0';
		r->query = query + 1;
	}
}

static bool method_known(const struct http_head *h)
{
	return h->method_id == METHOD_GET || h->method_id == METHOD_HEAD ||
	       h->method_id == METHOD_POST;
}

static void answer(struct admin_connection *c)
{
	struct admin_request r = { .server = c->admin->server,
				   .is_post = c->head.method_id == METHOD_POST };
	struct admin_answer a = { .status = 200, .content_type = "text/plain; charset=UTF-8" };
	char *body = NULL;
	size_t len = 0;

	a.body = open_memstream(&body, &len);
	invariant(a.body);
	take_path(&r, &c->head);
	if (method_known(&c->head)) {
		admin_show(&r, &a);
	} else {
		a.status = 405;
		fputs("GET, HEAD or POST\n", a.body);
	}
	fclose(a.body);
	c->closing |= c->http1.codec.peer_closes || a.end_process;
	write_answer(c, a.status, a.content_type, body, len);
	log_request(c, a.status, len);
	free(body);
	if (c->closing)
		connection_close(c->filter.connection, CONNECTION_FLUSH);
	if (a.end_process)
		server_drain_and_end(c->admin->server);
}

/* Framing is lost: say so and close. */
static void refuse(struct admin_connection *c, const struct codec_event *ev)
{
	log_debug("admin.request", "details=%s", ev->details);
	c->closing = true;
	write_answer(c, ev->status, "text/plain", ev->reason, strlen(ev->reason));
	connection_close(c->filter.connection, CONNECTION_FLUSH_AND_WAIT);
}

static void begin(struct admin_connection *c)
{
	arena_reset(&c->arena);
	http_head_init(&c->head, &c->arena);
	header_map_init(&c->trailers, &c->arena);
	c->body_bytes = 0;
	c->http1.codec.ops->begin(&c->http1.codec, 0, &c->head, &c->trailers);
}

/* One event; false when there is nothing more to do with what has come. */
static bool step(struct admin_connection *c, struct buffer *b)
{
	struct codec_event ev;
	size_t used = codec_read(&c->http1.codec, buffer_front(b), &ev);

	buffer_drain(b, used);
	switch (ev.kind) {
	case CODEC_BEGIN:
		begin(c);
		return true;
	case CODEC_DATA:
		c->body_bytes += ev.data_len;
		if (ev.end_stream)
			answer(c);
		return !c->closing;
	case CODEC_HEAD:
		if (ev.end_stream)
			answer(c);
		return !c->closing;
	case CODEC_TRAILERS:
	case CODEC_END:
		answer(c);
		return !c->closing;
	case CODEC_ERROR:
		refuse(c, &ev);
		return false;
	default:
		return buffer_len(b) > 0 && used > 0;
	}
}

static enum network_filter_status on_data(struct network_filter *f, struct buffer *b,
					  bool end_stream unused_arg)
{
	struct admin_connection *c = container_of(f, struct admin_connection, filter);

	while (!c->closing && !c->paused && step(c, b)) {
	}
	if (c->closing)
		buffer_drain_all(b);
	return NETWORK_FILTER_STOP;
}

static void above_mark(struct connection_observer *o, struct connection *conn)
{
	struct admin_connection *c = container_of(o, struct admin_connection, observer);

	if (!c->paused)
		connection_read_disable(conn, true);
	c->paused = true;
}

static void below_mark(struct connection_observer *o, struct connection *conn)
{
	struct admin_connection *c = container_of(o, struct admin_connection, observer);

	if (c->paused)
		connection_read_disable(conn, false);
	c->paused = false;
}

static const struct connection_observer_ops observer_ops = {
	.above_write_mark = above_mark,
	.below_write_mark = below_mark,
};

static enum network_filter_status on_new_connection(struct network_filter *f)
{
	struct admin_connection *c = container_of(f, struct admin_connection, filter);

	connection_add_observer(f->connection, &c->observer, &observer_ops);
	return NETWORK_FILTER_CONTINUE;
}

static void free_connection(struct network_filter *f)
{
	struct admin_connection *c = container_of(f, struct admin_connection, filter);

	arena_deinit(&c->arena);
	free(c);
}

static const struct network_filter_ops filter_ops = {
	.name = "admin",
	.on_new_connection = on_new_connection,
	.on_data = on_data,
	.free = free_connection,
};

static struct network_filter *new_filter_or_null(const struct network_filter_factory *f,
						 struct connection *conn unused_arg)
{
	struct admin *a = (struct admin *)container_of(f, const struct admin, factory);
	struct admin_connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->filter.ops = &filter_ops;
	c->admin = a;
	arena_init(&c->arena, ARENA_CHUNK_BYTES, ARENA_LIMIT_BYTES);
	http1_init(&c->http1, HTTP1_SERVER, &settings);
	return &c->filter;
}

static const struct network_filter_factory_ops factory_ops = {
	.name = "admin",
	.terminal = true,
	.new_filter_or_null = new_filter_or_null,
};

static int open_logs(struct admin *a, const struct admin_config *c)
{
	a->logs = calloc(c->n_access_logs + 1, sizeof(*a->logs));
	if (!a->logs)
		return ERR_NOMEM;
	while (a->n_logs < c->n_access_logs) {
		a->logs[a->n_logs] =
			admin_log_open_or_null(&c->access_logs[a->n_logs], &a->server->error);
		if (!a->logs[a->n_logs])
			return ERR_IO;
		a->n_logs++;
	}
	return 0;
}

static int write_address(struct admin *a, const char *path)
{
	char text[ADDRESS_TEXT_MAX];
	FILE *f;
	bool written;

	if (!path)
		return 0;
	address_print(listener_local(a->listener), text);
	f = fopen(path, "we");
	written = f && fputs(text, f) >= 0;
	if (f && fclose(f))
		written = false;
	if (written)
		return 0;
	config_fail_file(&a->server->error, path, 1, 1, "cannot write the admin address");
	return ERR_IO;
}

static int start_listening(struct admin *a, const struct address_config *where)
{
	struct server *s = a->server;
	int err = server_check_interface(s, where);

	if (err)
		return err;
	a->factory.ops = &factory_ops;
	a->factories[0] = &a->factory;
	a->chain = (struct filter_chain){ .name = "admin",
					  .transport = &transport_plain,
					  .filters = a->factories,
					  .n_filters = 1 };
	a->spec = (struct listener_spec){ .name = "admin",
					  .interface = socket_registry_find_or_null(
						  &s->sockets, server_interface_name(s, where)),
					  .unix_mode = where->pipe.mode,
					  .buffer_limit_bytes = BUFFER_LIMIT_BYTES,
					  .max_connections = MAX_CONNECTIONS,
					  .bind_to_port = true,
					  .v6_only = !where->socket.ipv4_compat,
					  .chain = &a->chain };
	err = address_config_resolve(where, &a->spec.address);
	if (!err)
		err = listener_open(s->dispatcher, &a->spec, NULL, NULL, NULL, &a->listener);
	return err ? server_cannot_listen(s, &s->error, where, err) : 0;
}

int admin_open(struct server *s, struct admin **out)
{
	const struct admin_config *c = &s->bootstrap->admin;
	struct admin *a;
	int err;

	*out = NULL;
	if (!c->enabled)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	a->server = s;
	*out = a;
	err = open_logs(a, c);
	if (!err)
		err = start_listening(a, &c->address);
	if (!err)
		err = write_address(a, s->options->admin_address_path);
	return err;
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	if (a->listener)
		listener_free(a->listener);
	dispatcher_run_once(a->server->dispatcher); /* connections go at the end of a turn */
	for (unsigned i = 0; i < a->n_logs; i++)
		admin_log_close(a->logs[i]);
	free(a->logs);
	free(a);
}

void admin_reopen_logs(struct admin *a)
{
	for (unsigned i = 0; i < a->n_logs; i++)
		admin_log_reopen(a->logs[i]);
}
