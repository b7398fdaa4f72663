/* luggage.c - see luggage.h. */
#include "session/luggage.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "session/link.h"

void luggage_free(struct luggage *g)
{
	free(g->unread);
	free(g->kept);
	*g = (struct luggage){ 0 };
}

/* Bytes that were written and not acknowledged, of earlier owners and of the present one. */
static int pack_written(struct session *s, struct luggage *g)
{
	struct slice slices[SHM_FIFO_CHUNKS + 1];
	uint32_t n = session_tx_ready(s);
	uint8_t *at = n ? malloc(n) : NULL;
	unsigned count;

	g->kept = at;
	g->n_kept = n;
	if (n && !at)
		return ERR_NOMEM;
	count = n ? session_tx_slices(s, 0, n, slices, count_of(slices)) : 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(at, slices[i].at, slices[i].len);
		at += slices[i].len;
	}
	if (n && at != g->kept + n)
		return ERR_PROTOCOL;
	if (n > session_tx_kept(s)) /* what was taken is taken: the old half says so */
		fifo_consume(&s->end, n - session_tx_kept(s));
	return 0;
}

static int pack_unread(struct session *s, struct luggage *g)
{
	g->n_unread = fifo_unread(&s->end);
	g->unread = g->n_unread ? malloc(g->n_unread) : NULL;
	if (g->n_unread && !g->unread)
		return ERR_NOMEM;
	if (g->n_unread)
		fifo_copy_unread(&s->end, g->unread);
	return 0;
}

static int pack_end(struct session *s, struct luggage *g)
{
	int err;

	g->shift = s->end.shift;
	g->my_state = s->end.my_state;
	g->error = atomic_load_explicit(&s->end.mine->error, memory_order_relaxed);
	g->wanted_room = atomic_load_explicit(&s->end.mine->want, memory_order_relaxed) != 0;
	fifo_set_state(&s->end, SHM_MOVED, g->error);
	atomic_thread_fence(memory_order_seq_cst);
	/* Nothing counts that comes after the state above. */
	fifo_room(&s->end);
	err = pack_written(s, g);
	g->peer_state = s->end.peer_state;
	if (!err)
		err = pack_unread(s, g);
	return s->end.broken ? ERR_PROTOCOL : err;
}

int luggage_pack(struct session *s, struct luggage *g)
{
	int err;

	*g = (struct luggage){ .shift = SHM_SHIFT_SMALL };
	if (s->end.channel) {
		err = pack_end(s, g);
		if (err)
			luggage_free(g);
		return err;
	}
	g->unread = s->limbo;
	g->n_unread = s->limbo_len;
	g->kept = s->kept;
	g->n_kept = s->kept_len;
	g->my_state = s->fin ? SHM_FIN : SHM_OPEN;
	g->peer_state = s->end.peer_state;
	s->limbo = s->kept = NULL;
	s->limbo_len = s->kept_len = s->kept_from = 0;
	return 0;
}

static void unpack_kept(struct session *s, struct luggage *g)
{
	free(s->kept);
	s->kept = g->kept;
	s->kept_len = g->n_kept;
	s->kept_from = 0;
	g->kept = NULL;
}

/* Chunks large enough for all at once. */
static uint8_t shift_for(const struct luggage *g)
{
	uint8_t shift = g->shift;

	while (g->n_unread > (uint32_t)(SHM_FIFO_CHUNKS - 1) << shift && shift < SHM_SHIFT_LARGE)
		shift = (uint8_t)(shift + SHM_SHIFT_STEP);
	return shift;
}

bool luggage_unpack(struct session *s, struct luggage *g)
{
	uint32_t n;
	bool all;

	unpack_kept(s, g);
	fifo_start_at_shift(&s->end, shift_for(g));
	n = g->n_unread ? fifo_write(&s->end, g->unread, g->n_unread) : 0;
	all = n == g->n_unread;
	if (all && g->my_state != SHM_OPEN)
		fifo_set_state(&s->end, (enum shm_state)g->my_state, g->error);
	s->end.peer_state = g->peer_state;
	if (g->wanted_room)
		fifo_want_room(&s->end);
	s->due_data = n || g->my_state != SHM_OPEN;
	if (s->due_data)
		link_mark_due(s);
	luggage_free(g);
	return all;
}

int luggage_park(struct session *s, struct luggage *g)
{
	if (g->n_unread < SESSION_LIMBO_BYTES) {
		uint8_t *limbo = realloc(g->unread, SESSION_LIMBO_BYTES);

		if (!limbo)
			return ERR_NOMEM;
		g->unread = limbo;
	}
	unpack_kept(s, g);
	s->limbo = g->unread;
	s->limbo_len = g->n_unread;
	s->fin = g->my_state >= SHM_FIN;
	s->end.peer_state = g->peer_state;
	s->state = SESSION_WAITING;
	g->unread = NULL;
	return 0;
}
