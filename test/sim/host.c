/* host.c - a simulated host's life: engine, packets, turns. socket.c has its applications. */
#include "host.h"

#include <stdlib.h>

#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

/* --- what stands in for IP --- */

static struct sim_host *host_of(const struct worker *w)
{
	return w->engine->module[MODULE_IP4];
}

void sim_host_fix_checksums(uint8_t *packet, uint32_t len)
{
	struct ip4_hdr *ip = (void *)packet;
	struct tcp_hdr *tcp = (void *)(packet + IP4_HDR_LEN);
	uint64_t sum;

	ip->len = be16_of((uint16_t)len);
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_ip4_header(ip));
	tcp->checksum = be16_of(0);
	sum = checksum_pseudo4(ip->src, ip->dst, IP_TCP, (uint16_t)(len - IP4_HDR_LEN));
	tcp->checksum = checksum_field(sum + checksum_sum(tcp, len - IP4_HDR_LEN));
}

/* The checksum field must hold the pseudo-header's sum: what a device starts from. */
static void check_seed(const uint8_t *packet, uint32_t len)
{
	const struct ip4_hdr *ip = (const void *)packet;
	const struct tcp_hdr *tcp = (const void *)(packet + IP4_HDR_LEN);
	be16 seed = checksum_raw(
		checksum_pseudo4(ip->src, ip->dst, IP_TCP, (uint16_t)(len - IP4_HDR_LEN)));

	invariant(memcmp(&seed, &tcp->checksum, sizeof(seed)) == 0);
	invariant(host16(ip->len) == len);
}

/* Cut a super-segment as a network card would, and let each packet go. */
static void cut_and_transmit(struct sim_host *h, struct buf *b)
{
	static uint8_t whole[BUF_CHAIN_BYTES];
	uint32_t len = buf_copy_out(b, 0, whole, sizeof(whole));
	const struct tcp_hdr *tcp = (const void *)(whole + IP4_HDR_LEN);
	uint32_t header = IP4_HDR_LEN + tcp_hdr_len(tcp), payload = len - header;
	uint32_t step = b->gso_type ? b->gso_size : payload;

	check_seed(whole, len);
	for (uint32_t at = 0; at == 0 || at < payload; at += step ? step : 1) {
		uint8_t packet[SIM_PACKET_MAX];
		uint32_t n = payload - at < step ? payload - at : step;
		struct tcp_hdr *cut = (void *)(packet + IP4_HDR_LEN);

		invariant(header + n <= SIM_MTU);
		memcpy(packet, whole, header);
		memcpy(packet + header, whole + header + at, n);
		cut->seq = be32_of(host32(tcp->seq) + at);
		if (at + n < payload)
			cut->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		sim_host_fix_checksums(packet, header + n);
		h->transmit(h, packet, header + n);
	}
}

static unsigned lookup_run(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++)
		cut_and_transmit(host_of(w), buf_at(f->base, f->idx[i]));
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static const struct node_type lookup_node = { .name = "ip4-lookup", .run = lookup_run };

void sim_host_receive(struct sim_host *h, const uint8_t *packet, uint32_t len)
{
	struct worker *w = h->worker;
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *b;

	if (!idx)
		return; /* the pool is empty: as good as lost */
	b = buf_at(w->bufs.pool->base, idx);
	memcpy(buf_append(b, len), packet, len);
	b->l3_at = b->at;
	buf_pull(b, IP4_HDR_LEN);
	b->l4_at = b->at;
	node_send_to(w, h->input_node, idx);
}

/* --- turns --- */

void sim_host_turn(struct sim_host *h)
{
	while (worker_turn(h->worker) > 0)
		;
}

void sim_host_relieve(struct sim_host *h)
{
	h->busy = false;
	h->engine->n_relieved++;
}

uint64_t sim_host_next_ns(const struct sim_host *h)
{
	return wheel_next_ns(&h->worker->wheel);
}

struct sim_host *sim_host_new(const struct clock *clock, const char *address,
			      const struct tcp_settings *settings)
{
	static const struct node_type *const nodes[] = { &drop_node, &tcp4_input_node,
							 &tcp4_output_node, &handoff_node,
							 &lookup_node };
	const struct engine_options options = {
		.nodes = nodes, .n_nodes = count_of(nodes), .clock = clock, .seed = 1
	};
	struct sim_host *h = calloc(1, sizeof(*h));

	invariant(h && engine_new(&options, &h->engine) == 0);
	invariant(ip4_from_text(address, &h->address) == 0);
	h->worker = h->engine->worker[0];
	h->engine->module[MODULE_IP4] = h;
	h->worker->now_ns = clock_now_ns(clock);
	invariant(tcp_init(h->engine, settings) == 0);
	h->input_node = graph_node_id(&h->engine->graph, "tcp4-input");
	h->capacity = 960 * 1024;
	h->reads_at_once = true;
	return h;
}

void sim_host_free(struct sim_host *h)
{
	tcp_deinit(h->engine);
	/* Every packet buffer has come back. */
	invariant(h->worker->bufs.n_taken == h->worker->bufs.n_given);
	engine_free(h->engine);
	free(h);
}

uint64_t sim_count(struct sim_host *h, const char *node, const char *name)
{
	const struct node *n = &h->worker->graph.node[graph_node_id(&h->engine->graph, node)];

	for (unsigned i = 0; i < n->type->n_reasons; i++)
		if (strcmp(n->type->reasons[i].name, name) == 0)
			return n->reasons[i];
	return UINT64_MAX;
}
