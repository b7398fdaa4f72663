/* net_config_devices.c - the tables of net.yaml's interfaces on devices of the kernel. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

static const struct config_field af_packet_fields[] = {
	{ .name = "device",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct af_packet_config, device),
	  .flags = CONFIG_REQUIRED | CONFIG_NOT_EMPTY },
	{ .name = "queues",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct af_packet_config, n_queues),
	  .min = 1,
	  .max = AF_PACKET_QUEUES_MAX },
	{ .name = "ring_mib",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct af_packet_config, ring_mib),
	  .min = 1,
	  .max = AF_PACKET_RING_MIB_MAX },
	{ .name = "no_offload",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, no_offload) },
	{ .name = "promiscuous",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, promiscuous) },
	{ .name = "exclusive",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, exclusive) },
};

const struct config_message net_af_packet_message = {
	.name = "af_packet",
	.size = sizeof(struct af_packet_config),
	.fields = af_packet_fields,
	.n_fields = count_of(af_packet_fields),
};
