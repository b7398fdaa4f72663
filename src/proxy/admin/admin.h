/*
 * admin.h - the administration pages, on the main thread, over the kernel's sockets unless the
 * address says otherwise. Paths, parameters and answers are Envoy's.
 *
 *   admin.c        listener, one filter per connection: reads requests, writes answers
 *   pages.c        the table of pages, /ready, /help and what changes something (POST only)
 *   stats_page.c   /stats
 *   report_page.c  /clusters /listeners /server_info /memory
 *   admin_log.c    its access log
 */
#ifndef CONVOY_PROXY_ADMIN_ADMIN_H
#define CONVOY_PROXY_ADMIN_ADMIN_H

#include "proxy/server/server.h"

struct admin;

/*
 * admin_open - listen as the bootstrap says; *@out is NULL if it says nothing.
 * Returns 0, or why it cannot, with @s->error set.
 */
must_check
int admin_open(struct server *s, struct admin **out);
void admin_close(struct admin *a);
void admin_reopen_logs(struct admin *a);

#endif
