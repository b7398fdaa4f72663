/* set_table.h - epoll sets by the number of their epoll descriptor. */
#ifndef CONVOY_COMMS_SET_TABLE_H
#define CONVOY_COMMS_SET_TABLE_H

#include "comms/src/set.h"

struct set *set_of_fd_or_null(int epfd);

/* set_remember - false when the number is too large or memory is short. */
bool set_remember(struct set *set);

/* set_forget - NULL if @epfd has none. */
struct set *set_forget(int epfd);

#endif
