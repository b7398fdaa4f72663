/* net_config_devices.c - the tables of net.yaml's interfaces on devices of the kernel. */
#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

static const struct config_enum_value program_values[] = {
	{ "auto", BPF_SENDER_AUTO, NULL },
	{ "never", BPF_SENDER_NEVER, NULL },
	{ "always", BPF_SENDER_ALWAYS, NULL },
};
static const struct config_enum programs = { program_values, count_of(program_values) };

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
	{ .name = "bypass_qdisc",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, bypass_qdisc) },
	{ .name = "promiscuous",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, promiscuous) },
	{ .name = "exclusive",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, exclusive) },
	{ .name = "shortcuts",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_packet_config, shortcuts) },
	{ .name = "send_by_program",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct af_packet_config, program),
	  .values = &programs },
};

const struct config_message net_af_packet_message = {
	.name = "af_packet",
	.size = sizeof(struct af_packet_config),
	.fields = af_packet_fields,
	.n_fields = count_of(af_packet_fields),
};

static const struct config_enum_value copying_values[] = {
	{ "auto", AF_XDP_COPY_AUTO, NULL },
	{ "never", AF_XDP_COPY_NEVER, NULL },
	{ "always", AF_XDP_COPY_ALWAYS, NULL },
};
static const struct config_enum copyings = { copying_values, count_of(copying_values) };

static const struct config_enum_value mode_values[] = {
	{ "auto", AF_XDP_MODE_AUTO, NULL },
	{ "native", AF_XDP_MODE_NATIVE, NULL },
	{ "generic", AF_XDP_MODE_GENERIC, NULL },
};
static const struct config_enum modes = { mode_values, count_of(mode_values) };

static const struct config_field af_xdp_fields[] = {
	{ .name = "device",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct af_xdp_config, device),
	  .flags = CONFIG_REQUIRED | CONFIG_NOT_EMPTY },
	{ .name = "queues",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct af_xdp_config, n_queues),
	  .min = 1,
	  .max = AF_XDP_QUEUES_MAX },
	{ .name = "ring",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct af_xdp_config, ring),
	  .min = AF_XDP_RING_MIN,
	  .max = AF_XDP_RING_MAX },
	{ .name = "busy_poll_us",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct af_xdp_config, busy_poll_us),
	  .max = 10000 },
	{ .name = "promiscuous",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct af_xdp_config, promiscuous) },
	{ .name = "copy",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct af_xdp_config, copying),
	  .values = &copyings },
	{ .name = "mode",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct af_xdp_config, mode),
	  .values = &modes },
	{ .name = "send_by_program",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct af_xdp_config, program),
	  .values = &programs },
};

const struct config_message net_af_xdp_message = {
	.name = "af_xdp",
	.size = sizeof(struct af_xdp_config),
	.fields = af_xdp_fields,
	.n_fields = count_of(af_xdp_fields),
};

static const struct config_field dpdk_fields[] = {
	{ .name = "device",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct dpdk_config, device),
	  .flags = CONFIG_REQUIRED | CONFIG_NOT_EMPTY },
	{ .name = "queues",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct dpdk_config, n_queues),
	  .min = 1,
	  .max = DPDK_QUEUES_MAX },
	{ .name = "descriptors",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct dpdk_config, n_descriptors),
	  .min = DPDK_DESCRIPTORS_MIN,
	  .max = DPDK_DESCRIPTORS_MAX },
	{ .name = "poll_ms",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct dpdk_config, poll_ms),
	  .min = 1,
	  .max = 1000 },
	{ .name = "promiscuous",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct dpdk_config, promiscuous) },
	{ .name = "no_offload",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct dpdk_config, no_offload) },
};

const struct config_message net_dpdk_message = {
	.name = "dpdk",
	.size = sizeof(struct dpdk_config),
	.fields = dpdk_fields,
	.n_fields = count_of(dpdk_fields),
};

static const struct config_field dpdk_settings_fields[] = {
	{ .name = "eal",
	  .type = CONFIG_STRING_LIST,
	  .offset = offsetof(struct dpdk_settings, eal),
	  .n_offset = offsetof(struct dpdk_settings, n_eal) },
};

const struct config_message net_dpdk_settings_message = {
	.name = "dpdk",
	.size = sizeof(struct dpdk_settings),
	.fields = dpdk_settings_fields,
	.n_fields = count_of(dpdk_settings_fields),
};

static const struct config_field pcap_fields[] = {
	{ .name = "read",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct pcap_config, read),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "rate",
	  .type = CONFIG_U64,
	  .offset = offsetof(struct pcap_config, rate_pps),
	  .min = 1,
	  .max = 1000000000 },
	{ .name = "as_recorded",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct pcap_config, as_recorded) },
	{ .name = "loops", .type = CONFIG_U64, .offset = offsetof(struct pcap_config, loops) },
	{ .name = "write",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct pcap_config, write),
	  .flags = CONFIG_NOT_EMPTY },
};

static const struct pcap_config pcap_defaults = { .loops = 1 };

const struct config_message net_pcap_message = {
	.name = "pcap",
	.size = sizeof(struct pcap_config),
	.defaults = &pcap_defaults,
	.fields = pcap_fields,
	.n_fields = count_of(pcap_fields),
};
