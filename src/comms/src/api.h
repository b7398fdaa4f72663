/* api.h - results of public calls: a count or 0, or -1 and errno. */
#ifndef CONVOY_COMMS_API_H
#define CONVOY_COMMS_API_H

#include <errno.h>
#include <sys/types.h>

/* api_fail - -1, with errno from a negative errno value. */
static inline int api_fail(int negative_errno)
{
	errno = -negative_errno;
	return -1;
}

/* api_result - @result unless it is negative. */
static inline int api_result(int result)
{
	return result < 0 ? api_fail(result) : result;
}

static inline ssize_t api_count(ssize_t result)
{
	return result < 0 ? api_fail((int)result) : result;
}

#endif
