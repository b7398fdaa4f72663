/* switch_mark.c - the sequence that nobody is in. */
#include "base/switch_mark.h"

#include <sys/rseq.h>

/*
 * The kernel asks for a signature in front of the place to go to, and never goes there: no
 * instruction has an address inside of @sequence.
 */
static const struct {
	uint32_t sequence, signature, go_to;
} target = { 0, RSEQ_SIG, 0 };

static struct rseq_cs nowhere; /* the same for all threads; only written to say the same again */

bool switch_mark_known(void)
{
	return __rseq_size != 0;
}

struct switch_mark switch_mark_of_thread(void)
{
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

	if (!switch_mark_known())
		return (struct switch_mark){ 0 };
	__atomic_store_n(&nowhere.start_ip, (uintptr_t)&target.sequence, __ATOMIC_RELAXED);
	__atomic_store_n(&nowhere.post_commit_offset, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&nowhere.abort_ip, (uintptr_t)&target.go_to, __ATOMIC_RELAXED);
	return (struct switch_mark){ (uint64_t *)(void *)&area->rseq_cs, (uintptr_t)&nowhere };
}
