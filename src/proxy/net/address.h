/*
 * address.h - where a socket is: IPv4, IPv6 or a unix path (Envoy's "pipe"). A plain value, no
 * allocation.
 */
#ifndef CONVOY_PROXY_NET_ADDRESS_H
#define CONVOY_PROXY_NET_ADDRESS_H

#include "base/compiler.h"

enum address_family { ADDRESS_NONE, ADDRESS_IP4, ADDRESS_IP6, ADDRESS_UNIX };

enum {
	ADDRESS_UNIX_MAX = 107, /* longest path of a unix socket */
	ADDRESS_TEXT_MAX = 128, /* room for any printed address with its NUL */
};

struct address {
	uint8_t family;	   /* enum address_family */
	uint8_t path_len;  /* unix: bytes of @path; a first 0 byte: abstract */
	uint16_t port;	   /* host order */
	uint32_t scope_id; /* IPv6 link-local interface index, else 0 */
	union {
		uint8_t ip[16]; /* network order; IPv4 uses the first four */
		char path[ADDRESS_UNIX_MAX + 1];
	};
};

/*
 * address_parse_ip - read "192.0.2.1" or "2001:db8::1" (no brackets, no port).
 * @text: a C string; borrowed
 * @port: host order
 * Returns 0 or ERR_FORMAT. Names are not resolved. RFC 4291 §2.2.
 */
must_check
int address_parse_ip(struct address *out, const char *text, uint16_t port);

/* address_parse - read "192.0.2.1:80", "[::1]:80" or "unix:/path"; ERR_FORMAT or ERR_RANGE. */
must_check
int address_parse(struct address *out, const char *text);

/* address_of_path - a unix address; a leading '@' means the abstract namespace. ERR_RANGE if long.
 */
must_check
int address_of_path(struct address *out, const char *path);

/* address_any - the wildcard address of @family (IP4 or IP6) with @port. */
struct address address_any(enum address_family family, uint16_t port);

/*
 * address_print - "192.0.2.1:80", "[::1]:80", the path of a unix socket, "-" for ADDRESS_NONE.
 * @out: ADDRESS_TEXT_MAX bytes. Returns the length without the NUL.
 */
size_t address_print(const struct address *a, char *out);

/* address_print_ip - the address alone, without brackets or port ("192.0.2.1", "::1"). */
size_t address_print_ip(const struct address *a, char *out);

/* address_equal - the same family, address (or path), scope and port. */
bool address_equal(const struct address *a, const struct address *b);

/* address_same_ip - the same address whatever the ports; an IPv4-mapped IPv6 equals its IPv4. */
bool address_same_ip(const struct address *a, const struct address *b);

/* address_in_prefix - @a lies in @prefix/@bits. Families must match; mapped IPv4 counts as IPv4. */
bool address_in_prefix(const struct address *a, const struct address *prefix, unsigned bits);

/* address_is_loopback - 127/8, ::1, or a unix path. */
bool address_is_loopback(const struct address *a);

/* address_is_internal - loopback, RFC 1918, or RFC 4193 (fc00::/7): Envoy's default internal set.
 */
bool address_is_internal(const struct address *a);

/* address_hash - for tables keyed by address and port. */
uint64_t address_hash(const struct address *a);

#endif
