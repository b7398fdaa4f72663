/*
 * dad.c - duplicate address detection: ask the link whether somebody has an address before using
 * it. RFC 4862 §5.4; a nonce tells our own question, looped back, from another's (RFC 7527); a
 * stable identifier that is taken is replaced by the next one (RFC 7217 §6).
 */
#include "base/log.h"
#include "l3/ip6/address.h"
#include "l3/mld/mld.h"
#include "l3/neighbor/send.h"

#define CHECK_NS     NS_PER_S /* RetransTimer, unless a router says another */
#define MAX_DELAY_NS NS_PER_S /* RFC 4861 §10, MAX_RTR_SOLICITATION_DELAY */

enum { RETRIES_MAX = 3, NONCE_BITS = 48 };

static uint64_t now_of(const struct ip6_address *a)
{
	return clock_now_ns(a->on->stack->engine->clock);
}

static void set_timer(struct ip6_address *a, uint64_t delay_ns)
{
	timer_set(&a->on->stack->wheel, &a->dad, now_of(a) + delay_ns);
}

static void ask(struct ip6_address *a)
{
	struct nd m = { .type = ICMP6_NEIGHBOR_SOLICIT, .target = a->prefix.addr };
	struct ip6_addr any = ip6_of(0, 0), group = ip6_solicited_node(&a->prefix.addr);

	a->nonce = random_u64(&a->on->stack->random) >> (64 - NONCE_BITS) | 1;
	m.nonce = a->nonce;
	a->n_checks++;
	mld_flush(a->on);
	if (nd_send(a->on->stack->engine, a->on->if_index, &m, &any, &group, NULL) != 0)
		log_warn("ip6.dad", "error=\"out of memory\"");
}

/* Nobody objected; whoever had the address before shall know. RFC 4861 §7.2.6. */
static void accept(struct ip6_address *a)
{
	struct ip6_stack *s = a->on->stack;
	const struct interface *i = interface_get_or_null(s->engine, a->on->if_index);
	struct nd m = { .type = ICMP6_NEIGHBOR_ADVERT,
			.flags = (uint8_t)(ND_OVERRIDE | (a->on->advertiser ? ND_ROUTER : 0)),
			.target = a->prefix.addr,
			.has_target_mac = true };
	struct ip6_addr all = ip6_all_nodes();

	ip6_address_set_state(a,
			      now_of(a) < a->preferred_until_ns ? IP6_PREFERRED : IP6_DEPRECATED);
	memcpy(m.target_mac.b, i->mac, sizeof(m.target_mac.b));
	if (nd_send(s->engine, a->on->if_index, &m, &a->prefix.addr, &all, NULL) != 0)
		log_warn("ip6.dad", "error=\"out of memory\"");
}

static void on_timer(struct timer *t, uint64_t now_ns unused_arg)
{
	struct ip6_address *a = container_of(t, struct ip6_address, dad);

	if (a->n_checks >= a->on->options.duplicate_checks) {
		accept(a);
		return;
	}
	ask(a);
	set_timer(a, a->on->heard.retransmit_ns ? a->on->heard.retransmit_ns : CHECK_NS);
}

void ip6_dad_start(struct ip6_address *a)
{
	a->n_checks = 0;
	timer_cancel(&a->on->stack->wheel, &a->dad);
	a->dad.expired = on_timer;
	ip6_address_set_state(a, IP6_TENTATIVE);
	if (a->on->options.duplicate_checks == 0)
		accept(a);
	else
		set_timer(a, random_below(&a->on->stack->random, MAX_DELAY_NS));
}

void ip6_dad_stop(struct ip6_address *a)
{
	timer_cancel(&a->on->stack->wheel, &a->dad);
}

/* A made-up identifier can be made up again. */
static void try_another(struct ip6_address *a)
{
	struct ip6_addr old = a->prefix.addr;

	a->n_retries++;
	ip6_address_set_state(a, IP6_DUPLICATED);
	a->prefix.addr = ip6_of(ip6_high(&old), ip6_interface_id_of(a->on, &old, a->n_retries));
	ip6_dad_start(a);
}

void ip6_dad_conflict(struct ip6_stack *s, uint32_t if_index, const struct ip6_addr *addr,
		      uint64_t nonce)
{
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;
	struct ip6_address *a = l ? ip6_address_find_or_null(l, addr) : NULL;
	const struct interface *i = interface_get_or_null(s->engine, if_index);
	char text[IP6_ADDR_TEXT_MAX + 1] = "";
	struct writer w = writer_of(text, IP6_ADDR_TEXT_MAX);

	if (!a || !i || a->state != IP6_TENTATIVE || (nonce != 0 && nonce == a->nonce))
		return;
	ip6_print_addr(&w, addr);
	log_warn("ip6.duplicate", "interface=%s address=%s", i->name, text);
	ip6_dad_stop(a);
	if (a->origin != IP6_MANUAL && l->options.interface_id == IP6_STABLE &&
	    a->n_retries < RETRIES_MAX)
		try_another(a);
	else
		ip6_address_set_state(a, IP6_DUPLICATED);
}
