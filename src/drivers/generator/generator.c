/*
 * generator.c - making generators and sinks, starting and stopping.
 *
 * Main says what it wants in `running` and `n_starts` and has every worker look: apply(). An input
 * is in its worker's list only while there are packets to make.
 */
#include "drivers/generator/generator.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "drivers/generator/generator_private.h"

enum { MTU_DEFAULT = 1500 };

static void begin(struct generator *g, struct generator_queue *q, uint32_t index, uint64_t now_ns)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		const struct stream_config *c = &g->config[i];
		struct stream *s = &q->stream[i];

		stream_begin(s, g->plan[i], g->seed + index * GENERATOR_STREAMS_MAX + i);
		s->rate_pps = c->rate_pps / g->n_queues + (index < c->rate_pps % g->n_queues);
		s->count = c->count / g->n_queues + (index < c->count % g->n_queues);
		s->burst = c->burst;
		s->n_made = s->n_bytes = 0;
	}
	q->now_ns = now_ns;
	q->turn = 0;
}

/* A share of nothing: fewer packets or a lower rate than there are queues. */
static void take_over_empty(const struct generator *g, struct generator_queue *q)
{
	for (uint32_t i = 0; i < g->n_streams; i++) {
		struct stream *s = &q->stream[i];

		if ((g->config[i].count && !s->count) || (g->config[i].rate_pps && !s->rate_pps))
			s->burst = 0;
	}
}

static void apply_queue(struct worker *w, struct generator *g, uint32_t index)
{
	struct generator_queue *q = &g->queue[index];
	uint32_t n_starts = __atomic_load_n(&g->n_starts, __ATOMIC_ACQUIRE);
	bool wanted = __atomic_load_n(&g->running, __ATOMIC_RELAXED) &&
		      __atomic_load_n(&g->interface->up, __ATOMIC_ACQUIRE);

	if (wanted && q->started != n_starts) {
		begin(g, q, index, w->now_ns);
		take_over_empty(g, q);
		q->started = n_starts;
	}
	wanted = wanted && q->over != q->started;
	if (wanted && !q->attached) {
		q->now_ns = w->now_ns;
		q->attached = worker_add_input(w, &q->input) == 0;
	} else if (!wanted && q->attached) {
		worker_remove_input(w, &q->input);
		q->attached = false;
	}
}

static void apply(struct worker *w, void *arg)
{
	struct generator *g = arg;

	for (uint32_t index = 0; index < g->n_queues; index++)
		if (interface_queue_worker(g->interface, index) == w->index)
			apply_queue(w, g, index);
}

static void detach(struct worker *w, struct interface *i)
{
	struct generator *g = i->device;

	for (uint32_t index = 0; index < g->n_queues; index++) {
		struct generator_queue *q = &g->queue[index];

		if (interface_queue_worker(i, index) != w->index)
			continue;
		if (q->attached)
			worker_remove_input(w, &q->input);
		q->attached = false;
		timer_cancel(&w->wheel, &q->timer);
	}
}

static void changed(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct generator *g = container_of(l, struct generator, listener);

	if (i != g->interface || (event != INTERFACE_UP && event != INTERFACE_DOWN))
		return;
	if (engine_on_each(i->engine, apply, NULL, g) < 0)
		log_error("generator.change", "name=%s error=out of memory", i->name);
}

static void close_device(struct interface *i)
{
	struct generator *g = i->device;

	interface_unlisten(&g->listener);
}

static void free_generator(struct generator *g)
{
	for (uint32_t i = 0; g->plan && i < g->n_streams; i++)
		stream_plan_free(g->plan[i]);
	for (uint32_t i = 0; g->config && i < g->n_streams; i++)
		free((char *)g->config[i].name);
	for (uint32_t q = 0; q < g->n_queues; q++)
		free(g->queue[q].stream);
	free(g->plan);
	free(g->config);
	free(g);
}

static void free_device(struct interface *i)
{
	free_generator(i->device);
}

static void free_nothing(struct interface *i)
{
	(void)i;
}

static const struct interface_driver generator_driver = {
	.name = "generator",
	.tx = &sink_tx_node,
	.takes_shared = true,
	.detach = detach,
	.close = close_device,
	.free = free_device,
};

static const struct interface_driver sink_driver = {
	.name = "sink",
	.tx = &sink_tx_node,
	.takes_shared = true,
	.free = free_nothing,
};

struct generator *generator_of_or_null(const struct interface *i)
{
	return i->driver == &generator_driver ? i->device : NULL;
}

/* Both take all that a device could do, so that nothing is done in its stead. */
static struct interface_params params_of(const char *name, const uint8_t *mac, uint32_t mtu_bytes)
{
	return (struct interface_params){
		.name = name,
		.mac = mac,
		.mtu_bytes = mtu_bytes ? mtu_bytes : MTU_DEFAULT,
		.caps = CAP_CSUM | CAP_TSO | CAP_RX_CSUM | CAP_LRO,
	};
}

static int compile(struct generator *g, const struct generator_config *config, const uint8_t *mac,
		   char *why, size_t why_bytes)
{
	g->plan = calloc(config->n_streams + 1, sizeof(struct stream_plan *));
	g->config = calloc(config->n_streams + 1, sizeof(*g->config));
	if (!g->plan || !g->config)
		return ERR_NOMEM;
	g->n_streams = config->n_streams;
	for (uint32_t i = 0; i < g->n_streams; i++) {
		char reason[256] = "";
		int err = stream_compile(&config->streams[i], mac, &g->plan[i], reason,
					 sizeof(reason));

		if (err < 0) {
			snprintf(why, why_bytes, "stream %u: %s", i + 1,
				 reason[0] ? reason : err_text(err));
			return err;
		}
		g->config[i] = config->streams[i];
		g->config[i].name = strdup(config->streams[i].name ? config->streams[i].name : "");
		if (!g->config[i].name)
			return ERR_NOMEM;
	}
	return 0;
}

static int make_queues(struct generator *g, uint16_t node)
{
	for (uint32_t n = 0; n < g->n_queues; n++) {
		struct generator_queue *q = &g->queue[n];

		q->generator = g;
		timer_init(&q->timer, generator_woken);
		q->input = (struct input){ .kind = INPUT_POLLED,
					   .node = node,
					   .fd = -1,
					   .before_sleep = generator_queue_sleep,
					   .context = q };
		q->stream = calloc(g->n_streams + 1, sizeof(*q->stream));
		if (!q->stream)
			return ERR_NOMEM;
	}
	return 0;
}

int generator_create(struct engine *e, const struct generator_config *config,
		     struct interface **out, char *why, size_t why_bytes)
{
	struct interface_params params = params_of(config->name, config->mac, config->mtu_bytes);
	uint32_t n_queues = config->n_queues ? config->n_queues : 1;
	struct generator *g = calloc(1, sizeof(*g) + n_queues * sizeof(g->queue[0]));
	uint8_t mac[MAC_LEN];
	int err;

	if (!g)
		return ERR_NOMEM;
	if (!params.mac) {
		random_secret(mac, sizeof(mac));
		mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02); /* unicast, locally administered */
		params.mac = mac;
	}
	g->n_queues = n_queues;
	g->seed = config->seed;
	g->running = config->start;
	g->n_starts = config->start;
	g->listener.changed = changed;
	err = compile(g, config, params.mac, why, why_bytes);
	if (err == 0)
		err = make_queues(g, graph_node_id(&e->graph, generator_input_node.name));
	if (err < 0)
		goto fail;
	params.driver = &generator_driver;
	params.device = g;
	params.n_queues = n_queues;
	err = interface_add(e, &params, &g->interface);
	if (err < 0)
		goto fail;
	interface_listen(e, &g->listener);
	interface_set_link(g->interface, true);
	*out = g->interface;
	return 0;
fail:
	free_generator(g);
	return err;
}

int sink_create(struct engine *e, const char *name, const uint8_t *mac, uint32_t mtu_bytes,
		struct interface **out)
{
	struct interface_params params = params_of(name, mac, mtu_bytes);
	int err;

	params.driver = &sink_driver;
	err = interface_add(e, &params, out);
	if (err == 0)
		interface_set_link(*out, true);
	return err;
}

static int want(struct interface *i, bool running)
{
	struct generator *g = generator_of_or_null(i);

	if (!g)
		return ERR_INVAL;
	__atomic_store_n(&g->running, running, __ATOMIC_RELAXED);
	if (running)
		__atomic_add_fetch(&g->n_starts, 1, __ATOMIC_RELEASE);
	return engine_on_each(i->engine, apply, NULL, g);
}

int generator_start(struct interface *i)
{
	return want(i, true);
}

int generator_stop(struct interface *i)
{
	return want(i, false);
}
