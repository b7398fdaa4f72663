/*
 * memif_attach.c - a link's way to the workers and back.
 *
 * Queue q of either direction belongs to worker interface_queue_worker(q). A worker sends by the
 * first ring of its own; one without hands its packets to the owner of a ring. Each of them learns
 * that for itself when the link comes, and forgets it when the link goes: what is handed over
 * meanwhile is dropped, never passed on twice.
 */
#include <stdlib.h>

#include "base/log.h"
#include "drivers/memif/memif_private.h"
#include "engine/delay.h"

enum { LINGER_MS = 500 /* the other side must have stopped writing to buffers by then */ };

static bool is_mine(const struct worker *w, const struct memif *m, uint32_t queue)
{
	return interface_queue_worker(m->interface, queue) == w->index;
}

static void give_rx(struct worker *w, struct memif_rx *rx)
{
	memif_ring_sleepy(&rx->queue, false);
	if (rx->link->view.is_client)
		rx->lacks = !memif_ring_release(&rx->queue, &w->bufs);
	if (worker_add_input(w, &rx->input) < 0)
		memif_give_up(w, rx->link);
	else
		rx->attached = true;
}

static void give_link(struct worker *w, void *arg)
{
	struct memif_link *l = arg;
	struct memif *m = l->memif;
	struct memif_way way = { .hand_to =
					 interface_queue_worker(m->interface, w->index % l->n_tx) };

	for (uint32_t i = 0; i < l->n_rx; i++)
		if (is_mine(w, m, i))
			give_rx(w, &l->rx[i]);
	for (uint32_t i = l->n_tx; i-- > 0;)
		if (is_mine(w, m, i))
			way.tx = &l->tx[i];
	m->way[w->index] = way;
}

static void take_link(struct worker *w, void *arg)
{
	struct memif_link *l = arg;
	struct memif *m = l->memif;

	m->way[w->index] = (struct memif_way){ .hand_to = WORKERS_MAX };
	for (uint32_t i = 0; i < l->n_rx; i++) {
		struct memif_rx *rx = &l->rx[i];

		if (!rx->attached || !is_mine(w, m, i))
			continue;
		worker_remove_input(w, &rx->input);
		timer_cancel(&w->wheel, &rx->timer);
	}
	for (uint32_t i = 0; i < l->n_tx; i++)
		if (is_mine(w, m, i))
			memif_release_backlog(w, &l->tx[i]);
}

/* --- buffers that the other side may still write to --- */

struct lingering {
	struct engine_delay delay;
	uint32_t n;
	uint32_t idx[];
};

static void free_buffers(struct worker *w, void *arg)
{
	struct lingering *g = arg;

	buf_free(&w->bufs, g->idx, g->n);
	free(g);
}

static void lingered(struct engine *e, struct engine_delay *d)
{
	struct lingering *g = container_of(d, struct lingering, delay);

	if (!e->running)
		free_buffers(e->worker[0], g);
	else if (worker_call(e->worker[0], free_buffers, g) < 0)
		log_error("memif.buffers", "lost=%u error=out of memory", g->n);
}

/* Its process may be in the middle of a copy that it began before it learnt of the end. */
static void let_linger(struct memif_link *l)
{
	struct lingering *g = l->lingering;
	uint32_t n = 0;

	l->lingering = NULL;
	for (uint32_t i = 0; i < l->n_rx; i++)
		n += memif_ring_reclaim(&l->rx[i].queue, g->idx + n);
	for (uint32_t i = 0; i < l->n_tx; i++)
		n += memif_ring_reclaim(&l->tx[i].queue, g->idx + n);
	g->n = n;
	engine_delay(l->memif->engine, &g->delay, LINGER_MS, lingered);
}

/* --- main --- */

static void link_taken(struct engine *e, void *arg)
{
	struct memif_link *l = arg;
	struct memif *m = l->memif;

	(void)e;
	m->link = NULL;
	if (l->view.pool)
		let_linger(l);
	memif_link_free(l);
	m->state = MEMIF_IDLE;
	memif_redial(m);
}

void memif_detach(struct memif *m)
{
	uint32_t caps =
		m->interface->caps & ~(uint32_t)(CAP_CSUM | CAP_TSO | CAP_LRO | CAP_RX_CSUM);

	interface_set_link(m->interface, false);
	m->interface->n_queues = m->n_queues;
	if (interface_set_caps(m->interface, caps) < 0)
		log_error("memif.caps", "name=%s", m->interface->name);
	m->state = MEMIF_DETACHING;
	engine_errand_run(m->errand, take_link, link_taken, m->link);
}

static void link_given(struct engine *e, void *arg)
{
	struct memif_link *l = arg;
	struct memif *m = l->memif;

	(void)e;
	if (m->state != MEMIF_ATTACHING)
		return; /* it ended meanwhile; link_taken() follows */
	m->state = MEMIF_UP;
	m->interface->n_queues = l->n_rx;
	interface_set_link(m->interface, true);
	log_info("memif.up", "name=%s peer=\"%s\" offload=%d queues=%u/%u zero_copy=%d",
		 m->interface->name, m->peer, l->view.vnet, l->n_rx, l->n_tx, l->view.pool != NULL);
}

static void broken(void *consumer, struct mail *mail)
{
	struct memif_link *l = container_of(mail, struct memif_link, broken_mail);

	(void)consumer;
	if (l->memif->link == l)
		memif_hang_up(l->memif, "ring violation");
}

void memif_give_up(struct worker *w, struct memif_link *l)
{
	if (!__atomic_exchange_n(&l->broken, true, __ATOMIC_RELAXED)) /* once */
		engine_post_main(w->engine, &l->broken_mail);
}

int memif_attach(struct memif *m)
{
	const uint32_t all = CAP_CSUM | CAP_TSO | CAP_LRO | CAP_RX_CSUM;
	struct memif_link *l = m->link;
	int err;

	if (l->view.pool) {
		l->lingering = calloc(1, sizeof(*l->lingering) + ((size_t)(l->n_rx + l->n_tx)
								  << l->log2_ring_size) *
									 sizeof(uint32_t));
		if (!l->lingering)
			return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < l->n_rx; i++)
		memif_init_rx(&l->rx[i]);
	for (uint32_t i = 0; i < l->n_tx; i++)
		memif_init_tx(&l->tx[i]);
	l->broken_mail.deliver = broken;
	err = interface_set_caps(m->interface, l->view.vnet ? all : 0);
	if (err)
		return err;
	m->state = MEMIF_ATTACHING;
	return engine_on_each(m->engine, give_link, link_given, l);
}
