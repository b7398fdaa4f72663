/* plan_test.c - tables of what is there, what is wanted, and the steps in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/kind.h"

/* Kind "i" stands for interfaces: "~" values can be changed in place. "a" for addresses. */
static bool can_change(const struct apply_item *from, const struct apply_item *to)
{
	return strchr(json_string_value(from->value), '~') &&
	       strchr(json_string_value(to->value), '~');
}

static const struct apply_kind interface_kind = {
	.name = "i",
	.rank = 1,
	.is_interface = true,
	.can_change = can_change,
};
static const struct apply_kind address_kind = { .name = "a", .rank = 2 };
static const struct apply_kind beside_kind = { .name = "b", .rank = 2 };

/* "i:lan=1 a:x@lan=2": kind, name, what it stands on, value. */
static void read_list(struct apply_list *list, const char *text)
{
	char kind, name[16], rest[32];
	int n;

	apply_list_init(list);
	while (sscanf(text, " %c:%15[^=]=%31s%n", &kind, name, rest, &n) == 3) {
		char *on = strchr(name, '@');
		struct apply_item item = { .kind = kind == 'i'	 ? &interface_kind
						   : kind == 'b' ? &beside_kind
								 : &address_kind,
					   .name = name,
					   .value = json_string(rest) };

		if (on) {
			*on = '\0';
			item.on = on + 1;
		}
		assert_int_equal(apply_list_add(list, &item), 0);
		text += n;
	}
}

static void print_steps(const struct plan *p, char *out)
{
	static const char marks[] = {
		[STEP_REMOVE] = '-', [STEP_CHANGE] = '~', [STEP_CREATE] = '+'
	};

	*out = '\0';
	for (unsigned i = 0; i < p->n_steps; i++) {
		const struct apply_step *s = &p->steps[i];
		const struct apply_item *item = s->to ? s->to : s->from;

		out += sprintf(out, "%s%c%s:%s", i ? " " : "", marks[s->kind], item->kind->name,
			       item->name);
	}
}

/* clang-format off */
static const struct { const char *running, *wanted, *steps; unsigned n_same; } cases[] = {
	{ "", "", "", 0 },
	{ "i:lan=1 a:x@lan=1", "a:x@lan=1 i:lan=1", "", 2 },
	/* creation: by kind, then as in the file; removal the other way round */
	{ "", "a:x@lan=1 i:wan=1 i:lan=1", "+i:wan +i:lan +a:x", 0 },
	{ "i:wan=1 i:lan=1 a:x@lan=1", "", "-a:x -i:lan -i:wan", 0 },
	/* what stands on another interface comes after it */
	{ "", "i:lan.7@lan=1 i:lan=1", "+i:lan +i:lan.7", 0 },
	{ "i:lan=1 i:lan.7@lan=1", "", "-i:lan.7 -i:lan", 0 },
	/* in place, or not */
	{ "i:lan=~1 a:x@lan=1", "i:lan=~2 a:x@lan=1", "~i:lan", 1 },
	{ "a:x@lan=1 i:lan=1", "a:x@lan=2 i:lan=1", "-a:x +a:x", 1 },
	/* a replaced interface takes along what stands on it, and that is put back */
	{ "i:lan=1 i:wan=1 a:x@lan=1 a:y@wan=1", "i:lan=2 i:wan=1 a:x@lan=1 a:y@wan=1",
	  "-a:x -i:lan +i:lan +a:x", 2 },
	{ "i:lan=1 i:lan.7@lan=~1 a:x@lan.7=1", "i:lan=2 i:lan.7@lan=~2 a:x@lan.7=1",
	  "-a:x -i:lan.7 -i:lan +i:lan +i:lan.7 +a:x", 0 },
	/* one name in two kinds */
	{ "a:x=1", "a:x=1 b:x=1", "+b:x", 1 },
	{ "a:x=1 b:x=2", "b:x=2", "-a:x", 1 },
	/* a name that moves */
	{ "i:lan=1 i:wan=1 a:x@lan=lan", "i:lan=1 i:wan=1 a:x@wan=wan", "-a:x +a:x", 2 },
};
/* clang-format on */

static void steps_lead_from_one_to_the_other(void **state unused_arg)
{
	for (unsigned i = 0; i < count_of(cases); i++) {
		const struct apply_item *twice = NULL;
		struct apply_list running, wanted;
		struct plan plan;
		char steps[256];

		read_list(&running, cases[i].running);
		read_list(&wanted, cases[i].wanted);
		assert_int_equal(plan_make(&running, &wanted, &plan, &twice), 0);
		print_steps(&plan, steps);
		assert_string_equal(steps, cases[i].steps);
		assert_int_equal(plan.n_same, cases[i].n_same);
		plan_deinit(&plan);
		apply_list_deinit(&running);
		apply_list_deinit(&wanted);
	}
}

static void one_name_for_two_is_refused(void **state unused_arg)
{
	const struct apply_item *twice = NULL;
	struct apply_list running, wanted;
	struct plan plan;

	read_list(&running, "a:x=1");
	read_list(&wanted, "a:x=1 a:y=1 a:x=2");
	assert_int_equal(plan_make(&running, &wanted, &plan, &twice), ERR_EXIST);
	assert_string_equal(json_string_value(twice->value), "2");
	plan_deinit(&plan);
	apply_list_deinit(&running);
	apply_list_deinit(&wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_lead_from_one_to_the_other),
		cmocka_unit_test(one_name_for_two_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
