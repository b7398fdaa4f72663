/*
 * session_fixture.h - for tests and fuzzing: a stack with one worker that never runs by itself, a
 * transport that only takes notes, and applications at its socket, all in one thread.
 */
#ifndef CONVOY_SESSION_SESSION_FIXTURE_H
#define CONVOY_SESSION_SESSION_FIXTURE_H

#include "session/layer.h"
#include "session/session.h"

/* What the transport was told. */
struct transport_notes {
	struct session *session; /* the last one it was told of */
	unsigned n_connects, n_sends, n_rooms, n_aborts;
};
extern struct transport_notes notes;
extern const struct transport noting;

extern struct engine *engine;

/* The stack's time, which stands still unless the test moves it: how long a test takes is no
 * matter. */
extern uint64_t stack_now_ns;

/* stack_up, stack_down - as cmocka's setup and teardown functions; they abort when they fail. */
int stack_up(void **state);
int stack_down(void **state);

/* settle - let main and the worker do all they can; turn_main - only main, once. */
void settle(void);
void turn_main(void);

/* finish_closed - the transport is done with all that were closed in order, but @good. */
void finish_closed(const struct session *good);

struct test_app {
	int fd;
	uint32_t worker;
	struct channel stack;
};

/* app_connect - a connection to the socket, not attached. */
void app_connect(struct test_app *a);

/* app_ask - one request and its reply; @fds may be NULL. */
struct rpc_reply app_ask(struct test_app *a, struct rpc_request q, int *fds);

/* app_attach - attach over @a->fd, with one worker and its channel to the stack. */
void app_attach(struct test_app *a);

/* app_up - connect and attach. */
void app_up(struct test_app *a);

/* app_down - as if it had been killed. */
void app_down(struct test_app *a);

/* app_segment - map and close @fd. */
struct segment app_segment(int fd, bool writable);

/* app_say - post an event and settle; app_hear - the next event, which must be of @type. */
void app_say(struct test_app *a, struct shm_event e);
struct shm_event app_hear(struct test_app *a, enum shm_event_type type);

/* app_listen - bind and listen at 10.0.0.1:@port; returns the listener. */
uint32_t app_listen(struct test_app *a, uint16_t port, uint32_t backlog);

/* app_want - declare interest in @listener, or end it. */
void app_want(struct test_app *a, uint32_t listener, uint32_t cookie, bool wanted);

/* app_fork - @child, as its library would start in a process that @parent has forked. */
void app_fork(struct test_app *parent, struct test_app *child);

/* Two applications with one cut-through session; by enum pair_side. */
struct test_pair {
	uint32_t id[2]; /* of the channel */
	struct channel channel[2];
	struct fifo_end end[2];
};

/* pair_up - @client connects to 10.0.0.1:@port, where @server listens and is interested; both open
 * their ends, and @server has taken it. pair_down - unmap; the applications do not say so. */
void pair_up(struct test_pair *p, struct test_app *client, struct test_app *server, uint16_t port);
void pair_down(struct test_pair *p);

/* stack_address - 10.0.0.1:@port. */
struct shm_address stack_address(uint16_t port);

/* arrive - a connection of the transport to 10.0.0.1:@port; NULL if it was not taken. */
struct session *arrive(uint16_t port, handle connection);

#endif
