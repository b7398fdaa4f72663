/* publish.c - what a transport measures of a session, for the application to see (shm_half.info).
 */
#include <string.h>

#include "session/session_worker.h"

static void publish(struct session *s, enum shm_info what, uint64_t value)
{
	atomic_store_explicit(&s->end.mine->info[what], (uint32_t)value, memory_order_relaxed);
}

/* Numbers that move with each acknowledgement. */
static void publish_measures(struct worker *w, struct session *s, struct transport_info *info)
{
	*info = (struct transport_info){ 0 };
	s->transport->describe(w, s, info);
	publish(s, SHM_INFO_RTT_US, info->srtt_us);
	publish(s, SHM_INFO_RTTVAR_US, info->rttvar_us);
	publish(s, SHM_INFO_RTO_US, info->rto_us);
	publish(s, SHM_INFO_CWND_BYTES, info->cwnd_bytes);
	publish(s, SHM_INFO_SSTHRESH_BYTES, info->ssthresh_bytes);
	publish(s, SHM_INFO_FLIGHT_BYTES, info->flight_bytes);
	publish(s, SHM_INFO_RETRANSMITS, info->n_retransmits);
}

void session_publish(struct worker *w, struct session *s)
{
	struct transport_info info;

	publish_measures(w, s, &info);
}

static uint8_t congestion_number(const char *name)
{
	static const char *const names[] = {
		[SHM_CC_NEWRENO] = "newreno", [SHM_CC_CUBIC] = "cubic", [SHM_CC_BBR] = "bbr"
	};

	for (uint8_t i = SHM_CC_NEWRENO; name && i < count_of(names); i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return SHM_CC_OTHER;
}

void session_on_info(struct session_worker *sw, struct session *s)
{
	struct transport_info info;

	if (!s->connection || !s->end.channel || !s->transport->describe)
		return;
	publish_measures(sw->worker, s, &info);
	/* Last: it says that the others are there. The acquire is in the library's tcp_info.c. */
	atomic_store_explicit(&s->end.mine->info[SHM_INFO_KIND],
			      shm_info_kind(info.mss_bytes, info.state_number, info.options,
					    congestion_number(info.congestion)),
			      memory_order_release);
	s->publishes = true;
}
