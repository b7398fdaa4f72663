/*
 * worker.h - TCP on one worker: its connections, entries, work for the end of the turn, counters.
 * And what all workers share: secrets and settings, fixed before they start.
 */
#ifndef CONVOY_TRANSPORT_TCP_WORKER_H
#define CONVOY_TRANSPORT_TCP_WORKER_H

#include "engine/worker.h"
#include "session/session.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/counters.h"
#include "transport/tcp/mtu.h"
#include "transport/tcp/ports.h"
#include "transport/tcp/stall.h"
#include "transport/tcp/table.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/time_wait.h"

enum {
	TCP_BLOCK_BYTES = 512,	     /* sack ranges or held segments of one connection */
	TCP_WINDOW_MAX = 960 * 1024, /* what a session's fifo can grow to */
	TCP_INITIAL_WINDOW = SESSION_LIMBO_BYTES, /* fits before an application has taken it */
	TCP_HELD_MAX = 2048, /* buffers that early segments of one connection may take, about */
};

struct tcp_shared {
	struct tcp_settings settings;
	struct tcp_key_secret key_secret;
	struct siphash_key isn_secret;
	struct siphash_key port_secret;
	uint32_t n_workers;
};

struct tcp_worker {
	struct worker *worker;
	const struct tcp_shared *tcp;
	uint64_t *in_counts;  /* of node tcp4-input, enum tcp_in_reason */
	uint64_t *out_counts; /* of node tcp4-output, enum tcp_out_reason */
	uint16_t in_node, out_node;
	uint16_t ip_id;
	struct tcp_table table;
	struct pool conns;	/* struct tcp_conn */
	struct pool half_opens; /* struct tcp_half_open */
	struct pool blocks;	/* TCP_BLOCK_BYTES each */
	struct tcp_time_waits time_waits;
	struct list half_open_ages; /* oldest first */
	uint64_t cookies_until_ns;  /* cookies may come back until then; 0: none is out */
	struct list todo;	    /* tcp_conn.todo_link */
	struct tcp_stall stall;
	uint32_t turn_bytes; /* sent in this turn, about */
	struct turn_hook hook;
	struct tcp_ports ports;
	struct tcp_mtu_table mtus; /* of paths */
	uint32_t n_held, max_held; /* buffers that hold early segments, of all connections */
	uint64_t reset_second;	   /* resets for unknown segments are limited per second */
	uint32_t n_resets;
};

/* tcp_worker_of - TCP's part of @w. */
static inline struct tcp_worker *tcp_worker_of(const struct worker *w)
{
	return w->module[MODULE_TCP];
}

static inline uint64_t tcp_now_ns(const struct tcp_worker *tw)
{
	return tw->worker->now_ns;
}

static inline void tcp_count_in(struct tcp_worker *tw, enum tcp_in_reason reason)
{
	tw->in_counts[reason]++;
}

static inline void tcp_count_out(struct tcp_worker *tw, enum tcp_out_reason reason)
{
	tw->out_counts[reason]++;
}

/* tcp_conn_at - the connection that a table reference names, live or not. */
static inline struct tcp_conn *tcp_conn_at(const struct tcp_worker *tw, uint32_t index)
{
	return (struct tcp_conn *)(tw->conns.objects[index / POOL_CHUNK_OBJECTS] +
				   (size_t)(index % POOL_CHUNK_OBJECTS) * tw->conns.object_bytes);
}

/*
 * tcp_lookup - what is stored under @key: a reference, 0 when nothing.
 */
tcp_ref tcp_lookup(const struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash);

/* tcp_payload_toward - octets of a segment without options that the way to the peer takes.
 * @mtu_bytes: of our interface */
static inline uint16_t tcp_payload_toward(const struct tcp_worker *tw, const struct tcp_key *key,
					  uint32_t mtu_bytes)
{
	return (uint16_t)(tcp_mtu_of(&tw->mtus, key->fib, tcp_key_remote_ip4(key), mtu_bytes,
				     tcp_now_ns(tw) / NS_PER_S) -
			  40);
}

/* tcp_owner - the worker to which the connection with this hash belongs. */
static inline uint32_t tcp_owner(const struct tcp_shared *tcp, uint32_t hash)
{
	return tcp->n_workers == 1 ? 0 : (uint32_t)(((uint64_t)hash * tcp->n_workers) >> 32);
}

/*
 * tcp_block_take_or_null, tcp_block_give - memory for disorder, TCP_BLOCK_BYTES less a handle.
 * NULL when it is used up: then the connection does without.
 */
void *tcp_block_take_or_null(struct tcp_worker *tw);
void tcp_block_give(struct tcp_worker *tw, void *block);

#endif
