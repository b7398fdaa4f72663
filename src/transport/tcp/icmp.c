/* icmp.c - what ICMP errors do to a connection, and what silence may mean. */
#include "transport/tcp/icmp.h"

#include "transport/tcp/recover.h"
#include "transport/tcp/window.h"
#include "wire/icmp4.h"

enum { HEADERS = 40, TIMESTAMPS = 12, SHRINK_AFTER = 2, RESTORE_AFTER = 4 };

enum tcp_trouble tcp_icmp4_trouble(uint8_t type, uint8_t code)
{
	if (type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER_PROBLEM)
		return TCP_TROUBLE_PATH;
	if (type != ICMP4_UNREACHABLE)
		return TCP_TROUBLE_NONE; /* redirects; source quench, RFC 6633 */
	switch (code) {
	case ICMP4_PROTOCOL_UNREACHABLE:
	case ICMP4_PORT_UNREACHABLE:
		return TCP_TROUBLE_NOBODY;
	case ICMP4_FRAG_NEEDED:
		return TCP_TROUBLE_TOO_BIG;
	case ICMP4_NET_PROHIBITED:
	case ICMP4_HOST_PROHIBITED:
	case ICMP4_ADMIN_PROHIBITED:
		return TCP_TROUBLE_PROHIBITED;
	default:
		return TCP_TROUBLE_PATH;
	}
}

static uint32_t mss_of(const struct tcp_conn *c, uint32_t mtu_bytes)
{
	return mtu_bytes - HEADERS - (c->flags & TCP_CONN_TIMESTAMPS ? TIMESTAMPS : 0);
}

static void use_mtu(struct tcp_conn *c, uint32_t mtu_bytes)
{
	c->mtu_payload = (uint16_t)(mtu_bytes - HEADERS);
	cc_set_mss(&c->cc, mss_of(c, mtu_bytes));
}

bool tcp_icmp_shrink(struct tcp_conn *c, uint32_t mtu_bytes)
{
	if (c->state < TCP_ESTABLISHED || mss_of(c, mtu_bytes) >= tcp_conn_mss(c))
		return false;
	use_mtu(c, mtu_bytes);
	if (tcp_conn_flight(c) > 0)
		tcp_recover_resegment(c);
	tcp_conn_todo(c, TCP_TODO_SEND);
	return true;
}

static enum tcp_error_reason too_big(struct tcp_conn *c, const struct tcp_trouble_report *r)
{
	uint32_t mtu_bytes = tcp_mtu_claimed(r->mtu_bytes, r->quoted);
	struct tcp_worker *tw = c->worker;

	if (mtu_bytes == 0)
		return TCP_ERROR_SIZE;
	tcp_mtu_learn(&tw->mtus, c->key.fib, tcp_key_remote_ip4(&c->key), mtu_bytes,
		      tcp_now_ns(tw) / NS_PER_S);
	return tcp_icmp_shrink(c, mtu_bytes) ? TCP_ERROR_TOO_BIG : TCP_ERROR_SIZE;
}

enum tcp_error_reason tcp_icmp_report(struct tcp_conn *c, const struct tcp_trouble_report *r)
{
	bool opening = c->state == TCP_SYN_SENT;

	/* RFC 5927 §4.1: only about what is in flight; who cannot see it has to guess. */
	if (seq_lt(r->seq, c->snd_una) || seq_ge(r->seq, c->snd_max))
		return TCP_ERROR_SEQUENCE;
	if (r->trouble == TCP_TROUBLE_TOO_BIG)
		return too_big(c, r);
	if (opening && r->trouble == TCP_TROUBLE_NOBODY) {
		tcp_conn_break(c, ERR_REFUSED);
		return TCP_ERROR_REFUSED;
	}
	if (opening && (r->trouble == TCP_TROUBLE_PROHIBITED || r->is_own)) {
		tcp_conn_break(c, ERR_UNREACHABLE);
		return TCP_ERROR_REFUSED;
	}
	c->trouble = (uint8_t)r->trouble;
	return TCP_ERROR_REMEMBERED;
}

void tcp_icmp_black_hole(struct tcp_conn *c, uint32_t n_backoff)
{
	uint32_t mtu_bytes = c->mtu_payload + (uint32_t)HEADERS;

	if (n_backoff == SHRINK_AFTER && mss_of(c, TCP_MTU_BASE) < tcp_conn_mss(c) &&
	    tcp_conn_flight(c) > mss_of(c, TCP_MTU_BASE)) {
		c->mss_before = (uint16_t)tcp_conn_mss(c);
		c->mtu_before = (uint16_t)mtu_bytes;
		use_mtu(c, TCP_MTU_BASE);
		tcp_count_out(c->worker, TCP_OUT_BLACK_HOLE);
	} else if (n_backoff == RESTORE_AFTER && c->mtu_before) {
		c->mtu_payload = (uint16_t)(c->mtu_before - HEADERS);
		cc_set_mss(&c->cc, c->mss_before);
		c->mtu_before = 0;
	}
}
