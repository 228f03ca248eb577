/* The lattice by AVX-512: 64 samples at a time. */
#include "lattice.h"

#ifdef AUGKIT_X86

#include <immintrin.h>
#include <stdlib.h>

#define STEPS 3
#define LEAST_BUCKETED 4096

/* The table once more, by the upper byte of a word: along a bucket of 256 slots differences rise by one at a few steps.
 *
 * A sample's is that of the first slot, of which `size` has the amount, and how many of the `steps` are below its lower
 * byte. Buckets before `middle` begin below 0, which is never the last, as laws are symmetric. Slots of those before `first`
 * and beyond `first` + `span`, which have more steps, have `amounts` of their own.
 */
typedef struct {
    const Lattice *lattice;
    uint8_t size[256], steps[STEPS][256], middle, first, span, amounts[SLOTS];
} Buckets;

/* Fill the amounts of the slots from `begin` to `end`. */
static void fill_amounts(Buckets *buckets, int64_t begin, int64_t end) {
    const int64_t *edges = buckets->lattice->edges;
    for (int atom = 0; begin < end; atom++) {
        const int64_t stop = edges[atom] < end ? edges[atom] : end;
        if (stop <= begin) continue;
        memset(buckets->amounts + begin, abs(atom - TOP), (size_t)(stop - begin));
        begin = stop;
    }
}

/* Fill the buckets from the ends of the atoms' slots; return 0 where most samples lie beyond them. */
static int make_buckets(Buckets *buckets, const Lattice *lattice) {
    const int64_t *edges = lattice->edges, first_escape = edges[ATOMS - 1];
    uint8_t easy[256];
    size_t atom = 0;
    buckets->lattice = lattice;
    buckets->middle = 0;
    for (int64_t bucket = 0; bucket < 256; bucket++) {
        const int64_t begin = 256 * bucket, end = begin + 256;
        while (atom < ATOMS - 1 && edges[atom] <= begin) atom++;
        size_t count = 0;
        while (atom + count < ATOMS && edges[atom + count] < end) count++;
        for (size_t i = 0; i < STEPS; i++)
            buckets->steps[i][bucket] = (uint8_t)(i < count ? edges[atom + i] - begin - 1 : 255);
        easy[bucket] = count <= STEPS && end <= first_escape;
        buckets->size[bucket] = (uint8_t)(atom < TOP ? TOP - atom : atom - TOP);
        if (atom < TOP) buckets->middle = (uint8_t)(bucket + 1);
    }
    int64_t first = 128, last = 127;
    while (first > 0 && easy[first - 1]) first--;
    while (last < 255 && easy[last + 1]) last++;
    if (last < first + 128) return 0;
    buckets->first = (uint8_t)first;
    buckets->span = (uint8_t)(last - first);
    fill_amounts(buckets, 0, 256 * first);
    fill_amounts(buckets, 256 * (last + 1), first_escape);
    memset(buckets->amounts + first_escape, 0, (size_t)(SLOTS - first_escape));
    return 1;
}

#define WITH_BUCKETS __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2")))

/* Return the entry of a table for each of 64 bytes. */
WITH_BUCKETS static inline __m512i entries(const __m512i *table, __m512i bytes, __mmask64 upper) {
    const __m512i low = _mm512_permutex2var_epi8(table[0], bytes, table[1]);
    return _mm512_mask_blend_epi8(upper, low, _mm512_permutex2var_epi8(table[2], bytes, table[3]));
}

/* Take those of 64 words aside that `chosen` has, in their order; return where the next may go. */
WITH_BUCKETS static inline uint16_t *take_aside(uint16_t *list, __m512i left, __m512i right, __mmask64 chosen) {
    _mm512_storeu_si512(list, _mm512_maskz_compress_epi16((__mmask32)chosen, left));
    list += __builtin_popcount((__mmask32)chosen);
    _mm512_storeu_si512(list, _mm512_maskz_compress_epi16((__mmask32)(chosen >> 32), right));
    return list + __builtin_popcount((__mmask32)(chosen >> 32));
}

/* Do those samples again whose slots, of which `count` were taken aside, are escapes.
 *
 * Of each 64 samples those that `beyond` has were taken, and `taken` says how many then were.
 */
WITH_BUCKETS static void settle_aside(
    const Buckets *buckets, const uint16_t *slots, size_t count, const uint64_t *beyond, const uint16_t *taken,
    size_t at) {
    const Lattice *lattice = buckets->lattice;
    const __m512i last = _mm512_set1_epi16((short)(lattice->edges[ATOMS - 1] - 1)), ends = _mm512_loadu_si512(taken);
    uint16_t escapes[MOST_SAMPLES];
    size_t found = 0;
    for (size_t i = 0; i < count; i += 32) {
        const __mmask32 there = count - i < 32 ? (1u << (count - i)) - 1 : UINT32_MAX;
        __mmask32 chosen = _mm512_mask_cmpgt_epu16_mask(there, _mm512_loadu_si512(slots + i), last);
        for (; chosen; chosen &= chosen - 1) escapes[found++] = (uint16_t)(i + (size_t)__builtin_ctz(chosen));
    }
    for (size_t i = 0; i < found; i++) {
        const __mmask32 before = _mm512_cmple_epu16_mask(ends, _mm512_set1_epi16((short)escapes[i]));
        const size_t group = (size_t)__builtin_popcount(before);
        const size_t number = escapes[i] - (group ? taken[group - 1] : 0u);
        const size_t place = at + 64 * group + (size_t)__builtin_ctzll(_pdep_u64(UINT64_C(1) << number, beyond[group]));
        const int difference = settled_difference(lattice, slots[escapes[i]], place);
        lattice->out[place] = clipped(lattice->in[place] + difference);
    }
}

/* Return the difference of any slot, in steps. */
static int difference_of(const Lattice *lattice, uint16_t word, size_t at) {
    int atom = 0;
    if (word >= lattice->edges[ATOMS - 1]) return settled_difference(lattice, word, at);
    for (int step = (ATOMS + 1) / 2; step; step /= 2)
        if (atom + step < ATOMS && lattice->edges[atom + step - 1] <= word) atom += step;
    return atom - TOP;
}

/* Samples beyond the buckets are looked up first, one by one, and put between those that are made 64 at a time. */
WITH_BUCKETS static void bucket_piece(void *work, const void *given, size_t at, size_t count) {
    const Buckets *buckets = work;
    const Lattice *lattice = buckets->lattice;
    const uint16_t *words = given;
    const uint8_t *in = lattice->in + at;
    uint8_t *out = lattice->out + at;
    const size_t whole = count / 64 * 64;
    uint8_t places[64];
    for (size_t i = 0; i < sizeof places; i++) places[i] = (uint8_t)(2 * i);
    const __m512i one = _mm512_set1_epi8(1), even = _mm512_loadu_si512(places);
    const __m512i odd = _mm512_add_epi8(even, one), middle = _mm512_set1_epi8((char)buckets->middle);
    const __m512i first = _mm512_set1_epi8((char)buckets->first), span = _mm512_set1_epi8((char)buckets->span);
    uint64_t beyond[MOST_SAMPLES / 64];
    uint16_t slots[MOST_SAMPLES + 64], taken[32], *end = slots;
    uint8_t amounts[MOST_SAMPLES + 64], *next = amounts;
    for (size_t i = 0; i < whole; i += 64) {
        const __m512i left = _mm512_loadu_si512(words + i), right = _mm512_loadu_si512(words + i + 32);
        const __m512i bucket = _mm512_permutex2var_epi8(left, odd, right);
        beyond[i / 64] = _mm512_cmpgt_epu8_mask(_mm512_sub_epi8(bucket, first), span);
        end = take_aside(end, left, right, beyond[i / 64]);
        taken[i / 64] = (uint16_t)(end - slots);
    }
    for (size_t i = 0; i < (size_t)(end - slots); i++) amounts[i] = buckets->amounts[slots[i]];
    __m512i size[4], steps[STEPS][4];
    memcpy(size, buckets->size, sizeof size);
    memcpy(steps, buckets->steps, sizeof steps);
    for (size_t i = 0; i < whole; i += 64) {
        const __m512i left = _mm512_loadu_si512(words + i), right = _mm512_loadu_si512(words + i + 32);
        const __m512i lower = _mm512_permutex2var_epi8(left, even, right);
        const __m512i bucket = _mm512_permutex2var_epi8(left, odd, right);
        const __mmask64 upper = _mm512_movepi8_mask(bucket), below = _mm512_cmplt_epu8_mask(bucket, middle);
        __m512i passed = _mm512_setzero_si512();
        for (size_t step = 0; step < STEPS; step++) {
            const __mmask64 is_passed = _mm512_cmpgt_epu8_mask(lower, entries(steps[step], bucket, upper));
            passed = _mm512_mask_add_epi8(passed, is_passed & ~beyond[i / 64], passed, one);
        }
        const __m512i amount = _mm512_mask_expand_epi8(
            entries(size, bucket, upper), beyond[i / 64], _mm512_loadu_si512(next));
        next += __builtin_popcountll(beyond[i / 64]);
        const __m512i less = _mm512_maskz_mov_epi8(below, amount), more = _mm512_maskz_mov_epi8(~below, amount);
        const __m512i up = _mm512_adds_epu8(more, _mm512_subs_epu8(passed, less));
        const __m512i total = _mm512_adds_epu8(_mm512_loadu_si512(in + i), up);
        _mm512_storeu_si512(out + i, _mm512_subs_epu8(total, _mm512_subs_epu8(less, passed)));
    }
    for (size_t i = whole; i < count; i++) out[i] = clipped(in[i] + difference_of(lattice, words[i], at + i));
    memset(taken + whole / 64, 255, sizeof taken - whole / 64 * sizeof *taken);
    settle_aside(buckets, slots, (size_t)(end - slots), beyond, taken, at);
}

int augkit_add_by_buckets(Lattice *lattice, const unsigned char *seeds, size_t first, size_t count) {
    Buckets buckets;
    if (lattice->channels != 1 || count < LEAST_BUCKETED || !__builtin_cpu_supports("avx512vbmi2")) return 0;
    if (!make_buckets(&buckets, lattice)) return 0;
    walk(bucket_piece, &buckets, seeds, first, count, 4, NULL);
    return 1;
}

#else

int augkit_add_by_buckets(Lattice *lattice, const unsigned char *seeds, size_t first, size_t count) {
    (void)lattice, (void)seeds, (void)first, (void)count;
    return 0;
}

#endif
