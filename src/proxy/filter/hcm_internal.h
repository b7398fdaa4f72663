/* hcm_internal.h - what the parts of the HTTP connection manager share. */
#ifndef CONVOY_PROXY_FILTER_HCM_INTERNAL_H
#define CONVOY_PROXY_FILTER_HCM_INTERNAL_H

#include "base/random.h"
#include "proxy/filter/hcm.h"
#include "proxy/filter/hcm_stats.h"
#include "proxy/filter/http_filter.h"
#include "proxy/http/http1.h"
#include "proxy/route/route.h"

struct access_log;

enum {
	STREAM_ARENA_BYTES = 4096 - 64,
	STREAMS_KEPT = 256,    /* finished streams that a worker keeps for the next ones */
	HTTP_FILTERS_MAX = 16, /* of a chain */
	DATE_LEN = 29,	       /* "Sun, 06 Nov 1994 08:49:37 GMT" */
	REQUEST_ID_LEN = 36,
	/* Of one connection; the rest waits for the next turn, as their memory comes back then. */
	REQUESTS_PER_TURN = 16,
};

struct hcm_factory {
	struct network_filter_factory base;
	const struct hcm_config *config;
	struct stat_group *stats;
	struct route_table *routes;
	struct http1_settings http1;
	struct http_filter_factory *filters[HTTP_FILTERS_MAX];
	unsigned n_filters;
	struct access_log **logs;
	unsigned n_logs;
	struct slice server_name;
	uint32_t buffer_limit_bytes;
};

/* Shared by the connection managers of one worker. */
struct http_worker {
	struct dispatcher *dispatcher;
	unsigned index;
	struct hcm_stream *free_streams;
	unsigned n_free_streams;
	struct random random;
	uint64_t date_until_ns;	 /* monotonic: @date holds before it */
	uint64_t wall_offset_ns; /* add it to a monotonic time */
	char date[DATE_LEN + 1];
};

struct hcm_connection {
	struct network_filter filter;
	struct connection_observer observer;
	const struct hcm_factory *factory;
	struct hcm_stats *stats;
	struct http_worker *worker;
	struct connection *connection; /* NULL once it has ended */
	struct dispatcher *dispatcher;
	struct http1 codec;
	struct buffer in;	   /* received and not yet read by the codec */
	struct hcm_stream *stream; /* the request under way */
	struct task resume;	   /* read what is left in @in */
	struct timer timer;	   /* set to @timer_ns or unset; deadlines are kept lazily */
	uint64_t timer_ns;	   /* UINT64_MAX: unset */
	uint64_t started_ns, idle_since_ns;
	uint64_t n_requests;
	uint64_t counted_rx, counted_tx; /* bytes that the statistics have */
	struct address client;		 /* of the request under way */
	bool running;			 /* in the loop that reads @in */
	bool pipelined;			 /* reading is paused: another request waits in @in */
	bool yielded;			 /* it had its requests of this turn; @resume is queued */
	bool draining;			 /* no request after the present one */
	bool lost;			 /* framing: nothing more is read */
};

/* One direction through the filters; see http_chain.c. */
struct chain_pass {
	struct buffer held; /* body that waits at a filter */
	int at;		    /* the filter that holds things up; -1: none */
	bool head_held, end_seen, trailers_seen, end_in_head;
};

struct hcm_stream {
	struct http_stream base;
	struct arena arena;
	struct hcm_connection *c; /* NULL once the connection has ended */
	const struct hcm_factory *factory;
	struct hcm_stats *stats;
	struct http_worker *worker;
	struct deferred deletion;
	struct hcm_stream *next_free;
	struct http_filter *filters[HTTP_FILTERS_MAX];
	unsigned n_filters;
	struct chain_pass decode, encode;
	struct http_filter *deadline_filter;
	uint64_t deadline_ns;	   /* of that filter; 0: none */
	uint64_t last_activity_ns; /* for the idle timeout */
	uint64_t idle_timeout_ns;  /* 0: none */
	unsigned n_pauses;	   /* of reading, by filters */
	bool head_received;	   /* the request's head */
	bool request_done;	   /* the whole request was received */
	bool answered;		   /* by a local reply, which may wait at a filter */
	bool response_done;	   /* the whole response was written */
	bool over;		   /* nothing may be done with it any more */
	bool close_after;	   /* the connection ends with this stream */
	bool protocol_error;
};

static inline struct hcm_stream *hcm_stream_of(struct http_stream *s)
{
	return container_of(s, struct hcm_stream, base);
}

static inline const struct hcm_stream *hcm_stream_of_const(const struct http_stream *s)
{
	return container_of(s, const struct hcm_stream, base);
}

/* hcm_stream.c: the life of a stream */
struct hcm_stream *stream_new_or_null(struct hcm_connection *c);
void stream_on_head(struct hcm_stream *s, bool end_stream);
void stream_on_data(struct hcm_stream *s, struct buffer *body, bool end_stream);
void stream_on_trailers(struct hcm_stream *s);
/* stream_end - it is over: log, count, let the filters go; memory goes at the end of the turn. */
void stream_end(struct hcm_stream *s);

/* hcm_response.c: after the last filter, to the connection */
void stream_write_head(struct hcm_stream *s, bool end_stream);
void stream_write_data(struct hcm_stream *s, struct buffer *body, bool end_stream);
void stream_write_trailers(struct hcm_stream *s);
void stream_write_continue(struct hcm_stream *s);

/* http_chain.c: through the filters */
void chain_init(struct hcm_stream *s);
void chain_deinit(struct hcm_stream *s);
void chain_decode_head(struct hcm_stream *s, bool end_stream);
void chain_decode_data(struct hcm_stream *s, struct buffer *body, bool end_stream);
void chain_decode_trailers(struct hcm_stream *s);

/* hcm_headers.c: what a proxy adds to and takes from heads. ERR_NOMEM. */
must_check
int headers_of_request(struct hcm_stream *s);
must_check
int headers_of_response(struct hcm_stream *s);

/* hcm_connection.c */
struct network_filter *hcm_new_filter_or_null(const struct network_filter_factory *factory,
					      struct connection *connection);
void hcm_stream_gone(struct hcm_connection *c, struct hcm_stream *s);
/* hcm_write_buffer - where the codec writes to; hcm_flush() after it. */
struct buffer *hcm_write_buffer(struct hcm_connection *c);
void hcm_flush(struct hcm_connection *c);

/* hcm_timer.c */
void hcm_timer_init(struct hcm_connection *c);
/* hcm_timer_before - let the timer fire at @at_ns at the latest. */
void hcm_timer_before(struct hcm_connection *c, uint64_t at_ns);
void hcm_timer_cancel(struct hcm_connection *c);

/* http_worker.c */
struct http_worker *http_worker_of(const struct dispatcher *d);
struct slice http_worker_date(struct http_worker *w);
/* A random UUID of version 4 into REQUEST_ID_LEN bytes. */
void http_worker_request_id(struct http_worker *w, uint8_t *out);

#endif
