/* stats.c - groups of counters and their sums. */
#include "proxy/stats/registry.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"

enum { PAGES_BYTES = 16 << 20 };
_Static_assert(sizeof(struct stat_pages) <= 64, "the first block follows it on a cache line");

/*
 * Fresh pages of the system, and not the heap: most statistics of most clusters are never counted,
 * and what is only read stays the one page of zeros.
 */
static uint8_t *take_pages_or_null(struct stats *s, size_t bytes)
{
	struct stat_pages *p = s->pages;

	if (!p || bytes > p->size - p->used) {
		size_t size = bytes + sizeof(*p) > PAGES_BYTES ? bytes + 64 : PAGES_BYTES;

		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		*p = (struct stat_pages){ .next = s->pages, .size = size, .used = 64 };
		s->pages = p;
	}
	p->used += bytes;
	return (uint8_t *)p + p->used - bytes;
}

struct stats *stats_new_or_null(unsigned n_workers)
{
	struct stats *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->n_workers = n_workers;
	arena_init(&s->arena, 16384, SIZE_MAX);
	return s;
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	for (struct stat_group *g = s->groups, *next; g; g = next) {
		next = g->next;
		free(g);
	}
	for (struct stat_pages *p = s->pages, *next; p; p = next) {
		next = p->next;
		munmap(p, p->size);
	}
	arena_deinit(&s->arena);
	free(s);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* ':' would end a name in too many tools. */
static const char *clean_or_null(struct stats *s, const char *value)
{
	char *copy = arena_text_or_null(&s->arena, slice_of_text(value));

	for (char *c = copy; c && *c; c++)
		if (*c == ':')
			*c = '_';
	return copy;
}

static struct stat_group *new_group_or_null(struct stats *s, const struct stat_layout *layout)
{
	struct stat_group *g = calloc(1, sizeof(*g));
	size_t n_blocks = s->n_workers + 1; /* and three of bookkeeping */

	if (!g)
		return NULL;
	g->layout = layout;
	g->block_bytes = (layout->size + 63) & ~(size_t)63;
	g->blocks = take_pages_or_null(s, g->block_bytes * (n_blocks + 3));
	if (!g->blocks) {
		free(g);
		return NULL;
	}
	g->zero = g->blocks + g->block_bytes * n_blocks;
	g->last = g->zero + g->block_bytes;
	g->interval = g->last + g->block_bytes;
	return g;
}

/* FNV-1a, 64 bits, over the names and the layout's address. */
static struct stat_group **bucket_of(struct stats *s, const struct stat_scope *scope,
				     const struct stat_layout *layout)
{
	uint64_t hash = 0xcbf29ce484222325 ^ (uintptr_t)layout;

	for (const char *c = scope->prefix; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	for (const char *c = scope->value; c && *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	return &s->buckets[(hash >> 32 ^ hash) % STAT_GROUP_BUCKETS];
}

struct stat_group *stats_group_or_null(struct stats *s, struct stat_scope scope,
				       const struct stat_layout *layout)
{
	struct stat_group *g, **bucket;

	if (scope.value) {
		scope.value = clean_or_null(s, scope.value);
		if (!scope.value)
			return NULL;
	}
	bucket = bucket_of(s, &scope, layout);
	for (g = *bucket; g; g = g->next_in_bucket)
		if (g->layout == layout && same_text(g->scope.prefix, scope.prefix) &&
		    same_text(g->scope.value, scope.value))
			return g;
	g = new_group_or_null(s, layout);
	if (!g)
		return NULL;
	g->scope = scope;
	g->next = s->groups;
	s->groups = g;
	g->next_in_bucket = *bucket;
	*bucket = g;
	return g;
}

void *stat_group_block(struct stat_group *g, unsigned worker_idx)
{
	size_t n_blocks = (size_t)(g->zero - g->blocks) / g->block_bytes;
	size_t idx = worker_idx == STATS_MAIN ? n_blocks - 1 : worker_idx;

	invariant(idx < n_blocks);
	return g->blocks + idx * g->block_bytes;
}

static uint64_t sum_raw(const struct stat_group *g, size_t offset)
{
	uint64_t sum = 0;

	for (const uint8_t *b = g->blocks; b < g->zero; b += g->block_bytes)
		sum += __atomic_load_n((const uint64_t *)(b + offset), __ATOMIC_RELAXED);
	return sum;
}

static uint64_t sum_counter(const struct stat_group *g, size_t offset)
{
	return sum_raw(g, offset) - *(const uint64_t *)(g->zero + offset);
}

static void sum_histogram(const struct stat_group *g, size_t offset, struct histogram *out)
{
	memset(out, 0, sizeof(*out));
	for (const uint8_t *b = g->blocks; b < g->zero; b += g->block_bytes)
		histogram_add(out, (const struct histogram *)(b + offset));
}

static uint64_t sum_counts(const struct stat_group *g, size_t offset)
{
	return sum_raw(g, offset + offsetof(struct histogram, count));
}

/* What did not move is not written: memory of unused statistics stays untouched. */
static void flush_field(struct stat_group *g, const struct stat_field *f)
{
	struct histogram *last = (struct histogram *)(g->last + f->offset);
	struct histogram *interval = (struct histogram *)(g->interval + f->offset);

	if (f->kind != STAT_TIME)
		return;
	if (sum_counts(g, f->offset) == last->count) {
		if (interval->count)
			memset(interval, 0, sizeof(*interval));
		return;
	}
	sum_histogram(g, f->offset, interval);
	histogram_subtract(interval, last);
	histogram_add(last, interval);
}

void stats_flush(struct stats *s)
{
	for (struct stat_group *g = s->groups; g; g = g->next)
		for (uint32_t i = 0; i < g->layout->n_fields; i++)
			flush_field(g, &g->layout->fields[i]);
}

static void reset_field(struct stat_group *g, const struct stat_field *f)
{
	uint64_t *zero = (uint64_t *)(g->zero + f->offset);

	switch (f->kind) {
	case STAT_GAUGE:
		return;
	case STAT_COUNTER:
		*zero = sum_raw(g, f->offset);
		return;
	case STAT_TIME:
		sum_histogram(g, f->offset, (struct histogram *)zero);
		return;
	case STAT_STATUS_CODES:
		for (unsigned i = 0; i < STATUS_CODES; i++)
			zero[i] = sum_raw(g, f->offset + i * sizeof(uint64_t));
		return;
	}
}

void stats_reset_counters(struct stats *s)
{
	for (struct stat_group *g = s->groups; g; g = g->next)
		for (uint32_t i = 0; i < g->layout->n_fields; i++)
			reset_field(g, &g->layout->fields[i]);
}

static char *full_name_or_null(struct arena *a, const struct stat_group *g,
			       const struct stat_field *f, unsigned status)
{
	const struct stat_scope *s = &g->scope;
	char code[8] = "";

	if (status)
		snprintf(code, sizeof(code), "_%u", status);
	return arena_format_or_null(a, "%s%s%s.%s%s", s->prefix, s->value ? "." : "",
				    s->value ? s->value : "", f->name, code);
}

static int add_sample(struct stat_samples *l, const struct stats_query *q,
		      const struct stat_sample *sample)
{
	struct stat_sample *at;

	if (q->wanted && !q->wanted(q->context, sample->name))
		return 0;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 256;

		at = realloc(l->items, room * sizeof(*at));
		if (!at)
			return ERR_NOMEM;
		l->items = at;
		l->room = room;
	}
	l->items[l->n++] = *sample;
	return 0;
}

static int add_histogram(struct stat_samples *l, const struct stats_query *q,
			 struct stat_sample *sample)
{
	const struct stat_group *g = sample->group;
	uint32_t offset = sample->field->offset;

	sample->histogram = arena_alloc_or_null(&l->arena, sizeof(struct histogram));
	if (!sample->histogram)
		return ERR_NOMEM;
	sum_histogram(g, offset, sample->histogram);
	histogram_subtract(sample->histogram, (const struct histogram *)(g->zero + offset));
	sample->interval = (struct histogram *)(g->interval + offset);
	if (q->used_only && !sample->histogram->count)
		return 0;
	return add_sample(l, q, sample);
}

static int add_codes(struct stat_samples *l, const struct stats_query *q,
		     struct stat_sample *sample)
{
	int err = 0;

	for (unsigned i = 0; i < STATUS_CODES && !err; i++) {
		uint32_t offset = sample->field->offset + i * (uint32_t)sizeof(uint64_t);

		sample->value = sum_counter(sample->group, offset);
		if (!sample->value)
			continue;
		sample->status = STATUS_CODE_FIRST + i;
		sample->name =
			full_name_or_null(&l->arena, sample->group, sample->field, sample->status);
		err = sample->name ? add_sample(l, q, sample) : ERR_NOMEM;
	}
	return err;
}

static int add_field(struct stat_samples *l, const struct stats_query *q,
		     const struct stat_group *g, const struct stat_field *f)
{
	struct stat_sample sample = { .group = g, .field = f };

	if (f->kind == STAT_STATUS_CODES)
		return add_codes(l, q, &sample);
	sample.name = full_name_or_null(&l->arena, g, f, 0);
	if (!sample.name)
		return ERR_NOMEM;
	if (f->kind == STAT_TIME)
		return add_histogram(l, q, &sample);
	sample.value = f->kind == STAT_GAUGE ? sum_raw(g, f->offset) : sum_counter(g, f->offset);
	if (q->used_only && !sample.value)
		return 0;
	return add_sample(l, q, &sample);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct stat_sample *)a)->name, ((const struct stat_sample *)b)->name);
}

int stats_collect(struct stats *s, const struct stats_query *q, struct stat_samples *out)
{
	int err = 0;

	*out = (struct stat_samples){ .n = 0 };
	arena_init(&out->arena, 65536, SIZE_MAX);
	for (struct stat_group *g = s->groups; g && !err; g = g->next)
		for (uint32_t i = 0; i < g->layout->n_fields && !err; i++)
			err = add_field(out, q, g, &g->layout->fields[i]);
	if (err) {
		stats_release(out);
		return err;
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_names);
	return 0;
}

void stats_release(struct stat_samples *l)
{
	free(l->items);
	l->items = NULL;
	l->n = 0;
	arena_deinit(&l->arena);
}

static bool is_named(void *context, const char *name)
{
	return !strcmp(context, name);
}

bool stats_value(struct stats *s, const char *name, uint64_t *value)
{
	struct stats_query q = { .wanted = is_named, .context = (void *)name };
	struct stat_samples l;
	bool found;

	if (stats_collect(s, &q, &l))
		return false;
	found = l.n == 1 && l.items[0].field->kind != STAT_TIME;
	if (found)
		*value = l.items[0].value;
	stats_release(&l);
	return found;
}
