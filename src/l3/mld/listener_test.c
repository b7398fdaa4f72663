/* listener_test.c - a link's listener as conversations: when it speaks, and of what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/mld/listener.h"

#define T0 (1000 * (uint64_t)NS_PER_S)

static struct mld_listener l;
static struct random random;
static struct mld_group a, b;

static int set_up(void **state unused_arg)
{
	random_seed(&random, 7);
	mld_listener_init(&l, &random);
	a = (struct mld_group){ .addr = ip6_of(0xff02000000000000, 0xa) };
	b = (struct mld_group){ .addr = ip6_of(0xff02000000000000, 0xb) };
	return 0;
}

/* What is said at @now_ns, such as "a+ b=": joined, left (-), is there (=), has sources (1…). */
static const char *heard(uint64_t now_ns)
{
	static char text[64];
	struct mld_record r;
	size_t n = 0;

	mld_listener_expire(&l, now_ns);
	list_for_each(link, &l.groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		while (mld_listener_take(&l, g, &r)) {
			text[n++] = g == &a ? 'a' : 'b';
			text[n++] = r.type == MLD_TO_EXCLUDE   ? '+'
				    : r.type == MLD_TO_INCLUDE ? '-'
				    : r.type == MLD_IS_EXCLUDE ? '='
							       : (char)('0' + r.n_sources);
		}
		if (mld_group_is_over(g))
			list_remove(&g->link);
	}
	text[n] = '\0';
	return text;
}

/* What is said next, which must be within @within_ns of @since_ns; moves @since_ns there. */
static const char *next(uint64_t *since_ns, uint64_t within_ns)
{
	uint64_t due = mld_listener_deadline_ns(&l);

	if (due < *since_ns || due > *since_ns + within_ns)
		fail_msg("due after %lld ms", (long long)(due - *since_ns) / 1000000);
	if (due > *since_ns)
		assert_string_equal(heard(due - 1), "");
	*since_ns = due;
	return heard(due);
}

static void ask(uint8_t version, const struct mld_group *g, uint32_t delay_ms, unsigned n,
		uint64_t now_ns)
{
	struct mld_query q = { .version = version,
			       .max_delay_ms = delay_ms,
			       .interval_s = MLD_QUERY_INTERVAL_S,
			       .n_sources = n };

	if (g)
		q.group = g->addr;
	for (unsigned i = 0; i < n; i++)
		q.source[i] = ip6_of(1, i);
	mld_listener_query(&l, &q, now_ns);
}

/* A member of @a and @b that has said so. */
static void settle(uint64_t *now)
{
	mld_listener_join(&l, &a, *now);
	mld_listener_join(&l, &b, *now);
	assert_string_equal(next(now, 0), "a+b+");
	assert_string_equal(next(now, NS_PER_S), "a+b+");
	assert_true(mld_listener_deadline_ns(&l) == UINT64_MAX);
}

static void test_rfc3810_6_1_changes_are_said_at_once_and_again(void **state unused_arg)
{
	uint64_t now = T0;

	settle(&now);
	mld_listener_leave(&l, &a, now);
	assert_string_equal(next(&now, 0), "a-");
	assert_string_equal(next(&now, NS_PER_S), "a-");
	assert_null(mld_listener_find_or_null(&l, &a.addr));
}

/* A change while another is repeated goes along with it, each as often as it has to. */
static void test_rfc3810_6_1_changes_merge(void **state unused_arg)
{
	uint64_t now = T0;

	mld_listener_join(&l, &a, now);
	assert_string_equal(next(&now, 0), "a+");
	mld_listener_join(&l, &b, now);
	assert_string_equal(next(&now, 0), "a+b+");
	assert_string_equal(next(&now, NS_PER_S), "b+");
	mld_listener_leave(&l, &a, now);
	mld_listener_rejoin(&l, &a, now);
	assert_string_equal(next(&now, 0), "a+");
}

static void test_rfc3810_6_2_one_answer_for_all(void **state unused_arg)
{
	uint64_t now = T0, first;

	settle(&now);
	ask(2, NULL, 10000, 0, now);
	first = mld_listener_deadline_ns(&l);
	ask(2, NULL, 8000000, 0, now); /* rule 1: one that is due is soon enough */
	ask(2, &a, 8000000, 0, now);
	assert_true(mld_listener_deadline_ns(&l) == first);
	assert_string_equal(next(&now, (uint64_t)10 * NS_PER_S), "a=b=");
	assert_true(mld_listener_deadline_ns(&l) == UINT64_MAX);
}

static void test_rfc3810_6_2_of_one_group(void **state unused_arg)
{
	uint64_t now = T0;

	settle(&now);
	ask(2, &b, 1000, 0, now);
	assert_string_equal(next(&now, NS_PER_S), "b=");
	assert_string_equal(heard(now + (uint64_t)100 * NS_PER_S), "");
}

/* Rules 3 to 5. We want all sources: those asked about are among them. */
static void test_rfc3810_6_2_of_sources(void **state unused_arg)
{
	uint64_t now = T0;

	settle(&now);
	ask(2, &a, 1000, 2, now);
	assert_string_equal(next(&now, NS_PER_S), "a2");
	ask(2, &a, 1000, 2, now);
	ask(2, &a, 1000, 3, now); /* more of them */
	assert_string_equal(next(&now, NS_PER_S), "a5");
	ask(2, &a, 1000, 2, now);
	ask(2, &a, 1000, 0, now); /* all of them */
	ask(2, &a, 1000, 2, now);
	assert_string_equal(next(&now, NS_PER_S), "a=");
	ask(2, &a, 1000, 7, now);
	ask(2, &a, 1000, 7, now); /* more than are remembered */
	assert_string_equal(next(&now, NS_PER_S), "a=");
}

static void test_rfc3810_9_1_robustness_is_the_queriers(void **state unused_arg)
{
	struct mld_query q = { .version = 2, .robustness = 3, .group = b.addr };
	uint64_t now = T0;

	mld_listener_query(&l, &q, now);
	mld_listener_join(&l, &a, now);
	assert_string_equal(next(&now, 0), "a+");
	assert_string_equal(next(&now, NS_PER_S), "a+");
	assert_string_equal(next(&now, NS_PER_S), "a+");
	assert_true(mld_listener_deadline_ns(&l) == UINT64_MAX);
}

static void test_rfc3590_4_what_nobody_believed_is_said_again(void **state unused_arg)
{
	uint64_t now = T0;

	settle(&now);
	mld_listener_restate(&l, now);
	assert_string_equal(next(&now, 0), "a+b+");
	assert_true(mld_listener_deadline_ns(&l) == UINT64_MAX);
}

/* A router of version 1: groups answer one by one, unless another was quicker. */
static void test_rfc3810_8_2_version_1(void **state unused_arg)
{
	uint64_t now = T0;

	settle(&now);
	ask(1, NULL, 5000, 0, now);
	assert_true(mld_listener_is_v1(&l));
	mld_listener_hear(&l, &a.addr, now);
	assert_string_equal(next(&now, (uint64_t)5 * NS_PER_S), "b=");
	assert_true(mld_listener_deadline_ns(&l) == UINT64_MAX);
	/* RFC 2710 §4: who has not reported it need not say that it is done. */
	mld_listener_leave(&l, &a, now);
	assert_true(mld_group_is_over(&a));
	assert_string_equal(heard(now), "");
	mld_listener_leave(&l, &b, now);
	assert_string_equal(next(&now, 0), "b-");
	assert_null(mld_listener_find_or_null(&l, &b.addr));
}

static void test_rfc3810_8_2_1_changes_of_version_cancel(void **state unused_arg)
{
	uint64_t now = T0;

	settle(&now);
	ask(2, NULL, 10000, 0, now);
	mld_listener_leave(&l, &a, now);
	ask(1, &b, 1000, 0, now);
	assert_string_equal(next(&now, NS_PER_S), "b=");
	ask(2, &b, 8000000, 3, now); /* answered by version 1, without sources */
	now += (uint64_t)(2 * MLD_QUERY_INTERVAL_S + 1) * NS_PER_S;
	assert_true(mld_listener_is_v1(&l));
	assert_string_equal(heard(now), ""); /* §9.12: the router is gone, and what it asked */
	assert_false(mld_listener_is_v1(&l));
	assert_true(mld_listener_deadline_ns(&l) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rfc3810_6_1_changes_are_said_at_once_and_again, set_up),
		cmocka_unit_test_setup(test_rfc3810_6_1_changes_merge, set_up),
		cmocka_unit_test_setup(test_rfc3810_6_2_one_answer_for_all, set_up),
		cmocka_unit_test_setup(test_rfc3810_6_2_of_one_group, set_up),
		cmocka_unit_test_setup(test_rfc3810_6_2_of_sources, set_up),
		cmocka_unit_test_setup(test_rfc3810_9_1_robustness_is_the_queriers, set_up),
		cmocka_unit_test_setup(test_rfc3590_4_what_nobody_believed_is_said_again, set_up),
		cmocka_unit_test_setup(test_rfc3810_8_2_version_1, set_up),
		cmocka_unit_test_setup(test_rfc3810_8_2_1_changes_of_version_cancel, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
