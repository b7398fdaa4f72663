/* interface_kind.c - net.yaml's interfaces as objects of an apply. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "control/config_encode.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/interfaces.h"
#include "daemon/net_config_tables.h"
#include "engine/engine.h"
#include "functions/spread/spread.h"
#include "l2/vlan/vlan.h"
#include "l3/icmp/redirect.h"
#include "l3/neighbor/proxy.h"
#include "l3/rpf/rpf.h"
#include "l3/vrf/vrf.h"

enum { ADDR_TEXT_MAX = 64 };

/* What the object carries: enough to make it again. */
struct wanted {
	struct net_file *file; /* a reference: its record may be gone when it is made again */
	const struct net_interface *config;
};

static int compare_texts(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a),
		      json_string_value(*(json_t *const *)b));
}

static json_t *addr_json(const struct ip6_addr *addr)
{
	char text[ADDR_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip_print_addr(&w, addr);
	return json_stringn(text, writer_len(&w));
}

/* In one spelling and order, whoever has said them. Takes the references to @texts. */
static void set_proxies(json_t *value, json_t **texts, uint32_t n)
{
	json_t *list = json_array();

	if (n > 1)
		qsort(texts, n, sizeof(*texts), compare_texts);
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, texts[i]);
	json_object_del(value, "proxies");
	if (n > 0)
		json_object_set(value, "proxies", list);
	json_decref(list);
}

static void set_wanted_proxies(json_t *value, const struct net_interface *config)
{
	json_t *texts[NEIGHBOR_PROXIES_MAX];
	uint32_t n = 0;

	for (; n < config->n_proxies && n < NEIGHBOR_PROXIES_MAX; n++)
		texts[n] = addr_json(&config->proxies[n].addr);
	set_proxies(value, texts, n);
}

static void set_running_proxies(json_t *value, const struct interface *i)
{
	const struct neighbor_proxies *p = neighbor_proxies_of_or_null(i->engine, i->index);
	json_t *texts[NEIGHBOR_PROXIES_MAX];
	uint32_t n = 0;

	for (; p && n < p->n; n++)
		texts[n] = addr_json(&p->addr[n]);
	set_proxies(value, texts, n);
}

/* The name is the key and the addresses are objects of their own. */
static json_t *value_of(const struct net_interface *config)
{
	json_t *value = config_encode(&net_interface_message, config, config->at);

	json_object_del(value, "name");
	json_object_del(value, "addresses");
	set_wanted_proxies(value, config);
	if (config->ip6.is_given && !json_object_get(value, "ipv6"))
		json_object_set_new(value, "ipv6", json_object()); /* it switches IPv6 on */
	return value;
}

static int add(struct apply_list *out, struct net_file *file, const struct net_interface *config,
	       const struct config_node *at)
{
	struct wanted *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	const struct apply_item item = {
		.kind = &apply_interface_kind,
		.name = config->name,
		.value = value_of(config),
		.on = config->kind == NET_VLAN ? config->vlan.parent : NULL,
		.at = at,
		.object = object,
	};

	if (!object) {
		json_decref(item.value);
		return ERR_NOMEM;
	}
	*object = (struct wanted){ net_file_get(file), config };
	return apply_list_add(out, &item);
}

static void release(const struct apply_item *item)
{
	const struct wanted *w = item->object;

	net_file_put(w->file);
}

static void set_flag(json_t *value, const char *key, bool on)
{
	if (on)
		json_object_set_new(value, key, json_true());
	else
		json_object_del(value, key);
}

/* Its VRF, reverse path check and redirects, unless they are what they are without a word. */
static void set_routing(json_t *value, const struct interface *i)
{
	const struct vrf *v = vrf_of_interface(i->engine, i->index);
	enum rpf_mode rpf = rpf_of(i->engine, i->index);

	json_object_del(value, "vrf");
	json_object_del(value, "rpf");
	json_object_del(value, "no_redirects");
	if (v->index != VRF_DEFAULT)
		json_object_set_new(value, "vrf", json_string(v->name));
	if (rpf != RPF_OFF)
		json_object_set_new(value, "rpf", json_string(rpf_mode_name(rpf)));
	if (!redirect_is_on(i->engine, i->index))
		json_object_set_new(value, "no_redirects", json_true());
}

/* A subinterface has its parent's, and another what it was made with, without a word. */
static void set_mtu(json_t *value, const struct interface *i, const struct interface_record *r)
{
	const struct vlan *v = vlan_of_or_null(i);
	bool is_usual =
		v ? !v->has_mtu : !r->config->mtu_bytes && i->mtu_bytes == interfaces_usual_mtu(r);

	if (is_usual)
		json_object_del(value, "mtu");
	else
		json_object_set_new(value, "mtu", json_integer(i->mtu_bytes));
}

/* As it was made, but for what commands may have changed since. */
static int list_running(struct convoyd *d, struct apply_list *out)
{
	int adopted = interfaces_adopt(d);

	if (adopted < 0)
		return adopted;
	list_for_each(link, &d->interfaces) {
		struct interface_record *r = container_of(link, struct interface_record, link);
		const struct interface *i = interface_get_or_null(d->engine, r->index);
		int err = add(out, r->file, r->config, NULL);

		if (err < 0)
			return err;
		set_flag(out->item[out->n - 1]->value, "down", i && !i->up);
		set_flag(out->item[out->n - 1]->value, "spread", i && spread_is_set(i));
		if (!i)
			continue;
		set_routing(out->item[out->n - 1]->value, i);
		set_mtu(out->item[out->n - 1]->value, i, r);
		set_running_proxies(out->item[out->n - 1]->value, i);
	}
	return 0;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	for (uint32_t n = 0; n < file->config->n_interfaces; n++) {
		const struct net_interface *config = &file->config->interfaces[n];
		int err = add(out, file, config, config->at);

		if (err < 0)
			return err;
	}
	return 0;
}

static const char *text_or_null(struct arena *a, const json_t *text)
{
	size_t size = json_string_length(text) + 1;
	char *copy = text ? arena_alloc_or_null(a, size) : NULL;

	return copy ? memcpy(copy, json_string_value(text), size) : NULL;
}

static int set_config_proxies(struct arena *a, struct net_interface *config, const json_t *texts)
{
	size_t n = json_array_size(texts);
	struct ip_prefix *list = arena_alloc_or_null(a, (n + 1) * sizeof(*list));

	if (!list)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		list[i] = (struct ip_prefix){ 0 };
		if (ip_addr_from_text(json_string_value(json_array_get(texts, i)), &list[i].addr) <
		    0)
			return ERR_FORMAT;
		list[i].len = ip_prefix_is_ip4(&list[i]) ? 32 : 128;
	}
	config->proxies = list;
	config->n_proxies = (uint32_t)n;
	return 0;
}

static uint8_t rpf_of_text(const char *text)
{
	uint8_t mode = RPF_OFF;

	while (text && strcmp(text, rpf_mode_name((enum rpf_mode)mode)) != 0)
		mode++;
	return mode;
}

/*
 * To make an interface again that ran: what commands had changed of it is in @value. Kept as long
 * as the file.
 */
static const struct net_interface *as_it_ran_or_null(const struct wanted *w, const json_t *value)
{
	struct arena *a = &w->file->arena;
	const json_t *vrf = json_object_get(value, "vrf");
	struct net_interface *config = arena_alloc_or_null(a, sizeof(*config));

	if (!config)
		return NULL;
	*config = *w->config;
	config->down = json_object_get(value, "down");
	config->spread = json_object_get(value, "spread");
	config->no_redirects = json_object_get(value, "no_redirects");
	config->rpf = rpf_of_text(json_string_value(json_object_get(value, "rpf")));
	config->vrf = text_or_null(a, vrf);
	if ((vrf && !config->vrf) ||
	    set_config_proxies(a, config, json_object_get(value, "proxies")) < 0)
		return NULL;
	return config;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct wanted *w = item->object;
	bool ran = !item->at;
	const struct net_interface *config = ran ? as_it_ran_or_null(w, item->value) : w->config;

	return config ? interfaces_create(d, w->file, config, error) : ERR_NOMEM;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	struct interface_record *r = interfaces_find_or_null(d, item->name);

	if (!r) {
		apply_fail(error, item, "interface \"%s\" is gone", item->name);
		return ERR_NOENT;
	}
	interfaces_remove(d, r);
	return 0;
}

/* What a device of the kernel has for an MTU is for the one who makes the interface to see. */
static bool asks_the_device(const struct apply_item *to)
{
	return !json_object_get(to->value, "mtu") &&
	       (json_object_get(to->value, "af_packet") || json_object_get(to->value, "af_xdp"));
}

/* Whether it is up, spread, its MTU, its VRF, and IP on it can change without making it anew. */
static bool can_change(const struct apply_item *from, const struct apply_item *to)
{
	static const char *const free_to_change[] = { "down",	 "spread", "ipv6",
						      "proxies", "rpf",	   "unnumbered",
						      "vrf",	 "mtu",	   "no_redirects" };
	json_t *before = json_copy(from->value), *after = json_copy(to->value);
	bool same;

	for (unsigned i = 0; i < count_of(free_to_change); i++) {
		json_object_del(before, free_to_change[i]);
		json_object_del(after, free_to_change[i]);
	}
	same = json_equal(before, after) && (json_equal(json_object_get(from->value, "mtu"),
							json_object_get(to->value, "mtu")) ||
					     !asks_the_device(to));
	json_decref(before);
	json_decref(after);
	return same;
}

static int change(struct convoyd *d, const struct apply_item *from unused_arg,
		  const struct apply_item *to, struct config_error *error)
{
	struct interface_record *r = interfaces_find_or_null(d, to->name);
	const struct wanted *w = to->object;

	return r ? interfaces_change(d, r, w->file, w->config, error) : ERR_NOENT;
}

const struct apply_kind apply_interface_kind = {
	.name = "interface",
	.rank = 1,
	.is_interface = true,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.release = release,
	.create = create,
	.remove = take_away,
	.can_change = can_change,
	.change = change,
};
