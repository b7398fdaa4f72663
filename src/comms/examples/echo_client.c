/*
 * echo_client.c - sends bytes to an echo server and checks that the same come back; blocking calls.
 *
 *   echo-client ADDRESS PORT ROUNDS BYTES [CONNECTIONS]
 *
 * Makes CONNECTIONS (1) one after the other, and in each sends and receives BYTES, ROUNDS times.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "comms/convoy.h"

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int run_rounds(int cd, long rounds, char *out, char *in, size_t n)
{
	for (long i = 0; i < rounds; i++) {
		memset(out, (int)(i + 1), n);
		if (convoy_write(cd, out, n) != (ssize_t)n)
			return fail("write");
		if (convoy_recv(cd, in, n, MSG_WAITALL) != (ssize_t)n)
			return fail("recv");
		if (memcmp(out, in, n) != 0) {
			fprintf(stderr, "round %ld: other bytes came back\n", i);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	long connections = argc > 5 ? atol(argv[5]) : 1;
	double start = seconds(), took;
	char *out, *in;
	size_t n;

	if (argc < 5 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
		fprintf(stderr, "usage: echo-client ADDRESS PORT ROUNDS BYTES [CONNECTIONS]\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	n = (size_t)atol(argv[4]);
	out = malloc(n);
	in = malloc(n);
	for (long i = 0; i < connections; i++) {
		int cd = convoy_socket(AF_INET, SOCK_STREAM, 0);

		if (convoy_connect(cd, (struct sockaddr *)&at, sizeof(at)) < 0)
			return fail("connect");
		if (run_rounds(cd, atol(argv[3]), out, in, n))
			return 1;
		convoy_close(cd);
	}
	took = seconds() - start;
	printf("connections=%ld rounds=%s bytes=%zu seconds=%.3f\n", connections, argv[3], n, took);
	free(out);
	free(in);
	return 0;
}
