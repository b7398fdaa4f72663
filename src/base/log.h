/*
 * log.h - state changes and failures, one line each: an event name and key=value pairs.
 *
 *   log_warn("tap.open", "name=%s error=%s", name, err_text(err));
 *
 * Lines go to stderr, or where log_set_fd() says, as "TIME LEVEL EVENT key=value ...". Each call
 * site prints at most ten lines a second and then one line that says how many it held back. Never
 * called from a graph node.
 */
#ifndef CONVOY_BASE_LOG_H
#define CONVOY_BASE_LOG_H

#include "base/compiler.h"

enum log_level { LOG_LEVEL_OFF, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Rate-limit state of one call site. */
struct log_site {
	uint64_t second;
	uint32_t printed;
	uint32_t held_back;
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* log_set_fd - write to @fd, which is taken; the file before it is closed unless it is stderr. */
void log_set_fd(int fd);

/* log_level_of - parse "error", "warn", "info", "debug" or "off"; ERR_INVAL for other text. */
must_check
int log_level_of(const char *text, enum log_level *level);

void log_line(struct log_site *site, enum log_level level, const char *event, const char *format,
	      ...) printf_like(4, 5);

#define log_at(level, event, ...)                                                                  \
	do {                                                                                       \
		static struct log_site log_site_here;                                              \
		if ((level) <= log_get_level())                                                    \
			log_line(&log_site_here, (level), (event), __VA_ARGS__);                   \
	} while (0)
#define log_error(event, ...) log_at(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_at(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_at(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
