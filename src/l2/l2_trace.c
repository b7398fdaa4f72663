/* l2_trace.c - interfaces and addresses of traced frames. */
#include "l2/l2_trace.h"

#include "wire/ethernet.h"

void l2_trace_interface(struct writer *out, const struct engine *e, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(e, if_index);

	put_text(out, i ? i->name : "gone");
}

void l2_trace_macs(struct writer *out, const struct trace_hop *hop)
{
	struct ethernet frame;

	if (ethernet_parse(slice_of(hop->bytes, hop->n_bytes), &frame) != 0)
		return;
	put_text(out, ", ");
	mac_print(out, &frame.src);
	put_text(out, " > ");
	mac_print(out, &frame.dst);
}

void l2_trace_received(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	l2_trace_interface(out, e, trace_buf(hop)->rx_if);
	l2_trace_macs(out, hop);
}
