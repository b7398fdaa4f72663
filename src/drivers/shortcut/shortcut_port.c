/* shortcut_port.c - the table's map, and hanging the program on a device. */
#include "drivers/shortcut/shortcut_port.h"

#include <errno.h>
#include <unistd.h>

#include "drivers/bpf.h"
#include "drivers/shortcut/shortcut_program.h"
#include "engine/shortcut.h"

static int open_table(struct engine *e)
{
	int map;

	if (shortcuts_of_or_null(e))
		return 0;
	map = bpf_shared_value(sizeof(struct shortcut_table));
	if (map < 0)
		return map;
	if (shortcuts_open(e, map) == 0)
		return 0;
	close(map);
	return -ENOMEM;
}

int shortcut_port_open(struct engine *e, int index, const uint8_t *mac)
{
	int err = open_table(e), program, link;

	if (err < 0)
		return err;
	program = shortcut_program_load(shortcuts_of_or_null(e)->map_fd, index, mac);
	if (program < 0)
		return program;
	link = bpf_hang_on_ingress(program, index);
	close(program);
	return link;
}
