/*
 * tcp_info.c - see tcp_info.h. The stack publishes its measures in its half of the channel, from
 * the first time that a program asks; each later question has them brought up to date for the next
 * one.
 */
#include "comms/src/tcp_info.h"

#include <time.h>

enum {
	ASK_STEP_NS = 20000,
	ASK_STEPS = 1000,
	USUAL_MSS = 1460,
	LOCAL_MSS = 65483, /* as the kernel's loopback */
	LOCAL_CWND = 10,
	ACK_WAIT_US = 40000,
};

static uint32_t word(const struct sock *s, enum shm_info what)
{
	return atomic_load_explicit(&s->fifo.peers->info[what], memory_order_acquire);
}

static bool is_transports(const struct sock *s)
{
	return s->state == SOCK_OPEN && s->link->to_stack && !s->moving;
}

static void post_question(struct sock *s)
{
	struct shm_event e = fifo_event(&s->fifo, SHM_EV_OPTION);

	e.flags = SHM_OPT_INFO;
	link_post(s->link, &e);
	s->link->wake_due = false;
	channel_wake(&s->link->channel); /* now: somebody waits */
}

/* May the words in the stack's half be those of this session? */
static bool published(struct sock *s)
{
	fifo_poll(&s->fifo);
	return s->fifo.peer_live && word(s, SHM_INFO_KIND) != 0;
}

void tcp_info_ask(int cd)
{
	struct sock *s = sock_lock(cd);
	bool waits = s && is_transports(s) && !fifo_was_reset(&s->fifo);

	if (waits) {
		post_question(s);
		waits = !published(s);
	}
	if (s)
		sock_unlock(s);
	for (unsigned i = 0; waits && i < ASK_STEPS; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = ASK_STEP_NS }, NULL);
		s = sock_lock(cd);
		waits = s && is_transports(s) && !fifo_was_reset(&s->fifo) && !published(s);
		if (s)
			sock_unlock(s);
	}
}

static uint8_t state_of(const struct sock *s)
{
	switch ((enum sock_state)s->state) {
	case SOCK_LISTENING:
		return TCP_LISTEN;
	case SOCK_DEFERRED:
	case SOCK_CONNECTING:
		return TCP_SYN_SENT;
	case SOCK_OPEN:
		if (s->fifo.my_state != SHM_OPEN)
			return s->fifo.peer_state != SHM_OPEN ? TCP_LAST_ACK : TCP_FIN_WAIT2;
		return s->fifo.peer_state != SHM_OPEN ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
	default:
		return TCP_CLOSE;
	}
}

static uint32_t segments(uint32_t bytes, uint32_t mss)
{
	return (bytes + mss - 1) / mss;
}

static void fill_measured(struct sock *s, struct tcp_info *info)
{
	uint32_t kind = word(s, SHM_INFO_KIND);
	uint32_t mss = kind & 0xffff ? kind & 0xffff : USUAL_MSS;
	uint32_t ssthresh = word(s, SHM_INFO_SSTHRESH_BYTES);

	if (info->tcpi_state == TCP_ESTABLISHED)
		info->tcpi_state = kind >> 16 & 15;
	info->tcpi_options = kind >> 20 & 15;
	info->tcpi_rto = word(s, SHM_INFO_RTO_US);
	info->tcpi_rtt = word(s, SHM_INFO_RTT_US);
	info->tcpi_rttvar = word(s, SHM_INFO_RTTVAR_US);
	info->tcpi_snd_mss = info->tcpi_rcv_mss = info->tcpi_advmss = mss;
	info->tcpi_pmtu = mss + 40 + (info->tcpi_options & TCPI_OPT_TIMESTAMPS ? 12 : 0);
	info->tcpi_snd_cwnd = segments(word(s, SHM_INFO_CWND_BYTES), mss);
	info->tcpi_snd_ssthresh = ssthresh >= INT32_MAX ? INT32_MAX : segments(ssthresh, mss);
	info->tcpi_unacked = segments(word(s, SHM_INFO_FLIGHT_BYTES), mss);
	info->tcpi_total_retrans = word(s, SHM_INFO_RETRANSMITS);
}

/* No packet is made, none is lost, and what was written has arrived. */
static void fill_local(struct tcp_info *info)
{
	info->tcpi_options = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE;
	info->tcpi_rto = 200000;
	info->tcpi_rtt = info->tcpi_rttvar = 1;
	info->tcpi_snd_mss = info->tcpi_rcv_mss = info->tcpi_advmss = LOCAL_MSS;
	info->tcpi_pmtu = UINT16_MAX;
	info->tcpi_snd_cwnd = LOCAL_CWND;
	info->tcpi_snd_ssthresh = INT32_MAX;
}

void tcp_info_fill(struct sock *s, struct tcp_info *info)
{
	if (s->state == SOCK_OPEN)
		fifo_poll(&s->fifo); /* for the peer's end */
	*info = (struct tcp_info){ .tcpi_state = state_of(s),
				   .tcpi_ato = ACK_WAIT_US,
				   .tcpi_snd_mss = 536,
				   .tcpi_reordering = 3 };
	if (s->state != SOCK_OPEN)
		return;
	if (!is_transports(s))
		fill_local(info);
	else if (published(s))
		fill_measured(s, info);
	info->tcpi_rcv_space = info->tcpi_rcv_ssthresh = fifo_capacity(&s->fifo);
}

int tcp_info_mss(struct sock *s)
{
	if (s->state == SOCK_OPEN && !is_transports(s))
		return LOCAL_MSS;
	if (s->state == SOCK_OPEN && published(s))
		return (int)(word(s, SHM_INFO_KIND) & 0xffff);
	return s->state == SOCK_OPEN ? USUAL_MSS : 536;
}

const char *tcp_info_congestion(struct sock *s)
{
	static const char *const names[] = {
		[SHM_CC_NEWRENO] = "reno", [SHM_CC_CUBIC] = "cubic", [SHM_CC_BBR] = "bbr"
	};
	unsigned i = is_transports(s) && published(s) ? word(s, SHM_INFO_KIND) >> 24 & 15 : 0;

	return i > 0 && i < count_of(names) ? names[i] : names[SHM_CC_CUBIC];
}
