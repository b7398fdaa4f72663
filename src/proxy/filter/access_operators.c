/* access_operators.c - what each %OPERATOR% prints. Names and meanings are Envoy's. */
#include <time.h>
#include <unistd.h>

#include "proxy/filter/access_format.h"

static bool put_slice(struct log_out *out, struct slice s)
{
	log_put(out, s.at, s.len);
	return s.len > 0;
}

static bool put_text(struct log_out *out, const char *text)
{
	log_put_text(out, text);
	return text[0] != '\0';
}

static bool put_span_ms(struct log_out *out, uint64_t from_ns, uint64_t to_ns)
{
	if (!from_ns || to_ns < from_ns)
		return false;
	log_put_number(out, (to_ns - from_ns) / NS_PER_MS);
	return true;
}

static bool put_address(struct log_out *out, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	if (!a || a->family == ADDRESS_NONE)
		return false;
	log_put(out, text, address_print(a, text));
	return true;
}

static bool put_ip(struct log_out *out, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	if (!a || a->family == ADDRESS_NONE)
		return false;
	log_put(out, text, address_print_ip(a, text));
	return true;
}

static bool start_time(struct log_out *out, const struct format_piece *p,
		       const struct http_stream *s)
{
	uint64_t ns = s->info.start_wall_ns;
	time_t seconds = (time_t)(ns / NS_PER_S);
	char text[128];
	struct tm utc;
	size_t n;

	gmtime_r(&seconds, &utc);
	if (p->time_format) {
		n = strftime(text, sizeof(text), p->time_format, &utc);
	} else {
		unsigned ms = (unsigned)(ns / NS_PER_MS % 1000);

		n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &utc);
		text[n - 4] = (char)('0' + ms / 100);
		text[n - 3] = (char)('0' + ms / 10 % 10);
		text[n - 2] = (char)('0' + ms % 10);
	}
	log_put(out, text, n);
	return n > 0;
}

static struct slice field_of(const struct http_head *h, const struct header_map *m,
			     struct slice name)
{
	const struct header *f;

	if (h && name.len && name.at[0] == ':') {
		if (slice_is(name, ":method"))
			return h->method;
		if (slice_is(name, ":path"))
			return h->path;
		if (slice_is(name, ":authority"))
			return h->authority;
		if (slice_is(name, ":scheme"))
			return h->scheme.len ? h->scheme
					     : header_map_value(m, HEADER_X_FORWARDED_PROTO);
	}
	f = header_map_find_or_null(m, name);
	return f ? header_value(f) : slice_of(NULL, 0);
}

static bool put_field(struct log_out *out, const struct format_piece *p, const struct http_head *h,
		      const struct header_map *m)
{
	struct slice value = field_of(h, m, p->name);

	if (!value.len && p->other.len)
		value = field_of(h, m, p->other);
	return put_slice(out, value);
}

static bool req(struct log_out *out, const struct format_piece *p, const struct http_stream *s)
{
	return put_field(out, p, &s->request, &s->request.headers);
}

static bool resp(struct log_out *out, const struct format_piece *p, const struct http_stream *s)
{
	if (slice_is(p->name, ":status") && s->info.status) {
		log_put_number(out, s->info.status);
		return true;
	}
	return put_field(out, p, NULL, &s->response.headers);
}

static bool trailer(struct log_out *out, const struct format_piece *p, const struct http_stream *s)
{
	return put_field(out, p, NULL, &s->response_trailers);
}

static bool protocol(struct log_out *out, const struct format_piece *p unused_arg,
		     const struct http_stream *s)
{
	if (!s->request.method.len)
		return false;
	return put_text(out, s->request.version_minor ? "HTTP/1.1" : "HTTP/1.0");
}

static bool response_code(struct log_out *out, const struct format_piece *p unused_arg,
			  const struct http_stream *s)
{
	log_put_number(out, s->info.status);
	return true;
}

static bool response_code_details(struct log_out *out, const struct format_piece *p unused_arg,
				  const struct http_stream *s)
{
	return put_text(out, s->info.details);
}

static const char *const flag_texts[] = {
	[FLAG_NO_HEALTHY_UPSTREAM] = "UH",	[FLAG_UPSTREAM_CONNECTION_FAILURE] = "UF",
	[FLAG_UPSTREAM_OVERFLOW] = "UO",	[FLAG_NO_ROUTE] = "NR",
	[FLAG_UPSTREAM_RETRY_LIMIT] = "URX",	[FLAG_NO_CLUSTER] = "NC",
	[FLAG_DURATION_TIMEOUT] = "DT",		[FLAG_DOWNSTREAM_CONNECTION_TERMINATION] = "DC",
	[FLAG_UPSTREAM_TIMEOUT] = "UT",		[FLAG_LOCAL_RESET] = "LR",
	[FLAG_UPSTREAM_REMOTE_RESET] = "UR",	[FLAG_UPSTREAM_CONNECTION_TERMINATION] = "UC",
	[FLAG_STREAM_IDLE_TIMEOUT] = "SI",	[FLAG_DOWNSTREAM_PROTOCOL_ERROR] = "DPE",
	[FLAG_UPSTREAM_PROTOCOL_ERROR] = "UPE", [FLAG_OVERLOAD] = "OM",
};
_Static_assert(count_of(flag_texts) == N_RESPONSE_FLAGS, "every flag has its letters");

static bool response_flags(struct log_out *out, const struct format_piece *p unused_arg,
			   const struct http_stream *s)
{
	bool any = false;

	for (unsigned i = 0; i < N_RESPONSE_FLAGS; i++) {
		if (!(s->info.flags >> i & 1))
			continue;
		log_put(out, ",", any);
		log_put_text(out, flag_texts[i]);
		any = true;
	}
	return any;
}

static bool bytes_received(struct log_out *out, const struct format_piece *p unused_arg,
			   const struct http_stream *s)
{
	log_put_number(out, s->info.bytes_received);
	return true;
}

static bool bytes_sent(struct log_out *out, const struct format_piece *p unused_arg,
		       const struct http_stream *s)
{
	log_put_number(out, s->info.bytes_sent);
	return true;
}

static bool duration(struct log_out *out, const struct format_piece *p unused_arg,
		     const struct http_stream *s)
{
	return put_span_ms(out, s->info.start_ns, s->info.end_ns);
}

static bool request_duration(struct log_out *out, const struct format_piece *p unused_arg,
			     const struct http_stream *s)
{
	return put_span_ms(out, s->info.start_ns, s->info.request_end_ns);
}

static bool response_duration(struct log_out *out, const struct format_piece *p unused_arg,
			      const struct http_stream *s)
{
	return put_span_ms(out, s->info.start_ns, s->info.upstream_first_rx_ns);
}

static bool response_tx_duration(struct log_out *out, const struct format_piece *p unused_arg,
				 const struct http_stream *s)
{
	return put_span_ms(out, s->info.upstream_first_rx_ns, s->info.end_ns);
}

static bool upstream_host(struct log_out *out, const struct format_piece *p unused_arg,
			  const struct http_stream *s)
{
	return put_address(out, &s->info.upstream_host);
}

static bool upstream_local(struct log_out *out, const struct format_piece *p unused_arg,
			   const struct http_stream *s)
{
	return put_address(out, &s->info.upstream_local);
}

static bool upstream_cluster(struct log_out *out, const struct format_piece *p unused_arg,
			     const struct http_stream *s)
{
	return s->info.cluster && put_text(out, s->info.cluster);
}

static bool upstream_attempts(struct log_out *out, const struct format_piece *p unused_arg,
			      const struct http_stream *s)
{
	log_put_number(out, s->info.n_attempts);
	return true;
}

static bool transport_failure(struct log_out *out, const struct format_piece *p unused_arg,
			      const struct http_stream *s)
{
	return put_text(out, s->info.transport_failure);
}

static bool client(struct log_out *out, const struct format_piece *p unused_arg,
		   const struct http_stream *s)
{
	return put_address(out, s->client);
}

static bool client_ip(struct log_out *out, const struct format_piece *p unused_arg,
		      const struct http_stream *s)
{
	return put_ip(out, s->client);
}

static bool peer(struct log_out *out, const struct format_piece *p unused_arg,
		 const struct http_stream *s)
{
	return put_address(out, s->peer);
}

static bool peer_ip(struct log_out *out, const struct format_piece *p unused_arg,
		    const struct http_stream *s)
{
	return put_ip(out, s->peer);
}

static bool local(struct log_out *out, const struct format_piece *p unused_arg,
		  const struct http_stream *s)
{
	return put_address(out, s->local);
}

static bool local_ip(struct log_out *out, const struct format_piece *p unused_arg,
		     const struct http_stream *s)
{
	return put_ip(out, s->local);
}

static bool local_port(struct log_out *out, const struct format_piece *p unused_arg,
		       const struct http_stream *s)
{
	if (!s->local || s->local->family == ADDRESS_NONE)
		return false;
	log_put_number(out, s->local->port);
	return true;
}

static bool route_name(struct log_out *out, const struct format_piece *p unused_arg,
		       const struct http_stream *s)
{
	return s->route && put_text(out, s->route->name);
}

static bool virtual_host_name(struct log_out *out, const struct format_piece *p unused_arg,
			      const struct http_stream *s)
{
	return s->host && put_text(out, s->host->name);
}

static bool connection_number(struct log_out *out, const struct format_piece *p unused_arg,
			      const struct http_stream *s)
{
	log_put_number(out, s->connection_id);
	return true;
}

static bool host_name(struct log_out *out, const struct format_piece *p unused_arg,
		      const struct http_stream *s unused_arg)
{
	char name[256];

	if (gethostname(name, sizeof(name)))
		return false;
	name[sizeof(name) - 1] = '\0';
	return put_text(out, name);
}

static const struct access_operator operators[] = {
	{ "START_TIME", start_time, ARGUMENT_TIME },
	{ "REQ", req, ARGUMENT_HEADERS },
	{ "RESP", resp, ARGUMENT_HEADERS },
	{ "TRAILER", trailer, ARGUMENT_HEADERS },
	{ "PROTOCOL", protocol, ARGUMENT_NONE },
	{ "RESPONSE_CODE", response_code, ARGUMENT_NONE },
	{ "RESPONSE_CODE_DETAILS", response_code_details, ARGUMENT_NONE },
	{ "RESPONSE_FLAGS", response_flags, ARGUMENT_NONE },
	{ "BYTES_RECEIVED", bytes_received, ARGUMENT_NONE },
	{ "BYTES_SENT", bytes_sent, ARGUMENT_NONE },
	{ "DURATION", duration, ARGUMENT_NONE },
	{ "REQUEST_DURATION", request_duration, ARGUMENT_NONE },
	{ "RESPONSE_DURATION", response_duration, ARGUMENT_NONE },
	{ "RESPONSE_TX_DURATION", response_tx_duration, ARGUMENT_NONE },
	{ "UPSTREAM_HOST", upstream_host, ARGUMENT_NONE },
	{ "UPSTREAM_REMOTE_ADDRESS", upstream_host, ARGUMENT_NONE },
	{ "UPSTREAM_LOCAL_ADDRESS", upstream_local, ARGUMENT_NONE },
	{ "UPSTREAM_CLUSTER", upstream_cluster, ARGUMENT_NONE },
	{ "UPSTREAM_REQUEST_ATTEMPT_COUNT", upstream_attempts, ARGUMENT_NONE },
	{ "UPSTREAM_TRANSPORT_FAILURE_REASON", transport_failure, ARGUMENT_NONE },
	{ "DOWNSTREAM_REMOTE_ADDRESS", client, ARGUMENT_NONE },
	{ "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", client_ip, ARGUMENT_NONE },
	{ "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", peer, ARGUMENT_NONE },
	{ "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", peer_ip, ARGUMENT_NONE },
	{ "DOWNSTREAM_LOCAL_ADDRESS", local, ARGUMENT_NONE },
	{ "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", local_ip, ARGUMENT_NONE },
	{ "DOWNSTREAM_LOCAL_PORT", local_port, ARGUMENT_NONE },
	{ "ROUTE_NAME", route_name, ARGUMENT_NONE },
	{ "VIRTUAL_HOST_NAME", virtual_host_name, ARGUMENT_NONE },
	{ "CONNECTION_ID", connection_number, ARGUMENT_NONE },
	{ "HOSTNAME", host_name, ARGUMENT_NONE },
};

const struct access_operator *access_operator_find_or_null(struct slice name)
{
	for (unsigned i = 0; i < count_of(operators); i++)
		if (slice_is(name, operators[i].name))
			return &operators[i];
	return NULL;
}
