/*
 * talk.c - plays conversations: scripts of segments that a peer sends and that our TCP must answer.
 *
 *   talk FILE...      each must end as written; the first line that does not is named
 *
 * README.md has the language. Sequence numbers are relative to each side's initial one. Of what
 * we send, only what the script names is compared; a segment that it does not expect is a fault.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

enum { PACKETS = 128, WORDS = 32, LINE = 256, PEER_ISN = 1000000 };

struct talk {
	const char *file;
	unsigned line;
	char *word[WORDS];
	unsigned n_words;
	uint64_t now_ns;
	struct clock clock;
	struct sim_host *host;
	struct sim_socket *socket;
	uint16_t peer_port, our_port;
	uint32_t our_isn, last_ts;
	bool isn_known, timestamps;
	uint32_t first, n; /* packets sent and not yet expected */
	uint32_t len[PACKETS];
	uint8_t packet[PACKETS][SIM_PACKET_MAX];
};

static no_return void fail(const struct talk *t, const char *format, ...) printf_like(2, 3);
static no_return void fail(const struct talk *t, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", t->file, t->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static uint64_t now(void *context)
{
	return ((struct talk *)context)->now_ns;
}

static void transmit(struct sim_host *h, const uint8_t *packet, uint32_t len)
{
	struct talk *t = h->context;
	uint32_t at = (t->first + t->n) % PACKETS;

	if (t->n == PACKETS)
		fail(t, "more than %d segments at once", PACKETS);
	memcpy(t->packet[at], packet, len);
	t->len[at] = len;
	t->n++;
}

/* --- time --- */

static void run_until(struct talk *t, uint64_t until_ns)
{
	sim_host_turn(t->host);
	while (sim_host_next_ns(t->host) <= until_ns) {
		uint64_t next_ns = sim_host_next_ns(t->host);

		t->now_ns = next_ns > t->now_ns ? next_ns : t->now_ns;
		sim_host_turn(t->host);
	}
	t->now_ns = until_ns;
	sim_host_turn(t->host);
}

/* --- words --- */

static uint32_t number(const struct talk *t, const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || (*end != '\0' && *end != ':'))
		fail(t, "'%s' is not a number", text);
	return (uint32_t)v;
}

static const char *word(const struct talk *t, unsigned i)
{
	if (i >= t->n_words)
		fail(t, "a word is missing");
	return t->word[i];
}

static bool is(const struct talk *t, unsigned i, const char *text)
{
	return i < t->n_words && strcmp(t->word[i], text) == 0;
}

static uint8_t flags_of(const struct talk *t, const char *text)
{
	static const char letters[] = "FSRPAUEC";
	uint8_t flags = 0;

	for (; *text && *text != '.'; text++) {
		const char *at = strchr(letters, *text);

		if (!at)
			fail(t, "no flag is called '%c'", *text);
		flags |= (uint8_t)(1u << (at - letters));
	}
	return flags;
}

/* A segment as a script writes it: which fields it names, and their values. */
struct line {
	struct tcp tcp;
	uint32_t end;
	bool has_ack, has_window, has_sacks;
};

static struct line parse_segment(struct talk *t)
{
	struct line l = { .tcp.flags = flags_of(t, word(t, 1)), .tcp.window = 65535 };
	const char *seq = word(t, 2), *colon = strchr(seq, ':');

	l.tcp.seq = number(t, seq);
	l.end = colon ? number(t, colon + 1) : l.tcp.seq;
	for (unsigned i = 3; i < t->n_words; i++) {
		struct tcp_options *o = &l.tcp.options;

		if (is(t, i, "ack")) {
			l.tcp.ack = number(t, word(t, ++i));
			l.has_ack = true;
		} else if (is(t, i, "win")) {
			l.tcp.window = (uint16_t)number(t, word(t, ++i));
			l.has_window = true;
		} else if (is(t, i, "mss")) {
			o->mss = (uint16_t)number(t, word(t, ++i));
			o->has |= TCP_HAS_MSS;
		} else if (is(t, i, "wscale")) {
			o->window_shift = (uint8_t)number(t, word(t, ++i));
			o->has |= TCP_HAS_WINDOW_SHIFT;
		} else if (is(t, i, "sackok")) {
			o->has |= TCP_HAS_SACK_PERMITTED;
		} else if (is(t, i, "ts")) {
			t->timestamps = true;
		} else if (is(t, i, "tsval")) {
			o->ts_value = number(t, word(t, ++i));
			o->has |= TCP_HAS_TIMESTAMPS;
		} else if (is(t, i, "sack") && o->n_sacks < TCP_MAX_SACKS) {
			const char *range = word(t, ++i);

			colon = strchr(range, ':');
			if (!colon)
				fail(t, "sack wants FROM:TO");
			o->sacks[o->n_sacks++] =
				(struct tcp_sack){ number(t, range), number(t, colon + 1) };
			l.has_sacks = true;
		} else {
			fail(t, "'%s' says nothing about a segment", word(t, i));
		}
	}
	return l;
}

/* --- what the peer sends --- */

static void inject(struct talk *t)
{
	static uint8_t zeros[SIM_PACKET_MAX];
	struct line l = parse_segment(t);
	struct tcp *s = &l.tcp;
	uint8_t packet[SIM_PACKET_MAX];
	struct writer w = writer_of(packet, sizeof(packet));
	be32 peer, us;
	struct ip4_hdr ip = { .ver_ihl = IP4_VER_IHL, .ttl = 64, .protocol = IP_TCP };
	uint32_t len;

	if (ip4_from_text("10.0.0.9", &peer) || ip4_from_text("10.0.0.1", &us))
		fail(t, "no addresses");
	if (t->timestamps && !(s->options.has & TCP_HAS_TIMESTAMPS)) {
		s->options.has |= TCP_HAS_TIMESTAMPS;
		s->options.ts_value = (uint32_t)(t->now_ns / NS_PER_MS);
	}
	if (s->options.has & TCP_HAS_TIMESTAMPS)
		s->options.ts_echo = t->last_ts;
	for (unsigned i = 0; i < s->options.n_sacks; i++) {
		s->options.sacks[i].left += t->our_isn;
		s->options.sacks[i].right += t->our_isn;
	}
	s->payload = slice_of(zeros, l.end - s->seq);
	s->sport = t->peer_port;
	s->dport = t->our_port;
	s->seq += PEER_ISN;
	s->ack += s->flags & TCP_ACK ? t->our_isn : 0;
	ip.src = peer;
	ip.dst = us;
	put_bytes(&w, &ip, sizeof(ip));
	tcp_emit(&w, s);
	if (!writer_ok(&w))
		fail(t, "segment too long");
	len = (uint32_t)writer_len(&w);
	sim_host_fix_checksums(packet, len);
	sim_host_receive(t->host, packet, len);
	sim_host_turn(t->host);
}

/* --- what we send --- */

static void print_packet(const struct talk *t, const struct tcp *s)
{
	char text[512];
	struct writer w = writer_of(text, sizeof(text) - 1);
	struct tcp relative = *s;

	relative.seq -= t->our_isn;
	relative.ack -= PEER_ISN;
	for (unsigned i = 0; i < relative.options.n_sacks; i++) {
		relative.options.sacks[i].left -= PEER_ISN;
		relative.options.sacks[i].right -= PEER_ISN;
	}
	tcp_print(&w, &relative);
	text[writer_len(&w)] = '\0';
	fprintf(stderr, "sent: %s\n", text);
}

static struct tcp take_packet(struct talk *t)
{
	struct tcp s;
	uint32_t at = t->first;

	if (t->n == 0)
		fail(t, "nothing was sent");
	if (tcp_parse(slice_of(t->packet[at] + IP4_HDR_LEN, t->len[at] - IP4_HDR_LEN), &s))
		fail(t, "what was sent is not TCP");
	t->first = (t->first + 1) % PACKETS;
	t->n--;
	if (s.flags & TCP_SYN && !t->isn_known) {
		t->our_isn = s.seq;
		t->our_port = s.sport;
		t->isn_known = true;
	}
	if (s.options.has & TCP_HAS_TIMESTAMPS)
		t->last_ts = s.options.ts_value;
	return s;
}

static const char *difference(const struct talk *t, const struct line *want, const struct tcp *got)
{
	const struct tcp_options *a = &want->tcp.options, *b = &got->options;
	uint32_t seq_base = got->flags & TCP_RST && !t->isn_known ? 0 : t->our_isn;

	if (want->tcp.flags != got->flags)
		return "flags";
	if (want->tcp.seq != got->seq - seq_base)
		return "sequence number";
	if (want->end - want->tcp.seq != got->payload.len)
		return "length";
	if (want->has_ack && want->tcp.ack != got->ack - PEER_ISN)
		return "acknowledgement";
	if (want->has_window && want->tcp.window != got->window)
		return "window";
	if (a->has & ~b->has)
		return "options";
	if ((a->has & TCP_HAS_MSS && a->mss != b->mss) ||
	    (a->has & TCP_HAS_WINDOW_SHIFT && a->window_shift != b->window_shift))
		return "an option's value";
	if (want->has_sacks && a->n_sacks != b->n_sacks)
		return "number of SACK blocks";
	for (unsigned i = 0; i < a->n_sacks; i++)
		if (a->sacks[i].left != b->sacks[i].left - PEER_ISN ||
		    a->sacks[i].right != b->sacks[i].right - PEER_ISN)
			return "SACK block";
	return NULL;
}

static void expect(struct talk *t)
{
	struct line want;
	struct tcp got;
	const char *what;

	if (is(t, 1, "none")) {
		if (t->n == 0)
			return;
		got = take_packet(t);
		print_packet(t, &got);
		fail(t, "a segment was sent");
	}
	got = take_packet(t);
	want = parse_segment(t);
	what = difference(t, &want, &got);
	if (what) {
		print_packet(t, &got);
		fail(t, "%s differs", what);
	}
}

/* --- applications --- */

static struct sim_socket *socket_of(struct talk *t)
{
	if (!t->socket)
		t->socket = sim_accepted_or_null(t->host, 0);
	if (!t->socket)
		fail(t, "there is no connection");
	return t->socket;
}

static void app(struct talk *t)
{
	struct sim_socket *s = socket_of(t);
	static const struct {
		const char *name;
		int error;
	} errors[] = { { "closed", ERR_CLOSED },
		       { "refused", ERR_REFUSED },
		       { "timeout", ERR_TIMEOUT },
		       { "unreachable", ERR_UNREACHABLE } };

	for (unsigned i = 0; i < count_of(errors); i++)
		if (is(t, 1, errors[i].name)) {
			if (!s->done || s->error != errors[i].error)
				fail(t, "done %d with error %d", s->done, s->error);
			return;
		}
	if (is(t, 1, "connected") && !s->connected)
		fail(t, "not connected");
	else if (is(t, 1, "eof") && !s->eof)
		fail(t, "no end of file");
	else if (is(t, 1, "open") && s->done)
		fail(t, "done with error %d", s->error);
	else if (is(t, 1, "done") && (!s->done || s->error))
		fail(t, "done %d with error %d", s->done, s->error);
	else if (is(t, 1, "received") && s->received != number(t, word(t, 2)))
		fail(t, "%llu octets received", (unsigned long long)s->received);
	else if (is(t, 1, "acked") && s->acked != number(t, word(t, 2)))
		fail(t, "%llu octets acknowledged", (unsigned long long)s->acked);
	else if (is(t, 1, "state") &&
		 strcmp(sim_describe(s).state ? sim_describe(s).state : "-", word(t, 2)) != 0)
		fail(t, "state is %s", sim_describe(s).state ? sim_describe(s).state : "-");
}

static void option(struct talk *t)
{
	static const struct {
		const char *name;
		enum shm_option option;
	} options[] = {
		{ "nodelay", SHM_OPT_NODELAY },
		{ "cork", SHM_OPT_CORK },
		{ "keepalive", SHM_OPT_KEEPALIVE },
		{ "idle", SHM_OPT_KEEPALIVE_IDLE_MS },
		{ "interval", SHM_OPT_KEEPALIVE_INTERVAL_MS },
		{ "probes", SHM_OPT_KEEPALIVE_PROBES },
		{ "linger", SHM_OPT_LINGER_RESET },
		{ "user-timeout", SHM_OPT_USER_TIMEOUT_MS },
	};

	for (unsigned i = 0; i < count_of(options); i++)
		if (is(t, 1, options[i].name)) {
			sim_option(socket_of(t), options[i].option, (int32_t)number(t, word(t, 2)));
			return;
		}
	fail(t, "no option is called '%s'", word(t, 1));
}

static void count(struct talk *t)
{
	char *dot = strchr(word(t, 1), '.');
	uint64_t n;

	if (!dot)
		fail(t, "count wants NODE.REASON");
	*dot = '\0';
	n = sim_count(t->host, t->word[1], dot + 1);
	if (n != number(t, word(t, 2)))
		fail(t, "it is %llu", (unsigned long long)n);
}

/* icmp WHAT SEQ [MTU] */
static void icmp(struct talk *t)
{
	static const struct {
		const char *name;
		enum tcp_trouble trouble;
		bool is_own;
	} kinds[] = { { "nobody", TCP_TROUBLE_NOBODY, false },
		      { "prohibited", TCP_TROUBLE_PROHIBITED, false },
		      { "path", TCP_TROUBLE_PATH, false },
		      { "own", TCP_TROUBLE_PATH, true },
		      { "too-big", TCP_TROUBLE_TOO_BIG, false } };

	for (unsigned i = 0; i < count_of(kinds); i++)
		if (is(t, 1, kinds[i].name)) {
			struct tcp_trouble_report r = { .trouble = kinds[i].trouble,
							.seq = t->our_isn + number(t, word(t, 2)),
							.quoted = SIM_MTU,
							.is_own = kinds[i].is_own };

			r.mtu_bytes = t->n_words > 3 ? number(t, word(t, 3)) : 0;
			sim_trouble(socket_of(t), &r);
			return;
		}
	fail(t, "no error is called '%s'", word(t, 1));
}

static void command(struct talk *t)
{
	const char *name = word(t, 0);

	if (strcmp(name, "<") == 0) {
		inject(t);
	} else if (strcmp(name, ">") == 0) {
		expect(t);
	} else if (strcmp(name, "listen") == 0) {
		t->our_port = (uint16_t)number(t, word(t, 1));
		sim_listen(t->host, t->our_port, t->n_words > 2 ? number(t, word(t, 2)) : 10);
	} else if (strcmp(name, "connect") == 0) {
		t->peer_port = (uint16_t)number(t, word(t, 1));
		t->socket = sim_connect(t->host, "10.0.0.9", t->peer_port);
	} else if (strcmp(name, "peer") == 0) {
		t->peer_port = (uint16_t)number(t, word(t, 1));
		t->isn_known = false;
		t->our_isn = 0;
	} else if (strcmp(name, "write") == 0) {
		sim_write(socket_of(t), number(t, word(t, 1)));
	} else if (strcmp(name, "read") == 0) {
		sim_read(socket_of(t), number(t, word(t, 1)));
	} else if (strcmp(name, "capacity") == 0) {
		t->host->capacity = number(t, word(t, 1));
		t->host->reads_at_once = false;
	} else if (strcmp(name, "shutdown") == 0) {
		sim_shutdown(socket_of(t));
	} else if (strcmp(name, "close") == 0) {
		sim_close(socket_of(t));
	} else if (strcmp(name, "icmp") == 0) {
		icmp(t);
	} else if (strcmp(name, "busy") == 0) {
		t->host->busy = true;
	} else if (strcmp(name, "relieve") == 0) {
		sim_host_relieve(t->host);
	} else if (strcmp(name, "wait") == 0) {
		run_until(t, t->now_ns + number(t, word(t, 1)) * (uint64_t)NS_PER_MS);
	} else if (strcmp(name, "app") == 0) {
		app(t);
	} else if (strcmp(name, "option") == 0) {
		option(t);
	} else if (strcmp(name, "count") == 0) {
		count(t);
	} else {
		fail(t, "no command is called '%s'", name);
	}
	sim_host_turn(t->host);
}

static void play_line(struct talk *t, char *text)
{
	char *comment = strchr(text, '#');

	if (comment)
		*comment = '\0';
	t->n_words = 0;
	for (char *at = strtok(text, " \t\n"); at && t->n_words < WORDS; at = strtok(NULL, " \t\n"))
		t->word[t->n_words++] = at;
	if (t->n_words)
		command(t);
}

static void begin(struct talk *t)
{
	static const struct tcp_settings settings = { .cc = &cc_newreno, .seed = 7 };

	t->clock = (struct clock){ now, t };
	t->now_ns += 1000 * (uint64_t)NS_PER_S;
	t->host = sim_host_new(&t->clock, "10.0.0.1", &settings);
	t->host->transmit = transmit;
	t->host->context = t;
	t->peer_port = 5000;
	t->socket = NULL;
	t->isn_known = t->timestamps = false;
	t->our_isn = t->last_ts = t->n = 0;
}

static void end(struct talk *t)
{
	struct tcp got;

	if (t->n) {
		got = take_packet(t);
		print_packet(t, &got);
		fail(t, "a segment was sent that nobody expected");
	}
	sim_host_free(t->host);
}

/* A file holds several conversations, each under a line "== what it shows". */
static unsigned play(const char *file)
{
	static struct talk t;
	FILE *in = fopen(file, "r");
	char text[LINE];
	unsigned n = 0;

	t.file = file;
	t.line = 0;
	if (!in)
		fail(&t, "cannot be read");
	while (fgets(text, sizeof(text), in)) {
		t.line++;
		if (strncmp(text, "==", 2) == 0) {
			if (n++)
				end(&t);
			begin(&t);
		} else if (n) {
			play_line(&t, text);
		}
	}
	if (n)
		end(&t);
	fclose(in);
	return n;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%s: %u conversations\n", argv[i], play(argv[i]));
	return argc > 1 ? 0 : 2;
}
