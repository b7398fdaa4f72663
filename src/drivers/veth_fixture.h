/*
 * veth_fixture.h - what tests of drivers on kernel devices share: a network namespace of their own
 * with a veth pair dev0 ══ peer0, an engine that sends every frame back by the interface that it
 * came from, and a packet socket at peer0.
 */
#ifndef CONVOY_DRIVERS_VETH_FIXTURE_H
#define CONVOY_DRIVERS_VETH_FIXTURE_H

#include <linux/virtio_net.h>

#include "engine/engine.h"

enum { ETH = 14, IP = 20, TCP = 20, HEADERS = ETH + IP + TCP };

/* What the peer sent last and received last, each behind a virtio-net header. */
extern uint8_t veth_out[70000], veth_in[70000];

extern struct engine *veth_engine;

/* veth_enter_netns - group setup: leaves the test's namespace for one of its own. */
int veth_enter_netns(void **state);

/* veth_start - setup: an engine of @n_workers with the driver's two nodes. */
int veth_start(unsigned n_workers, const struct node_type *input, const struct node_type *tx);
/* veth_finish - teardown: no buffer is lost, the pair is gone. */
int veth_finish(void **state);

/* veth_shell - true if @command succeeds. */
bool veth_shell(const char *command);

/* veth_make_pair - dev0 and peer0, up; @options of both ends. Skips the test if it cannot. */
void veth_make_pair(const char *options);

/* veth_wait_link - run main until @i has a link, or has none. */
void veth_wait_link(const struct interface *i, bool link);

int veth_open_peer(void);

/* veth_make_frame - a TCP segment of @payload bytes in veth_out; returns the length with header. */
size_t veth_make_frame(uint32_t payload, uint16_t gso_size, unsigned seed);

/*
 * veth_receive - the next frame that veth_make_frame() could have made, into veth_in; its length
 * with header. @tag: the VLAN tag that the kernel took out, or -1.
 */
size_t veth_receive(int fd, int *tag);

/* veth_exchange - send veth_out and receive the same. */
void veth_exchange(int fd, size_t len);

#endif
