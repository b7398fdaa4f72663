/*
 * forward_graph.c - the table of what forward-bench measures.
 *
 * Frames have 64 bytes on the wire, 60 without the FCS; those of IPv6 four more, which is the least
 * that its headers and UDP's need (62), rounded up. Routes have the shape of the Internet's
 * tables; each packet goes to a random route of them, to a random host behind it.
 */
#include "forward_graph.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "engine/engine.h"
#include "l2/bridge/bridge_private.h"
#include "l2/xconnect/xconnect.h"
#include "l3/ip4/ip4.h"
#include "l3/neighbor/neighbor.h"

enum {
	N_HOPS = 64,
	SEED = 2026,
	SETTLE_EVERY = 4096,
	IP6_HOLDERS = 60000,
	BRIDGE_STATIONS = 50000, /* on each side: 100,000 MACs */
};

/* Of 1000 IPv4 prefixes so many have this length. */
static const uint16_t ip4_share[33] = {
	[8] = 1,   [9] = 1,   [10] = 1,	  [11] = 1,   [12] = 1,	  [13] = 2,
	[14] = 2,  [15] = 3,  [16] = 14,  [17] = 9,   [18] = 15,  [19] = 26,
	[20] = 45, [21] = 54, [22] = 115, [23] = 105, [24] = 604, [32] = 1
};

/* The same of IPv6 prefixes; they lie in what the registries have given out, a /32 or so each. */
static const uint16_t ip6_share[65] = {
	[20] = 1,  [24] = 2, [28] = 3,	[29] = 32, [30] = 5,  [31] = 2,	 [32] = 112, [33] = 8,
	[34] = 8,  [35] = 3, [36] = 58, [37] = 3,  [38] = 14, [39] = 4,	 [40] = 98,  [41] = 5,
	[42] = 24, [43] = 6, [44] = 98, [45] = 16, [46] = 34, [47] = 32, [48] = 429, [64] = 3
};
static const struct {
	uint64_t first;
	unsigned len;
} ip6_blocks[] = {
	{ 0x2001000000000000, 16 }, { 0x2400000000000000, 12 }, { 0x2600000000000000, 12 },
	{ 0x2800000000000000, 12 }, { 0x2a00000000000000, 11 }, { 0x2c00000000000000, 12 },
};

static unsigned random_length(struct random *r, const uint16_t *share, unsigned first)
{
	unsigned n = random_below(r, 1000), len = first;

	while (n >= share[len])
		n -= share[len++];
	return len;
}

/* The same route @n times from the same seed: files and tables are made one after the other. */
static struct ip4_prefix next_route4(struct random *r, uint32_t *host)
{
	unsigned len = random_length(r, ip4_share, 8);
	uint32_t addr = random_below(r, 0xdf000000) + 0x01000000; /* 1.0.0.0 to 223.255.255.255 */

	*host = addr;
	if (addr >> 24 == 10 || addr >> 24 == 127)
		*host = addr ^= 0x80000000; /* ours, and loopback */
	return (struct ip4_prefix){ addr & ip4_mask_of(len), (uint8_t)len };
}

static uint64_t mask6(unsigned len)
{
	return len == 0 ? 0 : ~(uint64_t)0 << (64 - len);
}

/* The upper half of a prefix, and its length. The registries' holders are numbered, not drawn. */
static uint64_t next_route6(struct random *r, unsigned *len)
{
	uint64_t holder = random_below(r, IP6_HOLDERS);
	unsigned block = (unsigned)(holder % count_of(ip6_blocks));
	uint64_t spread = holder * 0x9e3779b97f4a7c15u >> ip6_blocks[block].len;

	*len = random_length(r, ip6_share, 20);
	return ((ip6_blocks[block].first | (spread & mask6(32))) | random_u64(r) >> 32) &
	       mask6(*len);
}

static FILE *create(const char *folder, const char *name)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		exit(1);
	}
	return out;
}

/* Destinations: as many as routes, at least enough to see no pattern, in random order. */
static void write_destinations4(const char *folder, unsigned n_routes)
{
	FILE *out = create(folder, "destinations");
	unsigned n = n_routes < 65536 ? 65536 : n_routes;
	struct random routes, hosts;

	random_seed(&hosts, SEED + 1);
	for (unsigned i = 0; i < n; i++) {
		struct ip4_prefix p;
		uint32_t host;
		struct in_addr addr;

		if (i % n_routes == 0)
			random_seed(&routes, SEED);
		p = next_route4(&routes, &host);
		addr.s_addr = htonl(p.addr | ((uint32_t)random_u64(&hosts) & ~ip4_mask_of(p.len)));
		fprintf(out, "%s\n", inet_ntoa(addr));
	}
	fclose(out);
}

static void write_destinations6(const char *folder, unsigned n_routes)
{
	FILE *out = create(folder, "destinations");
	unsigned n = n_routes < 65536 ? 65536 : n_routes, len;
	struct random routes, hosts;

	random_seed(&hosts, SEED + 1);
	for (unsigned i = 0; i < n; i++) {
		char text[INET6_ADDRSTRLEN];
		struct ip6_addr addr;
		uint64_t hi;

		if (i % n_routes == 0)
			random_seed(&routes, SEED);
		hi = next_route6(&routes, &len);
		addr = ip6_of(hi | (random_u64(&hosts) & ~mask6(len)), 1);
		fprintf(out, "%s\n", inet_ntop(AF_INET6, &addr, text, sizeof(text)));
	}
	fclose(out);
}

/* --- forwarding tables --- */

static void settle(struct convoyd *d)
{
	do {
		rcu_drain();
	} while (engine_run_main(d->engine));
}

static uint32_t sink_index(const struct convoyd *d)
{
	return interface_by_name_or_null(d->engine, "sink0")->index;
}

static void add_neighbors4(struct convoyd *d, uint32_t *adjacency)
{
	for (uint32_t i = 0; i < N_HOPS; i++) {
		const struct mac mac = { { 2, 0, 0, 0, 9, (uint8_t)i } };
		uint32_t addr = 0x0a090002 + i;
		struct ip6_addr mapped = ip6_mapped(addr);

		invariant(neighbor_add_static(d->engine, sink_index(d), &mapped, &mac) == 0);
		invariant(neighbor_pin(d->engine, sink_index(d), addr, &adjacency[i]) == 0);
	}
}

static void fill4(struct convoyd *d, unsigned n_routes)
{
	struct fib *fib = ip4_stack_of(d->engine)->fib;
	struct vrf *vrf = fib_vrf_or_null(fib, VRF_DEFAULT);
	uint32_t adjacency[N_HOPS], host;
	struct random routes, hops;

	add_neighbors4(d, adjacency);
	random_seed(&routes, SEED);
	random_seed(&hops, SEED + 2);
	for (unsigned i = 0; i < n_routes; i++) {
		struct fib_path path = { adjacency[random_below(&hops, N_HOPS)], 1 };

		invariant(fib_add_route(fib, vrf, next_route4(&routes, &host), FIB_DYNAMIC, &path,
					1) == 0);
		if (i % SETTLE_EVERY == 0)
			settle(d);
	}
	settle(d);
}

static void fill6(struct convoyd *d, unsigned n_routes)
{
	struct fib *fib = ip4_stack_of(d->engine)->fib;
	struct vrf *vrf = fib_vrf_or_null(fib, VRF_DEFAULT);
	struct random routes, hops;
	uint32_t adjacency[N_HOPS];
	unsigned len;

	for (uint32_t i = 0; i < N_HOPS; i++) {
		const struct mac mac = { { 2, 0, 0, 0, 9, (uint8_t)i } };
		struct ip6_addr addr = ip6_of(0x20010db800090000, i + 2);

		invariant(neighbor_add_static(d->engine, sink_index(d), &addr, &mac) == 0);
		invariant(neighbor6_pin(d->engine, sink_index(d), &addr, &adjacency[i]) == 0);
	}
	random_seed(&routes, SEED);
	random_seed(&hops, SEED + 2);
	for (unsigned i = 0; i < n_routes; i++) {
		struct fib_path path = { adjacency[random_below(&hops, N_HOPS)], 1 };
		struct ip6_prefix prefix = { .addr = ip6_of(next_route6(&routes, &len), 0) };

		prefix.len = (uint8_t)len;
		invariant(fib6_add_route(fib, vrf, prefix, FIB_DYNAMIC, &path, 1) == 0);
		if (i % SETTLE_EVERY == 0)
			settle(d);
	}
	settle(d);
}

/* --- switching --- */

static struct interface *interface_of(const struct convoyd *d, const char *name)
{
	return interface_by_name_or_null(d->engine, name);
}

static void join(struct convoyd *d, unsigned size unused_arg)
{
	invariant(xconnect_create(interface_of(d, "gen0"), interface_of(d, "sink0")) == 0);
}

static void join_vlans(struct convoyd *d, unsigned size unused_arg)
{
	invariant(xconnect_create(interface_of(d, "in"), interface_of(d, "out")) == 0);
}

/* Stations behind sink0, which says nothing by itself: what frames from them would have taught. */
static void bridge_with(struct convoyd *d, unsigned n_stations)
{
	struct bridges *all = bridges_of(d->engine);
	const struct bridge_config config = { .age_s = 0 };
	const struct bridge_port_config port = { 0 };
	struct bridge *b;

	invariant(bridge_create(d->engine, "bench", &config, &b) == 0);
	invariant(bridge_add_port(b, interface_of(d, "gen0"), &port) == 0);
	invariant(bridge_add_port(b, interface_of(d, "sink0"), &port) == 0);
	for (unsigned i = 0; i < n_stations; i++) {
		const struct mac mac = { { 2, 1, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
					   (uint8_t)i } };
		const struct mac_value v = { .port = sink_index(d) };

		invariant(mac_insert(&all->macs, mac_key(b->index, &mac), mac_pack(&v)) == 0);
	}
}

static void bridge_one(struct convoyd *d, unsigned size unused_arg)
{
	bridge_with(d, 1);
}

static void bridge_many(struct convoyd *d, unsigned size unused_arg)
{
	bridge_with(d, BRIDGE_STATIONS);
}

/* A frame for nobody known goes to eight sinks. */
static void flood(struct convoyd *d, unsigned size unused_arg)
{
	const struct bridge_config config = { .age_s = 0 };
	const struct bridge_port_config port = { 0 };
	char name[] = "sink0";
	struct bridge *b;

	invariant(bridge_create(d->engine, "bench", &config, &b) == 0);
	invariant(bridge_add_port(b, interface_of(d, "gen0"), &port) == 0);
	for (; name[4] < '8'; name[4]++)
		invariant(bridge_add_port(b, interface_of(d, name), &port) == 0);
}

/* --- the table --- */

#define GENERATOR4(workers)                                                                        \
	"workers: " #workers "\n"                                                                  \
	"interfaces:\n"                                                                            \
	"  - { name: sink0, addresses: [10.9.0.1/16], sink: {} }\n"                                \
	"  - name: gen0\n"                                                                         \
	"    addresses: [10.8.0.1/24]\n"                                                           \
	"    generator:\n"                                                                         \
	"      start: true\n"                                                                      \
	"      queues: " #workers "\n"                                                             \
	"      streams: [ { size: 60, source: 10.8.0.2, order: sequential, destinations: "         \
	"%s/destinations } ]\n"

#define GENERATOR6                                                                                 \
	"workers: 1\n"                                                                             \
	"interfaces:\n"                                                                            \
	"  - { name: sink0, addresses: ['2001:db8:9::1/64'], sink: {} }\n"                         \
	"  - name: gen0\n"                                                                         \
	"    addresses: ['2001:db8:8::1/64']\n"                                                    \
	"    generator:\n"                                                                         \
	"      start: true\n"                                                                      \
	"      streams: [ { size: 64, source: '2001:db8:8::2', order: sequential, destinations: "  \
	"%s/destinations } ]\n"

/* A generator that sends @stream to a sink without addresses; @more interfaces. */
#define GENERATOR_L2(stream, more)                                                                 \
	"workers: 1\n"                                                                             \
	"interfaces:\n"                                                                            \
	"  - { name: sink0, sink: {} }\n"                                                          \
	"  - name: gen0\n"                                                                         \
	"    generator:\n"                                                                         \
	"      start: true\n"                                                                      \
	"      streams: [ { size: 60, source: 10.8.0.2, destination: 10.9.0.2, "                   \
	"source_mac: '02:00:00:00:00:00', destination_mac: '02:01:00:00:00:00'" stream             \
	" } ]\n" more

/* The same with frames of @bytes to eight sinks. */
#define GENERATOR_FLOOD(bytes)                                                                     \
	"workers: 1\n"                                                                             \
	"interfaces:\n"                                                                            \
	"  - { name: sink0, sink: {} }\n"                                                          \
	"  - { name: sink1, sink: {} }\n"                                                          \
	"  - { name: sink2, sink: {} }\n"                                                          \
	"  - { name: sink3, sink: {} }\n"                                                          \
	"  - { name: sink4, sink: {} }\n"                                                          \
	"  - { name: sink5, sink: {} }\n"                                                          \
	"  - { name: sink6, sink: {} }\n"                                                          \
	"  - { name: sink7, sink: {} }\n"                                                          \
	"  - name: gen0\n"                                                                         \
	"    generator:\n"                                                                         \
	"      start: true\n"                                                                      \
	"      streams: [ { size: " #bytes ", source: 10.8.0.2, destination: 10.9.0.2, "           \
	"source_mac: '02:00:00:00:00:00', destination_mac: '02:01:00:00:00:00' } ]\n"

#define VLANS                                                                                      \
	"  - { name: in, vlan: { parent: gen0, tags: 10 } }\n"                                     \
	"  - { name: out, vlan: { parent: sink0, tags: 20 } }\n"

static const char *const two_worker_sizes[] = { "100000", NULL };
static const char *const route_sizes[] = { "1", "1000", "100000", "1000000", NULL };

const struct forward_graph forward_graphs[] = {
	{ .name = "ip4",
	  .format = GENERATOR4(1),
	  .sizes = route_sizes,
	  .prepare = write_destinations4,
	  .fill = fill4 },
	{ .name = "2workers",
	  .format = GENERATOR4(2),
	  .sizes = two_worker_sizes,
	  .prepare = write_destinations4,
	  .fill = fill4 },
	{ .name = "ip6",
	  .format = GENERATOR6,
	  .sizes = route_sizes,
	  .prepare = write_destinations6,
	  .fill = fill6 },
	{ .name = "xconnect", .format = GENERATOR_L2("", ""), .fill = join },
	{ .name = "vlan", .format = GENERATOR_L2(", vlans: [10]", VLANS), .fill = join_vlans },
	{ .name = "bridge.1", .format = GENERATOR_L2("", ""), .fill = bridge_one },
	{ .name = "bridge.100000",
	  .format = GENERATOR_L2(", source_macs: 50000, destination_macs: 50000", ""),
	  .fill = bridge_many },
	{ .name = "flood.60", .format = GENERATOR_FLOOD(60), .fill = flood },
	{ .name = "flood.1500", .format = GENERATOR_FLOOD(1514), .fill = flood },
};
const unsigned forward_n_graphs = count_of(forward_graphs);
