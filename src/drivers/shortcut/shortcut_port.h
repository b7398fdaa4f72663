/*
 * shortcut_port.h - a device of the kernel that forwards by the engine's table of shortcuts.
 */
#ifndef CONVOY_DRIVERS_SHORTCUT_PORT_H
#define CONVOY_DRIVERS_SHORTCUT_PORT_H

#include "engine/engine.h"

/*
 * shortcut_port_open - main: hang the program on the device @index, whose interface has the link
 * address @mac; the first one makes the table. What the device receives and the program does not
 * forward reaches packet sockets for IPv4, IPv6 and ARP, and nobody else.
 * Returns a descriptor, with whose end the program goes, or a negative errno value: EPERM without
 * CAP_NET_ADMIN and CAP_BPF; others when the kernel has no tcx hooks (Linux 6.6).
 */
must_check
int shortcut_port_open(struct engine *e, int index, const uint8_t *mac);

#endif
