/* module.c - convoy-dpdk.so: the table that convoyd looks for. */
#include "drivers/dpdk/module/module.h"

#include <rte_version.h>

__attribute__((visibility("default"))) extern const struct dpdk_module convoy_dpdk_module;

const struct dpdk_module convoy_dpdk_module = {
	.abi = DPDK_MODULE_ABI,
	.host_bytes = sizeof(struct dpdk_host),
	.buf_bytes = BUF_STRIDE,
	.version = RTE_VER_PREFIX
	" " RTE_STR(RTE_VER_YEAR) "." RTE_STR(RTE_VER_MONTH) "." RTE_STR(RTE_VER_MINOR),
	.start = eal_start,
	.get_mbufs = mbufs_get,
	.put_mbufs = mbufs_put,
	.open = port_open,
	.close = port_close,
	.look = port_look,
	.set_mtu = port_set_mtu,
	.set_link_up = port_set_link_up,
	.rx_fd = port_rx_fd,
	.rx_arm = port_rx_arm,
	.receive = burst_receive,
	.send = burst_send,
};
