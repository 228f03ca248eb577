/* The bits of streams, block by block: as augkit/noise/blocks.py has them. */
#ifndef AUGKIT_STREAM_H
#define AUGKIT_STREAM_H

#include "library.h"

#define BLOCK 65536
#define SEED 24
#define LANES 4
#define RAW 256
#define MOST_SAMPLES (4 * RAW)

/* Four blocks at a time, each with an SFC64 of its own: one by one, each word would wait for the one before it. */
typedef uint64_t Lanes __attribute__((vector_size(8 * LANES)));
typedef struct {
    Lanes a, b, c, count;
} Sfc64;

static inline void next_words(Sfc64 *s, Lanes *next) {
    const Lanes words = s->a + s->b + s->count;
    s->count += 1;
    s->a = s->b ^ (s->b >> 11);
    s->b = s->c + (s->c << 3);
    s->c = ((s->c << 24) | (s->c >> 40)) + words;
    *next = words;
}

/* As `numpy.random.SFC64` is seeded with three words; `skipped` words of each block are passed over. */
AUGKIT_WIDE
static void seed_lanes(Sfc64 *s, const unsigned char *seeds, size_t lanes, size_t skipped) {
    memset(s, 0, sizeof *s);
    for (size_t lane = 0; lane < lanes; lane++) {
        uint64_t words[3];
        memcpy(words, seeds + lane * SEED, sizeof words);
        s->a[lane] = words[0], s->b[lane] = words[1], s->c[lane] = words[2];
    }
    s->count += 1;
    Lanes words;
    for (size_t i = 0; i < 12 + skipped; i++) next_words(s, &words);
}

#define FILL_LANES                                                                                      \
    Sfc64 s = *state;                                                                                   \
    for (size_t i = 0; i < RAW; i++) {                                                                  \
        Lanes words;                                                                                    \
        next_words(&s, &words);                                                                         \
        for (size_t lane = 0; lane < LANES; lane++) raw[lane][i] = words[lane];                         \
    }                                                                                                   \
    *state = s;

AUGKIT_WIDE
static void fill_lanes(Sfc64 *state, uint64_t (*raw)[RAW]) { FILL_LANES }

#ifdef AUGKIT_X86
/* With rotations of vectors, which AVX2 has not. */
__attribute__((target("avx512f,avx512vl")))
static void fill_lanes_rotating(Sfc64 *state, uint64_t (*raw)[RAW]) { FILL_LANES }
#define AUGKIT_ROTATES __builtin_cpu_supports("avx512vl")
#else
#define fill_lanes_rotating fill_lanes
#define AUGKIT_ROTATES 0
#endif

/* The same for the first lane alone, in half the time. */
static void fill_lane(Sfc64 *state, uint64_t *raw) {
    uint64_t a = state->a[0], b = state->b[0], c = state->c[0], count = state->count[0];
    for (size_t i = 0; i < RAW; i++) {
        raw[i] = a + b + count++;
        a = b ^ (b >> 11);
        b = c + (c << 3);
        c = ((c << 24) | (c >> 40)) + raw[i];
    }
    state->a[0] = a, state->b[0] = b, state->c[0] = c, state->count[0] = count;
}

/* As `addressed_words` in augkit/noise/keys.py: SplitMix64. */
#define GAMMA UINT64_C(0x9E3779B97F4A7C15)

static uint64_t finalised(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t addressed_word(uint64_t seed, uint64_t index, uint64_t round) {
    return finalised(finalised((index + 1) * GAMMA + seed) + (round + 1) * GAMMA);
}

#define STRETCH 32

/* List the places of those of `count` words that, masked, are not below `first`: most stretches have none at all. */
#define DEFINE_LISTED(NAME, WORD, MASK)                                                                 \
    AUGKIT_WIDE static size_t NAME(const WORD *words, WORD first, size_t count, uint16_t *list) {       \
        size_t found = 0, at = 0;                                                                       \
        for (; at + STRETCH <= count; at += STRETCH) {                                                  \
            WORD any = 0;                                                                               \
            for (size_t i = at; i < at + STRETCH; i++) any |= (words[i] & (WORD)(MASK)) >= first;       \
            for (size_t i = at; any && i < at + STRETCH; i++)                                           \
                if ((words[i] & (WORD)(MASK)) >= first) list[found++] = (uint16_t)i;                    \
        }                                                                                               \
        for (; at < count; at++)                                                                        \
            if ((words[at] & (WORD)(MASK)) >= first) list[found++] = (uint16_t)at;                      \
        return found;                                                                                   \
    }

/* Samples to be settled later: their places. */
typedef struct {
    int64_t *places;
    size_t count, most;
} Escapes;

typedef void Piece(void *work, const void *words, size_t at, size_t count);

/* Have `piece` make samples 0 ... count - 1, some at a time, of which the first has number `first` in its block.
 *
 * `seeds` has those of all blocks, a raw word makes `per_raw` samples. Stops behind the blocks in which escapes, where
 * they are listed, grew to `most` or more: the list holds `most` + LANES * BLOCK of them. Returns how many samples are
 * done.
 */
static inline size_t walk(
    Piece *piece, void *work, const unsigned char *seeds, size_t first, size_t count, size_t per_raw,
    const Escapes *escapes) {
    uint64_t raw[LANES][RAW];
    const size_t width = 8 / per_raw, full = RAW * per_raw;
    size_t done = 0;
    void (*fill)(Sfc64 *, uint64_t (*)[RAW]) = AUGKIT_ROTATES ? fill_lanes_rotating : fill_lanes;
    while (done < count && !(escapes && escapes->count >= escapes->most)) {
        const size_t blocks = (first + count - done + BLOCK - 1) / BLOCK;
        const size_t lanes = first ? 1 : blocks < LANES ? blocks : LANES;
        const size_t whole = lanes * BLOCK - first, end = count - done < whole ? count : done + whole;
        const size_t longest = end - done < BLOCK - first ? end - done : BLOCK - first;
        size_t skipped = first % per_raw;
        Sfc64 s;
        seed_lanes(&s, seeds, lanes, first / per_raw);
        for (size_t at = 0; at < longest; at += full - skipped, skipped = 0) {
            lanes == 1 ? fill_lane(&s, raw[0]) : fill(&s, raw);
            for (size_t lane = 0; lane < lanes; lane++) {
                const size_t begin = done + lane * BLOCK + at;
                const size_t stop = lane + 1 < lanes ? begin - at + BLOCK : end;
                if (begin >= stop) continue;
                const size_t number = stop - begin < full - skipped ? stop - begin : full - skipped;
                piece(work, (const char *)raw[lane] + skipped * width, begin, number);
            }
        }
        seeds += lanes * SEED;
        done = end;
        first = 0;
    }
    return done;
}

#endif
