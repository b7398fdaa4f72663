/*
 * eal.c - DPDK's environment abstraction layer, once in the life of a process.
 *
 * It is made for programs that belong to it: it pins threads, prints where it likes and ends the
 * process when asked for help. Here it gets one logical core that floats over all processors that
 * convoyd may use, so that nothing is pinned; its lines go to our log; arguments that would end the
 * process or take our threads are refused before it sees them.
 */
#include "drivers/dpdk/module/module.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { ARGS_MAX = 96, LCORES_MAX = 4096, LINE_MAX_BYTES = 512 };

const struct dpdk_host *module_host;

static struct {
	bool tried;
	int err; /* what it came to */
	char why[256];
	char *given; /* the arguments, joined */
} eal;

static bool quiet; /* main's */

/* --- log --- */

static int level_of(int dpdk_level)
{
	if (dpdk_level <= (int)RTE_LOG_ERR)
		return LOG_LEVEL_ERROR;
	if (dpdk_level == (int)RTE_LOG_WARNING)
		return LOG_LEVEL_WARN;
	return dpdk_level <= (int)RTE_LOG_INFO ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

/* The first complaint of late, so that a failure can say what DPDK said. */
static __thread char complaint[160];

static ssize_t take_line(void *cookie unused_arg, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES];
	size_t n = len < sizeof(line) - 1 ? len : sizeof(line) - 1;
	int level = level_of(rte_log_cur_msg_loglevel());

	memcpy(line, text, n);
	while (n && (line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	line[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == '"')
			line[i] = '\'';
	if (n == 0)
		return (ssize_t)len;
	if (level <= LOG_LEVEL_ERROR && !complaint[0])
		snprintf(complaint, sizeof(complaint), "%.*s", (int)sizeof(complaint) - 1, line);
	/* What DPDK calls an error, often is a device that says that it lacks something. */
	module_host->log(quiet			    ? LOG_LEVEL_DEBUG
			 : level == LOG_LEVEL_ERROR ? LOG_LEVEL_WARN
						    : level,
			 line);
	return (ssize_t)len;
}

static int catch_log(void)
{
	static const cookie_io_functions_t functions = { .write = take_line };
	FILE *f = fopencookie(NULL, "w", functions);

	if (!f)
		return ERR_NOMEM;
	setvbuf(f, NULL, _IOLBF, LINE_MAX_BYTES);
	return rte_openlog_stream(f) == 0 ? 0 : ERR_NOMEM;
}

const char *eal_complaint(void)
{
	return complaint;
}

void eal_clear_complaint(void)
{
	complaint[0] = '\0';
}

void eal_quiet(bool on)
{
	quiet = on;
}

/* --- arguments --- */

/* Why @arg may not be given; NULL if it may. */
static const char *fault_of(const char *arg)
{
	static const char *const cores[] = { "-c", "-l", "-s", "-S", "--lcores", "--main-lcore" };
	size_t len = strcspn(arg, "=");

	if (strncmp(arg, "-h", 2) == 0 || (len > 3 && strncmp(arg, "--help", len) == 0) ||
	    strstr(arg, "log-level=help"))
		return "it would print DPDK's help and end convoyd";
	for (unsigned i = 0; i < count_of(cores); i++)
		if (strncmp(arg, cores[i], cores[i][1] == '-' ? strlen(cores[i]) : 2) == 0 &&
		    !(cores[i][1] != '-' && arg[1] == '-'))
			return "convoyd's workers have the processors; DPDK gets none of its own";
	if (strncmp(arg, "--proc-type", len > 4 ? len : 5) == 0)
		return "convoyd cannot be a secondary process";
	return NULL;
}

/* "(0)@(0,1,5)": one logical core on all processors that this thread may use. */
static void print_lcores(char *out, size_t room)
{
	cpu_set_t set;
	size_t at = (size_t)snprintf(out, room, "(0)@(");
	const char *comma = "";

	if (sched_getaffinity(0, sizeof(set), &set) < 0) {
		CPU_ZERO(&set);
		CPU_SET(0, &set);
	}
	for (unsigned cpu = 0; cpu < RTE_MAX_LCORE && at < room - 16; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			at += (size_t)snprintf(out + at, room - at, "%s%u", comma, cpu);
			comma = ",";
		}
	snprintf(out + at, room - at, ")");
}

static bool has_huge_pages(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long n_free = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %lu", &n_free) == 1)
			break;
	if (f)
		fclose(f);
	return n_free > 0;
}

static bool is_given(const char *const *args, unsigned n_args, const char *option)
{
	for (unsigned i = 0; i < n_args; i++)
		if (strncmp(args[i], option, strlen(option)) == 0)
			return true;
	return false;
}

/* Ours first, so that the user's come last and win. */
static unsigned collect(char **argv, const char *const *args, unsigned n_args, char *lcores)
{
	bool chooses_devices = is_given(args, n_args, "-a") || is_given(args, n_args, "--allow") ||
			       is_given(args, n_args, "-b") || is_given(args, n_args, "--block") ||
			       is_given(args, n_args, "--no-pci");
	bool huge = has_huge_pages() && !is_given(args, n_args, "--no-huge");
	const char *ours[] = { "convoyd", "--lcores", lcores, "--no-telemetry", NULL, NULL, NULL };
	unsigned n = 4, argc = 0;

	/* Files and other processes are no part of it, with huge pages or without. */
	ours[n++] = huge ? "--in-memory" : "--no-shconf";
	if (!huge && !is_given(args, n_args, "--no-huge"))
		ours[n++] = "--no-huge";
	for (unsigned i = 0; i < n; i++)
		argv[argc++] = strdup(ours[i]);
	/* No card is touched that no interface names. */
	if (!chooses_devices) {
		argv[argc++] = strdup("-a");
		argv[argc++] = strdup("0000:00:00.0");
	}
	for (unsigned i = 0; i < n_args; i++)
		argv[argc++] = strdup(args[i]);
	return argc;
}

static int init(const char *const *args, unsigned n_args)
{
	char lcores[LCORES_MAX];
	char *argv[ARGS_MAX + 1] = { NULL }, *copy[ARGS_MAX + 1];
	unsigned argc;
	cpu_set_t before;
	bool has_affinity = sched_getaffinity(0, sizeof(before), &before) == 0;
	int rc;

	print_lcores(lcores, sizeof(lcores));
	argc = collect(argv, args, n_args, lcores);
	memcpy(copy, argv, sizeof(copy)); /* it puts them into another order */
	eal_clear_complaint();
	rc = rte_eal_init((int)argc, argv);
	if (rc < 0)
		snprintf(eal.why, sizeof(eal.why),
			 "DPDK cannot be initialised: %s%s%s; convoyd has to start anew before it "
			 "can be tried again",
			 rte_strerror(rte_errno), complaint[0] ? ": " : "", complaint);
	if (has_affinity && sched_setaffinity(0, sizeof(before), &before) < 0)
		module_host->log(LOG_LEVEL_WARN, "processor affinity of main is not what it was");
	for (unsigned i = 0; i < argc; i++)
		free(copy[i]);
	if (rc < 0)
		return ERR_UNSUPPORTED;
	if (rte_eal_iova_mode() == RTE_IOVA_VA)
		return 0;
	snprintf(eal.why, sizeof(eal.why),
		 "DPDK takes physical addresses; convoyd's buffers need an IOMMU (iova-mode va)");
	return ERR_UNSUPPORTED;
}

static char *join_or_null(const char *const *args, unsigned n_args)
{
	size_t room = 1, at = 0;
	char *text;

	for (unsigned i = 0; i < n_args; i++)
		room += strlen(args[i]) + 1;
	text = malloc(room);
	if (!text)
		return NULL;
	text[0] = '\0';
	for (unsigned i = 0; i < n_args; i++)
		at += (size_t)snprintf(text + at, room - at, "%s\n", args[i]);
	return text;
}

static int check(const char *const *args, unsigned n_args, char *why, size_t why_bytes)
{
	for (unsigned i = 0; i < n_args; i++) {
		const char *fault = fault_of(args[i]);

		if (!fault)
			continue;
		snprintf(why, why_bytes, "dpdk.eal: \"%.40s\" is refused: %s", args[i], fault);
		return ERR_INVAL;
	}
	if (n_args <= ARGS_MAX - 16)
		return 0;
	snprintf(why, why_bytes, "dpdk.eal: more than %d arguments", ARGS_MAX - 16);
	return ERR_INVAL;
}

int eal_start(const struct dpdk_host *host, const char *const *args, unsigned n_args, char *why,
	      size_t why_bytes)
{
	char *given;
	int err = check(args, n_args, why, why_bytes);

	if (err)
		return err;
	given = join_or_null(args, n_args);
	if (!given)
		return ERR_NOMEM;
	if (!eal.tried) {
		module_host = host;
		err = catch_log();
		if (err) {
			free(given);
			return err;
		}
		eal.tried = true;
		eal.given = given;
		eal.err = init(args, n_args);
	} else {
		bool same = strcmp(given, eal.given) == 0;

		free(given);
		if (!same) {
			snprintf(why, why_bytes,
				 "DPDK is initialised once in the life of a process, and was with "
				 "other arguments");
			return ERR_BUSY;
		}
	}
	if (eal.err)
		snprintf(why, why_bytes, "%s", eal.why);
	return eal.err;
}
