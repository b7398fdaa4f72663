/* set_table.h - epoll sets by the number of their epoll descriptor. */
#ifndef CONVOY_COMMS_SET_TABLE_H
#define CONVOY_COMMS_SET_TABLE_H

#include "comms/src/set.h"

struct set *set_of_fd_or_null(int epfd);

/* set_remember - @fd is one more number of @set; false when it is too large or memory is short. */
bool set_remember(struct set *set, int fd);

/* set_forget - @epfd is a number of its set no more. NULL if it has none, or the set has others, of
 * which it uses one. */
struct set *set_forget(int epfd);

#endif
