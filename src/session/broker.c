/*
 * broker.c - give two application workers a channel of their own.
 *
 * Each side gets its own segment first, writable. When it says that it has mapped it, the segment
 * is sealed against any further writer and only then goes to the other side.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "session/app.h"
#include "session/tell.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void broker_free(struct broker *b)
{
	for (unsigned side = 0; side < 2; side++) {
		close_fd(&b->segment_fd[side]);
		close_fd(&b->wait_fd[side]);
		close_fd(&b->wake_fd[side]);
	}
	list_remove(&b->of_server);
	free(b);
}

/* Segments and the pipes by which each side wakes the other; the worker gets a look at both. */
static int make_parts(struct broker *b, struct pair_parts *parts, const struct session_options *o)
{
	for (unsigned side = 0; side < 2; side++) {
		int fd = segment_create("convoy-pair", PAIR_SLOTS,
					o->pages_per_link ? o->pages_per_link : PAIR_PAGES);
		int err;

		if (fd < 0)
			return fd;
		b->segment_fd[side] = fd;
		err = segment_map(&parts->segment[side], fd, false);
		if (err)
			return err;
		if (channel_make_pipe(&b->wait_fd[side], &b->wake_fd[1 - side]))
			return ERR_IO;
	}
	return 0;
}

void broker_new(struct app_server *s, uint32_t worker, handle pair, uint32_t client,
		uint32_t server)
{
	struct worker *w = s->engine->worker[worker];
	struct broker *b;
	struct pair_parts parts = { 0 };
	int err = ERR_CLOSED;

	if (!app_find_worker(s, client) || !app_find_worker(s, server)) {
		tell_pair_made(w, pair, &parts, err);
		return;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		tell_pair_made(w, pair, &parts, ERR_NOMEM);
		return;
	}
	*b = (struct broker){ .pair = pair,
			      .stack_worker = worker,
			      .id = { app_next_id(s), app_next_id(s) },
			      .app_worker = { client, server },
			      .segment_fd = { -1, -1 },
			      .wait_fd = { -1, -1 },
			      .wake_fd = { -1, -1 } };
	list_init(&b->of_server);
	err = make_parts(b, &parts, &s->options);
	parts.id[PAIR_CLIENT] = b->id[PAIR_CLIENT];
	parts.id[PAIR_SERVER] = b->id[PAIR_SERVER];
	tell_pair_made(w, pair, &parts, err);
	if (err) {
		log_error("session.pair", "error=%s", err_text(err));
		broker_free(b);
		return;
	}
	list_push(&s->brokers, &b->of_server);
}

static struct broker *find_broker(struct app_server *s, uint32_t app_worker, uint32_t id,
				  unsigned *side)
{
	list_for_each(link, &s->brokers) {
		struct broker *b = container_of(link, struct broker, of_server);

		for (*side = 0; *side < 2; (*side)++)
			if (b->id[*side] == id && b->app_worker[*side] == app_worker)
				return b;
	}
	return NULL;
}

static int on_open(struct app *a, struct broker *b, unsigned side, struct rpc_reply *r)
{
	int fds[3] = { b->segment_fd[side], b->wait_fd[side], b->wake_fd[side] };
	int err;

	if (fds[1] < 0) {
		r->err = ERR_EXIST;
		return app_reply(a, r, NULL, 0);
	}
	err = app_reply(a, r, fds, 3);
	close_fd(&b->wait_fd[side]);
	close_fd(&b->wake_fd[side]);
	return err;
}

static int on_mapped(struct app *a, struct broker *b, unsigned side, struct rpc_reply *r)
{
	unsigned other = 1 - side;
	int err = 0;

	if (!b->mapped[side]) {
		err = segment_seal(b->segment_fd[side]);
		if (err)
			return err;
		b->mapped[side] = true;
		if (b->waits[other]) {
			b->waits[other] = false;
			tell_channel(a->server->engine->worker[b->stack_worker],
				     b->app_worker[other], b->id[other]);
		}
	}
	if (b->mapped[other])
		return app_reply(a, r, &b->segment_fd[other], 1);
	b->waits[side] = true;
	r->err = ERR_AGAIN;
	return app_reply(a, r, NULL, 0);
}

static int on_ready(struct app *a, struct broker *b, unsigned side, struct rpc_reply *r)
{
	b->ready[side] = b->mapped[0] && b->mapped[1];
	if (b->ready[0] && b->ready[1]) {
		tell_pair_ready(a->server->engine->worker[b->stack_worker], b->pair);
		broker_free(b);
	}
	return app_reply(a, r, NULL, 0);
}

int broker_request(struct app_worker *aw, const struct rpc_request *q)
{
	struct rpc_reply r = { .type = q->type, .id = q->channel };
	unsigned side;
	struct broker *b = find_broker(aw->app->server, aw->id, q->channel, &side);

	if (!b) {
		r.err = ERR_NOENT;
		return app_reply(aw->app, &r, NULL, 0);
	}
	switch (q->type) {
	case RPC_OPEN:
		return on_open(aw->app, b, side, &r);
	case RPC_MAPPED:
		return on_mapped(aw->app, b, side, &r);
	default:
		return on_ready(aw->app, b, side, &r);
	}
}

void broker_end_worker(struct app_server *s, uint32_t id)
{
	list_for_each(link, &s->brokers) {
		struct broker *b = container_of(link, struct broker, of_server);

		if (b->app_worker[0] == id || b->app_worker[1] == id)
			broker_free(b);
	}
}
