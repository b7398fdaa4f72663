/* sock_table.c - sockets by index, descriptor and cookie. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/err.h"
#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/listener.h"

/* Descriptor: CONVOY_CD_BIT | use number << 20 | index. Cookie: use number << 20 | index. */
enum {
	CHUNK = 1024,
	MAX_SOCKS = 1 << SOCK_INDEX_BITS,
	INDEX_MASK = MAX_SOCKS - 1,
	CD_USES = 1 << (30 - SOCK_INDEX_BITS),
	COOKIE_USES = 1 << (32 - SOCK_INDEX_BITS),
	NO_SOCK = UINT32_MAX,
};

static struct {
	struct lock lock;
	_Atomic(struct sock *) chunks[MAX_SOCKS / CHUNK];
	uint32_t n;
	uint32_t first_free;
} table = { .first_free = NO_SOCK };

struct sock *sock_at_or_null(uint32_t index)
{
	struct sock *chunk;

	if (index >= MAX_SOCKS)
		return NULL;
	chunk = atomic_load_explicit(&table.chunks[index / CHUNK], memory_order_acquire);
	return chunk ? &chunk[index % CHUNK] : NULL;
}

/* One chunk more; all of its sockets are free and live at `unhomed`. */
static bool grow(void)
{
	struct sock *chunk;

	if (table.n == MAX_SOCKS)
		return false;
	chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return false;
	for (uint32_t i = CHUNK; i-- > 0;) {
		source_init(&chunk[i].source, SOURCE_SOCK, &unhomed);
		chunk[i].index = table.n + i;
		chunk[i].next_free = table.first_free;
		table.first_free = table.n + i;
	}
	atomic_store_explicit(&table.chunks[table.n / CHUNK], chunk, memory_order_release);
	table.n += CHUNK;
	return true;
}

/* The use numbers survive; all else starts afresh. */
static void reset_sock(struct sock *s, struct worker *home)
{
	uint32_t index = s->index, cookie = s->cookie;
	int cd = s->cd;
	struct lent *lent = s->lent;

	memset((char *)s + sizeof(s->source), 0, sizeof(*s) - sizeof(s->source));
	source_init(&s->source, SOURCE_SOCK, home);
	s->index = index;
	s->cd = cd;
	s->lent = lent;
	s->cookie = ((cookie >> SOCK_INDEX_BITS) + 1) % COOKIE_USES << SOCK_INDEX_BITS | index;
	s->state = SOCK_NEW;
	list_init(&s->link_offered);
	list_init(&s->in_starved);
	list_init(&s->in_corked);
	list_init(&s->in_deferred);
	list_init(&s->fifo.sweep);
}

struct sock *sock_new_or_null(struct worker *home)
{
	struct sock *s = NULL;

	lock_take(&table.lock);
	if (table.first_free != NO_SOCK || grow()) {
		s = sock_at_or_null(table.first_free);
		table.first_free = s->next_free;
		reset_sock(s, home);
	}
	lock_give(&table.lock);
	return s;
}

static int next_cd(const struct sock *s)
{
	uint32_t use = (((uint32_t)s->cd >> SOCK_INDEX_BITS) + 1) % CD_USES;

	return (int)(CONVOY_CD_BIT | use << SOCK_INDEX_BITS | s->index);
}

int sock_name(struct sock *s)
{
	s->cd = next_cd(s);
	s->refs = 1;
	return s->cd;
}

void sock_unname(struct sock *s)
{
	s->cd = next_cd(s);
	s->refs = 0;
}

void sock_free(struct sock *s)
{
	source_forsake(&s->source);
	list_remove(&s->in_starved);
	list_remove(&s->link_offered);
	sock_leave_link(s);
	free(s->unsent);
	s->unsent = NULL;
	free(s->answer);
	s->answer = NULL;
	sock_unname(s);
	s->state = SOCK_FREE;
	lock_take(&table.lock);
	s->next_free = table.first_free;
	table.first_free = s->index;
	lock_give(&table.lock);
}

struct sock *sock_lock(int cd)
{
	struct sock *s = sock_at_or_null((uint32_t)cd & INDEX_MASK);

	if (unlikely(!s || !(cd & CONVOY_CD_BIT)))
		return NULL;
	source_lock(&s->source);
	if (likely(s->cd == cd && s->refs > 0))
		return s;
	sock_unlock(s);
	return NULL;
}

struct sock *sock_of_cookie_or_null(uint32_t cookie)
{
	struct sock *s = sock_at_or_null(cookie & INDEX_MASK);

	return s && s->cookie == cookie && s->state != SOCK_FREE ? s : NULL;
}

void sock_move(struct sock *s, struct worker *to)
{
	atomic_store_explicit(&s->source.home, to, memory_order_release);
}

/* --- addresses --- */

int address_of_sockaddr(struct shm_address *a, const struct sockaddr *from, socklen_t len)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;

	if (!from || len < sizeof(sa_family_t))
		return -EINVAL;
	if (from->sa_family != AF_INET)
		return -EAFNOSUPPORT;
	if (len < sizeof(*in))
		return -EINVAL;
	*a = (struct shm_address){ .family = 4, .port = ntohs(in->sin_port) };
	memcpy(a->ip, &in->sin_addr, 4);
	return 0;
}

void sockaddr_of_address(const struct shm_address *a, struct sockaddr *to, socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };

	if (!to || !len)
		return;
	memcpy(&in.sin_addr, a->ip, 4);
	memcpy(to, &in, *len < sizeof(in) ? *len : sizeof(in));
	*len = sizeof(in);
}

int errno_of_reset(int err)
{
	switch (err) {
	case ERR_TIMEOUT:
		return ETIMEDOUT;
	case ERR_UNREACHABLE:
		return EHOSTUNREACH;
	case ERR_REFUSED:
		return ECONNREFUSED;
	case SHM_AFTER_FIN:
		return EPIPE; /* as Linux has it in CLOSE-WAIT */
	default:
		return ECONNRESET;
	}
}

/* --- fork --- */

void socks_fork_prepare(void)
{
	lock_take(&table.lock);
}

void socks_fork_parent(void)
{
	lock_give(&table.lock);
}

/* What becomes in the child of a socket that is more than an address. */
static void inherit(struct sock *s)
{
	s->lost = s->freed = s->resting = s->wanted = s->yielded = false;
	s->n_lent = s->lent_bytes = s->reserved = 0;
	s->moving = 0;
	s->joining = false;
	if (s->state == SOCK_OPEN) {
		adopt_name(s);
		s->state = SOCK_INHERITED;
	} else if (s->adopting && s->intent == SHM_ADOPT_IN_TURN) {
		s->state = SOCK_INHERITED; /* it is still where the parent has lost it */
		s->adopting = false;
	} else if (s->state == SOCK_DEFERRED || s->state == SOCK_CONNECTING) {
		s->state = SOCK_FAILED; /* the answer goes to the parent */
		s->adopting = false;
		s->error = ECONNABORTED;
	}
	free(s->unsent); /* the parent sends it */
	s->unsent = NULL;
	s->n_unsent = 0;
}

/*
 * Every socket goes to `unhomed`. Listeners, and sockets that were not connected yet, work on;
 * connections are fetched when they are used.
 */
void socks_fork_child(void)
{
	table.lock = (struct lock){ LOCK_FREE };
	for (uint32_t i = 0; i < table.n; i++) {
		struct sock *s = sock_at_or_null(i);

		if (s->state == SOCK_FREE)
			continue;
		source_init(&s->source, SOURCE_SOCK, &unhomed);
		list_init(&s->in_starved);
		list_init(&s->in_corked);
		list_init(&s->link_offered);
		list_init(&s->in_deferred);
		list_init(&s->fifo.sweep);
		inherit(s);
		s->link = NULL;
		s->fifo.channel = NULL;
		if (s->listener)
			listeners_fork_child(s);
		if (s->refs == 0)
			sock_free(s);
	}
}
