/* mtu.c - path MTUs by destination. */
#include "transport/tcp/mtu.h"

/* Where @addr would be: neighbours in number are neighbours here, so a prefix does not collide. */
static uint32_t slot_of(uint32_t fib, be32 addr)
{
	uint32_t h = host32(addr);

	return (h ^ h >> 8 ^ h >> 17 ^ fib * 31) % TCP_MTU_SLOTS;
}

void tcp_mtu_learn(struct tcp_mtu_table *t, uint32_t fib, be32 addr, uint32_t mtu_bytes,
		   uint64_t now_s)
{
	t->slot[slot_of(fib, addr)] = (struct tcp_mtu_slot){
		.addr = addr,
		.fib = fib,
		.until_s = (uint32_t)now_s + TCP_MTU_AGE_S,
		.mtu_bytes = mtu_bytes,
	};
}

uint32_t tcp_mtu_of(const struct tcp_mtu_table *t, uint32_t fib, be32 addr, uint32_t mtu_bytes,
		    uint64_t now_s)
{
	const struct tcp_mtu_slot *s = &t->slot[slot_of(fib, addr)];

	if (s->until_s <= now_s || s->fib != fib || host32(s->addr) != host32(addr) ||
	    s->mtu_bytes > mtu_bytes)
		return mtu_bytes;
	return s->mtu_bytes;
}

/* RFC 1191 §7, table 7-1: sizes that networks have; the first below @quoted. */
static uint32_t next_plateau(uint32_t quoted)
{
	static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006 };

	for (unsigned i = 0; i < count_of(plateaus); i++)
		if (plateaus[i] < quoted)
			return plateaus[i];
	return TCP_MTU_MIN;
}

uint32_t tcp_mtu_claimed(uint32_t claimed, uint32_t quoted)
{
	if (claimed == 0)
		claimed = next_plateau(quoted);
	if (claimed < TCP_MTU_MIN)
		claimed = TCP_MTU_MIN;
	return claimed < quoted ? claimed : 0;
}
