/* vlan_text.c - matches and tags as people write them. */
#include "l2/vlan/vlan.h"

static const char service_prefix[] = "802.1ad ", customer_prefix[] = "802.1q ";

static bool take_prefix(const char **text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

/* One to four digits. */
static bool take_id(const char **text, uint16_t *out)
{
	const char *at = *text;
	unsigned id = 0;

	while (*at >= '0' && *at <= '9' && at - *text < 4)
		id = id * 10 + (unsigned)(*at++ - '0');
	if (at == *text || id > VLAN_ID_MASK)
		return false;
	*text = at;
	*out = (uint16_t)id;
	return true;
}

int vlan_match_from_text(const char *text, struct vlan_match *out)
{
	struct vlan_match m = { .kind = VLAN_EXACT, .n = 1, .tpid = ETHERNET_VLAN };

	if (strcmp(text, "untagged") == 0 || strcmp(text, "rest") == 0) {
		*out = (struct vlan_match){ .kind = *text == 'r' ? VLAN_REST : VLAN_UNTAGGED };
		return 0;
	}
	if (take_prefix(&text, service_prefix))
		m.tpid = ETHERNET_QINQ;
	else
		take_prefix(&text, customer_prefix);
	if (!take_id(&text, &m.id[0]))
		return ERR_FORMAT;
	if (strcmp(text, ".any") == 0) {
		m.kind = VLAN_ANY_INNER;
	} else if (*text == '.') {
		text++;
		m.n = 2;
		if (!take_id(&text, &m.id[1]) || *text)
			return ERR_FORMAT;
	} else if (*text) {
		return ERR_FORMAT;
	}
	*out = m;
	return 0;
}

int vlan_inside_from_text(const char *text, struct vlan_inside *out)
{
	struct vlan_match m = { 0 };

	if (strcmp(text, "none") != 0 &&
	    (vlan_match_from_text(text, &m) != 0 || m.kind != VLAN_EXACT))
		return ERR_FORMAT;
	*out = vlan_inside_of(&m);
	return 0;
}

struct vlan_inside vlan_inside_of(const struct vlan_match *m)
{
	struct vlan_inside tags = { .n = m->n };

	for (unsigned i = 0; i < m->n; i++)
		tags.tag[i] = (struct vlan_tag){ be16_of(i ? ETHERNET_VLAN : m->tpid),
						 be16_of(m->id[i]) };
	return tags;
}

void vlan_print_match(struct writer *w, const struct vlan_match *m)
{
	if (m->kind == VLAN_UNTAGGED || m->kind == VLAN_REST) {
		put_text(w, m->kind == VLAN_REST ? "rest" : "untagged");
		return;
	}
	put_format(w, "%s%u", m->tpid == ETHERNET_QINQ ? service_prefix : "", m->id[0]);
	if (m->kind == VLAN_ANY_INNER)
		put_text(w, ".any");
	else if (m->n > 1)
		put_format(w, ".%u", m->id[1]);
}

void vlan_print_inside(struct writer *w, const struct vlan_inside *inside)
{
	if (inside->n == 0) {
		put_text(w, "none");
		return;
	}
	put_format(w, "%s%u", host16(inside->tag[0].tpid) == ETHERNET_QINQ ? service_prefix : "",
		   host16(inside->tag[0].tci));
	if (inside->n > 1)
		put_format(w, ".%u", host16(inside->tag[1].tci));
}
