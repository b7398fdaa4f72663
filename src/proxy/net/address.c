/* address.c - parse, print and compare socket addresses. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proxy/net/address.h"

enum { IP4_BYTES = 4, IP6_BYTES = 16, PORT_DIGITS = 5, IP_TEXT_MAX = 64 };

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct address address_any(enum address_family family, uint16_t port)
{
	return (struct address){ .family = (uint8_t)family, .port = port };
}

/* "fe80::1%eth0": the zone is an interface name or number. RFC 4007 §11. */
static int parse_zone(struct address *out, const char *zone)
{
	char *end;
	unsigned long long number = strtoull(zone, &end, 10);

	if (zone[0] == '\0' || number > UINT32_MAX)
		return ERR_FORMAT;
	out->scope_id = *end == '\0' ? (uint32_t)number : if_nametoindex(zone);
	return out->scope_id ? 0 : ERR_FORMAT;
}

int address_parse_ip(struct address *out, const char *text, uint16_t port)
{
	struct address a = address_any(ADDRESS_IP4, port);
	char host[IP_TEXT_MAX];
	const char *zone = strchr(text, '%');
	size_t len = zone ? (size_t)(zone - text) : strlen(text);

	if (inet_pton(AF_INET, text, a.ip) == 1) {
		*out = a;
		return 0;
	}
	if (len >= sizeof(host))
		return ERR_FORMAT;
	memcpy(host, text, len);
	host[len] = '\0';
	a.family = ADDRESS_IP6;
	if (inet_pton(AF_INET6, host, a.ip) != 1)
		return ERR_FORMAT;
	if (zone) {
		int err = parse_zone(&a, zone + 1);

		if (err)
			return err;
	}
	*out = a;
	return 0;
}

int address_of_path(struct address *out, const char *path)
{
	struct address a = address_any(ADDRESS_UNIX, 0);
	size_t len = strlen(path);

	if (len == 0 || len > ADDRESS_UNIX_MAX)
		return ERR_RANGE;
	memcpy(a.path, path, len);
	a.path_len = (uint8_t)len;
	if (path[0] == '@')
		a.path[0] = '\0';
	*out = a;
	return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
	uint32_t n = 0;

	if (text[0] == '\0' || strlen(text) > PORT_DIGITS)
		return ERR_FORMAT;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return ERR_FORMAT;
		n = n * 10 + (uint32_t)(*text - '0');
	}
	if (n > UINT16_MAX)
		return ERR_RANGE;
	*port = (uint16_t)n;
	return 0;
}

int address_parse(struct address *out, const char *text)
{
	char host[IP_TEXT_MAX];
	const char *begin = text;
	const char *end;
	uint16_t port;
	int err;

	if (strncmp(text, "unix:", 5) == 0)
		return address_of_path(out, text + 5);
	end = strrchr(text, ':');
	if (!end)
		return ERR_FORMAT;
	err = parse_port(end + 1, &port);
	if (err)
		return err;
	if (*begin == '[') {
		begin++;
		if (--end <= begin || *end != ']')
			return ERR_FORMAT;
	} else if (memchr(begin, ':', (size_t)(end - begin))) {
		return ERR_FORMAT; /* IPv6 needs its brackets here */
	}
	if ((size_t)(end - begin) >= sizeof(host))
		return ERR_FORMAT;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	return address_parse_ip(out, host, port);
}

size_t address_print_ip(const struct address *a, char *out)
{
	char name[IF_NAMESIZE];

	switch (a->family) {
	case ADDRESS_IP4:
		inet_ntop(AF_INET, a->ip, out, ADDRESS_TEXT_MAX);
		break;
	case ADDRESS_IP6:
		inet_ntop(AF_INET6, a->ip, out, ADDRESS_TEXT_MAX);
		if (a->scope_id && if_indextoname(a->scope_id, name))
			sprintf(out + strlen(out), "%%%s", name);
		else if (a->scope_id)
			sprintf(out + strlen(out), "%%%u", a->scope_id);
		break;
	case ADDRESS_UNIX:
		memcpy(out, a->path, a->path_len);
		out[a->path_len] = '\0';
		if (out[0] == '\0')
			out[0] = '@';
		break;
	default:
		strcpy(out, "-");
	}
	return strlen(out);
}

size_t address_print(const struct address *a, char *out)
{
	char *at = out;

	if (a->family == ADDRESS_IP6)
		*at++ = '[';
	at += address_print_ip(a, at);
	if (a->family == ADDRESS_IP6)
		*at++ = ']';
	if (a->family == ADDRESS_IP4 || a->family == ADDRESS_IP6)
		at += sprintf(at, ":%u", a->port);
	*at = '\0';
	return (size_t)(at - out);
}

bool address_equal(const struct address *a, const struct address *b)
{
	if (a->family != b->family || a->port != b->port || a->scope_id != b->scope_id)
		return false;
	if (a->family == ADDRESS_UNIX)
		return a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0;
	return memcmp(a->ip, b->ip, a->family == ADDRESS_IP6 ? IP6_BYTES : IP4_BYTES) == 0;
}

/* The bytes that say which host it is: 4, 16, or 0 for a path. RFC 4291 §2.5.5.2. */
static size_t ip_bytes(const struct address *a, const uint8_t **bytes)
{
	*bytes = a->ip;
	if (a->family == ADDRESS_IP4)
		return IP4_BYTES;
	if (a->family != ADDRESS_IP6)
		return 0;
	if (memcmp(a->ip, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		*bytes = a->ip + sizeof(mapped_prefix);
		return IP4_BYTES;
	}
	return IP6_BYTES;
}

bool address_same_ip(const struct address *a, const struct address *b)
{
	const uint8_t *x, *y;
	size_t n = ip_bytes(a, &x);

	return n && n == ip_bytes(b, &y) && memcmp(x, y, n) == 0;
}

bool address_in_prefix(const struct address *a, const struct address *prefix, unsigned bits)
{
	const uint8_t *x, *y;
	size_t n = ip_bytes(a, &x);
	unsigned rest = bits % 8;

	if (n == 0 || n != ip_bytes(prefix, &y) || bits > n * 8)
		return false;
	if (memcmp(x, y, bits / 8) != 0)
		return false;
	return rest == 0 || (x[bits / 8] ^ y[bits / 8]) >> (8 - rest) == 0;
}

bool address_is_loopback(const struct address *a)
{
	static const uint8_t loopback6[IP6_BYTES] = { [15] = 1 };
	const uint8_t *x;
	size_t n = ip_bytes(a, &x);

	if (n == 0)
		return a->family == ADDRESS_UNIX;
	return n == IP4_BYTES ? x[0] == 127 : memcmp(x, loopback6, IP6_BYTES) == 0;
}

bool address_is_internal(const struct address *a)
{
	const uint8_t *x;
	size_t n = ip_bytes(a, &x);

	if (address_is_loopback(a))
		return true;
	if (n == IP6_BYTES)
		return (x[0] & 0xfe) == 0xfc;
	return n &&
	       (x[0] == 10 || (x[0] == 172 && (x[1] & 0xf0) == 16) || (x[0] == 192 && x[1] == 168));
}

/* FNV-1a: addresses are not chosen by peers often enough to need more, and tables are bounded. */
static uint64_t hash_bytes(uint64_t h, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 1099511628211u;
	return h;
}

uint64_t address_hash(const struct address *a)
{
	uint64_t h = hash_bytes(14695981039346656037u, &a->family, 1);

	if (a->family == ADDRESS_UNIX)
		return hash_bytes(h, a->path, a->path_len);
	h = hash_bytes(h, &a->port, sizeof(a->port));
	return hash_bytes(h, a->ip, a->family == ADDRESS_IP6 ? IP6_BYTES : IP4_BYTES);
}
