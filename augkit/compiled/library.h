/* Shared by all sources of the library: plain C11, no Python in it, nothing that allocates, nothing that fails. */
#ifndef AUGKIT_LIBRARY_H
#define AUGKIT_LIBRARY_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are cut into samples as on little-endian machines"
#endif
#if FLT_EVAL_METHOD != 0
#error "floats have to be rounded after every operation"
#endif

#ifdef __FAST_MATH__
#error "sums of floats may not be put in another order"
#endif

/* The loop that follows, once for AVX2 and once for any machine; which one runs is chosen when the library is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define AUGKIT_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define AUGKIT_WIDE
#endif

/* Where instructions beyond AVX2 are named, to be used where the machine has them. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(AUGKIT_PLAIN)
#define AUGKIT_X86
#endif

#define AUGKIT_API __attribute__((visibility("default")))

/* A hash of the sources, given by who compiles them. */
AUGKIT_API uint64_t augkit_sources(void);

#endif
