/* log.c - one write(2) per line, so that lines of several threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

enum { MAX_LINES_PER_SECOND = 10, LINE_MAX_BYTES = 1024 };

static enum log_level threshold = LOG_LEVEL_INFO;
static _Atomic(int) log_fd = STDERR_FILENO;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_OFF] = "off",
};

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_set_fd(int fd)
{
	int old = log_fd;

	/* dup2() keeps the number, so that a line of another thread never meets a closed one. */
	if (old != STDERR_FILENO && dup2(fd, old) == old) {
		close(fd);
		return;
	}
	log_fd = fd;
}

enum log_level log_get_level(void)
{
	return threshold;
}

int log_level_of(const char *text, enum log_level *level)
{
	for (unsigned i = 0; i < count_of(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return ERR_INVAL;
}

/* False when the site has used up its lines of this second. */
static bool site_may_print(struct log_site *site, uint64_t second, uint32_t *held_back)
{
	*held_back = 0;
	if (site->second != second) {
		*held_back = site->held_back;
		*site = (struct log_site){ .second = second };
	}
	if (site->printed >= MAX_LINES_PER_SECOND) {
		site->held_back++;
		return false;
	}
	site->printed++;
	return true;
}

static size_t clamp(int n, size_t room)
{
	return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

void log_line(struct log_site *site, enum log_level level, const char *event, const char *format,
	      ...)
{
	char line[LINE_MAX_BYTES];
	uint64_t now = clock_wall_ns();
	time_t seconds = (time_t)(now / NS_PER_S);
	struct tm utc;
	uint32_t held_back;
	size_t n;
	va_list args;

	if (!site_may_print(site, now / NS_PER_S, &held_back))
		return;
	gmtime_r(&seconds, &utc);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
	n += clamp(snprintf(line + n, sizeof(line) - n, ".%03uZ %s %s ",
			    (unsigned)(now % NS_PER_S / NS_PER_MS), level_names[level], event),
		   sizeof(line) - n);
	va_start(args, format);
	n += clamp(vsnprintf(line + n, sizeof(line) - n, format, args), sizeof(line) - n);
	va_end(args);
	if (held_back)
		n += clamp(snprintf(line + n, sizeof(line) - n, " held_back=%u", held_back),
			   sizeof(line) - n);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* A log that cannot be written has nowhere to complain. */
	if (write(log_fd, line, n) < 0)
		return;
}
