/* stream_text.c - addresses of a stream as text. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/generator/stream.h"

enum { ADDRESS_TEXT_MAX = 64 };

static void store_part(struct stream_addresses *a, uint64_t value)
{
	be64 v = be64_of(a->vary_width == 8 ? value : value << 32);

	memcpy(a->bytes + a->vary_at, &v, a->vary_width);
}

static int take_address(const char *text, struct stream_addresses *out)
{
	*out = (struct stream_addresses){ .vary_width = 4, .count = 1 };
	if (inet_pton(AF_INET, text, out->bytes) == 1) {
		out->family = 4;
		return 0;
	}
	out->family = 6;
	out->vary_at = out->vary_width = 8;
	return inet_pton(AF_INET6, text, out->bytes) == 1 ? 0 : ERR_FORMAT;
}

/* The bits behind the prefix vary; of an IPv6 prefix under /64, those of the upper half. */
static int take_length(const char *text, struct stream_addresses *out)
{
	unsigned total = out->family == 4 ? 32 : 64, len;
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > (out->family == 4 ? 32 : 128))
		return ERR_FORMAT;
	len = (unsigned)n;
	if (out->family == 6 && len < 64)
		out->vary_at = 0;
	else if (out->family == 6)
		len -= 64;
	out->count = total - len < 64 ? (uint64_t)1 << (total - len) : 0;
	store_part(out, out->count ? stream_addresses_part(out) & ~(out->count - 1) : 0);
	return 0;
}

static int take_last(const char *text, struct stream_addresses *out)
{
	struct stream_addresses last;

	if (take_address(text, &last) < 0 || last.family != out->family ||
	    (out->family == 6 && memcmp(last.bytes, out->bytes, 8) != 0) ||
	    stream_addresses_part(&last) < stream_addresses_part(out))
		return ERR_FORMAT;
	out->count = stream_addresses_part(&last) - stream_addresses_part(out) + 1;
	return 0;
}

int stream_addresses_from_text(const char *text, struct stream_addresses *out)
{
	char first[ADDRESS_TEXT_MAX];
	size_t len = strcspn(text, "/-");
	int err;

	if (len >= sizeof(first))
		return ERR_FORMAT;
	memcpy(first, text, len);
	first[len] = '\0';
	err = take_address(first, out);
	if (err == 0 && text[len] == '/')
		err = take_length(text + len + 1, out);
	else if (err == 0 && text[len] == '-')
		err = take_last(text + len + 1, out);
	return err;
}

/* One line of a file into @list, which has room for @*room; its family must be that of @first. */
static int take_line(char *line, struct stream_addresses *first, uint64_t **list, uint64_t *room)
{
	struct stream_addresses one;
	uint64_t *more = *list;

	line[strcspn(line, " \t\r\n#")] = '\0';
	if (!line[0])
		return 0;
	if (take_address(line, &one) < 0 || (first->count && one.family != first->family))
		return ERR_FORMAT;
	if (one.family == 6)
		one.vary_at = 0;
	if (first->count == *room) {
		*room = *room ? *room * 2 : 1024;
		more = realloc(*list, *room * sizeof(*more));
		if (!more)
			return ERR_NOMEM;
		*list = more;
	}
	more[first->count] = stream_addresses_part(&one);
	one.count = first->count + 1;
	if (first->count == 0)
		*first = one;
	first->count = one.count;
	return 0;
}

int stream_read_addresses(const char *path, struct stream_addresses *out, uint64_t **parts,
			  char *why, size_t why_bytes)
{
	FILE *in = fopen(path, "re");
	char line[256];
	uint64_t room = 0;
	unsigned n = 0;
	int err = 0;

	*out = (struct stream_addresses){ 0 };
	*parts = NULL;
	if (!in) {
		snprintf(why, why_bytes, "%s: cannot be read", path);
		return ERR_NOENT;
	}
	while (err == 0 && ++n && fgets(line, sizeof(line), in))
		err = take_line(line, out, parts, &room);
	fclose(in);
	if (err == ERR_FORMAT)
		snprintf(why, why_bytes, "%s:%u: no address of the same family as the first", path,
			 n);
	if (err == 0 && out->count == 0) {
		snprintf(why, why_bytes, "%s: no addresses", path);
		err = ERR_FORMAT;
	}
	if (err < 0) {
		free(*parts);
		*parts = NULL;
	}
	return err;
}
