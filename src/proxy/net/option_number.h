/* option_number.h - options of handles as setsockopt() knows them, the kernel's and comms' alike.
 */
#ifndef CONVOY_PROXY_NET_OPTION_NUMBER_H
#define CONVOY_PROXY_NET_OPTION_NUMBER_H

#include "proxy/net/address.h"
#include "proxy/net/io_handle.h"

/* socket_option_number - level and name of @option; false if sockets of @family have none such. */
must_check
bool socket_option_number(enum io_option option, enum address_family family, int *level, int *name);

#endif
