/* link.c - from descriptors that convoyd sends to a working channel. */
#include "comms/src/link.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "comms/src/attach.h"
#include "comms/src/fds.h"
#include "comms/src/set.h"
#include "comms/src/os.h"

static struct link *new_link_or_null(struct worker *w, uint32_t id, bool to_stack)
{
	struct link **links = realloc(w->links, (w->n_links + 1) * sizeof(struct link *));
	struct link *l = calloc(1, sizeof(*l));

	if (links)
		w->links = links;
	if (!links || !l) {
		free(l);
		return NULL;
	}
	l->worker = w;
	l->id = id;
	l->to_stack = to_stack;
	l->wait_fd = l->wake_fd = -1;
	w->links[w->n_links++] = l;
	return l;
}

static void set_broker(struct link *l, struct link *broker)
{
	l->broker = broker;
	l->channel.broker = broker ? &broker->channel : NULL;
}

void link_close(struct link *l)
{
	struct worker *w = l->worker;

	if (l->ready) {
		l->channel.wake_fd = -1; /* ours to drop */
		channel_deinit(&l->channel);
	}
	segment_unmap(&l->mine);
	fd_drop(&l->wait_fd);
	fd_drop(&l->wake_fd);
	free(l->by_slot);
	free(l->waiting);
	for (unsigned i = 0; i < w->n_links; i++)
		if (w->links[i] == l)
			w->links[i--] = w->links[--w->n_links];
		else if (w->links[i]->broker == l)
			set_broker(w->links[i], NULL);
	free(l);
}

/* A child must not find our rings: its own writes would cross ours. */
static int map_segment(struct segment *s, int fd, bool writable)
{
	int err = segment_map(s, fd, writable);

	os_close(fd);
	if (!err)
		madvise(s->base, s->bytes, MADV_DONTFORK);
	return err;
}

static int watch_pipe(struct link *l)
{
	struct worker *w = l->worker;
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = SET_PIPE_EVENT };

	if (w->set && os_epoll_ctl(w->set->epfd, EPOLL_CTL_ADD, l->wait_fd, &e) < 0)
		return ERR_IO;
	if (w->wait_fd >= 0 && os_epoll_ctl(w->wait_fd, EPOLL_CTL_ADD, l->wait_fd, &e) < 0)
		return ERR_IO;
	return 0;
}

/* The peer's segment has come: the channel can work. */
static int complete(struct link *l, int peers_fd)
{
	struct segment peers;
	int err = map_segment(&peers, peers_fd, false);

	if (err)
		return err;
	l->by_slot = calloc(l->mine.n_slots, sizeof(*l->by_slot));
	if (!l->by_slot ||
	    channel_init(&l->channel, l->mine, peers,
			 l->to_stack ? SHM_SHIFT_LARGE : SHM_SHIFT_MEDIUM, l->wake_fd)) {
		segment_unmap(&peers);
		return ERR_NOMEM;
	}
	l->channel.peer_drains = l->to_stack;
	set_broker(l, l->broker);
	l->mine = (struct segment){ 0 };
	l->ready = true;
	return watch_pipe(l);
}

int link_open_stack(struct worker *w, uint32_t index)
{
	struct rpc_request q = { .type = RPC_CHANNEL, .worker = w->id, .channel = index };
	struct rpc_reply r;
	struct rpc_fds fds;
	struct link *l;
	int err = attach_call(&q, &r, &fds, 4);

	if (err)
		return err;
	l = new_link_or_null(w, r.id, true);
	if (!l) {
		for (unsigned i = 0; i < 4; i++)
			os_close(fds.fd[i]);
		return ERR_NOMEM;
	}
	l->wait_fd = fd_keep(fds.fd[2]);
	l->wake_fd = fd_keep(fds.fd[3]);
	w->n_stack_links++;
	err = map_segment(&l->mine, fds.fd[0], true);
	if (err)
		os_close(fds.fd[1]);
	else
		err = complete(l, fds.fd[1]);
	if (err)
		link_close(l);
	return err;
}

static int ask_for_peer(struct worker *w, uint32_t id, struct link **out)
{
	struct rpc_request q = { .type = RPC_OPEN, .worker = w->id, .channel = id };
	struct rpc_reply r;
	struct rpc_fds fds;
	struct link *l;
	int err = attach_call(&q, &r, &fds, 3);

	if (err)
		return err;
	l = new_link_or_null(w, id, false);
	if (!l) {
		for (unsigned i = 0; i < 3; i++)
			os_close(fds.fd[i]);
		return ERR_NOMEM;
	}
	l->wait_fd = fd_keep(fds.fd[1]);
	l->wake_fd = fd_keep(fds.fd[2]);
	*out = l;
	return map_segment(&l->mine, fds.fd[0], true);
}

int link_open_peer(struct link *broker, uint32_t id)
{
	struct worker *w = broker->worker;
	struct rpc_request q = { .type = RPC_MAPPED, .worker = w->id, .channel = id };
	struct link *l = worker_peer_link_or_null(w, id);
	struct rpc_reply r;
	struct rpc_fds fds;
	int err = 0;

	if (l && l->ready)
		return 0;
	if (!l)
		err = ask_for_peer(w, id, &l);
	if (l)
		l->broker = broker;
	if (!err)
		err = attach_call(&q, &r, &fds, 1);
	if (err == ERR_AGAIN)
		return 0;
	if (!err)
		err = complete(l, fds.fd[0]);
	if (!err) {
		q.type = RPC_READY;
		err = attach_call(&q, &r, NULL, 0);
	}
	if (err && l)
		link_close(l);
	return err;
}

/* --- events --- */

/* Grow the list of waiting events; its size is bounded by a few for each socket. */
static void make_room(struct link *l)
{
	uint32_t max = l->max_waiting ? l->max_waiting * 2 : 64;
	struct shm_event *more = calloc(max, sizeof(*more));

	invariant(more);
	for (uint32_t i = 0; i < l->n_waiting; i++)
		more[i] = l->waiting[(l->first_waiting + i) % l->max_waiting];
	free(l->waiting);
	l->waiting = more;
	l->first_waiting = 0;
	l->max_waiting = max;
}

void link_flush(struct link *l)
{
	while (l->n_waiting > 0) {
		if (channel_post(&l->channel, &l->waiting[l->first_waiting]))
			return;
		l->first_waiting = (l->first_waiting + 1) % l->max_waiting;
		l->n_waiting--;
		l->wake_due = true;
	}
}

void link_post(struct link *l, const struct shm_event *e)
{
	l->wake_due = true;
	if (l->n_waiting == 0 && channel_post(&l->channel, e) == 0)
		return;
	if (l->n_waiting == l->max_waiting)
		make_room(l);
	l->waiting[(l->first_waiting + l->n_waiting++) % l->max_waiting] = *e;
}

void link_wake(struct link *l)
{
	if (!l->wake_due || l->worker->holds_wakes)
		return;
	l->wake_due = false;
	channel_wake(&l->channel);
}
