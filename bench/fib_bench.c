/*
 * fib_bench.c - lookups and route changes in tables of the Internet's size and shape.
 *
 *   fib-bench [4|6] [PREFIXES]      both families; 1, 1000, 100000 and 1000000 when not said
 *
 * Prefix lengths follow the share that they have in the global tables of 2026. IPv4 prefixes are
 * uniformly random, and so are destinations. IPv6 prefixes lie in random allocations of the
 * registries' blocks (a uniformly random one would be alone in its part of the table), and each
 * destination is a random address inside a random prefix. That is the worst case for caches.
 *
 * Every table answers every destination, and the answers have to agree. The tables take turns, so
 * that what else runs on the machine hits all of them; of each the best turn counts. Prints JSON
 * objects, one a line, in the form of build/bench/results.json.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "bench/fib_peer.h"
#include "l3/fib/fib.h"

enum { N_DST = 1 << 20, N_TURNS = 7, N_CHANGES = 100000, N_HOPS = 64, N_ALLOCATIONS = 60000 };
enum { TABLES_MAX = 8 };

/* Of 1000 prefixes, so many have this length. */
static const uint16_t share4[129] = {
	[8] = 1,   [9] = 1,   [10] = 1,	  [11] = 1,   [12] = 1,	  [13] = 2,
	[14] = 2,  [15] = 3,  [16] = 14,  [17] = 9,   [18] = 15,  [19] = 26,
	[20] = 45, [21] = 54, [22] = 115, [23] = 105, [24] = 604, [32] = 1
};
static const uint16_t share6[129] = {
	[20] = 1,  [24] = 2,   [28] = 3,  [29] = 32, [30] = 5,	[31] = 2,  [32] = 112,
	[33] = 8,  [34] = 8,   [35] = 3,  [36] = 58, [37] = 3,	[38] = 14, [39] = 4,
	[40] = 98, [41] = 5,   [42] = 24, [43] = 6,  [44] = 98, [45] = 16, [46] = 34,
	[47] = 32, [48] = 429, [64] = 2,  [128] = 1
};

/* What the registries give out of, by their size. */
static const struct {
	uint64_t first;
	unsigned len;
} blocks6[] = {
	{ 0x2001000000000000, 16 }, { 0x2400000000000000, 12 }, { 0x2600000000000000, 12 },
	{ 0x2800000000000000, 12 }, { 0x2a00000000000000, 11 }, { 0x2c00000000000000, 12 },
};

struct route {
	struct fib_key key;
	uint8_t len;
	uint32_t hop;
};

/* One thing to measure. */
struct table {
	const char *name;
	const struct fib_peer *peer; /* NULL: ours */
	double best_ns, worst_ns;
};

static struct mailbox mailbox;
static struct fib *fib;
static struct vrf *vrf;
static unsigned family;
static uint32_t hop[N_HOPS];
static struct random seed;
static uint64_t allocation[N_ALLOCATIONS];
static void *dst; /* [N_DST] of uint32_t or struct ip6_addr */

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

static void print(const char *name, unsigned n, const char *unit, double value)
{
	printf("{\"name\": \"%s.ip%u.%u\", \"unit\": \"%s\", \"value\": %.3f}\n", name, family, n,
	       unit, value);
}

static unsigned random_len(const uint16_t *share)
{
	uint32_t n = (uint32_t)random_below(&seed, 1000);
	unsigned len = 0;

	while (len < 128 && n >= share[len])
		n -= share[len++];
	return len;
}

static struct route random_route(void)
{
	struct route r = { .hop = (uint32_t)random_below(&seed, N_HOPS) };

	if (family == 4) {
		r.len = (uint8_t)random_len(share4);
		/* 1.0.0.0 to 223.255.255.255 */
		r.key = fib_key_of_ip4((uint32_t)random_below(&seed, 0xdf000000) + 0x01000000);
	} else {
		uint64_t top = allocation[random_below(&seed, N_ALLOCATIONS)];

		r.len = (uint8_t)random_len(share6);
		r.key = (struct fib_key){ top | random_u64(&seed) >> 32, random_u64(&seed) };
	}
	r.key = fib_key_and(r.key, fib_key_mask(r.len));
	return r;
}

static void make_allocations(void)
{
	for (unsigned i = 0; i < N_ALLOCATIONS; i++) {
		unsigned at = (unsigned)random_below(&seed, count_of(blocks6));
		uint64_t within = random_u64(&seed) >> blocks6[at].len;

		allocation[i] = (blocks6[at].first | within) & ~(uint64_t)0 << 32;
	}
}

static void make_destinations(const struct route *routes, unsigned n)
{
	for (unsigned i = 0; i < N_DST; i++) {
		const struct route *r = &routes[random_below(&seed, n)];
		struct fib_key host = { random_u64(&seed), random_u64(&seed) };

		host = fib_key_and(host, fib_key_not(fib_key_mask(r->len)));
		if (family == 4)
			((uint32_t *)dst)[i] =
				(uint32_t)random_below(&seed, 0xdf000000) + 0x01000000;
		else
			((struct ip6_addr *)dst)[i] = fib_key_ip6(fib_key_or(r->key, host));
	}
}

static void add(const struct route *r)
{
	struct fib_path path = { hop[r->hop], 1 };
	int err;

	if (family == 4)
		err = fib_add_route(fib, vrf, (struct ip4_prefix){ fib_key_ip4(r->key), r->len },
				    FIB_DYNAMIC, &path, 1);
	else
		err = fib6_add_route(fib, vrf, (struct ip6_prefix){ fib_key_ip6(r->key), r->len },
				     FIB_DYNAMIC, &path, 1);
	invariant(err == 0);
}

/* What a main loop does between requests. */
static void settle(void)
{
	while (fib->yard.n_waiting > 0) {
		rcu_drain();
		mailbox_run(&mailbox, NULL);
	}
}

static void load(const struct route *routes, unsigned n)
{
	uint64_t start = cpu_ns();

	for (unsigned i = 0; i < n; i++) {
		add(&routes[i]);
		if (i % 4096 == 0)
			settle();
	}
	settle();
	print("fib.load", n, "routes/s", n / seconds_since(start));
	print("fib.prefixes", n, "prefixes", (family == 4 ? &vrf->ip4 : &vrf->ip6)->rib.n_prefixes);
	print("fib.trie_bytes", n, "bytes",
	      (double)fib->space.nodes.n_used * sizeof(struct trie_node) +
		      (double)fib->space.leaves.n_used * sizeof(uint32_t));
}

/* As ip4-lookup and ip6-lookup do it. The answers are load-balances, as the others' are next hops.
 */
static void look_up(unsigned from, uint64_t *hops, unsigned n)
{
	uint32_t leaf[TRIE_BATCH];
	struct fib_key key[TRIE_BATCH];

	if (family == 4) {
		trie_lookup4_many(&vrf->ip4.trie, (const uint32_t *)dst + from, leaf, n);
	} else {
		for (unsigned i = 0; i < n; i++)
			key[i] = fib_key_of_ip6((const struct ip6_addr *)dst + from + i);
		trie_lookup6_many(&vrf->ip6.trie, key, leaf, n);
	}
	for (unsigned i = 0; i < n; i++)
		hops[i] = leaf[i];
}

static void ask(const struct table *t, unsigned from, uint64_t *hops, unsigned n)
{
	if (!t->peer)
		look_up(from, hops, n);
	else if (family == 4)
		t->peer->look_up(t->peer, (const uint32_t *)dst + from, hops, n);
	else
		t->peer->look_up(t->peer, (const struct ip6_addr *)dst + from, hops, n);
}

static void take_turn(struct table *t)
{
	uint64_t hops[FIB_PEER_BATCH], start = cpu_ns();
	double ns;

	for (unsigned i = 0; i < N_DST; i += FIB_PEER_BATCH)
		ask(t, i, hops, FIB_PEER_BATCH);
	ns = seconds_since(start) * NS_PER_S / N_DST;
	if (t->best_ns == 0 || ns < t->best_ns)
		t->best_ns = ns;
	if (ns > t->worst_ns)
		t->worst_ns = ns;
}

/* The hop that a load-balance of ours stands for; the specials and nothing are hop 0. */
static uint64_t hop_of(uint64_t load_balance)
{
	const struct fib_path *paths;

	load_balance_paths(&fib->load_balances, (uint32_t)load_balance, &paths);
	return adjacency_at(&fib->adjacencies, paths[0].adjacency)->next_hop;
}

static void compare(const struct table *ours, const struct table *peer)
{
	uint64_t a[FIB_PEER_BATCH], b[FIB_PEER_BATCH];

	for (unsigned i = 0; i < N_DST; i += FIB_PEER_BATCH) {
		ask(ours, i, a, FIB_PEER_BATCH);
		ask(peer, i, b, FIB_PEER_BATCH);
		for (unsigned k = 0; k < FIB_PEER_BATCH; k++) {
			if (hop_of(a[k]) == b[k])
				continue;
			fprintf(stderr, "fib-bench: %s disagrees about destination %u\n",
				peer->name, i + k);
			exit(1);
		}
	}
}

/* Ours over the baseline, both in million lookups a second. */
static void report(const struct table *tables, unsigned n_tables, unsigned n)
{
	double ours = 1e3 / tables[0].best_ns;

	for (unsigned i = 1; i < n_tables || (i == 1 && n_tables == 1); i++) {
		const struct table *b = &tables[i];

		printf("{\"name\": \"fib.ip%u.%u%s%s\", \"unit\": \"Mlookups/s\", "
		       "\"value\": %.2f, ",
		       family, n, i > 1 ? "." : "", i > 1 ? b->name : "", ours);
		if (n_tables > 1)
			printf("\"baseline\": \"%s\", \"baseline_value\": %.2f, \"ratio\": %.3f, ",
			       b->name, 1e3 / b->best_ns, b->best_ns / tables[0].best_ns);
		printf("\"runs\": %d, \"min\": %.2f, \"max\": %.2f}\n", N_TURNS,
		       1e3 / tables[0].worst_ns, ours);
	}
}

static void measure(const struct fib_peer *peers, unsigned n_peers, const struct route *routes,
		    unsigned n)
{
	struct table tables[TABLES_MAX] = { { .name = "convoy" } };
	unsigned n_tables = 1;

	for (unsigned i = 0; i < n_peers; i++) {
		const struct fib_peer *p = &peers[i];

		if (p->family != family)
			continue;
		if (p->open(p, n) != 0) {
			fprintf(stderr, "fib-bench: no %s here\n", p->name);
			continue;
		}
		for (unsigned k = 0; k < n && !p->is_same; k++) {
			if (p->add(p, routes[k].key, routes[k].len, routes[k].hop + 1) != 0) {
				fprintf(stderr, "fib-bench: %s is full at %u\n", p->name, k);
				exit(1);
			}
		}
		tables[n_tables++] = (struct table){ .name = p->name, .peer = p };
	}
	for (unsigned turn = 0; turn < N_TURNS; turn++) {
		for (unsigned i = 0; i < n_tables; i++) {
			const struct fib_peer *p = tables[i].peer;

			if (p && p->open(p, n) == 0) /* selects its way of looking up */
				take_turn(&tables[i]);
			else if (!p)
				take_turn(&tables[i]);
		}
	}
	for (unsigned i = 1; i < n_tables; i++)
		compare(&tables[0], &tables[i]);
	report(tables, n_tables, n);
	for (unsigned i = 1; i < n_tables; i++)
		tables[i].peer->close(tables[i].peer);
}

static void change(struct route *routes, unsigned n)
{
	uint64_t start = cpu_ns();

	for (unsigned i = 0; i < N_CHANGES; i++) {
		struct route *r = &routes[random_below(&seed, n)];

		r->hop = (uint32_t)random_below(&seed, N_HOPS);
		add(r);
		if (i % 4096 == 0)
			settle();
	}
	settle();
	print("fib.change", n, "routes/s", N_CHANGES / seconds_since(start));
}

static void run(const struct fib_peer *peers, unsigned n_peers, unsigned n)
{
	struct route *routes = calloc(n, sizeof(*routes));

	invariant(routes && fib_new(&mailbox, &fib) == 0);
	vrf = fib_vrf_or_null(fib, VRF_DEFAULT);
	random_seed(&seed, 2026);
	make_allocations();
	for (uint32_t i = 0; i < N_HOPS; i++) {
		struct adjacency value = { .kind = ADJACENCY_REWRITE, .next_hop = i + 1 };

		invariant(adjacency_new(&fib->adjacencies, &value, &hop[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++)
		routes[i] = random_route();
	make_destinations(routes, n);
	load(routes, n);
	measure(peers, n_peers, routes, n);
	change(routes, n);
	for (unsigned i = 0; i < N_HOPS; i++)
		adjacency_put(&fib->adjacencies, hop[i]);
	settle();
	fib_free(fib);
	free(routes);
}

int main(int argc, char **argv)
{
	static const unsigned sizes[] = { 1, 1000, 100000, 1000000 };
	unsigned only_family = argc > 1 ? (unsigned)atol(argv[1]) : 0;
	unsigned only_n = argc > 2 ? (unsigned)atol(argv[2]) : 0;
	const struct fib_peer *peers;
	unsigned n_peers = fib_peers(&peers);

	dst = mmap(NULL, N_DST * sizeof(struct ip6_addr), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (dst == MAP_FAILED || mailbox_init(&mailbox) != 0)
		return 1;
	for (family = 4; family <= 6; family += 2) {
		if (only_family && only_family != family)
			continue;
		for (unsigned i = 0; i < count_of(sizes); i++)
			if (!only_n || only_n == sizes[i])
				run(peers, n_peers, sizes[i]);
	}
	return 0;
}
