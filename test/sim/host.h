/*
 * host.h - one end of a simulation: our real TCP on a real engine, with the simulation's clock,
 * sockets in place of applications, and a function in place of the IP layers.
 *
 *   socket (host.c implements session/session.h) ── TCP ── "ip4-lookup" ──> transmit(packet)
 *                                                    └──< sim_host_receive(packet)
 *
 * Streams carry a fixed pattern, so that each received octet can be checked and none is stored.
 */
#ifndef CONVOY_TEST_SIM_HOST_H
#define CONVOY_TEST_SIM_HOST_H

#include "engine/engine.h"
#include "session/session.h"
#include "transport/tcp/icmp.h"
#include "transport/tcp/tcp.h"

enum { SIM_SOCKETS = 64, SIM_PACKET_MAX = 2048, SIM_MTU = 1500, SIM_INTERFACE = 1 };

struct sim_host;

struct sim_socket {
	struct session session; /* what TCP knows of it */
	struct sim_host *host;
	bool used;
	/* sending */
	uint64_t written, acked;
	bool finished, closed;
	/* receiving */
	uint64_t received, read;
	uint32_t capacity;
	bool reads_at_once; /* as if an application took all that comes */
	bool wants_room;
	bool eof;
	/* how it went */
	bool connected, done;
	int error; /* of session_reset() or session_connect_failed() */
};

struct session_listener {
	uint16_t port;
	uint32_t backlog, n_accepted, n_half_open;
};

struct sim_host {
	struct engine *engine;
	struct worker *worker;
	be32 address;
	uint16_t input_node;
	struct session_listener listener;
	struct sim_socket sockets[SIM_SOCKETS];
	/* Called for each packet that leaves, cut to the MTU, checksums complete. */
	void (*transmit)(struct sim_host *h, const uint8_t *packet, uint32_t len);
	void *context;
	uint32_t capacity; /* of new sockets' receive fifos */
	bool reads_at_once;
	bool busy; /* packets wait before the interface; sim_host_relieve() ends it */
	uint64_t n_errors[TCP_ERROR_N_REASONS]; /* what sim_trouble() came to */
	uint64_t n_corrupt;			/* octets received that are not the pattern's */
};

/* sim_host_new - with @settings for TCP; aborts when the machine is out of memory. */
struct sim_host *sim_host_new(const struct clock *clock, const char *address,
			      const struct tcp_settings *settings);
void sim_host_free(struct sim_host *h);

/* sim_host_turn - let the worker look at what has come and at its timers. */
void sim_host_turn(struct sim_host *h);

/* sim_host_relieve - the interface is busy no more. */
void sim_host_relieve(struct sim_host *h);

/* sim_host_next_ns - when it wants the next turn. */
uint64_t sim_host_next_ns(const struct sim_host *h);

/* sim_host_receive - an IPv4 packet arrives; it is looked at in the next turn. */
void sim_host_receive(struct sim_host *h, const uint8_t *packet, uint32_t len);

/* sim_host_fix_checksums - set total length and both checksums of an IPv4 packet with TCP. */
void sim_host_fix_checksums(uint8_t *packet, uint32_t len);

/* --- what an application does --- */

void sim_listen(struct sim_host *h, uint16_t port, uint32_t backlog);
struct sim_socket *sim_connect(struct sim_host *h, const char *address, uint16_t port);
/* sim_accepted_or_null - the @n-th connection that the listener has had, from 0. */
struct sim_socket *sim_accepted_or_null(struct sim_host *h, unsigned n);
void sim_write(struct sim_socket *s, uint64_t octets);
void sim_read(struct sim_socket *s, uint32_t octets);
void sim_shutdown(struct sim_socket *s);
void sim_close(struct sim_socket *s);
void sim_option(struct sim_socket *s, enum shm_option option, int32_t value);
struct transport_info sim_describe(struct sim_socket *s);

/* sim_trouble - an ICMP error about segment @seq of @s, quoting a full packet. */
void sim_trouble(struct sim_socket *s, const struct tcp_trouble_report *r);

/* sim_count - reason @name of @node ("tcp4-input"); UINT64_MAX if there is no such reason. */
uint64_t sim_count(struct sim_host *h, const char *node, const char *name);

#endif
