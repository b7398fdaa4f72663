/* sockaddr.c - our addresses as the kernel's. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "proxy/net/sockaddr.h"

enum { PATH_AT = offsetof(struct sockaddr_un, sun_path) };

socklen_t sockaddr_of(const struct address *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_un *un = (struct sockaddr_un *)out;

	switch (a->family) {
	case ADDRESS_IP4:
		*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(a->port) };
		memcpy(&in->sin_addr, a->ip, sizeof(in->sin_addr));
		return sizeof(*in);
	case ADDRESS_IP6:
		*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					      .sin6_port = htons(a->port),
					      .sin6_scope_id = a->scope_id };
		memcpy(&in6->sin6_addr, a->ip, sizeof(in6->sin6_addr));
		return sizeof(*in6);
	case ADDRESS_UNIX:
		*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
		memcpy(un->sun_path, a->path, a->path_len);
		/* An abstract name is exactly its bytes; a path ends with a NUL. */
		return (socklen_t)(PATH_AT + a->path_len + (a->path[0] ? 1 : 0));
	default:
		return 0;
	}
}

void address_of_sockaddr(struct address *out, const struct sockaddr_storage *ss, socklen_t len)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_un *un = (const struct sockaddr_un *)ss;

	out->family = ADDRESS_NONE;
	out->path_len = 0;
	out->port = 0;
	out->scope_id = 0;
	memset(out->ip, 0, sizeof(out->ip));
	if (len < sizeof(ss->ss_family))
		return;
	if (ss->ss_family == AF_INET) {
		out->family = ADDRESS_IP4;
		out->port = ntohs(in->sin_port);
		memcpy(out->ip, &in->sin_addr, sizeof(in->sin_addr));
	} else if (ss->ss_family == AF_INET6) {
		out->family = ADDRESS_IP6;
		out->port = ntohs(in6->sin6_port);
		out->scope_id = in6->sin6_scope_id;
		memcpy(out->ip, &in6->sin6_addr, sizeof(in6->sin6_addr));
	} else if (ss->ss_family == AF_UNIX) {
		size_t n = len > PATH_AT ? len - PATH_AT : 0;

		if (n && un->sun_path[0])
			n = strnlen(un->sun_path, n);
		n = n < ADDRESS_UNIX_MAX ? n : ADDRESS_UNIX_MAX;
		out->family = ADDRESS_UNIX;
		memcpy(out->path, un->sun_path, n);
		out->path_len = (uint8_t)n;
	}
}
