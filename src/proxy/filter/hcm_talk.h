/*
 * hcm_talk.h - for tests: a whole proxy between a client and a host that say what the test lets
 * them say, over in-memory sockets and a clock that the test owns.
 *
 * What is heard is compared with a pattern: '*' stands for any text, '?' for one character.
 */
#ifndef CONVOY_PROXY_FILTER_HCM_TALK_H
#define CONVOY_PROXY_FILTER_HCM_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/config/snapshot.h"
#include "proxy/filter/hcm.h"
#include "proxy/listener/listener.h"
#include "proxy/upstream/clusters.h"

enum { HEARD_MAX = 1 << 20, PEERS_MAX = 8 };

/* One end of a connection in the hands of the test: a client, or the host's side of one. */
struct peer {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c; /* NULL once it has ended */
	char *heard;	      /* HEARD_MAX, since the last heard() */
	size_t n_heard;
	bool ended, reset;
};

/* What start() has made. */
struct talk {
	struct dispatcher *dispatcher;
	struct stats *stats;
	struct snapshot *snapshot;
	struct network_filter_factory *hcm;
	struct listener *proxy_listener;
	struct peer *clients[PEERS_MAX], *hosts[PEERS_MAX]; /* in the order of their connections */
	unsigned n_clients, n_hosts;
};
extern struct talk talk;

/* start - a proxy; @hcm_lines and @cluster_lines are YAML for its connection manager and cluster.
 */
void start(const char *hcm_lines, const char *cluster_lines);

/* stop - everything must come back; @log is what the access log must hold by then, NULL: anything.
 */
void stop(const char *log);

struct peer *connect_client(void);
void say(struct peer *p, const char *text);
/* heard - what @p has heard since the last call matches @pattern. */
void heard(struct peer *p, const char *pattern);
void hang_up(struct peer *p, enum connection_close how);

/* counted - the statistic @name is @wanted. */
void counted(const char *name, uint64_t wanted);

/* turns - let the loop run until nothing is left to do. */
void turns(void);
void pass_ms(uint64_t ms);

#define GET "GET /p HTTP/1.1\r\nHost: a\r\n\r\n"
#define UP                                                                                         \
	"GET /p HTTP/1.1\r\nhost: a\r\nx-forwarded-proto: http\r\n"                                \
	"x-envoy-expected-rq-timeout-ms: 15000\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define OK_DOWN                                                                                    \
	"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-envoy-upstream-service-time: *\r\n"             \
	"server: envoy\r\ndate: *GMT\r\n\r\nhi"

#endif
