/* fifo.c - bytes through chunks; every word of the peer is loaded once and checked here. */
#include "shm/fifo.h"

#include "base/err.h"

enum { SLOT_MASK = SHM_FIFO_CHUNKS - 1, SWEEP_PER_CHUNK = 2 };

#define load_word(word)		atomic_load_explicit(word, memory_order_acquire)
#define store_word(word, value) atomic_store_explicit(word, value, memory_order_release)

void fifo_open(struct fifo_end *e, struct channel *c, uint32_t slot, uint32_t generation)
{
	invariant(slot < c->mine.n_slots && slot < c->peers.n_slots);
	*e = (struct fifo_end){ .channel = c,
				.mine = segment_half(&c->mine, slot),
				.peers = segment_half(&c->peers, slot),
				.slot = slot,
				.generation = generation,
				.shift = SHM_SHIFT_SMALL,
				.max_shift = c->max_shift,
				.peer_shift = SHM_SHIFT_SMALL };
	list_init(&e->sweep);
	atomic_store_explicit(&e->mine->tail, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->head, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->posted, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->heard, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->want, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->state, SHM_OPEN, memory_order_relaxed);
	atomic_store_explicit(&e->mine->taken, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->error, 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->info[SHM_INFO_KIND], 0, memory_order_relaxed);
	atomic_store_explicit(&e->mine->shift, e->shift, memory_order_relaxed);
	store_word(&e->mine->generation, generation);
}

static void break_end(struct fifo_end *e)
{
	e->broken = true;
	e->peer_state = SHM_RESET;
	e->peer_error = ERR_PROTOCOL;
	e->peer_tail = e->head;
}

/* True once the peer's words belong to this session. */
static bool peer_present(struct fifo_end *e)
{
	if (!e->peer_live && load_word(&e->peers->generation) == e->generation)
		e->peer_live = true;
	return e->peer_live && !e->broken;
}

/* --- storage --- */

static void give_chunk(struct fifo_end *e, uint32_t position)
{
	_Atomic uint32_t *entry = &e->mine->chunk[(position >> e->shift) & SLOT_MASK];
	uint32_t page_plus_1 = atomic_load_explicit(entry, memory_order_relaxed);

	if (page_plus_1 == 0)
		return;
	chunk_give(&e->channel->chunks, page_plus_1 - 1, e->shift);
	atomic_store_explicit(entry, 0, memory_order_relaxed);
}

/* Larger chunks from here on; nothing may be held. */
static void grow(struct fifo_end *e)
{
	e->shift = (uint8_t)(e->shift + SHM_SHIFT_STEP);
	store_word(&e->mine->shift, e->shift);
	e->was_full = false;
}

/* The fifo is empty, and nobody fills it: nothing is held, and the chunk size may change. */
static void free_all(struct fifo_end *e)
{
	while ((int32_t)(e->allocated - e->freed) > 0) {
		give_chunk(e, e->freed);
		e->freed = (e->freed | ((1u << e->shift) - 1)) + 1;
	}
	e->freed = e->allocated = e->tail;
	list_remove(&e->sweep);
	if (e->was_full && e->shift < e->max_shift)
		grow(e);
}

/* Give back every chunk that lies wholly before what the peer has taken; all when it took all. */
static void free_taken(struct fifo_end *e)
{
	uint32_t mask = (1u << e->shift) - 1;

	while ((e->freed | mask) + 1 - e->freed <= e->taken - e->freed) {
		give_chunk(e, e->freed);
		e->freed = (e->freed | mask) + 1;
	}
	if (e->taken == e->tail && e->reserved == e->tail)
		free_all(e);
}

/*
 * News of a cut-through peer counts only if the stack has not begun to split the session by then:
 * what the stack looks at next is as new. So chunks that hold what it copies are not given back,
 * and nothing is read here that it does not know of.
 */
static bool comes_too_late(const struct fifo_end *e)
{
	if (!e->channel->broker)
		return false;
	atomic_thread_fence(memory_order_seq_cst); /* the partner is in split.c */
	return channel_is_splitting(e->channel);
}

static void look_at_head(struct fifo_end *e)
{
	uint32_t head;

	if (!peer_present(e))
		return;
	head = load_word(&e->peers->head);
	if (head != e->taken && unlikely(comes_too_late(e)))
		return;
	if (head - e->taken > e->tail - e->taken) {
		break_end(e);
		return;
	}
	e->taken = head;
	if (e->freed != e->allocated)
		free_taken(e);
}

void fifo_sweep(struct channel *c, unsigned n)
{
	while (n-- > 0) {
		struct list *link = list_pop_or_null(&c->sweep);
		struct fifo_end *e;

		if (!link)
			return;
		e = container_of(link, struct fifo_end, sweep);
		list_push(&c->sweep, link);
		look_at_head(e);
	}
}

/* The chunk that holds @position, taken from the pool when it is new; NULL without memory. */
static uint8_t *chunk_for_write(struct fifo_end *e, uint32_t position)
{
	_Atomic uint32_t *entry = &e->mine->chunk[(position >> e->shift) & SLOT_MASK];
	uint32_t page_plus_1 = atomic_load_explicit(entry, memory_order_relaxed);
	struct channel *c = e->channel;

	if (page_plus_1 == 0) {
		uint32_t page;

		if (!list_linked(&e->sweep))
			list_push(&c->sweep, &e->sweep);
		fifo_sweep(c, SWEEP_PER_CHUNK);
		page = chunk_take(&c->chunks, e->shift);
		if (page == CHUNK_NONE)
			return NULL;
		page_plus_1 = page + 1;
		atomic_store_explicit(entry, page_plus_1, memory_order_relaxed);
		e->allocated = (position | ((1u << e->shift) - 1)) + 1;
	}
	return segment_page(&c->mine, page_plus_1 - 1);
}

void fifo_close(struct fifo_end *e)
{
	if (!e->channel)
		return;
	list_remove(&e->sweep);
	for (unsigned i = 0; i < SHM_FIFO_CHUNKS; i++)
		give_chunk(e, i << e->shift);
	e->channel = NULL;
}

/* --- writing --- */

/*
 * A small fifo was full: it pauses until it is empty and can change to larger chunks. A writer that
 * refills it all the time would else never find it empty. Only where the reader is sure to take
 * everything: a transport does, a program may wait for more first.
 */
static bool pauses_to_grow(const struct fifo_end *e)
{
	return e->was_full && e->channel->peer_drains && e->shift < e->max_shift &&
	       e->tail != e->taken;
}

uint32_t fifo_room(struct fifo_end *e)
{
	uint32_t used;

	look_at_head(e); /* also after our end: fifo_unread() */
	if (e->my_state != SHM_OPEN || pauses_to_grow(e))
		return 0;
	used = e->tail - e->taken;
	return used >= fifo_capacity(e) ? 0 : fifo_capacity(e) - used;
}

unsigned fifo_reserve(struct fifo_end *e, uint32_t n, struct fifo_span *spans, unsigned max)
{
	uint32_t room = fifo_room(e);
	uint32_t position = e->tail;
	uint32_t mask;
	unsigned count = 0;

	/* A long write into an empty fifo gets the chunks that it needs at once. */
	while (n > room && room == fifo_capacity(e) && e->allocated == e->tail &&
	       e->shift < e->max_shift) {
		grow(e);
		room = fifo_capacity(e);
	}
	mask = (1u << e->shift) - 1;
	if (n > room) {
		e->was_full = true;
		n = room;
	}
	e->reserved = e->tail + n; /* keeps a sweep from taking back what is handed out below */
	while (n > 0 && count < max) {
		uint32_t within = position & mask;
		uint32_t len = mask + 1 - within < n ? mask + 1 - within : n;
		uint8_t *chunk = chunk_for_write(e, position);

		if (!chunk)
			break;
		spans[count++] = (struct fifo_span){ chunk + within, len };
		position += len;
		n -= len;
	}
	e->reserved = position;
	return count;
}

void fifo_commit(struct fifo_end *e, uint32_t n)
{
	e->tail += n;
	e->reserved = e->tail;
	store_word(&e->mine->tail, e->tail);
}

uint32_t fifo_write(struct fifo_end *e, const void *from, uint32_t n)
{
	struct fifo_span spans[SHM_FIFO_CHUNKS];
	unsigned count = fifo_reserve(e, n, spans, SHM_FIFO_CHUNKS);
	const uint8_t *at = from;

	for (unsigned i = 0; i < count; i++) {
		memcpy(spans[i].at, at, spans[i].len);
		at += spans[i].len;
	}
	n = (uint32_t)(at - (const uint8_t *)from);
	fifo_commit(e, n);
	return n;
}

void fifo_mark_taken(struct fifo_end *e, uint32_t position)
{
	if (position - e->taken <= e->tail - e->taken)
		e->taken = position;
}

void fifo_start_at_shift(struct fifo_end *e, uint8_t shift)
{
	invariant(e->allocated == 0);
	e->shift = shift;
	store_word(&e->mine->shift, shift);
}

void fifo_set_state(struct fifo_end *e, enum shm_state state, int error)
{
	if (state <= e->my_state)
		return;
	e->my_state = (uint8_t)state;
	atomic_store_explicit(&e->mine->error, error, memory_order_relaxed);
	store_word(&e->mine->state, (uint8_t)state);
}

void fifo_want_room(struct fifo_end *e)
{
	uint32_t want = atomic_load_explicit(&e->mine->want, memory_order_relaxed);

	/* A new odd number each time, so that one answer does not satisfy two wishes. */
	atomic_store_explicit(&e->mine->want, (want + 2) | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

bool fifo_data_due(struct fifo_end *e)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (peer_present(e)) {
		if (load_word(&e->peers->heard) != e->posted)
			return false;
	} else if (e->posted != 0) {
		return false;
	}
	e->posted++;
	store_word(&e->mine->posted, e->posted);
	return true;
}

/* --- moving --- */

bool fifo_untouched(struct fifo_end *e)
{
	look_at_head(e);
	if (e->broken || e->head != 0 || e->taken != 0 || e->freed != 0)
		return false;
	return !peer_present(e) || (load_word(&e->peers->taken) == 0 && e->peer_tail == 0);
}

void fifo_forget_peer(struct fifo_end *e)
{
	static const struct shm_half nobody;

	e->peers = &nobody; /* generation 0 is no session's */
	e->peer_live = false;
	e->peer_state = SHM_OPEN;
	e->peer_error = 0;
}

void fifo_copy_unread(const struct fifo_end *e, void *to)
{
	uint32_t mask = (1u << e->shift) - 1;
	uint8_t *out = to;

	for (uint32_t at = e->taken; at != e->tail;) {
		uint32_t page = atomic_load_explicit(&e->mine->chunk[(at >> e->shift) & SLOT_MASK],
						     memory_order_relaxed) -
				1;
		uint32_t within = at & mask;
		uint32_t len = mask + 1 - within < e->tail - at ? mask + 1 - within : e->tail - at;

		memcpy(out, segment_page(&e->channel->mine, page) + within, len);
		out += len;
		at += len;
	}
}

/* --- reading --- */

void fifo_hear(struct fifo_end *e)
{
	if (!peer_present(e))
		return;
	atomic_store_explicit(&e->mine->heard, load_word(&e->peers->posted), memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

static void accept_shift(struct fifo_end *e)
{
	uint8_t shift = load_word(&e->peers->shift);

	if (shift != SHM_SHIFT_SMALL && shift != SHM_SHIFT_MEDIUM && shift != SHM_SHIFT_LARGE)
		break_end(e);
	else
		e->peer_shift = shift;
}

uint32_t fifo_poll(struct fifo_end *e)
{
	uint8_t state;
	uint32_t tail;

	if (!peer_present(e))
		return 0;
	/* State first: what it says about the tail holds for any tail loaded after it. */
	state = load_word(&e->peers->state);
	tail = load_word(&e->peers->tail);
	if ((tail != e->peer_tail || state != e->peer_state) && unlikely(comes_too_late(e)))
		return fifo_readable(e);
	if (tail != e->peer_tail && e->head == e->peer_tail)
		accept_shift(e);
	if (tail - e->head > (uint32_t)(SHM_FIFO_CHUNKS - 1) << e->peer_shift ||
	    tail - e->head < e->peer_tail - e->head || state > SHM_MOVED)
		break_end(e);
	if (e->broken)
		return 0;
	e->peer_tail = tail;
	if (state > e->peer_state && state != SHM_MOVED) {
		e->peer_state = state;
		if (state == SHM_RESET)
			e->peer_error = load_word(&e->peers->error);
	}
	return tail - e->head;
}

void fifo_watch(struct fifo_end *e, struct channel *c, uint32_t slot, uint32_t generation)
{
	invariant(slot < c->mine.n_slots && slot < c->peers.n_slots);
	*e = (struct fifo_end){ .channel = c,
				.mine = segment_half(&c->mine, slot),
				.peers = segment_half(&c->peers, slot),
				.slot = slot,
				.generation = generation,
				.peer_shift = SHM_SHIFT_SMALL };
	list_init(&e->sweep);
	if (load_word(&e->mine->generation) == generation)
		e->head = e->peer_tail = load_word(&e->mine->head);
}

bool fifo_was_moved(const struct fifo_end *e)
{
	atomic_thread_fence(memory_order_seq_cst);
	return e->channel && load_word(&e->peers->generation) == e->generation &&
	       load_word(&e->peers->state) == SHM_MOVED;
}

/* Where the peer says that @position lies; NULL (and broken) if that is outside its pages. */
static const uint8_t *chunk_for_read(struct fifo_end *e, uint32_t position)
{
	uint32_t page_plus_1 = atomic_load_explicit(
		&e->peers->chunk[(position >> e->peer_shift) & SLOT_MASK], memory_order_relaxed);
	uint32_t pages = 1u << (e->peer_shift - SHM_SHIFT_SMALL);
	uint32_t page = page_plus_1 - 1;

	if (page_plus_1 == 0 || page > e->channel->peers.n_pages - pages || page % pages != 0) {
		break_end(e);
		return NULL;
	}
	return segment_page(&e->channel->peers, page);
}

unsigned fifo_segments(struct fifo_end *e, uint32_t offset, uint32_t n, struct slice *slices,
		       unsigned max)
{
	uint32_t readable = fifo_readable(e);
	uint32_t position = e->head + offset;
	uint32_t mask = (1u << e->peer_shift) - 1;
	unsigned count = 0;

	if (offset >= readable)
		return 0;
	if (n > readable - offset)
		n = readable - offset;
	while (n > 0 && count < max) {
		uint32_t within = position & mask;
		uint32_t len = mask + 1 - within < n ? mask + 1 - within : n;
		const uint8_t *chunk = chunk_for_read(e, position);

		if (!chunk)
			return 0;
		slices[count++] = slice_of(chunk + within, len);
		position += len;
		n -= len;
	}
	return count;
}

uint32_t fifo_peek(struct fifo_end *e, uint32_t offset, void *to, uint32_t n)
{
	struct slice slices[SHM_FIFO_CHUNKS];
	unsigned count = fifo_segments(e, offset, n, slices, SHM_FIFO_CHUNKS);
	uint8_t *at = to;

	for (unsigned i = 0; i < count; i++) {
		memcpy(at, slices[i].at, slices[i].len);
		at += slices[i].len;
	}
	return (uint32_t)(at - (uint8_t *)to);
}

uint32_t fifo_read(struct fifo_end *e, void *to, uint32_t n)
{
	n = fifo_peek(e, 0, to, n);
	if (n > 0)
		fifo_consume(e, n);
	return n;
}

void fifo_consume(struct fifo_end *e, uint32_t n)
{
	invariant(n <= fifo_readable(e) || e->broken);
	if (e->broken)
		return;
	e->head += n;
	store_word(&e->mine->head, e->head);
}

/* Does the peer wait for room that nobody has told it of? Then it is to be told now. */
static bool answer_want(struct fifo_end *e)
{
	uint32_t want;

	if (!peer_present(e))
		return false;
	want = load_word(&e->peers->want);
	if (!(want & 1) || want == e->peer_want)
		return false;
	e->peer_want = want;
	return true;
}

bool fifo_room_due(struct fifo_end *e)
{
	atomic_thread_fence(memory_order_seq_cst);
	return fifo_readable(e) <= (uint32_t)(SHM_FIFO_CHUNKS - 1) << e->peer_shift >> 1 &&
	       answer_want(e);
}

bool fifo_drained_due(struct fifo_end *e)
{
	if (e->peer_shift >= SHM_SHIFT_LARGE)
		return fifo_room_due(e);
	atomic_thread_fence(memory_order_seq_cst);
	return fifo_readable(e) == 0 && answer_want(e);
}
