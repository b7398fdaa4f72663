/*
 * err.h - why one of our own calls failed.
 * Calls return 0 or a count on success and one of these negative values on failure. Data-path
 * code does not use them (a packet gets a next node and a counted reason), nor does anything
 * outside comms/ use errno for its own results.
 */
#ifndef CONVOY_BASE_ERR_H
#define CONVOY_BASE_ERR_H

#include "base/compiler.h"

enum err {
	ERR_NOMEM = -1,	       /* memory or a fixed pool is exhausted */
	ERR_SHORT = -2,	       /* input ends before it is complete */
	ERR_FORMAT = -3,       /* input breaks its format */
	ERR_FULL = -4,	       /* a bounded container has no room */
	ERR_AGAIN = -5,	       /* nothing to do now; try when an event says so */
	ERR_EXIST = -6,	       /* the name or key is taken */
	ERR_NOENT = -7,	       /* no such object */
	ERR_INVAL = -8,	       /* an argument is out of its domain */
	ERR_PERM = -9,	       /* not allowed for this caller */
	ERR_UNSUPPORTED = -10, /* known but not built or not available here */
	ERR_IO = -11,	       /* the operating system refused; see the log line */
	ERR_STALE = -12,       /* handle of an object that is gone */
	ERR_CLOSED = -13,      /* the other side is gone */
	ERR_RANGE = -14,       /* a number does not fit */
	ERR_BUSY = -15,	       /* in use by another */
	ERR_TIMEOUT = -16,     /* a deadline passed */
	ERR_PROTOCOL = -17,    /* a peer broke its protocol */
	ERR_VERSION = -18,     /* versions that cannot work together */
	ERR_REFUSED = -19,     /* the peer said no */
	ERR_UNREACHABLE = -20, /* no route or no neighbour */
	ERR_LAST = -20,
};

/* err_text - a lower-case phrase for @err ("no such object"); "unknown error" for others. */
const char *err_text(int err);

/* err_of_errno - the nearest enum err for a positive errno value; ERR_IO when none fits. */
int err_of_errno(int errno_value);

/* errno_of_err - the errno value that a POSIX caller would see for @err. */
int errno_of_err(int err);

#endif
