/* probe.c - who probes; requests sent by worker 0, answers handed to their owners. */
#include "l3/probe/probe.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/icmp/icmp.h"
#include "l3/icmp/icmp6.h"
#include "l3/ip6/ip6.h"
#include "l3/probe/probe_private.h"

static struct probes *probes_of(const struct engine *e)
{
	return e->module[MODULE_PROBE];
}

static int init_worker(struct probes *all, struct worker *w)
{
	struct probe_worker *pw = calloc(1, sizeof(*pw));

	if (!pw)
		return ERR_NOMEM;
	pw->all = all;
	pw->lookup4 = graph_node_id(&w->engine->graph, "ip4-lookup");
	pw->lookup6 = graph_node_id(&w->engine->graph, "ip6-lookup");
	list_init(&pw->free);
	for (unsigned i = 0; i < PROBE_ANSWERS; i++) {
		pw->message[i].worker = w;
		pw->message[i].all = all;
		list_push(&pw->free, &pw->message[i].link);
	}
	w->module[MODULE_PROBE] = pw;
	return 0;
}

int probe_init(struct engine *e)
{
	struct probes *all = calloc(1, sizeof(*all));
	int err = 0;

	if (!all)
		return ERR_NOMEM;
	all->engine = e;
	wheel_init(&all->wheel, clock_now_ns(e->clock));
	random_seed(&all->random, random_u64(&e->worker[0]->random));
	e->module[MODULE_PROBE] = all;
	for (unsigned i = 0; i < e->n_workers && err == 0; i++)
		err = init_worker(all, e->worker[i]);
	if (err == 0)
		err = icmp4_register_replies(e, "probe-reply");
	if (err == 0)
		err = icmp6_register_replies(e, "probe-reply");
	if (err == 0)
		err = icmp4_register_errors(e, IP_ICMP4, "probe-error");
	if (err == 0)
		err = icmp6_register_errors(e, IP_ICMP6, "probe-error");
	if (err != 0)
		probe_deinit(e);
	return err;
}

void probe_deinit(struct engine *e)
{
	struct probes *all = probes_of(e);

	if (!all)
		return;
	engine_run_main(e); /* messages that lie in the workers' tables */
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_PROBE]);
		e->worker[i]->module[MODULE_PROBE] = NULL;
	}
	free(all);
	e->module[MODULE_PROBE] = NULL;
}

void probe_tick(struct engine *e, uint64_t now_ns)
{
	wheel_advance(&probes_of(e)->wheel, now_ns);
}

struct wheel *probe_wheel(struct engine *e)
{
	return &probes_of(e)->wheel;
}

/* --- open and close --- */

static be32 source4(const struct engine *e, const struct probe_options *o)
{
	const struct fib *f = ip4_stack_of(e)->fib;
	const struct vrf *v = fib_vrf_or_null(f, o->vrf);
	uint32_t dst = ip6_mapped_ip4(&o->dst);
	const struct adjacency *a = v ? fib_lookup(f, v, dst, 0) : NULL;

	if (!a)
		return be32_of(0);
	return a->kind == ADJACENCY_LOCAL ? be32_of(dst) : a->source;
}

static struct ip6_addr choose_source(const struct engine *e, const struct probe_options *o)
{
	be32 ip4;

	if (!ip6_is_mapped(&o->dst))
		return ip6_source_for(ip6_stack_of(e), o->vrf, o->if_index, &o->dst);
	ip4 = source4(e, o);
	return host32(ip4) ? ip6_mapped(host32(ip4)) : ip6_of(0, 0);
}

static bool is_possible(const struct probe_options *o)
{
	uint32_t ip4 = ip6_mapped_ip4(&o->dst);

	if (ip6_is_mapped(&o->dst))
		return !ip4_is_multicast(ip4) && !ip4_is_reserved(ip4) && !ip4_is_this_network(ip4);
	return !ip6_is_multicast(&o->dst) && !ip6_is_unspecified(&o->dst) &&
	       (o->if_index || !ip6_is_link_local(&o->dst));
}

static uint16_t new_id(struct probes *all)
{
	uint16_t id;

	do
		id = (uint16_t)random_u64(&all->random);
	while (id == 0 || probe_is_open(all, id));
	return id;
}

int probe_open(struct engine *e, const struct probe_options *options,
	       void (*on_answer)(void *context, const struct probe_answer *a), void *context,
	       struct probe **out)
{
	struct probes *all = probes_of(e);
	struct probe_options o = *options;
	unsigned at = 0;

	if (!is_possible(&o))
		return ERR_INVAL;
	if (ip6_is_unspecified(&o.source))
		o.source = choose_source(e, &o);
	if (ip6_is_unspecified(&o.source))
		return ERR_UNREACHABLE;
	while (at < PROBES_MAX && all->probe[at].id)
		at++;
	if (at == PROBES_MAX)
		return ERR_FULL;
	all->probe[at] = (struct probe){ .all = all,
					 .options = o,
					 .id = new_id(all),
					 .on_answer = on_answer,
					 .context = context };
	__atomic_store_n(&all->id[at], all->probe[at].id, __ATOMIC_RELAXED);
	__atomic_store_n(&all->n, all->n + 1, __ATOMIC_RELEASE);
	*out = &all->probe[at];
	return 0;
}

void probe_close(struct probe *p)
{
	struct probes *all = p->all;

	__atomic_store_n(&all->id[p - all->probe], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&all->n, all->n - 1, __ATOMIC_RELEASE);
	p->id = 0;
}

const struct ip6_addr *probe_source(const struct probe *p)
{
	return &p->options.source;
}

bool probe_is_open(const struct probes *all, uint16_t id)
{
	if (id == 0 || __atomic_load_n(&all->n, __ATOMIC_ACQUIRE) == 0)
		return false;
	for (unsigned i = 0; i < PROBES_MAX; i++)
		if (__atomic_load_n(&all->id[i], __ATOMIC_RELAXED) == id)
			return true;
	return false;
}

/* --- answers --- */

static void take_back(void *consumer unused_arg, struct mail *mail)
{
	struct probe_message *m = container_of(mail, struct probe_message, mail);

	list_push(&probe_worker_of(m->worker)->free, &m->link);
}

static void deliver(void *consumer unused_arg, struct mail *mail)
{
	struct probe_message *m = container_of(mail, struct probe_message, mail);
	struct probes *all = m->all;

	for (unsigned i = 0; i < PROBES_MAX; i++)
		if (all->probe[i].id == m->id) {
			all->probe[i].on_answer(all->probe[i].context, &m->answer);
			break;
		}
	m->mail.deliver = take_back;
	worker_post(m->worker, &m->mail);
}

bool probe_tell(struct worker *w, uint16_t id, const struct probe_answer *a)
{
	struct list *link = list_pop_or_null(&probe_worker_of(w)->free);
	struct probe_message *m;

	if (!link)
		return false;
	m = container_of(link, struct probe_message, link);
	m->id = id;
	m->answer = *a;
	m->mail.deliver = deliver;
	mailbox_post(&w->engine->main, &m->mail);
	return true;
}

const char *probe_describe(const struct probe_answer *a, bool is_ip4)
{
	switch (a->kind) {
	case PROBE_REPLY:
		return "reply";
	case PROBE_TOO_BIG:
		return "packet too big";
	case PROBE_EXPIRED:
		return is_ip4 ? "time to live exceeded" : "hop limit exceeded";
	case PROBE_ERROR:
		return "error";
	default:
		break;
	}
	if (is_ip4)
		return a->code == ICMP4_HOST_UNREACHABLE       ? "host unreachable"
		       : a->code == ICMP4_NET_UNREACHABLE      ? "network unreachable"
		       : a->code == ICMP4_ADMIN_PROHIBITED     ? "prohibited"
		       : a->code == ICMP4_PROTOCOL_UNREACHABLE ? "protocol unreachable"
							       : "unreachable";
	return a->code == ICMP6_NO_ROUTE	      ? "no route"
	       : a->code == ICMP6_ADMIN_PROHIBITED    ? "prohibited"
	       : a->code == ICMP6_ADDRESS_UNREACHABLE ? "address unreachable"
	       : a->code == ICMP6_BEYOND_SCOPE	      ? "beyond the scope of the source"
						      : "unreachable";
}
