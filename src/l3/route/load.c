/* load.c - a file of routes, in steps. */
#include "l3/route/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/engine.h"
#include "l3/fib/bulk.h"
#include "l3/route/hop.h"
#include "l3/route/load_sort.h"
#include "l3/route/paths.h"

enum {
	CHUNK_BYTES = 128 << 10, /* read in one step */
	LINE_MAX_BYTES = 8192,
	PUT_STEP = 8192,
	SHOW_STEP = 2048,
	TAILS = 4096,
	TAIL_MAX = 96, /* longer ones are not kept */
	WHY_MAX = 256,
	NAME_MAX_BYTES = 160,
};

/* What stood behind a prefix, and the load-balance that it made. */
struct tail {
	uint8_t len; /* 0: free */
	uint8_t is_ip4;
	uint8_t text[TAIL_MAX];
	uint32_t load_balance;
};

struct route_load {
	struct mail mail;
	struct engine *engine;
	struct fib *fib;
	struct route_load_config config;   /* @name is @file */
	int (*step)(struct route_load *l); /* 0: done with this one, ERR_AGAIN: not yet */
	int err;
	char file[NAME_MAX_BYTES], why[WHY_MAX];
	uint64_t started_ns, took_ns;
	/* reading */
	uint32_t line;
	uint32_t n_kept; /* bytes of an unfinished line at the front of @buffer */
	uint8_t buffer[LINE_MAX_BYTES + CHUNK_BYTES];
	struct route_line *route;
	uint32_t n, room, n_put;
	bool is_unsorted;
	struct route_sort sort; /* has the lines while it is under way */
	uint32_t *made;		/* load-balances that hold a reference of ours */
	uint32_t n_made, room_made;
	struct tail tail[TAILS];
	struct fib_bulk bulk4, bulk6;
};

/* --- reading --- */

static int fail_at(struct route_load *l, int err, unsigned column, const char *what)
{
	snprintf(l->why, sizeof(l->why), "%s:%u:%u: %s", l->file, l->line, column, what);
	return err;
}

static int grow(void **list, uint32_t *room, size_t item)
{
	uint32_t more = *room ? 2 * *room : 4096;
	void *grown = realloc(*list, more * item);

	if (!grown)
		return ERR_NOMEM;
	*list = grown;
	*room = more;
	return 0;
}

static struct tail *tail_of(struct route_load *l, struct slice text, bool is_ip4)
{
	uint64_t h = is_ip4;

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ text.at[i]) * 0x100000001b3u;
	return &l->tail[(h ^ h >> 29) & (TAILS - 1)];
}

static bool tail_is(const struct tail *t, struct slice text, bool is_ip4)
{
	return t->len && t->is_ip4 == is_ip4 && slice_equal(slice_of(t->text, t->len), text);
}

static int get_paths(struct route_load *l, bool is_ip4, const struct route_text_to *text,
		     uint32_t *load_balance, const char **what)
{
	struct route_hop hops[LOAD_BALANCE_PATHS];
	struct fib_path paths[LOAD_BALANCE_PATHS];
	struct route_to to;
	unsigned n;
	int err = route_to_of_text(l->engine, l->config.vrf, is_ip4, text, hops, &to, what);

	if (err == 0)
		err = route_paths_get(l->engine, is_ip4, &to, 0, paths, &n, what);
	if (err != 0)
		return err;
	err = load_balance_get(&l->fib->load_balances, paths, n, to.resilient, load_balance);
	*what = err_text(err);
	return err;
}

/* The load-balance for what stands behind a prefix, made anew. */
static int make_load_balance(struct route_load *l, struct slice text, unsigned column, bool is_ip4,
			     uint32_t *out)
{
	struct route_text_fault fault;
	struct route_text_to to;
	const char *what = NULL;
	int err = route_text_to(text, column, is_ip4, &to, &fault);

	if (err != 0)
		return fail_at(l, err, fault.column, fault.what);
	if (l->n_made == l->room_made && grow((void **)&l->made, &l->room_made, sizeof(*l->made)))
		return fail_at(l, ERR_NOMEM, column, "out of memory");
	err = get_paths(l, is_ip4, &to, out, &what);
	if (err != 0)
		return fail_at(l, err, column, what);
	l->made[l->n_made++] = *out;
	return 0;
}

static int take_tail(struct route_load *l, struct slice text, unsigned column, bool is_ip4,
		     uint32_t *out)
{
	struct tail *t = tail_of(l, text, is_ip4);
	int err;

	if (tail_is(t, text, is_ip4)) {
		*out = t->load_balance;
		return 0;
	}
	err = make_load_balance(l, text, column, is_ip4, out);
	if (err == 0 && text.len > 0 && text.len <= TAIL_MAX) {
		t->len = (uint8_t)text.len;
		t->is_ip4 = is_ip4;
		t->load_balance = *out;
		memcpy(t->text, text.at, text.len);
	}
	return err;
}

static int take_line(struct route_load *l, struct slice line)
{
	struct route_text_fault fault;
	struct slice rest = line;
	struct ip_prefix prefix;
	struct route_line *r;
	int err = route_text_prefix(&rest, &prefix, &fault);

	if (err != 0)
		return err > 0 ? 0 : fail_at(l, err, fault.column, fault.what);
	if (l->n == l->room && grow((void **)&l->route, &l->room, sizeof(*l->route)) != 0)
		return fail_at(l, ERR_NOMEM, 1, "out of memory");
	r = &l->route[l->n];
	r->is_ip4 = ip_prefix_is_ip4(&prefix);
	r->len = prefix.len;
	r->at = l->n;
	r->key = r->is_ip4 ? fib_key_of_ip4(ip6_mapped_ip4(&prefix.addr))
			   : fib_key_of_ip6(&prefix.addr);
	if (!r->is_ip4 && r->len >= 8 && (r->key.hi >> 56 == 0xff || r->key.hi >> 54 == 0x3fa))
		return fail_at(l, ERR_FORMAT, 1, "no routes lead to multicast or link-local");
	err = take_tail(l, rest, (unsigned)(rest.at - line.at) + 1, r->is_ip4, &r->load_balance);
	if (err != 0)
		return err;
	l->is_unsorted |= l->n > 0 && route_line_compare(r - 1, r) > 0;
	l->n++;
	return 0;
}

/* Lines in the buffer's first @n bytes; what is left of the last one moves to the front. */
static int take_lines(struct route_load *l, uint32_t n, bool is_end)
{
	uint8_t *at = l->buffer, *end = l->buffer + n;
	int err = 0;

	while (at < end && err == 0) {
		uint8_t *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop && !is_end)
			break;
		if (!stop)
			stop = end;
		l->line++;
		err = take_line(l, slice_of(at, (size_t)(stop - at)));
		at = stop + 1;
	}
	if (err != 0)
		return err;
	l->n_kept = at < end ? (uint32_t)(end - at) : 0;
	if (l->n_kept > LINE_MAX_BYTES) {
		l->line++;
		return fail_at(l, ERR_FORMAT, 1, "a line of more than 8192 bytes");
	}
	memmove(l->buffer, at, l->n_kept);
	return 0;
}

static int step_begin_sort(struct route_load *l);

static int step_read(struct route_load *l)
{
	ssize_t n = read(l->config.fd, l->buffer + l->n_kept, CHUNK_BYTES);
	int err;

	if (n < 0 && errno == EINTR)
		return ERR_AGAIN;
	if (n < 0) {
		snprintf(l->why, sizeof(l->why), "%s: %s", l->file, strerror(errno));
		return ERR_IO;
	}
	err = take_lines(l, l->n_kept + (uint32_t)n, n == 0);
	if (err != 0)
		return err;
	if (n == 0)
		l->step = step_begin_sort;
	return ERR_AGAIN;
}

/* --- sorting --- */

static int step_begin_put(struct route_load *l);

static int step_sort(struct route_load *l)
{
	if (route_sort_step(&l->sort) == ERR_AGAIN)
		return ERR_AGAIN;
	l->route = l->sort.line;
	l->sort.line = NULL;
	route_sort_deinit(&l->sort);
	l->step = step_begin_put;
	return ERR_AGAIN;
}

static int step_begin_sort(struct route_load *l)
{
	l->step = step_begin_put;
	if (!l->is_unsorted)
		return ERR_AGAIN;
	if (route_sort_init(&l->sort, l->route, l->n) != 0) {
		snprintf(l->why, sizeof(l->why), "%s: %s", l->file, err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	l->route = NULL;
	l->step = step_sort;
	return ERR_AGAIN;
}

/* --- into the tables --- */

static int step_show(struct route_load *l)
{
	int err = fib_bulk_show(&l->bulk4, SHOW_STEP);

	return err ? err : fib_bulk_show(&l->bulk6, SHOW_STEP);
}

static int step_put(struct route_load *l)
{
	for (unsigned i = 0; i < PUT_STEP && l->n_put < l->n; i++, l->n_put++) {
		const struct route_line *r = &l->route[l->n_put];
		int err = fib_bulk_put(r->is_ip4 ? &l->bulk4 : &l->bulk6, r->key, r->len,
				       l->config.source, r->load_balance);

		if (err != 0) {
			snprintf(l->why, sizeof(l->why),
				 "%s: the first %u prefixes in order are in, then: %s", l->file,
				 l->n_put, err_text(err));
			l->err = err;
			break;
		}
	}
	if (l->err != 0 || l->n_put == l->n)
		l->step = step_show;
	return ERR_AGAIN;
}

static int step_begin_put(struct route_load *l)
{
	struct vrf *v = fib_vrf_or_null(l->fib, l->config.vrf);

	if (!v) {
		snprintf(l->why, sizeof(l->why), "the VRF is gone");
		return ERR_NOENT;
	}
	fib_bulk_init(&l->bulk4, v, &v->ip4);
	fib_bulk_init(&l->bulk6, v, &v->ip6);
	l->step = step_put;
	return ERR_AGAIN;
}

/* --- life --- */

static void load_free(struct route_load *l)
{
	for (uint32_t i = 0; i < l->n_made; i++)
		load_balance_put(&l->fib->load_balances, l->made[i]);
	fib_bulk_deinit(&l->bulk4);
	fib_bulk_deinit(&l->bulk6);
	close(l->config.fd);
	free(l->made);
	free(l->route);
	route_sort_deinit(&l->sort);
	free(l);
}

static void end(struct route_load *l, int err)
{
	route_hops_load_ends(l->engine);
	l->took_ns = clock_now_ns(l->engine->clock) - l->started_ns;
	if (l->config.done)
		l->config.done(l, err, l->config.context);
	load_free(l);
}

static void run(void *consumer unused_arg, struct mail *mail)
{
	struct route_load *l = container_of(mail, struct route_load, mail);
	int err;

	if (!l->engine->module[MODULE_ROUTE]) { /* convoyd ends */
		load_free(l);
		return;
	}
	err = l->step(l);
	if (err == ERR_AGAIN)
		mailbox_post(&l->engine->main, &l->mail);
	else
		end(l, err ? err : l->err);
}

int route_load_start(struct engine *e, const struct route_load_config *config,
		     struct route_load **out)
{
	struct fib *f = e->module[MODULE_FIB];
	struct route_load *l;

	if (!fib_vrf_or_null(f, config->vrf))
		return ERR_NOENT;
	l = calloc(1, sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	l->engine = e;
	l->fib = f;
	l->config = *config;
	snprintf(l->file, sizeof(l->file), "%s", config->name);
	l->config.name = l->file;
	l->started_ns = clock_now_ns(e->clock);
	l->step = step_read;
	route_hops_load_begins(e);
	l->mail.deliver = run;
	mailbox_post(&e->main, &l->mail);
	*out = l;
	return 0;
}

void route_load_abandon(struct route_load *l)
{
	l->config.done = NULL;
}

const char *route_load_why(const struct route_load *l)
{
	return l->why;
}

uint32_t route_load_count(const struct route_load *l)
{
	return l->n_put;
}

uint64_t route_load_ns(const struct route_load *l)
{
	return l->took_ns;
}
