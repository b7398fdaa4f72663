/* stream_info.h - what is known of a request for logs and statistics: times, counts, outcome. */
#ifndef CONVOY_PROXY_FILTER_STREAM_INFO_H
#define CONVOY_PROXY_FILTER_STREAM_INFO_H

#include "proxy/net/address.h"

/* Envoy's response flags; flag_texts[] in access_operators.c has their letters. */
enum response_flag {
	FLAG_NO_HEALTHY_UPSTREAM,		/* UH */
	FLAG_UPSTREAM_CONNECTION_FAILURE,	/* UF */
	FLAG_UPSTREAM_OVERFLOW,			/* UO */
	FLAG_NO_ROUTE,				/* NR */
	FLAG_UPSTREAM_RETRY_LIMIT,		/* URX */
	FLAG_NO_CLUSTER,			/* NC */
	FLAG_DURATION_TIMEOUT,			/* DT */
	FLAG_DOWNSTREAM_CONNECTION_TERMINATION, /* DC */
	FLAG_UPSTREAM_TIMEOUT,			/* UT */
	FLAG_LOCAL_RESET,			/* LR */
	FLAG_UPSTREAM_REMOTE_RESET,		/* UR */
	FLAG_UPSTREAM_CONNECTION_TERMINATION,	/* UC */
	FLAG_STREAM_IDLE_TIMEOUT,		/* SI */
	FLAG_DOWNSTREAM_PROTOCOL_ERROR,		/* DPE */
	FLAG_UPSTREAM_PROTOCOL_ERROR,		/* UPE */
	FLAG_OVERLOAD,				/* OM */
	N_RESPONSE_FLAGS,
};

struct stream_info {
	uint64_t start_ns;	       /* monotonic, like all times here; 0: has not happened */
	uint64_t start_wall_ns;	       /* since 1970 */
	uint64_t request_end_ns;       /* the request's last byte was received */
	uint64_t upstream_first_tx_ns; /* the request's head went to the host */
	uint64_t upstream_first_rx_ns; /* the response's head came */
	uint64_t upstream_last_rx_ns;  /* the response's last byte came */
	uint64_t end_ns;
	uint64_t bytes_received, bytes_sent; /* of bodies */
	uint32_t flags;			     /* bit per enum response_flag */
	uint16_t status;		     /* of the response; 0: none was sent */
	uint16_t n_attempts;		     /* how often a host was tried */
	const char *details;		     /* Envoy's response code details; "" until known */
	const char *cluster;		     /* NULL: none was chosen */
	const char *transport_failure;	     /* of the upstream connection; "" if none */
	struct address upstream_host;	     /* ADDRESS_NONE: none was chosen */
	struct address upstream_local;
};

static inline void stream_info_flag(struct stream_info *i, enum response_flag flag)
{
	i->flags |= 1u << flag;
}

#endif
