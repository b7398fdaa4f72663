/* http1_head.c - start lines, field lines, and what they say together about framing. RFC 9112. */
#include "proxy/http/chars.h"
#include "proxy/http/http1_internal.h"

enum { VERSION_LEN = 8, MAX_LENGTH_DIGITS = 18, MAX_NAME = UINT16_MAX };

/*
 * Copy @s into the message's arena, with @extra bytes of room after it. What is looked at is the
 * copy: bytes lent from shared memory may change between two looks.
 */
static uint8_t *copy_line(struct arena *arena, struct slice s, size_t extra)
{
	uint8_t *at = arena_reserve_text_or_null(arena, s.len + extra);

	if (at && s.len)
		memcpy(at, s.at, s.len);
	return at;
}

static bool read_version(struct http1 *h, struct slice s)
{
	if (s.len != VERSION_LEN || memcmp(s.at, "HTTP/1.", VERSION_LEN - 1) != 0)
		return false;
	if (s.at[7] != '0' && s.at[7] != '1')
		return false;
	h->head->version_minor = (uint8_t)(s.at[7] - '0');
	return true;
}

/* scheme "://" authority path: RFC 9112 §3.2.2. The authority overrides Host. */
static enum http1_verdict absolute_target(struct http1 *h, struct slice t)
{
	static const struct slice http = { (const uint8_t *)"http", 4 };
	static const struct slice https = { (const uint8_t *)"https", 5 };
	struct http_head *head = h->head;
	uint8_t *path;
	size_t n = 0;

	if (!h->settings->allow_absolute_url || t.len < 8)
		return HTTP1_BAD_TARGET;
	head->scheme = char_lower(t.at[4]) == 's' ? https : http;
	if (!chars_equal_nocase(slice_first(t, head->scheme.len), (const char *)head->scheme.at) ||
	    memcmp(t.at + head->scheme.len, "://", 3) != 0)
		return HTTP1_BAD_TARGET;
	t = slice_from(t, head->scheme.len + 3);
	while (n < t.len && t.at[n] != '/' && t.at[n] != '?' && t.at[n] != '#')
		n++;
	if (n == 0 || !chars_all(slice_first(t, n), CHAR_HOST))
		return HTTP1_BAD_TARGET;
	h->absolute = head->has_host = true;
	head->authority = slice_first(t, n);
	t = slice_from(t, n);
	head->path = t;
	if (t.len && t.at[0] == '/')
		return HTTP1_OK;
	path = arena_alloc_or_null(head->headers.arena, t.len + 1);
	if (!path)
		return HTTP1_NO_MEMORY;
	path[0] = '/';
	if (t.len)
		memcpy(path + 1, t.at, t.len);
	head->path = slice_of(path, t.len + 1);
	return HTTP1_OK;
}

static enum http1_verdict read_target(struct http1 *h, struct slice t)
{
	struct http_head *head = h->head;

	if (!t.len || !chars_all(t, CHAR_TARGET))
		return HTTP1_BAD_TARGET;
	if (head->method_id == METHOD_CONNECT) {
		if (!chars_all(t, CHAR_HOST))
			return HTTP1_BAD_TARGET;
		h->absolute = head->has_host = true;
		head->authority = t;
		return HTTP1_OK;
	}
	if (t.at[0] != '/' && !(slice_is(t, "*") && head->method_id == METHOD_OPTIONS))
		return absolute_target(h, t);
	head->path = t;
	return HTTP1_OK;
}

/* method SP request-target SP HTTP-version. RFC 9112 §3. */
static enum http1_verdict request_line(struct http1 *h, struct slice line)
{
	const uint8_t *space = memchr(line.at, ' ', line.len);
	struct slice method, target;
	int id;

	if (!space)
		return HTTP1_BAD_START_LINE;
	method = slice_first(line, (size_t)(space - line.at));
	id = method_lookup(method);
	if (id < 0)
		return HTTP1_BAD_METHOD;
	h->head->method_id = h->request_method = (uint8_t)id;
	h->head->method = method;
	line = slice_from(line, method.len + 1);
	space = memchr(line.at, ' ', line.len);
	if (!space)
		return HTTP1_BAD_START_LINE; /* HTTP/0.9 */
	target = slice_first(line, (size_t)(space - line.at));
	if (!read_version(h, slice_from(line, target.len + 1)))
		return HTTP1_BAD_VERSION;
	h->request_minor = h->head->version_minor;
	return read_target(h, target);
}

/* HTTP-version SP 3DIGIT [SP reason]. RFC 9112 §4. */
static enum http1_verdict status_line(struct http1 *h, struct slice line)
{
	unsigned status = 0;

	if (line.len < VERSION_LEN + 4 || !read_version(h, slice_first(line, VERSION_LEN)))
		return HTTP1_BAD_VERSION;
	if (line.at[VERSION_LEN] != ' ')
		return HTTP1_BAD_STATUS;
	for (int i = 1; i <= 3; i++) {
		uint8_t c = line.at[VERSION_LEN + i];

		if (c < '0' || c > '9')
			return HTTP1_BAD_STATUS;
		status = status * 10 + (unsigned)(c - '0');
	}
	if (status < 100 || (line.len > VERSION_LEN + 4 && line.at[VERSION_LEN + 4] != ' '))
		return HTTP1_BAD_STATUS;
	if (!chars_value_ok(slice_from(line, VERSION_LEN + 4)))
		return HTTP1_BAD_STATUS;
	h->head->status = (uint16_t)status;
	return HTTP1_OK;
}

enum http1_verdict http1_start_line_kept(struct http1 *h, struct slice line)
{
	return h->role == HTTP1_SERVER ? request_line(h, line) : status_line(h, line);
}

enum http1_verdict http1_start_line(struct http1 *h, struct slice line)
{
	struct arena *arena = h->head->headers.arena;
	uint8_t *copy = copy_line(arena, line, 0);

	if (!copy)
		return HTTP1_NO_MEMORY;
	arena_commit_text(arena, copy, line.len);
	return http1_start_line_kept(h, slice_of(copy, line.len));
}

/* "1*DIGIT" and nothing else: no sign, no list, no blanks inside. RFC 9110 §8.6. */
static bool read_length(struct slice s, uint64_t *length)
{
	uint64_t n = 0;

	if (s.len == 0 || s.len > MAX_LENGTH_DIGITS)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.at[i] - '0');
	}
	*length = n;
	return true;
}

static void read_connection(struct http1 *h, struct slice value)
{
	struct slice item;

	while (chars_next_item(&value, &item)) {
		if (chars_equal_nocase(item, "close"))
			h->says_close = true;
		else if (chars_equal_nocase(item, "keep-alive"))
			h->says_keep_alive = true;
		else if (chars_equal_nocase(item, "upgrade"))
			h->says_upgrade = true;
		else
			h->nominates = true;
	}
}

/* Fields that decide framing or routing are looked at as they come. */
static enum http1_verdict read_known(struct http1 *h, const struct header *f, bool again)
{
	struct http_head *head = h->head;

	switch (f->id) {
	case HEADER_HOST:
		if (h->role != HTTP1_SERVER)
			return HTTP1_OK;
		if (again)
			return HTTP1_TWO_HOSTS;
		if (!chars_all(header_value(f), CHAR_HOST))
			return HTTP1_BAD_HOST;
		head->has_host = true;
		if (!h->absolute)
			head->authority = header_value(f);
		return HTTP1_OK;
	case HEADER_CONTENT_LENGTH:
		if (again)
			return HTTP1_TWO_LENGTHS;
		return read_length(header_value(f), &head->content_length) ? HTTP1_OK
									   : HTTP1_BAD_LENGTH;
	case HEADER_TRANSFER_ENCODING:
		h->chunked = true;
		if (again || !chars_equal_nocase(header_value(f), "chunked"))
			h->bad_coding = true;
		return HTTP1_OK;
	case HEADER_CONNECTION:
		read_connection(h, header_value(f));
		return HTTP1_OK;
	default:
		return HTTP1_OK;
	}
}

/* Fields of a trailer section that would change framing or routing are dropped. RFC 9110 §6.5.1. */
static bool trailer_forbidden(enum header_id id)
{
	switch (id) {
	case HEADER_HOST:
	case HEADER_CONTENT_LENGTH:
	case HEADER_CONTENT_TYPE:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_TE:
	case HEADER_TRAILER:
	case HEADER_UPGRADE:
	case HEADER_EXPECT:
		return true;
	default:
		return false;
	}
}

/* Blanks only where "name: value" has its one. */
static inline bool is_canonical(const uint8_t *line, size_t len, size_t name_len)
{
	return len > name_len + 2 && line[name_len + 1] == ' ' && line[name_len + 2] > ' ' &&
	       line[len - 1] > ' ';
}

/*
 * Split the @len bytes at @line, which CR LF follows, where they lie; names become lower case.
 * What is not in its wire form "name: value CR LF" is brought into it if there is @room for one
 * more byte.
 */
static enum http1_verdict split_field(uint8_t *line, size_t len, bool room, struct header *f)
{
	uint8_t *at = line, lower;
	struct slice value;
	size_t n;

	while ((lower = token_lower[*at]) != 0) /* CR ends it at the latest */
		*at++ = lower;
	n = (size_t)(at - line);
	if (n == 0 || n > MAX_NAME || n == len || line[n] != ':')
		return HTTP1_BAD_NAME;
	f->wire = 1;
	if (likely(is_canonical(line, len, n))) {
		value = slice_of(line + n + 2, len - n - 2);
	} else {
		value = chars_trim(slice_of(line + n + 1, len - n - 1));
		f->wire = room;
		if (room) {
			memmove(line + n + 2, value.at, value.len);
			line[n + 1] = ' ';
			value.at = line + n + 2;
			memcpy(line + n + 2 + value.len, "\r\n", 2);
		}
	}
	if (!chars_value_ok(value))
		return HTTP1_BAD_VALUE;
	f->name = line;
	f->name_len = (uint16_t)n;
	f->value = value.at;
	f->value_len = (uint32_t)value.len;
	f->id = (uint8_t)header_id_of(header_name(f));
	return HTTP1_OK;
}

/* Names with underscores, as the settings want it. */
static bool has_underscore(const struct http1 *h, const struct header *f)
{
	return h->role == HTTP1_SERVER && h->settings->underscores != HTTP1_UNDERSCORES_ALLOW &&
	       memchr(f->name, '_', f->name_len);
}

/* Read a line that is ours to change. *@keep: it is a field of @to now. */
static enum http1_verdict read_field(struct http1 *h, uint8_t *line, size_t len, bool room,
				     struct header_map *to, struct header *f, bool *keep)
{
	bool trailer = to == h->trailers;
	enum http1_verdict verdict;

	*keep = false;
	if (line[0] == ' ' || line[0] == '\t')
		return HTTP1_FOLDED;
	if (++h->n_headers > h->settings->max_headers)
		return HTTP1_TOO_MANY_HEADERS;
	verdict = split_field(line, len, room, f);
	if (verdict != HTTP1_OK)
		return verdict;
	if (trailer && (!h->settings->enable_trailers || trailer_forbidden(f->id)))
		return HTTP1_OK;
	if (unlikely(has_underscore(h, f)))
		return h->settings->underscores == HTTP1_UNDERSCORES_REJECT ? HTTP1_UNDERSCORE
									    : HTTP1_OK;
	if (!trailer && f->id != HEADER_OTHER) {
		verdict = read_known(h, f, header_map_maybe_has(to, f->id));
		if (verdict != HTTP1_OK)
			return verdict;
	}
	*keep = true;
	return HTTP1_OK;
}

enum http1_verdict http1_field_kept(struct http1 *h, uint8_t *line, size_t len)
{
	struct header_map *to = &h->head->headers;
	enum http1_verdict verdict;
	struct header f;
	bool keep;

	if (len == 0)
		return HTTP1_END_OF_FIELDS;
	verdict = read_field(h, line, len, false, to, &f, &keep);
	if (likely(keep) && header_map_append(to, f))
		return HTTP1_NO_MEMORY;
	return verdict;
}

enum http1_verdict http1_field(struct http1 *h, struct slice line, struct header_map *to)
{
	enum http1_verdict verdict;
	struct header f;
	uint8_t *out;
	bool keep;

	if (line.len == 0)
		return HTTP1_END_OF_FIELDS;
	out = copy_line(to->arena, line, 3);
	if (!out)
		return HTTP1_NO_MEMORY;
	memcpy(out + line.len, "\r\n", 2);
	verdict = read_field(h, out, line.len, true, to, &f, &keep);
	if (!keep)
		return verdict;
	arena_commit_text(to->arena, out, f.name_len + f.value_len + 4u);
	return header_map_append(to, f) ? HTTP1_NO_MEMORY : HTTP1_OK;
}

bool http1_body_allowed(const struct http1 *h, unsigned status)
{
	return h->request_method != METHOD_HEAD && status >= 200 && status != 204 && status != 304;
}

/* What the fields say about the length of the body. RFC 9112 §6. */
static enum http1_verdict settle_framing(struct http1 *h)
{
	struct http_head *head = h->head;
	bool response = h->role == HTTP1_CLIENT;
	bool no_body = response && (head->status < 200 || head->status == 204);

	if (!h->chunked) {
		if (no_body && head->content_length != LENGTH_UNKNOWN && head->content_length)
			return HTTP1_LENGTH_NOT_ALLOWED;
		return HTTP1_OK;
	}
	if (no_body || head->version_minor == 0 || (!response && head->method_id == METHOD_CONNECT))
		return HTTP1_CODING_NOT_ALLOWED;
	if (head->content_length != LENGTH_UNKNOWN) {
		if (!h->settings->allow_chunked_length)
			return HTTP1_LENGTH_AND_CHUNKED;
		header_map_remove(&head->headers, HEADER_CONTENT_LENGTH);
		head->content_length = LENGTH_UNKNOWN;
	}
	return h->bad_coding ? HTTP1_UNKNOWN_CODING : HTTP1_OK;
}

/* Names that Connection may not take out: they carry the message, or trust. */
static bool may_be_nominated(const struct header *f)
{
	switch (f->id) {
	case HEADER_HOST:
	case HEADER_CONTENT_LENGTH:
	case HEADER_CONTENT_TYPE:
	case HEADER_DATE:
	case HEADER_COOKIE:
	case HEADER_X_REQUEST_ID:
	case HEADER_X_FORWARDED_FOR:
	case HEADER_X_FORWARDED_PROTO:
	case HEADER_X_FORWARDED_HOST:
	case HEADER_X_FORWARDED_PORT:
		return false;
	default:
		return true;
	}
}

/* Is @f named by one of the Connection fields? @context is the head. */
static bool is_nominated(const struct header *f, void *context)
{
	const struct http_head *head = context;

	if (!may_be_nominated(f))
		return false;
	for (uint32_t i = 0; i < head->headers.n; i++) {
		struct slice list = header_value(&head->headers.at[i]), item;

		if (head->headers.at[i].id != HEADER_CONNECTION)
			continue;
		while (chars_next_item(&list, &item)) {
			bool same = item.len == f->name_len;

			for (size_t k = 0; same && k < item.len; k++)
				same = char_lower(item.at[k]) == f->name[k];
			if (same)
				return true;
		}
	}
	return false;
}

/* Take out the fields that Connection names. */
static void remove_nominated(struct http_head *head)
{
	/* Found first, moved after: is_nominated() reads the list that it walks over. */
	struct http_head before = *head;

	for (uint32_t i = head->headers.n; i-- > 0;) {
		struct header *f = &head->headers.at[i];

		if (f->id == HEADER_CONNECTION || !is_nominated(f, &before))
			continue;
		memmove(f, f + 1, (head->headers.n - i - 1) * sizeof(*f));
		head->headers.n--;
		before.headers.n--;
	}
}

/* Take out the fields that concern this connection only. RFC 9110 §7.6.1. */
static void remove_hop_by_hop(struct http1 *h)
{
	static const uint64_t hop = 1ull << HEADER_CONNECTION | 1ull << HEADER_KEEP_ALIVE |
				    1ull << HEADER_PROXY_CONNECTION | 1ull << HEADER_TE |
				    1ull << HEADER_UPGRADE | 1ull << HEADER_HTTP2_SETTINGS |
				    1ull << HEADER_TRANSFER_ENCODING;

	if (unlikely(h->nominates))
		remove_nominated(h->head);
	/* Of a request's Host the head holds a copy. */
	header_map_remove_set(&h->head->headers,
			      h->role == HTTP1_SERVER ? hop | 1ull << HEADER_HOST : hop);
}

enum http1_verdict http1_finish_head(struct http1 *h)
{
	struct http_head *head = h->head;
	enum http1_verdict verdict = settle_framing(h);

	if (verdict != HTTP1_OK)
		return verdict;
	if (h->says_close || (head->version_minor == 0 && !h->says_keep_alive))
		h->codec.peer_closes = true;
	if (h->role == HTTP1_CLIENT) {
		if (head->status == 101)
			return HTTP1_UNASKED_UPGRADE;
	} else {
		struct slice to = header_map_value(&head->headers, HEADER_UPGRADE);

		/* An offer of h2c is ignored, as Envoy does; the request stands on its own. */
		head->upgrade = h->says_upgrade && to.len && !chars_equal_nocase(to, "h2c");
	}
	remove_hop_by_hop(h);
	return HTTP1_OK;
}
