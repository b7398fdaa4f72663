/* err.c - texts of errors and their translation from and to errno. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *text;
	int errno_value;
} errors[] = {
	[-ERR_NOMEM] = { "out of memory", ENOMEM },
	[-ERR_SHORT] = { "input is too short", EINVAL },
	[-ERR_FORMAT] = { "malformed input", EINVAL },
	[-ERR_FULL] = { "no room left", ENOBUFS },
	[-ERR_AGAIN] = { "not ready", EAGAIN },
	[-ERR_EXIST] = { "already exists", EEXIST },
	[-ERR_NOENT] = { "no such object", ENOENT },
	[-ERR_INVAL] = { "invalid argument", EINVAL },
	[-ERR_PERM] = { "not permitted", EPERM },
	[-ERR_UNSUPPORTED] = { "not supported", EOPNOTSUPP },
	[-ERR_IO] = { "input/output error", EIO },
	[-ERR_STALE] = { "stale handle", EBADF },
	[-ERR_CLOSED] = { "closed by the other side", EPIPE },
	[-ERR_RANGE] = { "number out of range", ERANGE },
	[-ERR_BUSY] = { "in use", EADDRINUSE },
	[-ERR_TIMEOUT] = { "timed out", ETIMEDOUT },
	[-ERR_PROTOCOL] = { "protocol violation", EPROTO },
	[-ERR_VERSION] = { "incompatible version", EPROTONOSUPPORT },
	[-ERR_REFUSED] = { "refused", ECONNREFUSED },
	[-ERR_UNREACHABLE] = { "unreachable", EHOSTUNREACH },
};
_Static_assert(count_of(errors) == -ERR_LAST + 1, "every error has a text");

const char *err_text(int err)
{
	if (err == 0)
		return "success";
	if (err > 0 || err < ERR_LAST)
		return "unknown error";
	return errors[-err].text;
}

int errno_of_err(int err)
{
	if (err >= 0)
		return 0;
	return err < ERR_LAST ? EIO : errors[-err].errno_value;
}

int err_of_errno(int errno_value)
{
	switch (errno_value) {
	case EACCES:
		return ERR_PERM;
	case EBUSY:
		return ERR_BUSY;
	case ENOSYS: /* which kernels without it say */
	case ENOPROTOOPT:
		return ERR_UNSUPPORTED;
	case EINVAL: /* which several of our errors become */
		return ERR_INVAL;
	}
	for (int err = -1; err >= ERR_LAST; err--)
		if (errors[-err].errno_value == errno_value)
			return err;
	return ERR_IO;
}

void invariant_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "convoy: broken invariant: %s at %s:%d\n", what, file, line);
	abort();
}
