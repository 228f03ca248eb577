/* Noise on bytes in one pass: the same bits as the NumPy code in augkit/noise/lattice.py and values.py. */
#include "stream.h"

#ifdef AUGKIT_X86
#include <immintrin.h>
#endif

/* Return which share a place falls to: the number of ends that are not above it, in steps without a branch. */
static size_t share_of(const uint64_t *ends, size_t count, uint64_t place) {
    const uint64_t *above = ends;
    for (size_t left = count; left > 0; left /= 2) {
        const size_t half = (left + 1) / 2;
        above += half & -(size_t)(above[half - 1] <= place);
    }
    return (size_t)(above - ends);
}

#define TOP 255
#define ATOMS (2 * TOP + 1)
#define VALUES 256
#define VALUE_SLOT_BITS 12

/* What an output is, as 16 bits without a sign, from which on it stands for an escape: below 0. */
#define ESCAPE 0x8000

typedef struct {
    const uint8_t *in;
    uint8_t *out;
    size_t channels;
    const int16_t *table;
    const int8_t *narrow;
    const int64_t *edges, *first_escapes;
    const uint64_t *ends;
    uint64_t seed, number;
} Lattice;

static inline uint8_t clipped(int total) { return (uint8_t)(total < 0 ? 0 : total > 255 ? 255 : total); }

AUGKIT_WIDE
static void add_and_clip(const uint8_t *in, const int16_t *difference, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int16_t total = (int16_t)(in[i] + difference[i]);
        total = total < 0 ? 0 : total;
        out[i] = (uint8_t)(total > 255 ? 255 : total);
    }
}

/* The same, where the channels of a row share one difference. */
static void add_rows(const uint8_t *in, const int16_t *difference, uint8_t *out, size_t rows, size_t channels) {
    int16_t each[4 * MOST_SAMPLES];
    if (channels <= 4) {
        for (size_t row = 0, i = 0; row < rows; row++)
            for (size_t channel = 0; channel < channels; channel++) each[i++] = difference[row];
        add_and_clip(in, each, out, rows * channels);
        return;
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t i = row * channels; i < (row + 1) * channels; i++) {
            out[i] = clipped(in[i] + difference[row]);
        }
}

DEFINE_LISTED(list_shorts, uint16_t, UINT16_MAX)

/* Return the difference of an escape: that of the sample at `at`, whose slot is `word`. */
static int settled_difference(const Lattice *lattice, uint16_t word, size_t at) {
    const uint64_t fine = addressed_word(lattice->seed, lattice->number + at, 0);
    const uint64_t place = (uint64_t)(word - lattice->edges[ATOMS - 1]) << 32 | fine >> 32;
    return (int)share_of(lattice->ends, ATOMS, place) - TOP;
}

/* Put the differences of escapes in place of the arbitrary ones of their slots. */
static void settle_differences(
    const Lattice *lattice, const uint16_t *words, int16_t *difference, size_t at, size_t count) {
    const int64_t first = lattice->edges[ATOMS - 1];
    uint16_t places[MOST_SAMPLES];
    if (first > UINT16_MAX) return;
    const size_t found = list_shorts(words, (uint16_t)first, count, places);
    for (size_t i = 0; i < found; i++)
        difference[places[i]] = (int16_t)settled_difference(lattice, words[places[i]], at + places[i]);
}

/* Look differences up: of a table of bytes, where they fit, half is in the nearest cache, of one of 16 bits a quarter. */
static void look_up(const Lattice *lattice, const uint16_t *words, int16_t *difference, size_t count) {
    const int16_t *table = lattice->table;
    const int8_t *narrow = lattice->narrow;
    if (narrow)
        for (size_t i = 0; i < count; i++) difference[i] = narrow[words[i]];
    else
        for (size_t i = 0; i < count; i++) difference[i] = table[words[i]];
}

static void lattice_piece(void *work, const void *given, size_t at, size_t rows) {
    const Lattice *lattice = work;
    const uint16_t *words = given;
    const size_t channels = lattice->channels;
    int16_t difference[MOST_SAMPLES];
    look_up(lattice, words, difference, rows);
    settle_differences(lattice, words, difference, at, rows);
    if (channels == 1)
        add_and_clip(lattice->in + at, difference, lattice->out + at, rows);
    else
        add_rows(lattice->in + at * channels, difference, lattice->out + at * channels, rows, channels);
}

#ifdef AUGKIT_X86

#define STEPS 3
#define LEAST_BUCKETED 4096

/* The table once more, by the upper byte of a word: along a bucket of 256 slots differences rise by one at a few steps.
 *
 * A sample's is that of the first slot, of which `size` has the amount, and how many of the `steps` are below its lower
 * byte. Buckets before `middle` begin below 0. Those beyond `first` + `span` have more steps, or escapes.
 */
typedef struct {
    const Lattice *lattice;
    uint8_t size[256], steps[STEPS][256], middle, first, span;
} Buckets;

/* Fill the buckets from the ends of the atoms' slots; return 0 where most samples lie beyond them. */
static int make_buckets(Buckets *buckets, const Lattice *lattice) {
    const int64_t *edges = lattice->edges;
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
        easy[bucket] = count <= STEPS && end <= edges[ATOMS - 1];
        buckets->size[bucket] = (uint8_t)(atom < TOP ? TOP - atom : atom - TOP);
        if (atom < TOP) buckets->middle = (uint8_t)(bucket + 1);
    }
    size_t first = 128, last = 127;
    while (first > 0 && easy[first - 1]) first--;
    while (last < 255 && easy[last + 1]) last++;
    buckets->first = (uint8_t)first;
    buckets->span = (uint8_t)(last - first);
    return last >= first + 128;
}

#define WITH_BUCKETS __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2")))

/* Return the entry of a table for each of 64 bytes. */
WITH_BUCKETS static inline __m512i entries(const __m512i *table, __m512i bytes, __mmask64 upper) {
    const __m512i low = _mm512_permutex2var_epi8(table[0], bytes, table[1]);
    return _mm512_mask_blend_epi8(upper, low, _mm512_permutex2var_epi8(table[2], bytes, table[3]));
}

/* Make the samples at listed places by the table and, where they are escapes, by what settles these. */
static void one_by_one(const Lattice *lattice, const uint16_t *words, const uint16_t *list, size_t count, size_t at) {
    const uint8_t *in = lattice->in + at;
    uint8_t *out = lattice->out + at;
    const int64_t first_escape = lattice->edges[ATOMS - 1];
    uint16_t escapes[MOST_SAMPLES + 1];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const uint16_t place = list[i], word = words[place];
        out[place] = clipped(in[place] + (lattice->narrow ? lattice->narrow[word] : lattice->table[word]));
        escapes[found] = place;
        found += word >= first_escape;
    }
    for (size_t i = 0; i < found; i++) {
        const uint16_t place = escapes[i];
        out[place] = clipped(in[place] + settled_difference(lattice, words[place], at + place));
    }
}

WITH_BUCKETS static void bucket_piece(void *work, const void *given, size_t at, size_t count) {
    const Buckets *buckets = work;
    const Lattice *lattice = buckets->lattice;
    const uint16_t *words = given;
    const uint8_t *in = lattice->in + at;
    uint8_t *out = lattice->out + at;
    const __m512i one = _mm512_set1_epi8(1), even = _mm512_set_epi8(
        126, 124, 122, 120, 118, 116, 114, 112, 110, 108, 106, 104, 102, 100, 98, 96, 94, 92, 90, 88, 86, 84, 82, 80,
        78, 76, 74, 72, 70, 68, 66, 64, 62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28, 26, 24,
        22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_add_epi8(even, one), middle = _mm512_set1_epi8((char)buckets->middle);
    const __m512i first = _mm512_set1_epi8((char)buckets->first), span = _mm512_set1_epi8((char)buckets->span);
    const __m512i numbers = _mm512_set_epi16(
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,
        1, 0);
    __m512i size[4], steps[STEPS][4];
    memcpy(size, buckets->size, sizeof size);
    memcpy(steps, buckets->steps, sizeof steps);
    uint16_t list[MOST_SAMPLES + 64];
    size_t found = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        const __m512i left = _mm512_loadu_si512(words + i), right = _mm512_loadu_si512(words + i + 32);
        const __m512i lower = _mm512_permutex2var_epi8(left, even, right);
        const __m512i bucket = _mm512_permutex2var_epi8(left, odd, right);
        const __mmask64 upper = _mm512_movepi8_mask(bucket), below = _mm512_cmplt_epu8_mask(bucket, middle);
        const __m512i amount = entries(size, bucket, upper);
        __m512i passed = _mm512_setzero_si512();
        for (size_t step = 0; step < STEPS; step++) {
            const __mmask64 is_passed = _mm512_cmpgt_epu8_mask(lower, entries(steps[step], bucket, upper));
            passed = _mm512_mask_add_epi8(passed, is_passed, passed, one);
        }
        const __m512i less = _mm512_maskz_mov_epi8(below, amount), more = _mm512_maskz_mov_epi8(~below, amount);
        const __m512i up = _mm512_adds_epu8(more, _mm512_subs_epu8(passed, less));
        const __m512i total = _mm512_adds_epu8(_mm512_loadu_si512(in + i), up);
        _mm512_storeu_si512(out + i, _mm512_subs_epu8(total, _mm512_subs_epu8(less, passed)));
        const __mmask64 beyond = _mm512_cmpgt_epu8_mask(_mm512_sub_epi8(bucket, first), span);
        for (size_t half = 0; half < 2; half++) {
            const __mmask32 those = (__mmask32)(beyond >> 32 * half);
            const __m512i places = _mm512_add_epi16(numbers, _mm512_set1_epi16((short)(i + 32 * half)));
            _mm512_storeu_si512(list + found, _mm512_maskz_compress_epi16(those, places));
            found += (size_t)__builtin_popcount(those);
        }
    }
    for (; i < count; i++) list[found++] = (uint16_t)i;
    one_by_one(lattice, words, list, found, at);
}

#endif

/* Add the lattice's differences to `count` rows of `channels` bytes each; see `walk`.
 *
 * `table` has 65536 differences of `width` bytes each, of which those from the last of `edges` on are settled by `ends`;
 * `edges` tells behind which slot each of the 511 differences ends. The first row has `number` in its stream, and `seed`
 * is that of its further words.
 */
AUGKIT_API void augkit_add_lattice(
    const unsigned char *seeds, size_t first, size_t count, const uint8_t *in, uint8_t *out, uint64_t seed,
    uint64_t number, size_t channels, const void *table, size_t width, const int64_t *edges, const uint64_t *ends) {
    const int16_t *wide = width == 2 ? table : NULL;
    const int8_t *narrow = width == 1 ? table : NULL;
    Lattice lattice = {in, out, channels, wide, narrow, edges, NULL, ends, seed, number};
#ifdef AUGKIT_X86
    Buckets buckets;
    if (channels == 1 && count >= LEAST_BUCKETED && __builtin_cpu_supports("avx512vbmi2") &&
        make_buckets(&buckets, &lattice)) {
        walk(bucket_piece, &buckets, seeds, first, count, 4, NULL);
        return;
    }
#endif
    walk(lattice_piece, &lattice, seeds, first, count, 4, NULL);
}

AUGKIT_WIDE
static void to_bytes(const uint16_t *outputs, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)outputs[i];
}

static void values_piece(void *work, const void *given, size_t at, size_t count) {
    const Lattice *lattice = work;
    const uint16_t *words = given;
    uint8_t *out = lattice->out + at, values[MOST_SAMPLES];
    uint16_t outputs[MOST_SAMPLES];
    uint16_t places[MOST_SAMPLES];
    memcpy(values, lattice->in + at, count);
    for (size_t i = 0; i < count; i++)
        outputs[i] = (uint16_t)lattice->table[(size_t)values[i] << VALUE_SLOT_BITS | words[i] >> (16 - VALUE_SLOT_BITS)];
    to_bytes(outputs, out, count);
    const size_t found = list_shorts(outputs, ESCAPE, count, places);
    for (size_t i = 0; i < found; i++) {
        const uint64_t value = values[places[i]], slot = words[places[i]] >> (16 - VALUE_SLOT_BITS);
        const uint64_t fine = addressed_word(lattice->seed, lattice->number + at + places[i], 0);
        const uint64_t place = value << 48 | (slot - (uint64_t)lattice->first_escapes[value]) << 36 | fine >> 28;
        out[places[i]] = (uint8_t)share_of(lattice->ends + value * VALUES, VALUES, place);
    }
}

/* Write an output of each of `count` bytes; see `walk`.
 *
 * `table` has 4096 outputs for each value, of which those from its `first_escapes` on are -1 and are settled by its
 * `ends`, 256 for each value; the rest is as above.
 */
AUGKIT_API void augkit_apply_values(
    const unsigned char *seeds, size_t first, size_t count, const uint8_t *in, uint8_t *out, uint64_t seed,
    uint64_t number, const int16_t *table, const int64_t *first_escapes, const uint64_t *ends) {
    Lattice lattice = {in, out, 1, table, NULL, NULL, first_escapes, ends, seed, number};
    walk(values_piece, &lattice, seeds, first, count, 4, NULL);
}

