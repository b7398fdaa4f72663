/*
 * compiler.h - the few compiler features that the rest of the tree relies on.
 * The only place, apart from files that the build selects, where #if is used.
 */
#ifndef CONVOY_BASE_COMPILER_H
#define CONVOY_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)			 __builtin_expect(!!(x), 1)
#define unlikely(x)			 __builtin_expect(!!(x), 0)
#define must_check			 __attribute__((warn_unused_result))
#define no_return			 __attribute__((noreturn))
#define printf_like(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define cacheline_aligned		 __attribute__((aligned(64)))
#define unused_arg			 __attribute__((unused))
#define no_inline			 __attribute__((noinline))
#define force_inline			 inline __attribute__((always_inline))

#define count_of(array)			(sizeof(array) / sizeof((array)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define prefetch_read(ptr)		__builtin_prefetch((ptr), 0, 3)
#define prefetch_write(ptr)		__builtin_prefetch((ptr), 1, 3)

/*
 * cpu_clones - build the function twice, with and without a population count instruction, and let
 * the loader choose. For the loops of nodes that need it; static functions only, which clang 14
 * alone can call. Not with sanitizers, which start later than the loader's choice.
 */
#if defined(__has_feature)
#define compiler_has(feature) __has_feature(feature)
#else
#define compiler_has(feature) 0
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&      \
	!compiler_has(address_sanitizer) && !compiler_has(thread_sanitizer)
#define cpu_clones __attribute__((target_clones("default", "popcnt")))
#else
#define cpu_clones
#endif

/* Built with a sanitizer: figures of memory and time mean nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) };
#else
enum { SANITIZED = false };
#endif

/* Stops a loop that waits for another core from starving its sibling. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Time stamp counter: cycles since boot, for cost accounting only. */
static inline uint64_t cpu_cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	return 0;
#endif
}

/* invariant - our own promise; checked in release builds because memory safety hangs on it. */
#define invariant(condition)                                                                       \
	((condition) ? (void)0 : invariant_broken(#condition, __FILE__, __LINE__))
no_return void invariant_broken(const char *what, const char *file, int line);

#endif
