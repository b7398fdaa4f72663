/* sockaddr.h - our addresses as the kernel's; for the files over kernel sockets only. */
#ifndef CONVOY_PROXY_NET_SOCKADDR_H
#define CONVOY_PROXY_NET_SOCKADDR_H

#include <sys/socket.h>

#include "proxy/net/address.h"

/* sockaddr_of - fill @out; returns its length, 0 for ADDRESS_NONE. */
socklen_t sockaddr_of(const struct address *a, struct sockaddr_storage *out);

/* address_of_sockaddr - ADDRESS_NONE for a family that we do not have. */
void address_of_sockaddr(struct address *out, const struct sockaddr_storage *ss, socklen_t len);

#endif
