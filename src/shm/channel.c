/* channel.c - event rings and wake-ups. */
#include "shm/channel.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"

enum { RING_MASK = SHM_RING_EVENTS - 1 };
_Static_assert((SHM_RING_EVENTS & RING_MASK) == 0, "ring size is a power of two");

int channel_init(struct channel *c, struct segment mine, struct segment peers, unsigned max_shift,
		 int wake_fd)
{
	*c = (struct channel){ 0 };
	if (chunks_init(&c->chunks, mine.n_pages))
		return ERR_NOMEM;
	c->mine = mine;
	c->peers = peers;
	c->max_shift = (uint8_t)max_shift;
	c->wake_fd = wake_fd;
	list_init(&c->sweep);
	return 0;
}

void channel_deinit(struct channel *c)
{
	chunks_deinit(&c->chunks);
	segment_unmap(&c->mine);
	segment_unmap(&c->peers);
	if (c->wake_fd >= 0)
		close(c->wake_fd);
	c->wake_fd = -1;
}

int channel_make_pipe(int *wait_fd, int *wake_fd)
{
	char path[32];
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return ERR_IO;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	*wake_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	close(fds[1]);
	if (*wake_fd < 0) {
		close(fds[0]);
		return ERR_IO;
	}
	*wait_fd = fds[0];
	return 0;
}

bool channel_has_room(struct channel *c, uint32_t n)
{
	if (c->ring_tail + n - c->ring_room_head <= SHM_RING_EVENTS)
		return true;
	/* A wild head of a hostile peer makes the ring look full or lets us overwrite events that
	 * only it would have read. */
	c->ring_room_head =
		atomic_load_explicit(&segment_side(&c->peers)->ring_head, memory_order_acquire);
	return c->ring_tail + n - c->ring_room_head <= SHM_RING_EVENTS;
}

int channel_post(struct channel *c, const struct shm_event *e)
{
	if (!channel_has_room(c, 1)) {
		c->n_full++;
		return ERR_FULL;
	}
	segment_ring(&c->mine)[c->ring_tail & RING_MASK] = *e;
	c->ring_tail++;
	c->n_posted++;
	atomic_store_explicit(&segment_side(&c->mine)->ring_tail, c->ring_tail,
			      memory_order_release);
	return 0;
}

void channel_wake(struct channel *c)
{
	nap_fence();
	if (!wake_due(&segment_side(&c->peers)->nap, &c->woken_nap))
		return;
	c->n_wakes++;
	/* A full pipe means that wake-ups are already waiting there. */
	if (c->wake_fd >= 0 && write(c->wake_fd, "", 1) < 0)
		return;
}

bool channel_take(struct channel *c, struct shm_event *e)
{
	uint32_t tail;

	if (c->broken)
		return false;
	tail = atomic_load_explicit(&segment_side(&c->peers)->ring_tail, memory_order_acquire);
	if (tail == c->ring_head)
		return false;
	if (tail - c->ring_head > SHM_RING_EVENTS) {
		c->broken = true;
		return false;
	}
	/* Copied first, checked by the caller afterwards: the peer may write while we look. */
	*e = *(const volatile struct shm_event *)&segment_ring(&c->peers)[c->ring_head & RING_MASK];
	c->ring_head++;
	c->n_taken++;
	atomic_store_explicit(&segment_side(&c->mine)->ring_head, c->ring_head,
			      memory_order_release);
	return true;
}
