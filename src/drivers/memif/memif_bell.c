/* memif_bell.c - see memif_bell.h. */
#include "drivers/memif/memif_bell.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memfd.h"

enum { COMPLETIONS = 256 /* that lie there at once: more than there are workers */ };

void memif_ringer_open(struct memif_ringer *r)
{
	*r = (struct memif_ringer){ .nothing_fd = memfd_new("convoy-nothing", MFD_CLOEXEC) };
	if (r->nothing_fd >= 0 && syscall(SYS_io_setup, COMPLETIONS, &r->context) == 0)
		return;
	r->context = 0;
	log_warn("memif.bell",
		 "error=\"no asynchronous I/O (CONFIG_AIO, fs.aio-max-nr): %s\" "
		 "consequence=\"a hostile peer can make a worker wait\"",
		 strerror(errno));
}

void memif_ringer_close(struct memif_ringer *r)
{
	if (r->context)
		syscall(SYS_io_destroy, r->context);
	if (r->nothing_fd >= 0)
		close(r->nothing_fd);
	*r = (struct memif_ringer){ .nothing_fd = -1 };
}

/* The only way on systems without asynchronous I/O. */
static void write_one(int fd)
{
	uint64_t one = 1;

	/* It fails when the counter is full, and then it is readable anyhow. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void memif_ring_bell(const struct memif_ringer *r, int fd)
{
	uint8_t byte;
	struct iocb read_nothing = { .aio_lio_opcode = IOCB_CMD_PREAD,
				     .aio_fildes = (uint32_t)r->nothing_fd,
				     .aio_buf = (uintptr_t)&byte,
				     .aio_nbytes = sizeof(byte),
				     .aio_flags = IOCB_FLAG_RESFD,
				     .aio_resfd = (uint32_t)fd };
	struct iocb *list[] = { &read_nothing };
	struct io_event done;
	struct timespec now = { 0 };

	if (!r->context) {
		write_one(fd);
		return;
	}
	/* It is complete when the first call returns; the second takes the note of that away. */
	if (syscall(SYS_io_submit, r->context, 1, list) == 1)
		(void)syscall(SYS_io_getevents, r->context, 0, 1, &done, &now);
}
