/* status.h - what the command line ends with. */
#ifndef CONVOY_CLI_STATUS_H
#define CONVOY_CLI_STATUS_H

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

#endif
