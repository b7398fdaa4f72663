/* port_probe.c - from DPDK's name of a device to a port that nobody else has, and back. */
#include "drivers/dpdk/module/module.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int port_fail(char *why, size_t why_bytes, int rc, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(why, why_bytes, format, args);
	va_end(args);
	len = strlen(why);
	snprintf(why + len, why_bytes - len, ": %s", rte_strerror(-rc));
	return err_of_errno(-rc);
}

/* Devices that would take packets to lie somewhere else than they do here. */
static const char *fault_of(const char *device)
{
	if (strncmp(device, "net_af_xdp", strlen("net_af_xdp")) == 0)
		return "DPDK's net_af_xdp wants packets right behind its mbufs; write af_xdp: { "
		       "device: … } instead, which copies less";
	if (strstr(device, "zero-copy=yes"))
		return "net_memif shares DPDK's own memory when it does not copy, and our buffers "
		       "are not in it; write memif: instead, or leave out zero-copy";
	if (strncmp(device, "net_bonding", strlen("net_bonding")) == 0 ||
	    strncmp(device, "eth_bond", strlen("eth_bond")) == 0)
		return "bonds are not supported: their members would be started by two";
	return NULL;
}

static bool find(const char *device, uint16_t *id)
{
	struct rte_dev_iterator at;
	uint16_t port;

	RTE_ETH_FOREACH_MATCHING_DEV(port, device, &at)
	{
		rte_eth_iterator_cleanup(&at);
		*id = port;
		return true;
	}
	return false;
}

/* The device's name without its arguments. */
static void bare_name(const char *device, char *out, size_t room)
{
	snprintf(out, room, "%.*s", (int)strcspn(device, ","), device);
}

/* Nobody else's, from now on. */
static int own(struct dpdk_port *p, const char *device, char *why, size_t why_bytes)
{
	struct rte_eth_dev_owner owner = { .name = "convoy" };
	int rc = rte_eth_dev_owner_new(&owner.id);

	if (rc == 0)
		rc = rte_eth_dev_owner_set(p->id, &owner);
	if (rc == 0) {
		p->owner = owner.id;
		return 0;
	}
	snprintf(why, why_bytes, "%s is in use by another interface", device);
	return ERR_BUSY;
}

int port_probe(struct dpdk_port *p, const char *device, char *why, size_t why_bytes)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev_info info;
	const char *fault = fault_of(device);
	int rc;

	if (fault) {
		snprintf(why, why_bytes, "%s", fault);
		return ERR_UNSUPPORTED;
	}
	bare_name(device, name, sizeof(name));
	if (!find(name, &p->id)) {
		eal_clear_complaint();
		rc = rte_dev_probe(device);
		if (rc < 0 && rc != -EEXIST) {
			snprintf(why, why_bytes,
				 "DPDK cannot make a device of \"%.80s\": %.120s (a card has to be "
				 "bound to vfio-pci)",
				 device, eal_complaint());
			return ERR_NOENT;
		}
		if (!find(name, &p->id)) {
			snprintf(why, why_bytes, "DPDK's device \"%.80s\" is no network device",
				 device);
			return ERR_NOENT;
		}
	}
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc < 0)
		return port_fail(why, why_bytes, rc, "device \"%.80s\"", device);
	p->device = info.device;
	p->if_index = info.if_index;
	return own(p, device, why, why_bytes);
}

void port_leave(struct dpdk_port *p)
{
	struct rte_device *device = p->device;

	rte_eth_dev_owner_unset(p->id, p->owner);
	if (rte_eth_dev_is_valid_port(p->id))
		rte_eth_dev_close(p->id);
	if (device && rte_dev_is_probed(device))
		rte_dev_remove(device);
}
