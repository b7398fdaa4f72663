/* session_fixture.c - one thread plays main, the stack worker and every application in turn. */
#include "session/session_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "session/pair.h"
#include "session/session_worker.h"

#define must_equal(a, b) invariant((a) == (b))

/* --- a transport that takes notes --- */

struct transport_notes notes;

static int note_connect(struct worker *w unused_arg, struct session *s,
			const struct flow *flow unused_arg)
{
	notes.n_connects++;
	notes.session = s;
	s->connection = 1;
	return 0;
}

static void note_send(struct worker *w unused_arg, struct session *s)
{
	notes.n_sends++;
	notes.session = s;
}

static void note_room(struct worker *w unused_arg, struct session *s unused_arg)
{
	notes.n_rooms++;
}

static void note_abort(struct worker *w unused_arg, struct session *s unused_arg)
{
	notes.n_aborts++;
}

const struct transport noting = { .name = "noting",
				  .ip_protocol = 6,
				  .connect = note_connect,
				  .send = note_send,
				  .room = note_room,
				  .abort = note_abort };

/* --- the stack --- */

uint64_t stack_now_ns = NS_PER_S;

static uint64_t stack_now(void *context unused_arg)
{
	return stack_now_ns;
}

static const struct clock stack_clock = { stack_now, NULL };

struct engine *engine;
static struct session_layer *layer;
static char path[64];

static bool all_local(void *context unused_arg, struct worker *w unused_arg,
		      uint32_t fib unused_arg, const struct shm_address *a)
{
	return a->ip[0] == 10;
}

int stack_up(void **state unused_arg)
{
	static const struct node_type *const nodes[] = { &drop_node, &handoff_node,
							 &interface_output_node,
							 &session_input_node };
	struct engine_options eo = { .nodes = nodes,
				     .n_nodes = count_of(nodes),
				     .n_workers = 1,
				     .n_buffers = 1024,
				     .clock = &stack_clock };
	struct session_options so = { .socket_path = path,
				      .socket_mode = 0600,
				      .transport = &noting,
				      .host.is_local = all_local,
				      .slots_per_link = 64,
				      .pages_per_link = 256 };

	memset(&notes, 0, sizeof(notes));
	snprintf(path, sizeof(path), "/tmp/convoy-session-test-%d.sock", (int)getpid());
	must_equal(engine_new(&eo, &engine), 0);
	must_equal(session_layer_new(engine, &so, &layer), 0);
	return 0;
}

int stack_down(void **state unused_arg)
{
	session_layer_free(layer);
	engine_free(engine);
	return 0;
}

void turn_main(void)
{
	session_layer_run(layer);
	engine_run_main(engine);
}

/* Let main and the worker do all they can. */
void settle(void)
{
	for (unsigned i = 0; i < 8; i++) {
		turn_main();
		worker_turn(engine->worker[0]);
	}
	turn_main();
}

void finish_closed(const struct session *good)
{
	struct session_worker *sw = session_worker_of(engine->worker[0]);

	for (uint32_t i = 0; i < pool_end(&sw->sessions); i++) {
		handle h;
		struct session *s = pool_at_or_null(&sw->sessions, i, &h);

		if (s && s != good && s->connection && session_app_closed(s))
			session_done(sw->worker, s);
	}
	settle();
}

/* --- an application --- */

struct rpc_reply app_ask(struct test_app *a, struct rpc_request q, int *fds)
{
	struct rpc_reply r;
	int none[RPC_MAX_FDS];
	unsigned n;

	if (!q.version)
		q.version = SHM_VERSION;
	must_equal(rpc_send(a->fd, &q, sizeof(q), NULL, 0), 0);
	settle();
	must_equal(rpc_receive(a->fd, &r, sizeof(r), fds ? fds : none, &n), 0);
	return r;
}

void app_connect(struct test_app *a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	must_equal(connect(a->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

struct segment app_segment(int fd, bool writable)
{
	struct segment s;

	must_equal(segment_map(&s, fd, writable), 0);
	close(fd);
	return s;
}

void app_attach(struct test_app *a)
{
	struct rpc_request attach = { .type = RPC_ATTACH, .name = "test" };
	struct rpc_request worker = { .type = RPC_WORKER };
	struct rpc_request channel = { .type = RPC_CHANNEL };
	int fds[RPC_MAX_FDS];

	must_equal(app_ask(a, attach, NULL).err, 0);
	a->worker = app_ask(a, worker, NULL).id;
	channel.worker = a->worker;
	must_equal(app_ask(a, channel, fds).err, 0);
	must_equal(channel_init(&a->stack, app_segment(fds[0], true), app_segment(fds[1], false),
				SHM_SHIFT_LARGE, fds[3]),
		   0);
	close(fds[2]);
}

void app_up(struct test_app *a)
{
	app_connect(a);
	app_attach(a);
}

void app_down(struct test_app *a)
{
	channel_deinit(&a->stack);
	close(a->fd);
	settle();
}

void app_say(struct test_app *a, struct shm_event e)
{
	must_equal(channel_post(&a->stack, &e), 0);
	settle();
}

struct shm_event app_hear(struct test_app *a, enum shm_event_type type)
{
	struct shm_event e;

	settle();
	invariant(channel_take(&a->stack, &e));
	must_equal(e.type, type);
	return e;
}

struct shm_address stack_address(uint16_t port)
{
	return (struct shm_address){ .ip = { 10, 0, 0, 1 }, .port = port, .family = 4 };
}

uint32_t app_listen(struct test_app *a, uint16_t port, uint32_t backlog)
{
	struct rpc_reply r = app_ask(
		a, (struct rpc_request){ .type = RPC_BIND, .address = stack_address(port) }, NULL);

	must_equal(r.err, 0);
	must_equal(app_ask(a,
			   (struct rpc_request){
				   .type = RPC_LISTEN, .listener = r.id, .backlog = backlog },
			   NULL)
			   .err,
		   0);
	return r.id;
}

void app_want(struct test_app *a, uint32_t listener, uint32_t cookie, bool wanted)
{
	app_say(a, (struct shm_event){ .type = SHM_EV_INTEREST,
				       .channel = listener,
				       .cookie = cookie,
				       .flags = wanted });
}

/* A connection arrives at 10.0.0.1:@port, as the transport would bring it. */
struct session *arrive(uint16_t port, handle connection)
{
	struct worker *w = engine->worker[0];
	struct flow flow = { .local = stack_address(port), .remote = stack_address(999) };
	struct session_listener *ls = session_find_listener(w, &noting, 0, &flow.local);

	invariant(ls);
	return session_accepted(w, ls, connection, &flow);
}

void app_fork(struct test_app *parent, struct test_app *child)
{
	int fds[RPC_MAX_FDS];

	must_equal(app_ask(parent, (struct rpc_request){ .type = RPC_FORK }, fds).err, 0);
	child->fd = fds[0];
	app_attach(child);
}

/* --- cut-through --- */

static void open_channel(struct test_app *a, uint32_t id, struct channel *c)
{
	int fds[RPC_MAX_FDS];
	struct rpc_request q = { .type = RPC_OPEN, .worker = a->worker, .channel = id };

	must_equal(app_ask(a, q, fds).err, 0);
	c->mine = app_segment(fds[0], true);
	c->wake_fd = fds[2];
	close(fds[1]);
}

static void map_peer(struct test_app *a, uint32_t id, struct channel *c)
{
	int fds[RPC_MAX_FDS];
	struct rpc_request q = { .type = RPC_MAPPED, .worker = a->worker, .channel = id };

	must_equal(app_ask(a, q, fds).err, 0);
	must_equal(
		channel_init(c, c->mine, app_segment(fds[0], false), SHM_SHIFT_MEDIUM, c->wake_fd),
		0);
	q.type = RPC_READY;
	must_equal(app_ask(a, q, NULL).err, 0);
}

void pair_up(struct test_pair *p, struct test_app *client, struct test_app *server, uint16_t port)
{
	struct rpc_request mapped = { .type = RPC_MAPPED, .worker = client->worker };
	struct shm_event e;

	*p = (struct test_pair){ 0 };
	app_say(client, (struct shm_event){ .type = SHM_EV_CONNECT,
					    .cookie = 4,
					    .remote = stack_address(port) });
	p->id[PAIR_CLIENT] = app_hear(client, SHM_EV_CHANNEL).channel;
	p->id[PAIR_SERVER] = app_hear(server, SHM_EV_CHANNEL).channel;
	open_channel(client, p->id[PAIR_CLIENT], &p->channel[PAIR_CLIENT]);
	open_channel(server, p->id[PAIR_SERVER], &p->channel[PAIR_SERVER]);
	mapped.channel = p->id[PAIR_CLIENT];
	must_equal(app_ask(client, mapped, NULL).err, ERR_AGAIN);
	map_peer(server, p->id[PAIR_SERVER], &p->channel[PAIR_SERVER]);
	app_hear(client, SHM_EV_CHANNEL);
	map_peer(client, p->id[PAIR_CLIENT], &p->channel[PAIR_CLIENT]);
	e = app_hear(client, SHM_EV_CONNECTED);
	fifo_open(&p->end[PAIR_CLIENT], &p->channel[PAIR_CLIENT], e.slot, e.generation);
	e = app_hear(server, SHM_EV_INCOMING);
	fifo_open(&p->end[PAIR_SERVER], &p->channel[PAIR_SERVER], e.slot, e.generation);
	atomic_store(&p->end[PAIR_SERVER].mine->taken, 1);
}

void pair_down(struct test_pair *p)
{
	channel_deinit(&p->channel[PAIR_CLIENT]);
	channel_deinit(&p->channel[PAIR_SERVER]);
}
