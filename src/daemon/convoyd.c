/* convoyd.c - from options to a running stack, and back. */
#include "daemon/convoyd.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "control/json_memory.h"
#include "daemon/modules.h"
#include "daemon/notify.h"

static void on_signal(evutil_socket_t number, short what unused_arg, void *context)
{
	struct convoyd *d = context;

	log_info("daemon.stop", "signal=%d", (int)number);
	event_base_loopbreak(d->base);
}

static int open_loop(struct convoyd *d)
{
	static const int numbers[count_of(d->signals)] = { SIGTERM, SIGINT };

	signal(SIGPIPE, SIG_IGN);
	d->base = event_base_new();
	if (!d->base)
		return ERR_NOMEM;
	for (unsigned i = 0; i < count_of(numbers); i++) {
		d->signals[i] = evsignal_new(d->base, numbers[i], on_signal, d);
		if (!d->signals[i] || event_add(d->signals[i], NULL) < 0)
			return ERR_NOMEM;
	}
	return 0;
}

static void close_loop(struct convoyd *d)
{
	for (unsigned i = 0; i < count_of(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	if (d->base)
		event_base_free(d->base);
}

int convoyd_open(struct convoyd *d, const struct options *options)
{
	int err;

	*d = (struct convoyd){ .options = *options, .started_ns = clock_now_ns(&clock_monotonic) };
	list_init(&d->interfaces);
	json_memory_watch();
	err = net_file_load(options->config_path, &d->error, &d->file);
	if (err < 0)
		goto fail;
	d->config = d->file->config;
	err = open_loop(d);
	if (err < 0)
		goto fail;
	err = modules_init(d);
	if (err < 0)
		goto fail;
	return 0;
fail:
	close_loop(d);
	net_file_put(d->file);
	return err;
}

void convoyd_run(struct convoyd *d)
{
	notify_manager("READY=1");
	printf("convoyd: ready, control socket %s\n", d->options.socket_path);
	fflush(stdout);
	event_base_dispatch(d->base);
	notify_manager("STOPPING=1");
}

void convoyd_close(struct convoyd *d)
{
	modules_deinit(d);
	close_loop(d);
	net_file_put(d->file);
}
