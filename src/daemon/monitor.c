/*
 * monitor.c - `convoy monitor`: streams events to a client until it goes away.
 *
 * Links, neighbours and routes come from engine/event.h. Drops and other counted reasons are looked
 * at once a second while somebody wants them: what has grown is told with its growth. A client that
 * reads too slowly loses events and is told how many.
 */
#include "daemon/monitor.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/command.h"
#include "daemon/convoyd.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/runtime.h"

enum { PERIOD_S = 1, TOPIC_ERROR = N_EVENT_TOPICS, N_TOPICS };

/* One counter as it was last told. */
struct known {
	uint32_t node;
	unsigned reason;
	uint64_t n;
};

struct monitor {
	struct command_call *call;
	struct convoyd *d;
	unsigned topics; /* bits */
	uint64_t n_left; /* events until it ends; 0: no end */
	uint64_t n_told, n_lost;
	bool ending;
	struct event_listener listener;
	struct event *timer; /* runs while errors are wanted, and to end it */
	struct known *known;
	unsigned n_known, room;
};

static const char *topic_name(unsigned topic)
{
	return topic == TOPIC_ERROR ? "error" : event_topic_name((enum event_topic)topic);
}

static json_t *now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return json_real((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

/* The end waits for the timer: a call may not be over inside of what the event reports. */
static void tell(struct monitor *m, json_t *item)
{
	static const struct timeval at_once = { 0 };

	if (m->ending) {
		json_decref(item);
		return;
	}
	json_object_set_new(item, "lost", json_integer((json_int_t)m->n_lost));
	if (command_item(m->call, item) < 0) {
		m->n_lost++;
		return;
	}
	m->n_told++;
	m->ending = m->n_left > 0 && m->n_told == m->n_left;
	if (m->ending)
		event_add(m->timer, &at_once);
}

static json_t *item_of(unsigned topic, const char *what, const char *name)
{
	return json_pack("{s:o, s:s, s:s, s:s}", "time", now(), "topic", topic_name(topic), "what",
			 what, "name", name);
}

static void heard(struct event_listener *l, const struct event *event)
{
	struct monitor *m = container_of(l, struct monitor, listener);
	json_t *item;

	if (!(m->topics >> event->topic & 1))
		return;
	item = item_of(event->topic, event->what, event->name);
	if (event->more)
		json_object_update(item, (json_t *)event->more);
	tell(m, item);
}

/* --- counted reasons --- */

static struct known *known_or_null(struct monitor *m, uint32_t node, unsigned reason)
{
	for (unsigned i = 0; i < m->n_known; i++)
		if (m->known[i].node == node && m->known[i].reason == reason)
			return &m->known[i];
	if (m->n_known == m->room) {
		unsigned room = m->room ? 2 * m->room : 64;
		struct known *more = realloc(m->known, room * sizeof(*more));

		if (!more)
			return NULL;
		m->known = more;
		m->room = room;
	}
	m->known[m->n_known] = (struct known){ node, reason, 0 };
	return &m->known[m->n_known++];
}

static void tell_growth(struct monitor *m, uint32_t node, unsigned reason, uint64_t growth)
{
	const struct graph_entry *entry = &m->d->engine->graph.entry[node];
	bool named = reason < entry->type->n_reasons;
	char name[2 * NODE_NAME_MAX];
	json_t *item;

	snprintf(name, sizeof(name), "%s.%s", entry->name,
		 named ? entry->type->reasons[reason].name : "unnamed");
	item = item_of(TOPIC_ERROR, "counted", name);
	json_object_set_new(item, "count", json_integer((json_int_t)growth));
	if (named)
		json_object_set_new(item, "text", json_string(entry->type->reasons[reason].text));
	tell(m, item);
}

/* Only reasons that were ever counted are remembered: a few of some hundred. */
static void look_at_reasons(struct monitor *m, bool quietly)
{
	const struct engine *e = m->d->engine;

	for (uint32_t node = 0; node < runtime_n_nodes(e); node++) {
		for (unsigned r = 0; r <= e->graph.entry[node].type->n_reasons; r++) {
			uint64_t n = runtime_reason(e, node, r);
			struct known *known = n ? known_or_null(m, node, r) : NULL;

			if (!known)
				continue;
			if (n > known->n && !quietly)
				tell_growth(m, node, r, n - known->n);
			known->n = n; /* less than before when it was cleared */
		}
	}
}

/* --- begin and end --- */

static void monitor_free(struct monitor *m)
{
	event_unlisten(&m->listener);
	if (m->timer)
		event_free(m->timer);
	free(m->known);
	free(m);
}

static void on_cancel(struct command_call *call)
{
	monitor_free(call->state);
}

static void on_timer(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	static const struct timeval period = { .tv_sec = PERIOD_S };
	struct monitor *m = context;
	struct command_call *call = m->call;

	if (!m->ending && m->topics >> TOPIC_ERROR & 1)
		look_at_reasons(m, false);
	if (!m->ending) {
		event_add(m->timer, &period);
		return;
	}
	command_finish(call,
		       command_reply(call, json_pack("{s:I, s:I}", "events", (json_int_t)m->n_told,
						     "lost", (json_int_t)m->n_lost)));
	monitor_free(m);
}

/* "link,route" to bits; 0 when a word is no topic. */
static unsigned topics_of(const char *text)
{
	unsigned bits = 0;

	if (!text)
		return (1u << N_TOPICS) - 1;
	while (*text) {
		size_t len = strcspn(text, ",");
		unsigned topic = 0;

		while (topic < N_TOPICS && (strlen(topic_name(topic)) != len ||
					    strncmp(topic_name(topic), text, len) != 0))
			topic++;
		if (topic == N_TOPICS)
			return 0;
		bits |= 1u << topic;
		text += len;
		text += *text == ',';
	}
	return bits;
}

static int run_monitor(struct command_call *call)
{
	static const struct timeval period = { .tv_sec = PERIOD_S };
	struct convoyd *d = call->context;
	const char *topics = command_arg_text(call, "topics");
	struct monitor *m;

	if (topics_of(topics) == 0)
		return command_fail(call, ERR_INVAL,
				    "\"%s\": the topics are link, neighbor, route and error, "
				    "separated by commas",
				    topics);
	m = calloc(1, sizeof(*m));
	if (!m)
		return ERR_NOMEM;
	*m = (struct monitor){ .call = call,
			       .d = d,
			       .topics = topics_of(topics),
			       .n_left = (uint64_t)command_arg_number(call, "count", 0),
			       .listener = { .heard = heard } };
	event_listen(d->engine, &m->listener);
	m->timer = evtimer_new(d->base, on_timer, m);
	if (!m->timer || (m->topics >> TOPIC_ERROR & 1 && event_add(m->timer, &period) < 0)) {
		monitor_free(m);
		return ERR_NOMEM;
	}
	look_at_reasons(m, true);
	call->state = m;
	call->on_cancel = on_cancel;
	return COMMAND_PENDING;
}

static void render_more(struct text *out, const char *key, const json_t *value)
{
	static const char *const said[] = { "time", "topic", "what", "name", "lost" };

	for (unsigned i = 0; i < count_of(said); i++)
		if (strcmp(key, said[i]) == 0)
			return;
	if (strcmp(key, "text") == 0)
		text_add(out, "  %s", json_string_value(value));
	else if (json_is_string(value))
		text_add(out, "  %s %s", key, json_string_value(value));
	else if (json_is_integer(value))
		text_add(out, "  %s %lld", key, (long long)json_integer_value(value));
}

/* "13:17:34.123  link      up        lan  mtu 1500" */
static void render_item(struct text *out, const json_t *item)
{
	double seconds = json_real_value(json_object_get(item, "time"));
	json_int_t lost = json_integer_value(json_object_get(item, "lost"));
	time_t whole = (time_t)seconds;
	struct tm local;
	char clock[16];
	const char *key;
	json_t *value;

	localtime_r(&whole, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	text_add(out, "%s.%03d  %-8s  %-8s  %s", clock, (int)((seconds - (double)whole) * 1e3),
		 json_string_value(json_object_get(item, "topic")),
		 json_string_value(json_object_get(item, "what")),
		 json_string_value(json_object_get(item, "name")));
	json_object_foreach((json_t *)item, key, value) render_more(out, key, value);
	if (lost > 0)
		text_add(out, "  (%lld before it were lost)", (long long)lost);
	text_add(out, "\n");
}

static void render_end(struct text *out, const json_t *result)
{
	json_int_t lost = json_integer_value(json_object_get(result, "lost"));

	if (lost > 0)
		text_add(out, "%lld events were lost because the terminal was too slow\n",
			 (long long)lost);
}

static const struct command commands[] = {
	{ .name = "monitor",
	  .help = "links, neighbors, routes and drops, as they happen",
	  .args = { { "topics", COMMAND_TEXT, "of link,neighbor,route,error; all when left out",
		      .positional = true, .choices = "link|neighbor|route|error" },
		    { "count", COMMAND_NUMBER, "stop after so many events" } },
	  .run = run_monitor,
	  .render = render_end,
	  .render_item = render_item },
};

int monitor_register(struct convoyd *d)
{
	return command_table_add(d->commands, commands, count_of(commands), d);
}
