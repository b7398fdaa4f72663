/* module.h - what the files of convoy-dpdk.so share. DPDK's names begin with rte_. */
#ifndef CONVOY_DRIVERS_DPDK_MODULE_MODULE_H
#define CONVOY_DRIVERS_DPDK_MODULE_MODULE_H

/* Before DPDK's, which leave alone what is there: likely(), container_of(). */
#include "base/list.h"
#include "drivers/dpdk/dpdk_module.h"
#include "engine/interface.h"

#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

enum {
	MBUF_BYTES = sizeof(struct rte_mbuf),
	OBJECT_HEADER_BYTES = BUF_HEAD - MBUF_BYTES,
	PRIVATE_BYTES = offsetof(struct buf, room), /* of the mbuf: our lanes */
};
_Static_assert(BUF_HEAD >= MBUF_BYTES + sizeof(struct rte_mempool_objhdr), "the head holds both");
_Static_assert(RTE_PKTMBUF_HEADROOM == BUF_HEADROOM, "what is received lands behind the headroom");

struct dpdk_mbufs {
	struct list link;
	struct buf_pool *pool;
	struct rte_mempool *mempool;
	unsigned n_users;
	bool idle; /* being made or ended: DPDK gives and takes every object once, for nothing */
	pthread_mutex_t lock;
	struct buf_cache stray; /* of threads that are no workers; empty outside of @lock */
};

struct dpdk_port {
	uint16_t id;
	struct rte_device *device;
	struct dpdk_mbufs *mbufs;
	struct dpdk_port_info info;
	void (*changed)(void *context);
	void *context;
	uint64_t owner;
	unsigned if_index;  /* of the kernel's device behind it; 0: none */
	bool has_callbacks; /* it tells of its link */
	bool has_interrupts;
	bool partial; /* frames come without their checksum, and nobody says so */
	bool started;
	bool removed;			 /* atomic: the device said so */
	int rx_fd[INTERFACE_QUEUES_MAX]; /* that say that packets came; -1 for none */
};

extern const struct dpdk_host *module_host;

/* --- eal.c --- */
int eal_start(const struct dpdk_host *host, const char *const *args, unsigned n_args, char *why,
	      size_t why_bytes);
/* eal_quiet - main: keep DPDK's lines below errors to ourselves, or no more. */
void eal_quiet(bool quiet);
/* eal_complaint - the first error that DPDK has logged on this thread since it was cleared. */
const char *eal_complaint(void);
void eal_clear_complaint(void);

/* --- mempool.c --- */
int mbufs_get(struct buf_pool *pool, struct dpdk_mbufs **out, char *why, size_t why_bytes);
void mbufs_put(struct dpdk_mbufs *m);

/* What the thread allocates from and frees to between these two; NULL: straight from and to the
 * pool. */
extern __thread struct buf_cache *mbufs_cache;

static inline struct rte_mbuf *mbuf_of(struct buf *b)
{
	return (struct rte_mbuf *)(void *)((uint8_t *)b - MBUF_BYTES);
}

static inline struct buf *buf_of(struct rte_mbuf *m)
{
	return (struct buf *)(void *)((uint8_t *)m + MBUF_BYTES);
}

static inline uint32_t index_of(const struct buf_pool *p, const struct buf *b)
{
	return (uint32_t)(((uintptr_t)b - (uintptr_t)p->base) / BUF_LINE);
}

/* --- port.c, port_probe.c, port_state.c --- */
int port_open(struct dpdk_mbufs *m, const struct dpdk_wanted *wanted, struct dpdk_port **out,
	      struct dpdk_port_info *info, char *why, size_t why_bytes);
void port_close(struct dpdk_port *p);
/* port_probe - find the device, have it probed, take it: id, device and owner of @p. */
int port_probe(struct dpdk_port *p, const char *device, char *why, size_t why_bytes);
/* port_leave - give it back and detach it. */
void port_leave(struct dpdk_port *p);
/* port_listen - from now on `changed` is called; port_deafen: no more when this returns. */
void port_listen(struct dpdk_port *p);
void port_deafen(struct dpdk_port *p);
void port_look(struct dpdk_port *p, struct dpdk_port_state *out);
int port_set_mtu(struct dpdk_port *p, uint32_t mtu_bytes, char *why, size_t why_bytes);
void port_set_link_up(struct dpdk_port *p);
/* port_find_fds - fill in rx_fd. */
void port_find_fds(struct dpdk_port *p);
int port_rx_fd(struct dpdk_port *p, unsigned q);
bool port_rx_arm(struct dpdk_port *p, unsigned q, bool on);
/* port_fail - print the sentence and DPDK's @rc (a negative errno) into @why; its enum err. */
printf_like(4, 5)
int port_fail(char *why, size_t why_bytes, int rc, const char *format, ...);

/* --- burst.c --- */
unsigned burst_receive(struct dpdk_port *p, unsigned q, struct buf_cache *c, uint32_t *idx,
		       unsigned n, uint64_t *n_foreign);
struct dpdk_sent burst_send(struct dpdk_port *p, unsigned q, struct buf_cache *c,
			    const uint32_t *idx, unsigned n);

#endif
