/*
 * mempool.c - the engine's pool as a DPDK mempool. Objects are never kept here: taking one is
 * buf_alloc(), giving one back is buf_free(), from the stock of the worker that is in burst.c, or
 * straight from the pool when DPDK does it elsewhere: filling queues at the start, emptying them
 * at the end, control threads.
 */
#include "drivers/dpdk/module/module.h"

#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_ONCE = 64, HUGE_PAGE_BYTES = 2 << 20 };

static const char ops_name[] = "convoy";

__thread struct buf_cache *mbufs_cache;

static struct list all = { &all, &all }; /* main's */

/* --- what DPDK calls --- */

static int ops_alloc(struct rte_mempool *mp)
{
	mp->pool_data = mp->pool_config;
	return 0;
}

static void ops_free(struct rte_mempool *mp)
{
	mp->pool_data = NULL;
}

static void give(struct dpdk_mbufs *m, struct buf_cache *c, void *const *object, unsigned n)
{
	uint32_t idx[AT_ONCE];

	for (unsigned done = 0; done < n;) {
		unsigned step = n - done < AT_ONCE ? n - done : AT_ONCE;

		for (unsigned i = 0; i < step; i++)
			idx[i] = index_of(m->pool, buf_of(object[done + i]));
		module_host->free(c, idx, step);
		done += step;
	}
}

static int ops_enqueue(struct rte_mempool *mp, void *const *object, unsigned n)
{
	struct dpdk_mbufs *m = mp->pool_data;

	if (unlikely(m->idle))
		return 0;
	if (likely(mbufs_cache != NULL)) {
		give(m, mbufs_cache, object, n);
		return 0;
	}
	pthread_mutex_lock(&m->lock);
	give(m, &m->stray, object, n);
	module_host->cache_deinit(&m->stray); /* keeps nothing */
	pthread_mutex_unlock(&m->lock);
	return 0;
}

/* All or none, as DPDK wants it. */
static int take(struct dpdk_mbufs *m, struct buf_cache *c, void **object, unsigned n)
{
	uint32_t idx[AT_ONCE];

	for (unsigned done = 0; done < n;) {
		unsigned step = n - done < AT_ONCE ? n - done : AT_ONCE;
		unsigned got = module_host->alloc(c, idx, step);

		for (unsigned i = 0; i < got; i++)
			object[done + i] = mbuf_of(buf_at(m->pool->base, idx[i]));
		done += got;
		if (unlikely(got < step)) {
			give(m, c, object, done);
			return -ENOBUFS;
		}
	}
	return 0;
}

static int ops_dequeue(struct rte_mempool *mp, void **object, unsigned n)
{
	struct dpdk_mbufs *m = mp->pool_data;
	int rc;

	if (unlikely(m->idle))
		return 0;
	if (likely(mbufs_cache != NULL))
		return take(m, mbufs_cache, object, n);
	pthread_mutex_lock(&m->lock);
	rc = take(m, &m->stray, object, n);
	module_host->cache_deinit(&m->stray);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static unsigned ops_count(const struct rte_mempool *mp)
{
	const struct dpdk_mbufs *m = mp->pool_data;

	return module_host->free_count(m->pool);
}

static const struct rte_mempool_ops ops = {
	.name = "convoy",
	.alloc = ops_alloc,
	.free = ops_free,
	.enqueue = ops_enqueue,
	.dequeue = ops_dequeue,
	.get_count = ops_count,
};

/* --- making one --- */

static int register_ops(void)
{
	static bool done;

	if (!done && rte_mempool_register_ops(&ops) < 0)
		return -EINVAL;
	done = true;
	return 0;
}

/*
 * Only the mbuf itself: its private area is a buffer that somebody may be using. This is the state
 * in which DPDK keeps free mbufs, and burst.c gives them back in it.
 */
static void init_mbuf(struct rte_mempool *mp, void *context unused_arg, void *object,
		      unsigned at unused_arg)
{
	struct rte_mbuf *m = object;

	memset(m, 0, sizeof(*m));
	m->priv_size = PRIVATE_BYTES;
	m->buf_addr = buf_of(m)->room;
	m->buf_iova = (rte_iova_t)(uintptr_t)m->buf_addr;
	m->buf_len = BUF_ROOM;
	m->data_off = BUF_HEADROOM;
	m->pool = mp;
	m->nb_segs = 1;
	m->port = RTE_MBUF_PORT_INVALID;
	rte_mbuf_refcnt_set(m, 1);
}

/* 0 or a negative errno. */
static int fill(struct dpdk_mbufs *m)
{
	struct rte_pktmbuf_pool_private properties = { .mbuf_data_room_size = BUF_ROOM,
						       .mbuf_priv_size = PRIVATE_BYTES };
	size_t page = m->pool->huge ? HUGE_PAGE_BYTES : (size_t)getpagesize();
	char *first = (char *)m->pool->base + BUF_STRIDE - BUF_HEAD;
	int rc = rte_mempool_set_ops_byname(m->mempool, ops_name, m);

	if (rc < 0)
		return rc;
	rte_pktmbuf_pool_init(m->mempool, &properties);
	rc = rte_extmem_register(m->pool->base, m->pool->map_bytes, NULL, 0, page);
	if (rc < 0)
		return rte_errno == EEXIST ? -EEXIST : -rte_errno;
	rc = rte_mempool_populate_iova(m->mempool, first, (rte_iova_t)(uintptr_t)first,
				       (size_t)m->pool->n_buffers * BUF_STRIDE, NULL, NULL);
	if (rc < 0)
		return rc;
	rte_mempool_obj_iter(m->mempool, init_mbuf, NULL);
	m->idle = false;
	return 0;
}

static void destroy(struct dpdk_mbufs *m)
{
	m->idle = true;
	if (m->mempool) {
		rte_mempool_free(m->mempool);
		rte_extmem_unregister(m->pool->base, m->pool->map_bytes);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static int make(struct buf_pool *pool, struct dpdk_mbufs **out)
{
	static unsigned n_made;
	struct dpdk_mbufs *m = calloc(1, sizeof(*m));
	char name[RTE_MEMPOOL_NAMESIZE];
	int rc;

	if (!m)
		return -ENOMEM;
	m->pool = pool;
	m->idle = true;
	module_host->cache_init(&m->stray, pool);
	pthread_mutex_init(&m->lock, NULL);
	snprintf(name, sizeof(name), "convoy%u", n_made++);
	rc = register_ops();
	if (rc == 0) {
		m->mempool = rte_mempool_create_empty(
			name, pool->n_buffers, BUF_STRIDE - OBJECT_HEADER_BYTES, 0,
			sizeof(struct rte_pktmbuf_pool_private), SOCKET_ID_ANY,
			RTE_MEMPOOL_F_NO_SPREAD | RTE_MEMPOOL_F_NO_IOVA_CONTIG);
		rc = m->mempool ? fill(m) : -rte_errno;
	}
	if (rc < 0) {
		destroy(m);
		return rc;
	}
	invariant(m->mempool->header_size == OBJECT_HEADER_BYTES && m->mempool->trailer_size == 0);
	*out = m;
	return 0;
}

int mbufs_get(struct buf_pool *pool, struct dpdk_mbufs **out, char *why, size_t why_bytes)
{
	int rc;

	list_for_each(link, &all) {
		struct dpdk_mbufs *m = container_of(link, struct dpdk_mbufs, link);

		if (m->pool == pool) {
			m->n_users++;
			*out = m;
			return 0;
		}
	}
	rc = make(pool, out);
	if (rc < 0)
		return port_fail(why, why_bytes, rc, "%u buffers cannot be DPDK's mbufs",
				 pool->n_buffers);
	(*out)->n_users = 1;
	list_push(&all, &(*out)->link);
	return 0;
}

void mbufs_put(struct dpdk_mbufs *m)
{
	if (--m->n_users)
		return;
	list_remove(&m->link);
	destroy(m);
}
