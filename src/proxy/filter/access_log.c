/*
 * access_log.c - log files and the lines that wait to be written to them.
 *
 * Each worker has a buffer per file. It is written when it is nearly full, and once a second by a
 * timer that is only set while something waits. Files are opened for appending, so that workers
 * need no lock between them; a write is as long as whole lines.
 */
#include "proxy/filter/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/filter/hcm_internal.h"

enum {
	BUFFER_BYTES = 64 * 1024,
	LINE_MAX_BYTES = 16 * 1024, /* longer lines are cut */
};
#define FLUSH_NS NS_PER_S

struct line_buffer {
	char *at; /* BUFFER_BYTES, once there was a line */
	size_t len;
} cacheline_aligned;

struct log_file {
	struct log_file *next;
	char *path; /* NULL: a standard stream */
	int fd;
	struct line_buffer *buffers; /* one per worker */
};

struct worker_logs {
	struct access_logs *logs;
	struct dispatcher *dispatcher;
	struct timer timer;
	unsigned index;
} cacheline_aligned;

struct access_logs {
	unsigned n_workers;
	struct worker_logs *workers;
	struct log_file *files;
};

struct access_log {
	struct access_logs *logs;
	struct log_file *file;
	struct access_format *format;
};

/* What cannot be written is dropped: a full disk must not stop the proxy. */
static void write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_warn("access_log.write", "fd=%d errno=%d lost_bytes=%zu", fd, errno,
				 len);
			return;
		}
		at += n;
		len -= (size_t)n;
	}
}

static void flush(struct log_file *f, unsigned worker_idx)
{
	struct line_buffer *b = &f->buffers[worker_idx];

	if (b->len)
		write_all(f->fd, b->at, b->len);
	b->len = 0;
}

static void flush_worker(struct access_logs *logs, unsigned worker_idx)
{
	for (struct log_file *f = logs->files; f; f = f->next)
		flush(f, worker_idx);
}

static void flush_due(struct timer *t, uint64_t now_ns unused_arg)
{
	struct worker_logs *w = container_of(t, struct worker_logs, timer);

	flush_worker(w->logs, w->index);
}

struct access_logs *access_logs_new_or_null(unsigned n_workers)
{
	struct access_logs *logs = calloc(1, sizeof(*logs));
	size_t bytes = (n_workers + 1u) * sizeof(struct worker_logs);

	if (!logs)
		return NULL;
	logs->n_workers = n_workers;
	logs->workers = aligned_alloc(64, bytes);
	if (!logs->workers) {
		free(logs);
		return NULL;
	}
	memset(logs->workers, 0, bytes);
	for (unsigned i = 0; i < n_workers; i++) {
		logs->workers[i].logs = logs;
		logs->workers[i].index = i;
		timer_init(&logs->workers[i].timer, flush_due);
	}
	return logs;
}

static void free_file(struct log_file *f, unsigned n_workers)
{
	for (unsigned i = 0; f->buffers && i < n_workers; i++)
		free(f->buffers[i].at);
	free(f->buffers);
	if (f->path && f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

void access_logs_free(struct access_logs *logs)
{
	if (!logs)
		return;
	for (unsigned i = 0; i < logs->n_workers; i++)
		flush_worker(logs, i);
	while (logs->files) {
		struct log_file *f = logs->files;

		logs->files = f->next;
		free_file(f, logs->n_workers);
	}
	free(logs->workers);
	free(logs);
}

static int open_path(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* The new file takes the old descriptor's number, so that writers need not know. */
void access_logs_reopen(struct access_logs *logs)
{
	for (struct log_file *f = logs->files; f; f = f->next) {
		int fd;

		if (!f->path)
			continue;
		fd = open_path(f->path);
		if (fd < 0 || dup3(fd, f->fd, O_CLOEXEC) < 0)
			log_error("access_log.reopen", "path=%s errno=%d", f->path, errno);
		if (fd >= 0)
			close(fd);
	}
}

static bool same_file(const struct log_file *f, const char *path, int fd)
{
	return path ? f->path && strcmp(f->path, path) == 0 : !f->path && f->fd == fd;
}

/* @path NULL: @fd is a standard stream. */
static struct log_file *file_or_null(struct access_logs *logs, const char *path, int fd)
{
	size_t bytes = (logs->n_workers + 1u) * sizeof(struct line_buffer);
	struct log_file *f;

	for (f = logs->files; f; f = f->next)
		if (same_file(f, path, fd))
			return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->fd = path ? open_path(path) : fd;
	f->path = path ? strdup(path) : NULL;
	f->buffers = aligned_alloc(64, bytes);
	if (f->fd < 0 || (path && !f->path) || !f->buffers) {
		log_error("access_log.open", "path=%s errno=%d", path ? path : "-", errno);
		free_file(f, 0);
		return NULL;
	}
	memset(f->buffers, 0, bytes);
	f->next = logs->files;
	logs->files = f;
	return f;
}

struct access_log *access_log_open_or_null(struct access_logs *logs,
					   const struct access_log_config *config)
{
	static const int streams[] = {
		[ACCESS_LOG_FILE] = -1,
		[ACCESS_LOG_STDOUT] = STDOUT_FILENO,
		[ACCESS_LOG_STDERR] = STDERR_FILENO,
	};
	const char *path = config->kind == ACCESS_LOG_FILE ? config->path : NULL;
	struct access_log *log = calloc(1, sizeof(*log));
	char error[128];

	if (!log)
		return NULL;
	log->logs = logs;
	log->format = access_format_new_or_null(config->format, error, sizeof(error));
	if (!log->format)
		log_error("access_log.format", "error=\"%s\"", error);
	else
		log->file = file_or_null(logs, path, streams[config->kind]);
	if (log->file)
		return log;
	access_log_close(log);
	return NULL;
}

void access_log_close(struct access_log *log)
{
	access_format_free(log->format);
	free(log);
}

void access_log_write(struct access_log *log, const struct http_stream *s)
{
	struct worker_logs *w = &log->logs->workers[hcm_stream_of_const(s)->worker->index];
	struct line_buffer *b = &log->file->buffers[w->index];

	if (unlikely(!b->at)) {
		b->at = malloc(BUFFER_BYTES);
		if (!b->at)
			return;
	}
	b->len += access_format_print(log->format, s, b->at + b->len, LINE_MAX_BYTES);
	if (BUFFER_BYTES - b->len < LINE_MAX_BYTES)
		flush(log->file, w->index);
	else if (!timer_is_set(&w->timer) && w->dispatcher)
		dispatcher_timer_set(w->dispatcher, &w->timer, FLUSH_NS);
}

void access_logs_worker_start(struct access_logs *logs, struct dispatcher *d, unsigned worker_idx)
{
	logs->workers[worker_idx].dispatcher = d;
}

void access_logs_worker_stop(struct access_logs *logs, unsigned worker_idx)
{
	struct worker_logs *w = &logs->workers[worker_idx];

	if (w->dispatcher)
		dispatcher_timer_cancel(w->dispatcher, &w->timer);
	w->dispatcher = NULL;
	flush_worker(logs, worker_idx);
}
