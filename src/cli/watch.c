/* watch.c - asking a running convoyd twice. */
#include "cli/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "cli/client.h"

#define NS_IN_A_SECOND 1e9

int watch_seconds(const char *text, double *out)
{
	char *end = NULL;
	double seconds = text ? strtod(text, &end) : 0;

	if (!text || end == text || *end || !(seconds >= 0.05 && seconds <= 3600)) {
		fprintf(stderr, "convoy: --interval needs seconds, from 0.05 to 3600\n");
		return ERR_INVAL;
	}
	*out = seconds;
	return 0;
}

json_t *watch_ask_or_null(struct client *c, const char *method, bool all)
{
	json_t *params = json_object(), *result = NULL;

	json_object_set_new(params, "format", json_string("json"));
	if (all)
		json_object_set_new(params, "all", json_true());
	return client_call(c, method, params, -1, NULL, &result) == 0 ? result : NULL;
}

double watch_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / NS_IN_A_SECOND;
}

void watch_sleep(double seconds)
{
	struct timespec t = { (time_t)seconds,
			      (long)((seconds - (double)(time_t)seconds) * NS_IN_A_SECOND) };

	nanosleep(&t, NULL);
}
