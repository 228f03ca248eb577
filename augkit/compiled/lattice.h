/* The differences that noise makes of bytes, as augkit/noise/lattice.py has them. */
#ifndef AUGKIT_LATTICE_H
#define AUGKIT_LATTICE_H

#include "stream.h"

#define SLOTS 65536
#define TOP 255
#define ATOMS (2 * TOP + 1)
#define NEAR 4

/* `table` or `narrow` has the difference of each slot, but for escapes, which are those behind the last of `edges`; `ends`
 * are those of the atoms' shares of escapes, of which `shares` has the first that may end behind each slot's beginning.
 */
typedef struct {
    const uint8_t *in;
    uint8_t *out;
    size_t channels;
    const int16_t *table;
    const int8_t *narrow;
    const int64_t *edges, *first_escapes;
    const uint64_t *ends;
    uint64_t seed, number;
    uint16_t shares[ATOMS];
} Lattice;

static inline uint8_t clipped(int total) { return (uint8_t)(total < 0 ? 0 : total > 255 ? 255 : total); }

/* Return the difference of an escape: that of the sample at `at`, whose slot is `word`. */
static inline int settled_difference(const Lattice *lattice, uint16_t word, size_t at) {
    const uint64_t slot = word - (uint64_t)lattice->edges[ATOMS - 1];
    const uint64_t place = slot << 32 | addressed_word(lattice->seed, lattice->number + at, 0) >> 32;
    const size_t first = lattice->shares[slot];
    size_t share = first;
    for (size_t i = 0; i < NEAR; i++) share += lattice->ends[first + i] <= place;
    while (share >= first + NEAR && lattice->ends[share] <= place) share++;
    return (int)share - TOP;
}

/* Make all samples by buckets, which needs no table; return 0, with nothing done, where the machine or the law is not made for it. */
int augkit_add_by_buckets(Lattice *lattice, const unsigned char *seeds, size_t first, size_t count);

#endif
