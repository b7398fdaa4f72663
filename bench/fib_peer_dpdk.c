/*
 * fib_peer_dpdk.c - rte_fib, rte_fib6 and rte_lpm, with next hops of 4 bytes as ours have.
 *
 * The EAL runs without hugetlbfs; its memory is told to use transparent huge pages instead, as
 * ours is, so that neither side pays for TLB misses alone. rte_fib is measured both ways that it
 * has: scalar, and its AVX-512 gathers where the processor has them.
 */
#include "bench/fib_peer.h"

#include <string.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>
#include <rte_memory.h>
#include <rte_vect.h>

enum { LPM_ROUTES_MAX = 100000 };

static struct rte_fib *fib4;
static struct rte_fib6 *fib6;
static struct rte_lpm *lpm;

static int open_fib4(const struct fib_peer *p, unsigned n_routes)
{
	struct rte_fib_conf conf = { .type = RTE_FIB_DIR24_8,
				     .max_routes = (int)n_routes + 16,
				     .dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B,
						  .num_tbl8 = 1u << 16 } };

	if (!fib4)
		fib4 = rte_fib_create("fib4", 0, &conf);
	return fib4 && rte_fib_select_lookup(fib4, (enum rte_fib_lookup_type)p->how) == 0 ? 0 : -1;
}

static int add_fib4(const struct fib_peer *p unused_arg, struct fib_key key, unsigned len,
		    uint32_t hop)
{
	return rte_fib_add(fib4, fib_key_ip4(key), (uint8_t)len, hop) == 0 ? 0 : -1;
}

static void look_up_fib4(const struct fib_peer *p unused_arg, const void *dst, uint64_t *hops,
			 unsigned n)
{
	rte_fib_lookup_bulk(fib4, (uint32_t *)(uintptr_t)dst, hops, (int)n);
}

static void close_fib4(const struct fib_peer *p unused_arg)
{
	rte_fib_free(fib4);
	fib4 = NULL;
}

static int open_fib6(const struct fib_peer *p, unsigned n_routes)
{
	struct rte_fib6_conf conf = { .type = RTE_FIB6_TRIE,
				      .max_routes = (int)n_routes + 16,
				      .trie = { .nh_sz = RTE_FIB6_TRIE_4B,
						.num_tbl8 = 900000 + n_routes } };

	if (!fib6)
		fib6 = rte_fib6_create("fib6", 0, &conf);
	return fib6 && rte_fib6_select_lookup(fib6, (enum rte_fib6_lookup_type)p->how) == 0 ? 0
											    : -1;
}

static int add_fib6(const struct fib_peer *p unused_arg, struct fib_key key, unsigned len,
		    uint32_t hop)
{
	struct ip6_addr addr = fib_key_ip6(key);

	return rte_fib6_add(fib6, addr.b, (uint8_t)len, hop) == 0 ? 0 : -1;
}

static void look_up_fib6(const struct fib_peer *p unused_arg, const void *dst, uint64_t *hops,
			 unsigned n)
{
	rte_fib6_lookup_bulk(fib6, (uint8_t(*)[16])(uintptr_t)dst, hops, (int)n);
}

static void close_fib6(const struct fib_peer *p unused_arg)
{
	rte_fib6_free(fib6);
	fib6 = NULL;
}

/* Its rules are searched one by one when they are added: a million would take a minute. */
static int open_lpm(const struct fib_peer *p unused_arg, unsigned n_routes)
{
	struct rte_lpm_config conf = { .max_rules = n_routes + 16, .number_tbl8s = 1u << 16 };

	if (n_routes > LPM_ROUTES_MAX)
		return -1;
	if (!lpm)
		lpm = rte_lpm_create("lpm", 0, &conf);
	return lpm ? 0 : -1;
}

static int add_lpm(const struct fib_peer *p unused_arg, struct fib_key key, unsigned len,
		   uint32_t hop)
{
	return rte_lpm_add(lpm, fib_key_ip4(key), (uint8_t)len, hop) == 0 ? 0 : -1;
}

static void look_up_lpm(const struct fib_peer *p unused_arg, const void *dst, uint64_t *hops,
			unsigned n)
{
	uint32_t out[FIB_PEER_BATCH];

	rte_lpm_lookup_bulk(lpm, dst, out, n);
	for (unsigned i = 0; i < n; i++)
		hops[i] = out[i] & RTE_LPM_LOOKUP_SUCCESS ? out[i] & 0xffffff : 0;
}

static void close_lpm(const struct fib_peer *p unused_arg)
{
	rte_lpm_free(lpm);
	lpm = NULL;
}

static const struct fib_peer peers[] = {
	{ "rte_fib", 4, open_fib4, add_fib4, look_up_fib4, close_fib4,
	  RTE_FIB_LOOKUP_DIR24_8_SCALAR_INLINE },
	{ "rte_fib-avx512", 4, open_fib4, add_fib4, look_up_fib4, close_fib4,
	  RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512, true },
	{ "rte_lpm", 4, open_lpm, add_lpm, look_up_lpm, close_lpm, 0 },
	{ "rte_fib6", 6, open_fib6, add_fib6, look_up_fib6, close_fib6,
	  RTE_FIB6_LOOKUP_TRIE_SCALAR },
	{ "rte_fib6-avx512", 6, open_fib6, add_fib6, look_up_fib6, close_fib6,
	  RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512, true },
};

static int use_huge_pages(const struct rte_memseg_list *list, void *context unused_arg)
{
	madvise(list->base_va, list->len, MADV_HUGEPAGE); /* refused: small pages, as for us */
	return 0;
}

unsigned fib_peers(const struct fib_peer **out)
{
	char *args[] = { (char[]){ "fib-bench" },   (char[]){ "--no-huge" },
			 (char[]){ "--no-pci" },    (char[]){ "--no-telemetry" },
			 (char[]){ "--no-shconf" }, (char[]){ "-m" },
			 (char[]){ "4096" },	    (char[]){ "--log-level=critical" },
			 (char[]){ "--lcores=0" },  (char[]){ "--force-max-simd-bitwidth=512" } };

	*out = peers;
	if (rte_eal_init((int)count_of(args), args) < 0)
		return 0;
	rte_memseg_list_walk(use_huge_pages, NULL);
	return count_of(peers);
}
