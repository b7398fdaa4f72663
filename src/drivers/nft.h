/*
 * nft.h - the one nftables table that drivers put into the kernel. It belongs to a socket, with
 * whose last copy it goes, also when the process was killed (NFT_TABLE_F_OWNER, Linux 5.12).
 */
#ifndef CONVOY_DRIVERS_NFT_H
#define CONVOY_DRIVERS_NFT_H

#include "base/compiler.h"

/*
 * nft_hide_from_kernel - drop every packet that @device receives before the kernel's own stack sees
 * it; packet sockets and XDP come first and still do. For kernels without tcx (bpf.h), which is
 * cheaper. In the network namespace of the caller; needs CAP_NET_ADMIN and CONFIG_NF_TABLES_NETDEV.
 * Returns a descriptor or a negative errno value.
 */
must_check
int nft_hide_from_kernel(const char *device);

#endif
