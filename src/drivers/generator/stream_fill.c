/* stream_fill.c - from the plan of a stream to its packets: the part that has to be fast. */
#include "drivers/generator/stream.h"

enum { LINE = 64 };

/* A number of 64 random bits in a few instructions; good enough for addresses. */
static inline uint64_t draw(struct stream *s)
{
	unsigned __int128 product;

	s->random += 0xa0761d6478bd642fu;
	product = (unsigned __int128)s->random * (s->random ^ 0xe7037ed1a0b428dbu);
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* A number below @count, where 0 stands for 2^64: the next one, or any. */
static inline uint64_t pick(struct stream *s, uint64_t *next, uint64_t count)
{
	uint64_t n;

	if (!s->plan->sequential)
		return count ? (uint64_t)((unsigned __int128)draw(s) * count >> 64) : draw(s);
	n = *next;
	*next = n + 1 == count ? 0 : n + 1;
	return n;
}

/* Write @value as the field; returns the sum of its words. */
static inline uint64_t put_field(uint8_t *at, unsigned width, uint64_t value)
{
	if (width == 4) {
		be32 v = be32_of((uint32_t)value);

		memcpy(at, &v, 4);
		return checksum_word32(v);
	}
	if (width == 2) {
		be16 v = be16_of((uint16_t)value);

		memcpy(at, &v, 2);
		return checksum_word16(v);
	}
	be64 v = be64_of(value);
	uint32_t words[2];

	memcpy(at, &v, 8);
	memcpy(words, &v, 8);
	return (uint64_t)words[0] + words[1];
}

static inline void set_place(struct buf *b, uint32_t size)
{
	b->len = (uint16_t)size;
	b->total_len = size;
	b->l2_at = BUF_HEADROOM;
}

static inline void copy_template(const struct stream_plan *p, uint8_t *at, uint32_t size)
{
	memcpy(at, p->bytes, LINE);
	if (size > LINE)
		memcpy(at + LINE, p->bytes + LINE, size - LINE);
}

static inline void fill_one(struct stream *s, struct buf *b)
{
	const struct stream_plan *p = s->plan;
	uint8_t *at = b->room + BUF_HEADROOM;
	uint64_t ip_sum = p->ip_sum, l4_sum = p->l4_sum;
	uint64_t next_size = s->next_size;
	uint32_t size = p->size_min;

	if (unlikely(p->n_sizes > 1)) {
		size += (uint32_t)pick(s, &next_size, p->n_sizes);
		s->next_size = (uint32_t)next_size;
	}
	copy_template(p, at, size);
	if (unlikely(p->n_sizes > 1))
		stream_put_lengths(p, at, size, &ip_sum, &l4_sum);
	for (unsigned i = 0; i < p->n_fields; i++) {
		const struct stream_field *f = &p->field[i];
		uint64_t nth = pick(s, &s->next[i], f->count);
		uint64_t value = f->value ? f->value[nth] : f->base + nth;
		uint64_t words = put_field(at + f->at, f->width, value);

		ip_sum += f->in_ip_sum ? words : 0;
		l4_sum += f->in_l4_sum ? words : 0;
	}
	stream_put_checksums(p, at, ip_sum, l4_sum);
	set_place(b, size);
	s->n_bytes += size;
}

static void fill_constant(struct stream *s, struct buf *const *b, unsigned n)
{
	const struct stream_plan *p = s->plan;

	for (unsigned i = 0; i < n; i++) {
		copy_template(p, b[i]->room + BUF_HEADROOM, p->size_min);
		set_place(b[i], p->size_min);
	}
	s->n_bytes += (uint64_t)n * p->size_min;
}

static void fill_from_file(struct stream *s, struct buf *b, struct buf_cache *c)
{
	const struct stream_file *file = s->plan->file;
	uint32_t i = s->next_packet, start = i ? file->end[i - 1] : 0;

	b->l2_at = b->at;
	if (buf_append_bytes(c, b, file->bytes + start, file->end[i] - start) < 0)
		memcpy(buf_append(b, BUF_DATA), file->bytes + start, BUF_DATA);
	s->n_bytes += b->total_len;
	s->next_packet = i + 1 == file->n_packets ? 0 : i + 1;
}

void stream_fill(struct stream *s, struct buf *const *b, unsigned n, struct buf_cache *c)
{
	if (s->plan->file)
		for (unsigned i = 0; i < n; i++)
			fill_from_file(s, b[i], c);
	else if (s->plan->constant)
		fill_constant(s, b, n);
	else
		for (unsigned i = 0; i < n; i++)
			fill_one(s, b[i]);
	s->n_made += n;
}
