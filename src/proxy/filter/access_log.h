/*
 * access_log.h - one line per finished request, in Envoy's format language.
 *
 * A format is compiled once into a list of pieces. Lines collect in a buffer per worker and file,
 * which is written when it is large or a moment old: never inside a request.
 */
#ifndef CONVOY_PROXY_FILTER_ACCESS_LOG_H
#define CONVOY_PROXY_FILTER_ACCESS_LOG_H

#include "base/slice.h"
#include "proxy/config/access_log.h"
#include "proxy/net/dispatcher.h"

struct http_stream;

/* Every open log file of the process; a path is opened once. */
struct access_logs;
struct access_logs *access_logs_new_or_null(unsigned n_workers);
/* access_logs_free - writes what is left; after the workers have stopped. */
void access_logs_free(struct access_logs *logs);

/* access_logs_reopen - after a rotation (SIGUSR1, POST /reopen_logs). From any thread. */
void access_logs_reopen(struct access_logs *logs);

/* One configured log. */
struct access_log;

/* access_log_open_or_null - NULL if the file or the format cannot be used; the log says why. */
struct access_log *access_log_open_or_null(struct access_logs *logs,
					   const struct access_log_config *config);
void access_log_close(struct access_log *log);

/* access_log_write - @s has ended. In its worker's thread. */
void access_log_write(struct access_log *log, const struct http_stream *s);

/* access_logs_worker_start - lines of this worker are written from now on, from the loop of @d. */
void access_logs_worker_start(struct access_logs *logs, struct dispatcher *d, unsigned worker_idx);

/* access_logs_worker_stop - write what is left; in its thread, after its last request. */
void access_logs_worker_stop(struct access_logs *logs, unsigned worker_idx);

struct access_format;

/*
 * access_format_new_or_null - compile a format. NULL: Envoy's default.
 * @error: set to a phrase that names the operator when NULL is returned
 */
struct access_format *access_format_new_or_null(const char *format, char *error, size_t error_size);
void access_format_free(struct access_format *f);

/* access_format_print - one line for @s into @out; returns its length, cut at @room. */
size_t access_format_print(const struct access_format *f, const struct http_stream *s, char *out,
			   size_t room);

#endif
