/*
 * fib_bench.c - IPv4 lookups and route changes in a table of the Internet's size and shape.
 *
 *   fib-bench [PREFIXES]        1,000,000 when not said
 *
 * Prefix lengths follow the share that they have in the global table of 2026; addresses and
 * destinations are uniformly random, which is the worst case for caches. Prints one JSON object a
 * line, in the form of build/bench/results.json without a baseline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "l3/fib/fib.h"

enum { N_LOOKUPS = 20000000, N_CHANGES = 100000, N_HOPS = 64, BATCH = 256 };

/* Of 1000 prefixes, so many have this length. */
static const uint16_t share[33] = {
	[8] = 1,   [9] = 1,   [10] = 1,	  [11] = 1,   [12] = 1,	  [13] = 2,
	[14] = 2,  [15] = 3,  [16] = 14,  [17] = 9,   [18] = 15,  [19] = 26,
	[20] = 45, [21] = 54, [22] = 115, [23] = 105, [24] = 604, [32] = 1
};

struct route {
	struct ip4_prefix prefix;
	uint32_t hop;
};

static struct mailbox mailbox;
static struct fib *fib;
static struct vrf *vrf;
static uint32_t hop[N_HOPS];
static struct random seed;

/* CPU time of this thread, so that what else runs on the machine counts less. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static double seconds_since(uint64_t start_ns)
{
	return (double)(cpu_ns() - start_ns) / NS_PER_S;
}

static void print(const char *name, const char *unit, double value)
{
	printf("{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.3f}\n", name, unit, value);
}

static struct route random_route(void)
{
	uint32_t n = random_below(&seed, 1000);
	unsigned len = 8;
	struct route r;

	while (len < 32 && n >= share[len])
		n -= share[len++];
	r.prefix.len = (uint8_t)len;
	/* 1.0.0.0 to 223.255.255.255 */
	r.prefix.addr = ((uint32_t)random_below(&seed, 0xdf000000) + 0x01000000) & ip4_mask_of(len);
	r.hop = hop[random_below(&seed, N_HOPS)];
	return r;
}

static void add(const struct route *r)
{
	struct fib_path path = { r->hop, 1 };

	invariant(fib_add_route(fib, vrf, r->prefix, FIB_DYNAMIC, &path, 1) == 0);
}

/* What a main loop does between requests. */
static void settle(void)
{
	while (fib->yard.n_waiting > 0) {
		rcu_drain();
		mailbox_run(&mailbox, NULL);
	}
}

static void load(struct route *routes, unsigned n)
{
	uint64_t start = cpu_ns();

	for (unsigned i = 0; i < n; i++) {
		routes[i] = random_route();
		add(&routes[i]);
		if (i % 4096 == 0)
			settle();
	}
	settle();
	print("fib.load", "routes/s", n / seconds_since(start));
	print("fib.prefixes", "prefixes", vrf->ip4.rib.n_prefixes);
	print("fib.trie_bytes", "bytes",
	      (double)fib->space.nodes.n_used * sizeof(struct trie_node) +
		      (double)fib->space.leaves.n_used * sizeof(uint32_t) +
		      TRIE_DIRECT_SLOTS * sizeof(uint32_t));
}

/* As ip4-lookup does it: the CPU may overlap lookups of one batch. */
cpu_clones static uint64_t look_up(const uint32_t *dst, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += fib_lookup(fib, vrf, dst[i], 0)->next_hop;
	return sum;
}

/* Each lookup needs the answer of the one before: latency. */
cpu_clones static uint64_t look_up_in_chain(const uint32_t *dst, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += fib_lookup(fib, vrf, dst[i] ^ (uint32_t)(sum & 1), 0)->next_hop;
	return sum;
}

static void measure(const char *name, uint64_t (*run)(const uint32_t *, unsigned))
{
	uint32_t *dst = malloc(N_LOOKUPS * sizeof(*dst));
	uint64_t start, sum = 0;

	invariant(dst);
	for (unsigned i = 0; i < N_LOOKUPS; i++)
		dst[i] = (uint32_t)random_u64(&seed);
	start = cpu_ns();
	for (unsigned i = 0; i + BATCH <= N_LOOKUPS; i += BATCH)
		sum += run(dst + i, BATCH);
	print(name, "ns", seconds_since(start) * NS_PER_S / N_LOOKUPS);
	if (sum == 0) /* keeps the loop */
		print("fib.empty", "lookups", 0);
	free(dst);
}

static void change(struct route *routes, unsigned n)
{
	uint64_t start = cpu_ns();

	for (unsigned i = 0; i < N_CHANGES; i++) {
		struct route *r = &routes[random_below(&seed, n)];

		r->hop = hop[random_below(&seed, N_HOPS)];
		add(r);
		if (i % 4096 == 0)
			settle();
	}
	settle();
	print("fib.change", "routes/s", N_CHANGES / seconds_since(start));
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atol(argv[1]) : 1000000;
	struct route *routes = calloc(n, sizeof(*routes));

	if (!routes || n == 0 || mailbox_init(&mailbox) != 0 || fib_new(&mailbox, &fib) != 0)
		return 1;
	vrf = fib_vrf_or_null(fib, VRF_DEFAULT);
	random_seed(&seed, 2026);
	for (uint32_t i = 0; i < N_HOPS; i++) {
		struct adjacency value = { .kind = ADJACENCY_REWRITE, .next_hop = i + 1 };

		invariant(adjacency_new(&fib->adjacencies, &value, &hop[i]) == 0);
	}
	load(routes, n);
	measure("fib.lookup", look_up);
	measure("fib.lookup_latency", look_up_in_chain);
	change(routes, n);
	free(routes);
	return 0;
}
