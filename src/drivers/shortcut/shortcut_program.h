/*
 * shortcut_program.h - the program that forwards packets where they arrive, in the kernel, by the
 * table of engine/shortcut.h. It hangs on a device's tcx hook (Linux 6.6), before packet sockets
 * that are bound to one protocol.
 *
 *   device ──> program ──┬── plain, and its destination is in the table: TTL, MACs ──> egress
 *                        ├── other IPv4 and IPv6, ARP ──> packet sockets ──> graph
 *                        └── all else ──> dropped
 *
 * The kernel's own stack sees nothing of the device: what goes on is marked as for another host.
 * See README.md for what is plain.
 */
#ifndef CONVOY_DRIVERS_SHORTCUT_PROGRAM_H
#define CONVOY_DRIVERS_SHORTCUT_PROGRAM_H

#include "base/compiler.h"

/*
 * shortcut_program_load - for the device @index (the kernel's number) with the link address @mac,
 * six bytes; @map is of a struct shortcut_table. A descriptor or a negative errno value.
 */
must_check
int shortcut_program_load(int map, int index, const uint8_t *mac);

#endif
