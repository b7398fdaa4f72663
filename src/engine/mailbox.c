/* mailbox.c - messages from any thread to one. */
#include <errno.h>
#include <sys/eventfd.h>

#include "base/err.h"
#include "engine/mailbox.h"

int mailbox_init(struct mailbox *m)
{
	m->newest = NULL;
	m->sleeping = 0;
	m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return m->wake_fd < 0 ? err_of_errno(errno) : 0;
}

void mailbox_deinit(struct mailbox *m)
{
	close(m->wake_fd);
	m->wake_fd = -1;
}

void mailbox_post(struct mailbox *m, struct mail *mail)
{
	struct mail *old = __atomic_load_n(&m->newest, __ATOMIC_RELAXED);

	do {
		mail->next = old;
	} while (!__atomic_compare_exchange_n(&m->newest, &old, mail, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	mailbox_wake(m);
}

unsigned mailbox_run(struct mailbox *m, void *consumer)
{
	struct mail *newest, *oldest = NULL;
	unsigned n = 0;

	if (likely(mailbox_empty(m)))
		return 0;
	newest = __atomic_exchange_n(&m->newest, NULL, __ATOMIC_ACQUIRE);
	while (newest) {
		struct mail *older = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = older;
	}
	for (; oldest; n++) {
		struct mail *mail = oldest;

		oldest = mail->next;
		mail->deliver(consumer, mail);
	}
	return n;
}

void mailbox_ring(struct mailbox *m)
{
	uint64_t one = 1;

	/* Full means that 2^64 - 2 rings are unheard: it is readable all the same. */
	if (write(m->wake_fd, &one, sizeof(one)) < 0)
		invariant(errno == EAGAIN);
}

void mailbox_clear_fd(struct mailbox *m)
{
	uint64_t rings;

	if (read(m->wake_fd, &rings, sizeof(rings)) < 0)
		invariant(errno == EAGAIN);
}
