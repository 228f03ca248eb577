/* Noise on bytes in one pass: the same bits as the NumPy code in augkit/noise/lattice.py and values.py. */
#include "lattice.h"

#define VALUES 256
#define VALUE_SLOT_BITS 12

/* What an output is, as 16 bits without a sign, from which on it stands for an escape: below 0. */
#define ESCAPE 0x8000

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

/* Find the share that each slot of escapes begins with, or one before it. */
static void begin_shares(Lattice *lattice) {
    const size_t escapes = (size_t)(SLOTS - lattice->edges[ATOMS - 1]);
    for (size_t slot = 0, share = 0; slot < escapes && slot < ATOMS; slot++) {
        while (share < ATOMS - NEAR && lattice->ends[share] >> 32 < slot) share++;
        lattice->shares[slot] = (uint16_t)share;
    }
}

/* Add the lattice's differences to `count` rows of `channels` bytes each; see `walk`.
 *
 * `table` has 65536 differences of `width` bytes each, of which those from the last of `edges` on are settled by `ends`;
 * `edges` tells behind which slot each of the 511 differences ends. The first row has `number` in its stream, and `seed`
 * is that of its further words. Returns 0, with nothing done, where a table is needed and is NULL.
 */
AUGKIT_API int augkit_add_lattice(
    const unsigned char *seeds, size_t first, size_t count, const uint8_t *in, uint8_t *out, uint64_t seed,
    uint64_t number, size_t channels, const int64_t *edges, const uint64_t *ends, const void *table, size_t width) {
    const int16_t *wide = width == 2 ? table : NULL;
    const int8_t *narrow = width == 1 ? table : NULL;
    Lattice lattice = {in, out, channels, wide, narrow, edges, NULL, ends, seed, number, {0}};
    begin_shares(&lattice);
    if (augkit_add_by_buckets(&lattice, seeds, first, count)) return 1;
    if (!table) return 0;
    walk(lattice_piece, &lattice, seeds, first, count, 4, NULL);
    return 1;
}

/* Return which share a place falls to: the number of ends that are not above it, in steps without a branch. */
static size_t share_of(const uint64_t *ends, size_t count, uint64_t place) {
    const uint64_t *above = ends;
    for (size_t left = count; left > 0; left /= 2) {
        const size_t half = (left + 1) / 2;
        above += half & -(size_t)(above[half - 1] <= place);
    }
    return (size_t)(above - ends);
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
    Lattice lattice = {in, out, 1, table, NULL, NULL, first_escapes, ends, seed, number, {0}};
    walk(values_piece, &lattice, seeds, first, count, 4, NULL);
}

