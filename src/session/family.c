/*
 * family.c - applications that fork: main's part.
 *
 *   FORK ─> a connection for the child ─> every stack worker notes what the child shares ─> reply
 *
 * The parent waits for the reply with its locks held, so what a worker finds in its rings and
 * slots is what the child's copy of memory will show.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "session/app.h"
#include "session/tell.h"

static int answer(struct app *a, const struct rpc_request *q, int err)
{
	struct rpc_reply r = { .type = q->type, .err = err };

	return app_reply(a, &r, NULL, 0);
}

/* --- fork --- */

static bool share_holds(struct app *child, const struct app *parent)
{
	list_for_each(link, &parent->holds)
		if (!app_share(child, container_of(link, struct binding_hold, of_app)))
			return false;
	return true;
}

/* A connection that the child will find open; its other end is served as if it had connected. */
static struct app *new_child(struct app *a, bool shares, int *child_fd)
{
	struct app *child;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return NULL;
	fcntl(fds[0], F_SETFL, O_NONBLOCK); /* ours; the child waits for its replies */
	child = app_new(a->server, fds[0], a);
	*child_fd = fds[1];
	if (child && (!shares || share_holds(child, a)))
		return child;
	if (child)
		app_end(child);
	else
		close(fds[0]);
	close(fds[1]);
	return NULL;
}

static void forget_child(struct app *a)
{
	if (a->born_fd >= 0)
		close(a->born_fd);
	a->born_fd = -1;
	a->born = 0;
	a->n_told = 0;
}

static int hand_over(struct app *a)
{
	struct rpc_reply r = { .type = RPC_FORK, .id = a->born };
	int err = app_reply(a, &r, &a->born_fd, 1);

	forget_child(a);
	return err;
}

static int on_fork(struct app *a, const struct rpc_request *q)
{
	bool shares = !(q->flags & RPC_SHARE_NOTHING);
	struct engine *e = a->server->engine;
	struct app *child;

	if (a->born)
		return answer(a, q, ERR_BUSY);
	child = new_child(a, shares, &a->born_fd);
	if (!child)
		return answer(a, q, ERR_NOMEM);
	a->born = child->id;
	for (uint32_t i = 0; shares && i < e->n_workers; i++)
		a->n_told += tell_fork(e->worker[i], a->id, child->id) == 0;
	return a->n_told > 0 ? 0 : hand_over(a);
}

void family_told(struct app_server *s, uint32_t parent, uint32_t child)
{
	struct app *a = app_find(s, parent);

	if (a && a->born == child && --a->n_told == 0 && hand_over(a))
		app_end(a);
}

void family_end(struct app *a)
{
	forget_child(a);
	tell_app_end(a->server->engine, a->id);
}

/* --- single listeners and sessions --- */

/*
 * Only now is the parent told: what it says next, say that it closes the session, comes by the
 * worker's rings, which a worker may read before it has read our message.
 */
void family_shared(struct app_server *s, uint32_t parent)
{
	const struct rpc_request q = { .type = RPC_SHARE };
	struct app *a = app_find(s, parent);

	if (a && answer(a, &q, 0))
		app_end(a);
}

/* Only a child that the application itself has made and that nobody uses yet. */
static struct app *find_child(struct app *a, uint32_t id)
{
	struct app *child = app_find(a->server, id);

	return child && child->parent == a->id && !child->pid ? child : NULL;
}

static int on_share(struct app *a, const struct rpc_request *q)
{
	struct app *child = find_child(a, q->flags);
	struct binding_hold *h;

	if (!child || q->channel >= a->server->engine->n_workers)
		return answer(a, q, ERR_NOENT);
	if (q->worker) {
		struct worker *w = a->server->engine->worker[q->channel];
		struct share_name name = { q->worker, q->slot, q->generation };
		int err = tell_share(w, a->id, child->id, &name);

		return err ? answer(a, q, err) : 0;
	}
	h = app_find_hold(a, q->listener);
	if (!h)
		return answer(a, q, ERR_NOENT);
	return answer(a, q, app_share(child, h) ? 0 : ERR_NOMEM);
}

static int on_release(struct app *a, const struct rpc_request *q)
{
	struct share_name name = { q->worker, q->slot, q->generation };

	if (q->channel >= a->server->engine->n_workers)
		return answer(a, q, ERR_NOENT);
	tell_release(a->server->engine->worker[q->channel], a->id, &name);
	return answer(a, q, 0);
}

int family_request(struct app *a, const struct rpc_request *q)
{
	switch (q->type) {
	case RPC_FORK:
		return on_fork(a, q);
	case RPC_SHARE:
		return on_share(a, q);
	default:
		return on_release(a, q);
	}
}
