/*
 * top.c - `convoy top`: asks for the counters, waits, asks again, and draws the difference.
 *
 * On a terminal it draws over its last picture, on the alternate screen, until q or an interrupt.
 * Anywhere else it draws once.
 */
#include "cli/top.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/client.h"
#include "cli/sample.h"
#include "cli/status.h"
#include "cli/top_view.h"
#include "cli/watch.h"

enum { ROWS = 24, COLUMNS = 80 };

#define SCREEN_OPEN  "\033[?1049h\033[?25l"
#define SCREEN_CLOSE "\033[?25h\033[?1049l"
#define SCREEN_HOME  "\033[H"
#define LINE_CLEAR   "\033[K"
#define BELOW_CLEAR  "\033[J"

struct top {
	struct client client;
	double interval;
	bool once, json;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number unused_arg)
{
	interrupted = 1;
}

const struct command top_command = {
	.name = "top",
	.help = "what a running convoyd does, drawn again and again",
	.more = "q ends it. With --json: one difference as JSON, and end.\n",
	.args = { { "once", COMMAND_FLAG, "draw one picture and end, as without a terminal" },
		  { "interval", COMMAND_TEXT, "seconds between two looks (default 1)" } },
};

static int parse(struct top *t, char **words)
{
	for (; *words; words++) {
		if (strcmp(*words, "--once") == 0) {
			t->once = true;
		} else if (strcmp(*words, "--interval") == 0) {
			int err = watch_seconds(words[1], &t->interval);

			if (err < 0)
				return err;
			words++;
		} else {
			fprintf(stderr, "convoy: top does not know \"%s\"\n", *words);
			return ERR_INVAL;
		}
	}
	return 0;
}

static int failed(const struct top *t)
{
	fprintf(stderr, "convoy: %s\n", t->client.why);
	return STATUS_FAILED;
}

static json_t *sample_or_null(struct top *t)
{
	json_t *runtime = watch_ask_or_null(&t->client, "show runtime", true);
	json_t *interfaces =
		runtime ? watch_ask_or_null(&t->client, "show interfaces", false) : NULL;
	json_t *errors = interfaces ? watch_ask_or_null(&t->client, "show errors", false) : NULL;

	if (errors)
		return json_pack("{s:o, s:o, s:o}", "runtime", runtime, "interfaces", interfaces,
				 "errors", errors);
	json_decref(runtime);
	json_decref(interfaces);
	return NULL;
}

/* Text from elsewhere must not steer the terminal: only newlines and what can be seen. */
static void print(const char *text, bool screen)
{
	for (; *text; text++) {
		if (*text == '\n' && screen)
			fputs(LINE_CLEAR "\r\n", stdout);
		else
			putchar((unsigned char)*text < ' ' && *text != '\n' ? '?' : *text);
	}
}

static void draw(const json_t *difference, unsigned rows, unsigned columns, bool screen)
{
	struct text out = { 0 };

	top_view(&out, difference, rows, columns);
	if (screen)
		fputs(SCREEN_HOME, stdout);
	print(out.at ? out.at : "", screen);
	if (screen)
		fputs(BELOW_CLEAR, stdout);
	fflush(stdout);
	text_deinit(&out);
}

static int run_once(struct top *t)
{
	json_t *before = sample_or_null(t), *after = NULL, *difference;
	double began = watch_now();

	if (before) {
		watch_sleep(t->interval);
		after = sample_or_null(t);
	}
	if (!after) {
		json_decref(before);
		return failed(t);
	}
	difference = sample_difference(before, after, watch_now() - began);
	if (t->json) {
		json_dumpf(difference, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		draw(difference, ROWS, COLUMNS, false);
	}
	json_decref(difference);
	json_decref(before);
	json_decref(after);
	return STATUS_OK;
}

/* True when somebody wants to end it before the interval is over. */
static bool wait_for_quit(double seconds)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	double end = watch_now() + seconds, left;
	char key;

	while (!interrupted && (left = end - watch_now()) > 0) {
		if (poll(&in, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return true;
	}
	return interrupted;
}

/* Draws until somebody ends it; false when convoyd does not answer any more. */
static bool run_screen(struct top *t)
{
	json_t *before = sample_or_null(t);
	double began = watch_now(), wait = t->interval / 4; /* the first picture comes soon */

	while (before && !wait_for_quit(wait)) {
		json_t *after = sample_or_null(t), *difference;
		struct winsize size = { 0 };
		double now = watch_now();

		if (after) {
			ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
			difference = sample_difference(before, after, now - began);
			draw(difference, size.ws_row > 1 ? size.ws_row - 1u : ROWS - 1,
			     size.ws_col ? size.ws_col : COLUMNS, true);
			json_decref(difference);
		}
		json_decref(before);
		before = after;
		began = now;
		wait = t->interval;
	}
	json_decref(before);
	return before != NULL;
}

static int run_terminal(struct top *t)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct termios old, raw;
	bool fine;

	if (tcgetattr(STDIN_FILENO, &old) < 0)
		return run_once(t);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(SCREEN_OPEN, stdout);
	fine = run_screen(t);
	fputs(SCREEN_CLOSE, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &old);
	return fine ? STATUS_OK : failed(t);
}

int top_main(const char *socket_path, char **words, bool json)
{
	struct top t = { .interval = WATCH_INTERVAL_S, .json = json };
	int status;

	if (parse(&t, words) < 0)
		return STATUS_USAGE;
	if (client_open(&t.client, socket_path) < 0)
		status = failed(&t);
	else
		status = t.once || t.json || !isatty(STDOUT_FILENO) ? run_once(&t)
								    : run_terminal(&t);
	client_close(&t.client);
	return status;
}
