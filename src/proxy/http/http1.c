/*
 * http1.c - the reading side of HTTP/1.1: a state machine over lines and body bytes.
 *
 *   IDLE ──> WAIT ──> START ──> FIELDS ──┬──> LENGTH ───────────────┬──> IDLE
 *             begin()                    ├──> UNTIL_EOF             │
 *                                        ├──> SIZE ─> CHUNK ─> ...  │
 *                                        │      └──> TRAILERS ──────┤
 *                                        └──────────────────────────┘
 *
 * Heads are copied into the arena and read there: what is lent may change while it is looked at. A
 * line that is split between two reads is put together first. What a field says about framing is
 * settled when the head is complete (http1_head.c). Whatever another parser might read in another
 * way is an error: both lengths, two lengths, unknown codings, bare CR or LF, folded lines, blanks
 * before a colon, odd chunk sizes.
 *
 * RFC 9110, RFC 9112; the details strings and status codes are Envoy's.
 */
#include "proxy/http/chars.h"
#include "proxy/http/http1_internal.h"

enum state {
	IDLE,	   /* between messages */
	WAIT,	   /* a byte came; begin() must follow */
	START,	   /* request or status line */
	FIELDS,	   /* header fields */
	LENGTH,	   /* body of known length */
	SIZE,	   /* hex digits of a chunk size */
	EXTENSION, /* the rest of that line */
	SIZE_LF,   /* its LF */
	CHUNK,	   /* chunk data */
	CHUNK_CR,  /* CR after it */
	CHUNK_LF,  /* LF after it */
	TRAILERS,  /* fields after the last chunk */
	UNTIL_EOF, /* body of a response that ends with the connection */
	BROKEN,	   /* after an error */
};

enum {
	MAX_EMPTY_LINES = 4,   /* before a request line, RFC 9112 §2.2 */
	MAX_SIZE_DIGITS = 15,  /* of a chunk; keeps the size under 2^60 */
	MAX_EXTENSION = 128,   /* bytes of chunk extensions: ignored, so few are enough */
	FIRST_LINE_ROOM = 256, /* for a line that is split */
	BLOCK_BYTES = 512,     /* of a head are read at once; most are shorter */
};

struct error_text {
	uint16_t status; /* what a server answers */
	const char *details, *reason;
};

static const struct error_text errors[N_HTTP1_VERDICTS] = {
	[HTTP1_BAD_START_LINE] = { 400, "http1.codec_error", "malformed start line" },
	[HTTP1_BAD_METHOD] = { 400, "http1.codec_error", "unknown method" },
	[HTTP1_BAD_TARGET] = { 400, "http1.invalid_url", "malformed request target" },
	[HTTP1_BAD_VERSION] = { 400, "http1.codec_error", "version is not HTTP/1.0 or HTTP/1.1" },
	[HTTP1_BAD_STATUS] = { 400, "http1.codec_error", "malformed status code" },
	[HTTP1_BAD_LINE_END] = { 400, "http1.codec_error", "line does not end with CR LF" },
	[HTTP1_BAD_NAME] = { 400, "http1.codec_error", "invalid character in header name" },
	[HTTP1_BAD_VALUE] = { 400, "http1.invalid_characters",
			      "invalid character in header value" },
	[HTTP1_FOLDED] = { 400, "http1.codec_error", "folded header line" },
	[HTTP1_UNDERSCORE] = { 400, "http1.unexpected_underscore", "underscore in header name" },
	[HTTP1_HEAD_TOO_LARGE] = { 431, "http1.headers_too_large", "headers exceed the limit" },
	[HTTP1_TOO_MANY_HEADERS] = { 431, "http1.too_many_headers",
				     "number of headers exceeds the limit" },
	[HTTP1_TWO_HOSTS] = { 400, "http1.codec_error", "more than one Host" },
	[HTTP1_BAD_HOST] = { 400, "http1.invalid_characters", "invalid character in Host" },
	[HTTP1_TWO_LENGTHS] = { 400, "http1.codec_error", "more than one Content-Length" },
	[HTTP1_BAD_LENGTH] = { 400, "http1.codec_error", "malformed Content-Length" },
	[HTTP1_LENGTH_AND_CHUNKED] = { 400, "http1.content_length_and_chunked_not_allowed",
				       "both Content-Length and Transfer-Encoding" },
	[HTTP1_LENGTH_NOT_ALLOWED] = { 400, "http1.content_length_not_allowed",
				       "Content-Length where no body may be" },
	[HTTP1_UNKNOWN_CODING] = { 501, "http1.invalid_transfer_encoding",
				   "Transfer-Encoding is not chunked" },
	[HTTP1_CODING_NOT_ALLOWED] = { 400, "http1.transfer_encoding_not_allowed",
				       "Transfer-Encoding where it may not be" },
	[HTTP1_UNASKED_UPGRADE] = { 400, "http1.codec_error", "upgrade that nobody asked for" },
	[HTTP1_BAD_CHUNK] = { 400, "http1.codec_error", "malformed chunk" },
	[HTTP1_CUT_SHORT] = { 400, "http1.codec_error", "connection ended inside a message" },
	[HTTP1_NO_MEMORY] = { 503, "overload", "out of memory" },
};

static bool fail(struct http1 *h, enum http1_verdict verdict, struct codec_event *ev)
{
	h->state = BROKEN;
	h->codec.peer_closes = true;
	ev->kind = CODEC_ERROR;
	ev->status = errors[verdict].status;
	ev->details = errors[verdict].details;
	ev->reason = errors[verdict].reason;
	return true;
}

/* Keep @part of a line until the rest comes. */
static bool keep_part(struct http1 *h, struct slice part)
{
	size_t need = h->line_len + part.len;

	if (need > h->line_room) {
		size_t room = need * 2 > FIRST_LINE_ROOM ? need * 2 : FIRST_LINE_ROOM;
		uint8_t *at = arena_alloc_or_null(h->head->headers.arena, room);

		if (!at)
			return false;
		if (h->line_len)
			memcpy(at, h->line, h->line_len);
		h->line = at;
		h->line_room = (uint32_t)room;
	}
	memcpy(h->line + h->line_len, part.at, part.len);
	h->line_len = (uint32_t)need;
	return true;
}

/*
 * The next line of a head without its CR LF. OK: @line is valid until the next call;
 * END_OF_FIELDS stands for "more input is needed" here; others are errors.
 */
static enum http1_verdict next_line(struct http1 *h, struct slice *in, struct slice *line)
{
	size_t room = h->settings->max_head_bytes - h->head_bytes;
	const uint8_t *lf = memchr(in->at, '\n', in->len);
	struct slice part = slice_first(*in, lf ? (size_t)(lf - in->at) + 1 : in->len);

	if (part.len > room)
		return HTTP1_HEAD_TOO_LARGE;
	h->head_bytes += (uint32_t)part.len;
	*in = slice_from(*in, part.len);
	if (!lf || h->line_len) {
		if (part.len && !keep_part(h, part))
			return HTTP1_NO_MEMORY;
		if (!lf)
			return HTTP1_END_OF_FIELDS;
		part = slice_of(h->line, h->line_len);
		h->line_len = 0;
	}
	if (part.len < 2 || part.at[part.len - 2] != '\r')
		return HTTP1_BAD_LINE_END;
	*line = slice_first(part, part.len - 2);
	return HTTP1_OK;
}

static bool emit(struct codec_event *ev, enum codec_event_kind kind, bool end_stream)
{
	ev->kind = (uint8_t)kind;
	ev->end_stream = end_stream;
	return true;
}

static void end_message(struct http1 *h)
{
	h->state = IDLE;
	h->head = NULL;
	h->trailers = NULL;
}

/* The head is complete: which body follows? RFC 9112 §6.3. */
static bool head_done(struct http1 *h, struct codec_event *ev)
{
	enum http1_verdict verdict = http1_finish_head(h);
	const struct http_head *head = h->head;
	bool client = h->role == HTTP1_CLIENT;

	if (verdict != HTTP1_OK)
		return fail(h, verdict, ev);
	if (client && head->status < 200) {
		h->state = WAIT;
		return emit(ev, CODEC_INTERIM, false);
	}
	if (client && !http1_body_allowed(h, head->status)) {
		end_message(h);
		return emit(ev, CODEC_HEAD, true);
	}
	if (h->chunked) {
		h->state = SIZE;
		h->left = 0;
		h->n_digits = h->extension_len = 0;
		return emit(ev, CODEC_HEAD, false);
	}
	if (head->content_length == LENGTH_UNKNOWN && client) {
		h->codec.peer_closes = true;
		h->state = UNTIL_EOF;
		return emit(ev, CODEC_HEAD, false);
	}
	if (head->content_length == LENGTH_UNKNOWN || head->content_length == 0) {
		end_message(h);
		return emit(ev, CODEC_HEAD, true);
	}
	h->left = head->content_length;
	h->state = LENGTH;
	return emit(ev, CODEC_HEAD, false);
}

static enum http1_verdict kept_line(struct http1 *h, uint8_t *line, size_t len)
{
	if (likely(h->state == FIELDS))
		return http1_field_kept(h, line, len);
	h->state = FIELDS;
	return http1_start_line_kept(h, slice_of(line, len));
}

/*
 * The lines that are complete in the first bytes of @in: copied together, and read from the copy,
 * where most fields already have the form in which they are sent on. Leaves an incomplete line.
 */
static enum http1_verdict read_block(struct http1 *h, struct slice *in)
{
	struct arena *arena = h->head->headers.arena;
	size_t room = h->settings->max_head_bytes - h->head_bytes;
	size_t n = in->len < BLOCK_BYTES ? in->len : BLOCK_BYTES;
	enum http1_verdict verdict = HTTP1_OK;
	uint8_t *start, *at, *end, *lf;

	if (n > room)
		n = room;
	start = at = arena_reserve_text_or_null(arena, n);
	if (!start)
		return HTTP1_NO_MEMORY;
	memcpy(start, in->at, n);
	arena_commit_text(arena, start, n);
	end = start + n;
	while (verdict == HTTP1_OK && (lf = memchr(at, '\n', (size_t)(end - at)))) {
		if (lf == at || lf[-1] != '\r')
			verdict = HTTP1_BAD_LINE_END;
		else
			verdict = kept_line(h, at, (size_t)(lf - at) - 1);
		at = lf + 1;
	}
	h->head_bytes += (uint32_t)(at - start);
	*in = slice_from(*in, (size_t)(at - start));
	return verdict;
}

/* One line, also if it came in parts or is long. */
static enum http1_verdict read_line(struct http1 *h, struct slice *in, bool *more)
{
	struct slice line;
	enum http1_verdict verdict = next_line(h, in, &line);

	*more = verdict == HTTP1_END_OF_FIELDS;
	if (verdict != HTTP1_OK)
		return verdict;
	if (h->state == FIELDS)
		return http1_field(h, line, &h->head->headers);
	h->state = FIELDS;
	return http1_start_line(h, line);
}

/* Start line and fields. Returns true when there is an event. */
static bool read_head(struct http1 *h, struct slice *in, struct codec_event *ev)
{
	enum http1_verdict verdict = HTTP1_OK;
	bool more = false;

	while (verdict == HTTP1_OK && in->len) {
		if (h->line_len == 0)
			verdict = read_block(h, in);
		if (verdict == HTTP1_OK && in->len)
			verdict = read_line(h, in, &more);
	}
	if (verdict == HTTP1_OK || more)
		return emit(ev, CODEC_MORE, false);
	if (verdict == HTTP1_END_OF_FIELDS)
		return head_done(h, ev);
	return fail(h, verdict, ev);
}

static bool read_trailers(struct http1 *h, struct slice *in, struct codec_event *ev)
{
	for (;;) {
		struct slice line;
		enum http1_verdict verdict = next_line(h, in, &line);

		if (verdict == HTTP1_END_OF_FIELDS)
			return emit(ev, CODEC_MORE, false);
		if (verdict == HTTP1_OK)
			verdict = http1_field(h, line, h->trailers);
		if (verdict == HTTP1_END_OF_FIELDS) {
			bool any = h->trailers->n > 0;

			end_message(h);
			return emit(ev, any ? CODEC_TRAILERS : CODEC_END, true);
		}
		if (verdict != HTTP1_OK)
			return fail(h, verdict, ev);
	}
}

/* A piece of body, of at most h->left bytes. */
static void take_body(struct http1 *h, struct slice *in, struct codec_event *ev)
{
	size_t n = in->len < h->left ? in->len : (size_t)h->left;

	*in = slice_from(*in, n);
	h->left -= n;
	ev->kind = CODEC_DATA;
	ev->data_len = n;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a chunk's first line: "hex [;extensions] CR LF". RFC 9112 §7.1. */
static enum http1_verdict size_byte(struct http1 *h, uint8_t c)
{
	int digit;

	switch (h->state) {
	case SIZE:
		digit = hex_digit(c);
		if (digit >= 0 && h->n_digits < MAX_SIZE_DIGITS) {
			h->left = h->left << 4 | (unsigned)digit;
			h->n_digits++;
			return HTTP1_OK;
		}
		if (h->n_digits == 0 || (c != ';' && c != '\r'))
			return HTTP1_BAD_CHUNK;
		h->state = c == '\r' ? SIZE_LF : EXTENSION;
		return HTTP1_OK;
	case EXTENSION:
		if (c == '\r')
			h->state = SIZE_LF;
		else if ((c < 0x20 && c != '\t') || c == 0x7f || ++h->extension_len > MAX_EXTENSION)
			return HTTP1_BAD_CHUNK;
		return HTTP1_OK;
	default: /* SIZE_LF */
		if (c != '\n')
			return HTTP1_BAD_CHUNK;
		h->state = h->left ? CHUNK : TRAILERS;
		h->head_bytes = h->n_headers = 0;
		return HTTP1_OK;
	}
}

static enum http1_verdict after_chunk_byte(struct http1 *h, uint8_t c)
{
	if (c != (h->state == CHUNK_CR ? '\r' : '\n'))
		return HTTP1_BAD_CHUNK;
	if (h->state == CHUNK_CR) {
		h->state = CHUNK_LF;
		return HTTP1_OK;
	}
	h->state = SIZE;
	h->left = 0;
	h->n_digits = h->extension_len = 0;
	return HTTP1_OK;
}

/* Framing bytes of a chunked body, up to data or the trailers. True when there is an event. */
static bool read_chunk_framing(struct http1 *h, struct slice *in, struct codec_event *ev)
{
	while (in->len && h->state != CHUNK && h->state != TRAILERS) {
		uint8_t c = in->at[0];
		enum http1_verdict verdict = h->state == CHUNK_CR || h->state == CHUNK_LF
						     ? after_chunk_byte(h, c)
						     : size_byte(h, c);

		if (verdict != HTTP1_OK)
			return fail(h, verdict, ev);
		*in = slice_from(*in, 1);
	}
	return in->len ? false : emit(ev, CODEC_MORE, false);
}

/* Before a request line some empty lines are passed over. RFC 9112 §2.2. */
static bool read_idle(struct http1 *h, struct slice *in, struct codec_event *ev)
{
	while (in->len && h->role == HTTP1_SERVER && (in->at[0] == '\r' || in->at[0] == '\n')) {
		bool lf = in->at[0] == '\n';

		/* The pair CR LF only: odd steps are CR, even steps LF. */
		if (lf != (h->n_empty_lines & 1) || ++h->n_empty_lines > 2 * MAX_EMPTY_LINES)
			return fail(h, HTTP1_BAD_START_LINE, ev);
		*in = slice_from(*in, 1);
	}
	if (!in->len)
		return emit(ev, CODEC_MORE, false);
	if (h->n_empty_lines & 1)
		return fail(h, HTTP1_BAD_LINE_END, ev);
	h->n_empty_lines = 0;
	h->state = WAIT;
	return emit(ev, CODEC_BEGIN, false);
}

/* One step; true when there is an event. */
static bool step(struct http1 *h, struct slice *in, struct codec_event *ev)
{
	switch ((enum state)h->state) {
	case IDLE:
		return read_idle(h, in, ev);
	case WAIT:
		return emit(ev, CODEC_BEGIN, false);
	case START:
	case FIELDS:
		return read_head(h, in, ev);
	case LENGTH:
		take_body(h, in, ev);
		ev->end_stream = h->left == 0;
		if (ev->end_stream)
			end_message(h);
		return true;
	case UNTIL_EOF:
		h->left = UINT64_MAX;
		take_body(h, in, ev);
		return true;
	case CHUNK:
		take_body(h, in, ev);
		if (h->left == 0)
			h->state = CHUNK_CR;
		return true;
	case TRAILERS:
		return read_trailers(h, in, ev);
	case BROKEN:
		return fail(h, HTTP1_CUT_SHORT, ev);
	default:
		return read_chunk_framing(h, in, ev);
	}
}

static size_t http1_read(struct codec *c, struct slice in, struct codec_event *ev)
{
	struct http1 *h = http1_of(c);
	size_t had = in.len;

	*ev = (struct codec_event){ .kind = CODEC_MORE };
	while (in.len && !step(h, &in, ev))
		;
	return had - in.len;
}

static void http1_read_eof(struct codec *c, struct codec_event *ev)
{
	struct http1 *h = http1_of(c);

	*ev = (struct codec_event){ .kind = CODEC_MORE };
	if (h->state == UNTIL_EOF) {
		end_message(h);
		emit(ev, CODEC_END, true);
	} else if (h->state != IDLE) {
		fail(h, HTTP1_CUT_SHORT, ev);
	}
}

static void http1_begin(struct codec *c, uint32_t stream unused_arg, struct http_head *head,
			struct header_map *trailers)
{
	struct http1 *h = http1_of(c);

	h->head = head;
	h->trailers = trailers;
	h->line = NULL;
	h->line_len = h->line_room = 0;
	h->head_bytes = h->n_headers = 0;
	h->chunked = h->bad_coding = h->absolute = false;
	h->says_close = h->says_keep_alive = h->says_upgrade = h->nominates = false;
	h->state = START;
}

static const struct codec_ops http1_ops = {
	.name = "HTTP/1.1",
	.read = http1_read,
	.read_eof = http1_read_eof,
	.begin = http1_begin,
	.head_bound = http1_head_bound,
	.write_head = http1_write_head,
	.frame_data = http1_frame_data,
	.trailers_bound = http1_trailers_bound,
	.write_trailers = http1_write_trailers,
};

void http1_init(struct http1 *h, enum http1_role role, const struct http1_settings *settings)
{
	*h = (struct http1){
		.codec = { .ops = &http1_ops },
		.settings = settings,
		.role = (uint8_t)role,
		.request_minor = 1,
	};
}

bool http1_idle(const struct http1 *h)
{
	return h->state == IDLE && h->n_empty_lines == 0;
}
