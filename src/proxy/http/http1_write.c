/* http1_write.c - the writing side of HTTP/1.1: heads in one pass into one block, chunk framing. */
#include "proxy/http/chars.h"
#include "proxy/http/http1_internal.h"

/* Start line without its texts, framing and connection fields, the empty line. */
enum { FIXED_ROOM = 160 };

static inline uint8_t *put(uint8_t *out, const void *from, size_t n)
{
	memcpy(out, from, n);
	return out + n;
}

static inline uint8_t *put_string(uint8_t *out, const char *text)
{
	return put(out, text, strlen(text));
}

static inline uint8_t *put_slice(uint8_t *out, struct slice s)
{
	return s.len ? put(out, s.at, s.len) : out;
}

static size_t fields_bound(const struct header_map *m)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->n; i++)
		n += m->at[i].name_len + m->at[i].value_len + 4u;
	return n;
}

size_t http1_head_bound(const struct codec *c unused_arg, const struct http_head *h)
{
	return FIXED_ROOM + h->method.len + h->path.len + h->authority.len +
	       fields_bound(&h->headers);
}

static uint8_t *put_proper_case(uint8_t *out, struct slice name)
{
	bool first = true;

	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.at[i];

		*out++ = first && c >= 'a' && c <= 'z' ? (uint8_t)(c - 0x20) : c;
		first = c == '-';
	}
	return out;
}

/* Fields that lie one after the other in wire form are copied together. */
static uint8_t *put_fields(uint8_t *out, const struct header_map *m)
{
	const uint8_t *run = NULL, *run_end = NULL;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct header *f = &m->at[i];

		if (f->wire && f->name == run_end) {
			run_end = f->value + f->value_len + 2;
			continue;
		}
		if (run)
			out = put(out, run, (size_t)(run_end - run));
		run = run_end = NULL;
		if (f->wire) {
			run = f->name;
			run_end = f->value + f->value_len + 2;
			continue;
		}
		out = put(out, f->name, f->name_len);
		out = put(out, ": ", 2);
		out = put_slice(out, header_value(f));
		out = put(out, "\r\n", 2);
	}
	return run ? put(out, run, (size_t)(run_end - run)) : out;
}

static uint8_t *put_fields_proper_case(uint8_t *out, const struct header_map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		out = put_proper_case(out, header_name(&m->at[i]));
		out = put(out, ": ", 2);
		out = put_slice(out, header_value(&m->at[i]));
		out = put(out, "\r\n", 2);
	}
	return out;
}

static uint8_t *put_name(const struct http1 *h, uint8_t *out, enum header_id id)
{
	out = h->settings->proper_case_words ? put_proper_case(out, header_names[id])
					     : put_slice(out, header_names[id]);
	return put(out, ": ", 2);
}

static uint8_t *put_field(const struct http1 *h, uint8_t *out, enum header_id id, const char *value)
{
	out = put_name(h, out, id);
	out = put_string(out, value);
	return put(out, "\r\n", 2);
}

static uint8_t *put_status_line(uint8_t *out, unsigned status)
{
	if (likely(status == 200))
		return put(out, "HTTP/1.1 200 OK\r\n", 17);
	out = put(out, "HTTP/1.1 ", 9);
	*out++ = (uint8_t)('0' + status / 100 % 10);
	*out++ = (uint8_t)('0' + status / 10 % 10);
	*out++ = (uint8_t)('0' + status % 10);
	*out++ = ' ';
	out = put_string(out, status_text(status));
	return put(out, "\r\n", 2);
}

static uint8_t *put_request_line(const struct http1 *h, uint8_t *out, const struct http_head *head)
{
	out = put_slice(out, head->method);
	*out++ = ' ';
	out = put_slice(out, head->method_id == METHOD_CONNECT ? head->authority : head->path);
	out = put(out, " HTTP/1.1\r\n", 11);
	out = put_name(h, out, HEADER_HOST);
	out = put_slice(out, head->authority);
	return put(out, "\r\n", 2);
}

/* Methods whose requests mean the same with and without an explicit empty body. RFC 9110 §8.6. */
static bool bodiless(enum method m)
{
	return m == METHOD_GET || m == METHOD_HEAD || m == METHOD_DELETE || m == METHOD_TRACE ||
	       m == METHOD_CONNECT;
}

static uint8_t *put_framing(struct http1 *h, uint8_t *out, const struct http_head *head,
			    bool end_stream)
{
	bool response = h->role == HTTP1_SERVER;
	bool may_have_body = response ? http1_body_allowed(h, head->status) : true;

	h->out_chunked = false;
	if (header_map_get_or_null(&head->headers, HEADER_CONTENT_LENGTH))
		return out;
	if (end_stream) {
		if (response ? may_have_body : !bodiless(head->method_id))
			return put_field(h, out, HEADER_CONTENT_LENGTH, "0");
		return out;
	}
	if (!may_have_body || (response && h->request_minor == 0))
		return out; /* to HTTP/1.0 the end of the connection ends the body */
	h->out_chunked = true;
	return put_field(h, out, HEADER_TRANSFER_ENCODING, "chunked");
}

size_t http1_write_head(struct codec *c, uint32_t stream unused_arg, const struct http_head *head,
			bool end_stream, uint8_t *start)
{
	struct http1 *h = http1_of(c);
	bool interim = h->role == HTTP1_SERVER && head->status < 200;
	uint8_t *out = start;

	if (h->role == HTTP1_SERVER) {
		out = put_status_line(out, head->status);
	} else {
		out = put_request_line(h, out, head);
		h->request_method = head->method_id;
	}
	out = h->settings->proper_case_words ? put_fields_proper_case(out, &head->headers)
					     : put_fields(out, &head->headers);
	if (!interim) {
		out = put_framing(h, out, head, end_stream);
		if (c->announce_close)
			out = put_field(h, out, HEADER_CONNECTION, "close");
		else if (h->role == HTTP1_SERVER && h->request_minor == 0)
			out = put_field(h, out, HEADER_CONNECTION, "keep-alive");
	}
	out = put(out, "\r\n", 2);
	return (size_t)(out - start);
}

void http1_frame_data(struct codec *c, uint32_t stream unused_arg, size_t len, bool end_stream,
		      struct codec_frame *frame)
{
	static const char digits[] = "0123456789abcdef";
	const struct http1 *h = http1_of(c);
	uint8_t *out = frame->before, *after = frame->after;
	int shift = 60;

	frame->before_len = frame->after_len = 0;
	if (!h->out_chunked)
		return;
	if (len) {
		while (!(len >> shift & 15))
			shift -= 4;
		for (; shift >= 0; shift -= 4)
			*out++ = (uint8_t)digits[len >> shift & 15];
		out = put(out, "\r\n", 2);
		after = put(after, "\r\n", 2);
	}
	if (end_stream)
		after = put(after, "0\r\n\r\n", 5);
	frame->before_len = (uint8_t)(out - frame->before);
	frame->after_len = (uint8_t)(after - frame->after);
}

size_t http1_trailers_bound(const struct codec *c unused_arg, const struct header_map *trailers)
{
	return 8 + fields_bound(trailers);
}

/* Without chunked coding, or when they are switched off, trailers are left out. RFC 9110 §6.5.1. */
size_t http1_write_trailers(struct codec *c, uint32_t stream unused_arg,
			    const struct header_map *trailers, uint8_t *start)
{
	const struct http1 *h = http1_of(c);
	uint8_t *out = start;

	if (!h->out_chunked)
		return 0;
	out = put(out, "0\r\n", 3);
	if (!h->settings->enable_trailers)
		return (size_t)(put(out, "\r\n", 2) - start);
	out = h->settings->proper_case_words ? put_fields_proper_case(out, trailers)
					     : put_fields(out, trailers);
	out = put(out, "\r\n", 2);
	return (size_t)(out - start);
}
