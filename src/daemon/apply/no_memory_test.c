/*
 * no_memory_test.c - an apply that runs out of memory, at each allocation that it makes, changes
 * nothing: what was done of it is undone.
 *
 * The linker sends the allocations of our own code here (--wrap), with jansson's, which come by
 * control/json_memory.c. Those of the workers' threads do not fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/apply/apply.h"
#include "daemon/convoyd.h"
#include "engine/engine.h"
#include "engine/rcu.h"

/* Under ThreadSanitizer, which takes its time for each block that liburcu frees, some will do. */
#ifdef __SANITIZE_THREAD__
enum { STRIDE = 16 };
#else
enum { STRIDE = 1 };
#endif

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

static _Thread_local long left; /* allocations of this thread until one fails; 0: none does */

static bool fails(void)
{
	return left > 0 && --left == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, n);
}

static const char before[] =
	"workers: 1\n"
	"vrfs: [blue]\n"
	"interfaces:\n"
	"  - { name: a, addresses: [10.0.0.1/24, '2001:db8::1/64'], loop: {} }\n"
	"  - { name: b, addresses: [10.1.0.1/24], vrf: blue, loop: {} }\n"
	"  - { name: c, loop: {} }\n"
	"  - { name: a.5, vlan: { parent: a, tags: 5 } }\n"
	"  - { name: i, addresses: [10.2.0.1/24], bvi: { bridge: x } }\n"
	"bridges:\n"
	"  - { name: x, ports: [{ interface: c }],\n"
	"      macs: [{ mac: '02:00:00:00:00:05', interface: c }] }\n"
	"neighbors:\n"
	"  - { interface: a, address: 10.0.0.5, mac: '02:00:00:00:00:55' }\n"
	"routes:\n"
	"  - { to: 20.0.0.0/8, via: 10.0.0.2 }\n"
	"  - { to: 30.0.0.0/8, via: 20.0.0.1 }\n"
	"  - { to: '2001:db8:1::/48', via: '2001:db8::2' }\n";

static const char after[] =
	"workers: 1\n"
	"vrfs: [red]\n"
	"interfaces:\n"
	"  - { name: a, addresses: [10.0.0.2/24, '2001:db8::1/64'], mtu: 2000, loop: {} }\n"
	"  - { name: b, addresses: [10.1.0.1/24], vrf: red, rpf: strict, loop: {} }\n"
	"  - { name: d, loop: {} }\n"
	"  - { name: a.6, vlan: { parent: a, tags: 6 } }\n"
	"  - { name: e, loop: {} }\n"
	"  - { name: i, addresses: [10.3.0.1/24], bvi: { bridge: y } }\n"
	"bridges:\n"
	"  - { name: y, ports: [{ interface: d }] }\n"
	"xconnects:\n"
	"  - { ports: [a.6, e] }\n"
	"mac_filters:\n"
	"  - { interface: d, action: deny, source: '02:00:00:00:00:66' }\n"
	"neighbors:\n"
	"  - { interface: a, address: 10.0.0.6, mac: '02:00:00:00:00:55' }\n"
	"routes:\n"
	"  - { to: 20.0.0.0/8, next_hops: [{ via: 10.0.0.3 }, { via: 10.0.0.4 }] }\n"
	"  - { to: 40.0.0.0/8, lookup: red }\n"
	"  - { to: 50.0.0.0/8, via: 20.0.0.1 }\n";

static struct convoyd convoyd;
static struct net_file *one, *other;
static bool is_over;
static struct config_error said; /* by the last apply */

static void over(struct apply *a unused_arg)
{
	is_over = true;
}

/* With the @n-th allocation failing, 0 for none. True if it came to that. */
static bool apply_file(struct net_file *file, long n, int *err, unsigned *n_lost)
{
	struct apply *a;
	bool failed;

	left = n;
	*n_lost = 0;
	is_over = false;
	said.text[0] = '\0';
	*err = apply_prepare(&convoyd, file, &said, &a);
	if (*err == 0) {
		a->done = over;
		apply_start(a);
		while (!is_over) {
			struct pollfd fd = { .fd = engine_main_fd(convoyd.engine),
					     .events = POLLIN };

			poll(&fd, 1, 1000);
			engine_turn_main(convoyd.engine);
		}
		*err = a->err;
		said = a->error;
		*n_lost = a->n_lost;
	}
	failed = n > 0 && left == 0;
	left = 0;
	if (is_over)
		apply_free(a);
	return failed;
}

/* How many differences there are to what @file asks for. */
static unsigned distance_to(struct net_file *file)
{
	struct apply *a;
	unsigned n;

	assert_int_equal(apply_prepare(&convoyd, file, &(struct config_error){ "" }, &a), 0);
	n = a->plan.n_differences - a->plan.n_same;
	apply_free(a);
	return n;
}

static struct net_file *load(const char *text)
{
	struct config_error error = { "" };
	struct net_file *file;
	int err = net_file_load_text("test", slice_of(text, strlen(text)), &error, &file);

	if (err != 0)
		fail_msg("%s", error.text);
	return file;
}

static int set_up(void **state unused_arg)
{
	char path[] = "/tmp/no_memory_test.XXXXXX", socket_path[64];
	struct options options = { .config_path = path, .socket_path = socket_path };
	int fd = mkstemp(path), err;

	snprintf(socket_path, sizeof(socket_path), "%s.sock", path);
	assert_int_equal(write(fd, before, strlen(before)), (long)strlen(before));
	close(fd);
	log_set_level(LOG_LEVEL_OFF);
	err = convoyd_open(&convoyd, &options);
	unlink(path);
	unlink(socket_path);
	if (err != 0)
		fail_msg("%s", convoyd.error.text);
	one = load(before);
	other = load(after);
	return 0;
}

static int tear_down(void **state unused_arg)
{
	net_file_put(one);
	net_file_put(other);
	convoyd_close(&convoyd);
	return 0;
}

static void nothing_changes_without_memory(void **state unused_arg)
{
	unsigned n_lost;
	long n = 1;
	int err;

	for (; apply_file(other, n, &err, &n_lost); n += STRIDE) {
		if (n_lost > 0 || distance_to(err ? one : other) > 0)
			fail_msg("allocation %ld: %s, %u steps lost", n, err_text(err), n_lost);
		(void)!apply_file(one, 0, &err, &n_lost);
		if (err != 0)
			fail_msg("after allocation %ld: %s", n, said.text);
		assert_int_equal(distance_to(one), 0);
		if (n % 32 == 1)
			rcu_drain(); /* what is to be freed does not pile up */
	}
	assert_int_equal(err, 0);
	assert_int_equal(distance_to(other), 0);
	assert_true(n > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_changes_without_memory, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
