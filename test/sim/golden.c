/*
 * golden.c - prints the tables of golden/: throughput by loss and delay, fairness. The tables are
 * committed; a run that differs is a change of behaviour, to be looked at and then committed too
 * (`make golden`).
 *
 *   golden NAME           print the table
 *   golden NAME FILE      compare with FILE; exit status 1 and both lines where they differ
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

enum { TABLE_BYTES = 16384, RATE_BPS = 20000000, QUEUE_BYTES = 60000 };

static char table[TABLE_BYTES];
static size_t table_len;

static void add_line(const char *format, ...) printf_like(1, 2);
static void add_line(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(table + table_len, sizeof(table) - table_len, format, args);
	va_end(args);
	invariant(n > 0 && table_len + (size_t)n < sizeof(table));
	table_len += (size_t)n;
}

static struct sim_socket *begin_flow(struct sim_net *n)
{
	struct sim_socket *s = sim_connect(n->host[0], "10.0.0.2", 80);

	sim_write(s, 1u << 30);
	return s;
}

/* Rounded to hundredths of a Mbit/s. */
static uint64_t centi_mbps(uint64_t octets, unsigned seconds)
{
	return (octets * 8 / seconds + 5000) / 10000;
}

/* --- throughput --- */

static void one_throughput(const struct cc_ops *cc, uint32_t rtt_ms, uint32_t loss_ppm,
			   uint32_t reorder_ppm)
{
	enum { SECONDS = 20 };
	const struct sim_link link = { .rate_bps = RATE_BPS,
				       .queue_bytes = QUEUE_BYTES,
				       .delay_us = rtt_ms * 500,
				       .loss_ppm = loss_ppm,
				       .reorder_ppm = reorder_ppm,
				       .reorder_us = 5000 };
	const struct tcp_settings settings = { .cc = cc };
	struct sim_net *n = sim_net_new(1, &link, &settings);
	struct transport_info info;
	struct sim_socket *s;
	uint64_t speed;

	sim_listen(n->host[1], 80, 10);
	n->link[1].loss_ppm = 0; /* the way back only delays */
	s = begin_flow(n);
	sim_net_run(n, n->now_ns + SECONDS * (uint64_t)NS_PER_S, NULL, NULL);
	info = sim_describe(s);
	speed = centi_mbps(s->acked, SECONDS);
	add_line("%-8s %6u %6.1f %8.1f %5u.%02u %6u %8u %7u\n", cc->name, rtt_ms, loss_ppm / 1e4,
		 reorder_ppm / 1e4, (unsigned)(speed / 100), (unsigned)(speed % 100),
		 (unsigned)info.n_retransmits, (unsigned)info.n_timeouts,
		 (unsigned)sim_count(n->host[0], "tcp4-input", "undone"));
	sim_net_free(n);
}

static void throughput(void)
{
	static const uint32_t rtts_ms[] = { 2, 20, 100 }, losses_ppm[] = { 0, 1000, 10000, 50000 };
	const struct cc_ops *const all[] = { &cc_cubic, &cc_newreno };

	add_line("# One flow for 20 s over 20 Mbit/s with a queue of 60 kB.\n");
	add_line("%-8s %6s %6s %8s %8s %6s %8s %7s\n", "# cc", "rtt_ms", "loss_%", "late_%",
		 "mbit_s", "resent", "timeouts", "undone");
	for (unsigned c = 0; c < count_of(all); c++)
		for (unsigned r = 0; r < count_of(rtts_ms); r++)
			for (unsigned l = 0; l < count_of(losses_ppm); l++)
				one_throughput(all[c], rtts_ms[r], losses_ppm[l], 0);
	one_throughput(&cc_cubic, 20, 0, 1000);
	one_throughput(&cc_cubic, 20, 0, 10000);
	one_throughput(&cc_cubic, 20, 0, 50000);
}

/* --- fairness --- */

static void one_fairness(const struct cc_ops *cc, uint32_t rtt_ms, unsigned late_s)
{
	enum { SECONDS = 60 };
	const struct sim_link link = { .rate_bps = RATE_BPS,
				       .queue_bytes = QUEUE_BYTES,
				       .delay_us = rtt_ms * 500 };
	const struct tcp_settings settings = { .cc = cc };
	struct sim_net *n = sim_net_new(1, &link, &settings);
	uint64_t before[2], speed[2], jain;
	struct sim_socket *s[2];

	sim_listen(n->host[1], 80, 10);
	s[0] = begin_flow(n);
	sim_net_run(n, n->now_ns + late_s * (uint64_t)NS_PER_S + NS_PER_MS, NULL, NULL);
	s[1] = begin_flow(n);
	/* The first third is for finding the balance. */
	sim_net_run(n, n->now_ns + SECONDS / 3 * (uint64_t)NS_PER_S, NULL, NULL);
	for (unsigned i = 0; i < 2; i++)
		before[i] = s[i]->acked;
	sim_net_run(n, n->now_ns + SECONDS * (uint64_t)NS_PER_S, NULL, NULL);
	for (unsigned i = 0; i < 2; i++)
		speed[i] = centi_mbps(s[i]->acked - before[i], SECONDS);
	jain = 1000 * (speed[0] + speed[1]) * (speed[0] + speed[1]) /
	       (2 * (speed[0] * speed[0] + speed[1] * speed[1]));
	add_line("%-8s %6u %6u %5u.%02u %5u.%02u %2u.%03u\n", cc->name, rtt_ms, late_s,
		 (unsigned)(speed[0] / 100), (unsigned)(speed[0] % 100), (unsigned)(speed[1] / 100),
		 (unsigned)(speed[1] % 100), (unsigned)(jain / 1000), (unsigned)(jain % 1000));
	sim_net_free(n);
}

static void fairness(void)
{
	const struct cc_ops *const all[] = { &cc_cubic, &cc_newreno };

	add_line("# Two flows share 20 Mbit/s with a queue of 60 kB; the second begins later.\n");
	add_line("%-8s %6s %6s %8s %8s %6s\n", "# cc", "rtt_ms", "late_s", "first", "second",
		 "jain");
	for (unsigned c = 0; c < count_of(all); c++)
		for (unsigned late_s = 0; late_s <= 10; late_s += 10) {
			one_fairness(all[c], 10, late_s);
			one_fairness(all[c], 50, late_s);
		}
}

/* --- comparison --- */

static int compare(const char *path)
{
	static char file[TABLE_BYTES];
	FILE *in = fopen(path, "r");
	size_t len = in ? fread(file, 1, sizeof(file) - 1, in) : 0;
	unsigned line = 1;

	if (!in) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	fclose(in);
	if (len == table_len && memcmp(file, table, len) == 0)
		return 0;
	for (char *a = file, *b = table; *a || *b; line++) {
		size_t na = strcspn(a, "\n"), nb = strcspn(b, "\n");

		if (na != nb || memcmp(a, b, na) != 0)
			fprintf(stderr, "%s:%u: was %.*s\n%s:%u: is  %.*s\n", path, line, (int)na,
				a, path, line, (int)nb, b);
		a += na + (a[na] != '\0');
		b += nb + (b[nb] != '\0');
	}
	fprintf(stderr, "if that is meant to be so: make golden\n");
	return 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tables[] = { { "throughput", throughput }, { "fairness", fairness } };

	for (unsigned i = 0; i < count_of(tables); i++) {
		if (argc < 2 || strcmp(argv[1], tables[i].name) != 0)
			continue;
		tables[i].run();
		if (argc > 2)
			return compare(argv[2]);
		fputs(table, stdout);
		return 0;
	}
	fprintf(stderr, "usage: golden throughput|fairness [FILE]\n");
	return 2;
}
