/* vlan_test.c - tags as text, and which subinterface the tags of a frame belong to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/buf_vlan.h"
#include "l2/vlan/vlan_rewrite.h"

static void test_text(void **state unused_arg)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
	} cases[] = {
		{ "100", "100" },
		{ "802.1q 100", "100" },
		{ "802.1ad 100", "802.1ad 100" },
		{ "100.200", "100.200" },
		{ "802.1ad 1.4094", "802.1ad 1.4094" },
		{ "7.any", "7.any" },
		{ "untagged", "untagged" },
		{ "rest", "rest" },
		{ "0", "0" }, /* the range is vlan_create()'s */
		{ "", NULL },
		{ "4096", NULL },
		{ "12345", NULL },
		{ "1.", NULL },
		{ "1.2.3", NULL },
		{ "1.anything", NULL },
		{ ".1", NULL },
		{ "-1", NULL },
		{ "802.1ad", NULL },
		{ "802.1ae 1", NULL },
		{ "untagged ", NULL },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		char text[40] = "";
		struct writer w = writer_of(text, sizeof(text) - 1);
		struct vlan_match m;
		int err = vlan_match_from_text(cases[i].text, &m);

		if (err == 0)
			vlan_print_match(&w, &m);
		if (err != (cases[i].printed ? 0 : ERR_FORMAT) ||
		    strcmp(text, cases[i].printed ? cases[i].printed : "") != 0)
			fail_msg("\"%s\": %d, \"%s\"", cases[i].text, err, text);
	}
}

static void test_inside_text(void **state unused_arg)
{
	struct vlan_inside inside;

	assert_int_equal(vlan_inside_from_text("none", &inside), 0);
	assert_int_equal(inside.n, 0);
	assert_int_equal(vlan_inside_from_text("802.1ad 5.6", &inside), 0);
	assert_int_equal(inside.n, 2);
	assert_int_equal(host16(inside.tag[0].tpid), ETHERNET_QINQ);
	assert_int_equal(host16(inside.tag[1].tpid), ETHERNET_VLAN);
	assert_int_equal(host16(inside.tag[1].tci), 6);
	assert_int_equal(vlan_inside_from_text("5.any", &inside), ERR_FORMAT);
	assert_int_equal(vlan_inside_from_text("rest", &inside), ERR_FORMAT);
	assert_int_equal(vlan_inside_from_text("", &inside), ERR_FORMAT);
}

static uint32_t find(const struct vlan_table *t, uint16_t tpid, unsigned n, uint16_t outer,
		     uint16_t inner)
{
	struct vlan_tags tags = { .n = (uint8_t)n, .tpid = tpid, .tci = { outer, inner } };

	return vlan_table_find(t, &tags);
}

static struct vlan_table *table_of(const char *const *texts, unsigned n)
{
	struct vlan_entry entries[16];
	struct vlan_table *t;

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(vlan_match_from_text(texts[i], &entries[i].match), 0);
		entries[i].if_index = i + 1;
	}
	t = vlan_table_new_or_null(entries, n);
	assert_non_null(t);
	return t;
}

static void test_most_specific_wins(void **state unused_arg)
{
	static const char *const texts[] = { "100",	"100.200",     "100.any",  "802.1ad 100",
					     "101.any", "802.1ad 7.8", "untagged", "rest" };
	struct vlan_table *t = table_of(texts, count_of(texts));

	assert_int_equal(find(t, ETHERNET_VLAN, 1, 100, 0), 1);
	assert_int_equal(find(t, ETHERNET_VLAN, 1, 0xe000 | 100, 0), 1); /* priority 7 */
	assert_int_equal(find(t, ETHERNET_VLAN, 2, 100, 200), 2);
	assert_int_equal(find(t, ETHERNET_VLAN, 2, 100, 201), 3);
	assert_int_equal(find(t, ETHERNET_QINQ, 1, 100, 0), 4);
	assert_int_equal(find(t, ETHERNET_QINQ, 2, 100, 200), 8);
	assert_int_equal(find(t, ETHERNET_VLAN, 1, 101, 0), 5);
	assert_int_equal(find(t, ETHERNET_VLAN, 2, 101, 9), 5);
	assert_int_equal(find(t, ETHERNET_QINQ, 2, 7, 0x6000 | 8), 6);
	assert_int_equal(find(t, ETHERNET_VLAN, 2, 7, 8), 8);
	assert_int_equal(find(t, ETHERNET_VLAN, 0, 0, 0), 7);
	assert_int_equal(find(t, ETHERNET_VLAN, 1, 0x2000, 0), 7); /* a priority tag */
	assert_int_equal(find(t, ETHERNET_VLAN, 2, 0, 100), 8);
	assert_int_equal(find(t, ETHERNET_VLAN, 1, 4000, 0), 8);
	vlan_table_remove(t, 2);
	vlan_table_remove(t, 8);
	assert_int_equal(find(t, ETHERNET_VLAN, 2, 100, 200), 3);
	assert_int_equal(find(t, ETHERNET_VLAN, 1, 4000, 0), 0);
	vlan_table_remove(t, 7);
	assert_int_equal(find(t, ETHERNET_VLAN, 0, 0, 0), 0);
	free(t);
}

static void test_all_ids(void **state unused_arg)
{
	static struct vlan_entry entries[2 * VLAN_ID_MAX];
	struct vlan_table *t;

	for (unsigned i = 0; i < count_of(entries); i++) {
		entries[i].match =
			(struct vlan_match){ .kind = VLAN_EXACT,
					     .n = 1,
					     .tpid = i % 2 ? ETHERNET_QINQ : ETHERNET_VLAN,
					     .id = { (uint16_t)(i / 2 + 1) } };
		entries[i].if_index = i + 1;
	}
	t = vlan_table_new_or_null(entries, count_of(entries));
	assert_non_null(t);
	for (unsigned i = 0; i < count_of(entries); i++)
		assert_int_equal(find(t, entries[i].match.tpid, 1, entries[i].match.id[0], 0),
				 i + 1);
	assert_int_equal(find(t, ETHERNET_VLAN, 1, 4095, 0), 0);
	free(t);
}

static void test_equal(void **state unused_arg)
{
	static const char *const texts[] = { "100",	    "100.1",	"100.any",
					     "802.1ad 100", "untagged", "rest" };
	struct vlan_match a, b;

	for (unsigned i = 0; i < count_of(texts); i++) {
		for (unsigned k = 0; k < count_of(texts); k++) {
			assert_int_equal(vlan_match_from_text(texts[i], &a), 0);
			assert_int_equal(vlan_match_from_text(texts[k], &b), 0);
			assert_int_equal(vlan_match_equal(&a, &b), i == k);
		}
	}
}

/* --- the rewrite --- */

static struct buf *frame_of(struct buf *b, const char *tags, uint16_t priority, uint16_t type)
{
	struct vlan_inside t;
	uint8_t *data;

	memset(b, 0, sizeof(*b));
	assert_int_equal(vlan_inside_from_text(tags, &t), 0);
	b->at = BUF_HEADROOM;
	data = buf_append(b, 60);
	for (unsigned i = 0; i < 60; i++)
		data[i] = (uint8_t)(i + 1);
	data += VLAN_TAGS_AT;
	for (unsigned i = 0; i < t.n; i++, data += VLAN_TAG_LEN) {
		t.tag[i].tci = be16_of((uint16_t)(host16(t.tag[i].tci) | priority));
		memcpy(data, &t.tag[i], VLAN_TAG_LEN);
		priority = (uint16_t)(priority << 1);
	}
	data[0] = (uint8_t)(type >> 8);
	data[1] = (uint8_t)type;
	return b;
}

struct rewrite_case {
	const char *frame, *was; /* tags of the frame, and those compared */
	unsigned n_off;
	const char *on;
	uint16_t priority, type;
	bool fits;
	const char *result;
	uint16_t result_priority[2];
};

static void check_result(struct buf *b, const struct rewrite_case *c)
{
	struct vlan_inside want;
	struct vlan_tags got = { 0 };

	assert_int_equal(vlan_inside_from_text(c->result, &want), 0);
	assert_int_equal(vlan_parse(slice_of(buf_data(b), b->len), &got), 0);
	assert_int_equal(got.n, want.n);
	assert_int_equal(got.type, c->type);
	for (unsigned i = 0; i < got.n; i++)
		assert_int_equal(got.tci[i], host16(want.tag[i].tci) | c->result_priority[i]);
	if (got.n)
		assert_int_equal(got.tpid, host16(want.tag[0].tpid));
	for (unsigned i = 0; i < VLAN_TAGS_AT; i++)
		assert_int_equal(buf_data(b)[i], i + 1);
	assert_int_equal(buf_end(b)[-1], 60);
	assert_int_equal(b->total_len, b->len);
	assert_int_equal(b->l2_at, b->at);
}

static void test_rewrite(void **state unused_arg)
{
	static const struct rewrite_case cases[] = {
		{ "100", "100", 1, "none", 0x2000, 0x800, true, "none", { 0 } },
		{ "100", "100", 1, "7", 0x2000, 0x800, true, "7", { 0x2000 } },
		{ "100",
		  "100",
		  1,
		  "802.1ad 7.8",
		  0x3000,
		  0x800,
		  true,
		  "802.1ad 7.8",
		  { 0x3000, 0x3000 } },
		{ "100.200", "100.200", 2, "none", 0, 0x800, true, "none", { 0 } },
		{ "100.200", "100.200", 2, "7", 0x2000, 0x800, true, "7", { 0x2000 } },
		{ "100.200", "100.200", 2, "7.8", 0x2000, 0x800, true, "7.8", { 0x2000, 0x4000 } },
		{ "100.200", "100.200", 1, "none", 0x2000, 0x800, true, "200", { 0x4000 } },
		{ "none", "none", 0, "7", 0, 0x800, true, "7", { 0 } },
		{ "none", "none", 0, "802.1ad 7.8", 0, 0x86dd, true, "802.1ad 7.8", { 0 } },
		{ "none", "none", 0, "none", 0, 0x800, true, "none", { 0 } },
		{ "101", "100", 1, "none", 0, 0x800, false, NULL, { 0 } },
		{ "802.1ad 100", "100", 1, "none", 0, 0x800, false, NULL, { 0 } },
		{ "100.200", "100", 1, "none", 0, 0x800, false, NULL, { 0 } },
		{ "100", "100.200", 2, "none", 0, 0x800, false, NULL, { 0 } },
		{ "100.201", "100.200", 2, "none", 0, 0x800, false, NULL, { 0 } },
		{ "100", "none", 0, "7", 0, 0x800, false, NULL, { 0 } },
		{ "802.1ad 100", "none", 0, "7", 0, 0x800, false, NULL, { 0 } },
	};
	static struct buf b;

	for (unsigned i = 0; i < count_of(cases); i++) {
		const struct rewrite_case *c = &cases[i];
		struct vlan_inside was, on;
		struct vlan_rewrite r;

		assert_int_equal(vlan_inside_from_text(c->was, &was), 0);
		assert_int_equal(vlan_inside_from_text(c->on, &on), 0);
		r = vlan_rewrite_of(&was, c->n_off, &on);
		frame_of(&b, c->frame, c->priority, c->type);
		if (vlan_rewrite_fits(&r, &b, vlan_rewrite_word(&b)) != c->fits)
			fail_msg("case %u", i);
		if (!c->fits)
			continue;
		vlan_rewrite(&r, &b, vlan_rewrite_word(&b));
		check_result(&b, c);
	}
}

static void test_rare_frames_do_not_fit(void **state unused_arg)
{
	const struct vlan_inside none = { 0 };
	struct vlan_rewrite nothing = vlan_rewrite_none(), r;
	struct vlan_inside on;
	static struct buf b;

	assert_int_equal(vlan_inside_from_text("7.8", &on), 0);
	r = vlan_rewrite_of(&none, 0, &on);
	frame_of(&b, "none", 0, 0x800);
	assert_true(vlan_rewrite_fits(&r, &b, vlan_rewrite_word(&b)));
	assert_false(vlan_rewrite_fits(&nothing, &b, vlan_rewrite_word(&b)));
	b.at = 7; /* no room for two tags */
	assert_false(vlan_rewrite_fits(&r, &b, vlan_rewrite_word(&b)));
	b.at = 8;
	assert_true(vlan_rewrite_fits(&r, &b, vlan_rewrite_word(&b)));
	b.len = 19;
	assert_false(vlan_rewrite_fits(&r, &b, vlan_rewrite_word(&b)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_inside_text),
		cmocka_unit_test(test_most_specific_wins),
		cmocka_unit_test(test_all_ids),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_rare_frames_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
