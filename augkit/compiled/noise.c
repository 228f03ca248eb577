/* Noise in one pass: the same bits as the NumPy code in augkit/noise, which says what is done and why. */
#include "library.h"

#define BLOCK 65536
#define CHUNK 1024
#define WATCH 64

typedef struct {
    uint64_t a, b, c, count;
} Sfc64;

static inline uint64_t next_word(Sfc64 *s) {
    const uint64_t word = s->a + s->b + s->count++;
    s->a = s->b ^ (s->b >> 11);
    s->b = s->c + (s->c << 3);
    s->c = ((s->c << 24) | (s->c >> 40)) + word;
    return word;
}

/* As `numpy.random.SFC64` is seeded with three words, and with the first `skipped` words passed over. */
static Sfc64 seeded(const unsigned char *seed, size_t skipped) {
    uint64_t words[3];
    memcpy(words, seed, sizeof words);
    Sfc64 s = {words[0], words[1], words[2], 1};
    for (size_t i = 0; i < 12 + skipped; i++) next_word(&s);
    return s;
}

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
    int16_t each[4 * CHUNK];
    if (channels <= 4) {
        for (size_t row = 0, i = 0; row < rows; row++)
            for (size_t channel = 0; channel < channels; channel++) each[i++] = difference[row];
        add_and_clip(in, each, out, rows * channels);
        return;
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t i = row * channels; i < (row + 1) * channels; i++) {
            const int total = in[i] + difference[row];
            out[i] = (uint8_t)(total < 0 ? 0 : total > 255 ? 255 : total);
        }
}

AUGKIT_WIDE
static int any_from(const uint16_t *words, uint16_t first, size_t count) {
    uint16_t found = 0;
    for (size_t i = 0; i < count; i++) found |= (uint16_t)(words[i] >= first);
    return found;
}

/* Add the lattice's differences to `count` rows of `channels` bytes each, from row `first` of the first block on.
 *
 * `seeds` has 24 bytes for each block. Escapes get the arbitrary difference of their slot; their words and rows are
 * listed. Stops behind the block in which the list grew to `most` or more, so lists hold `most` + BLOCK entries.
 * Returns the number of rows done.
 */
AUGKIT_API size_t augkit_add_lattice(
    const unsigned char *seeds, size_t first, size_t count, size_t channels, const uint8_t *in, uint8_t *out,
    const int16_t *table, uint32_t first_escape, size_t most, uint16_t *escape_words, int64_t *escape_rows,
    size_t *escapes) {
    union {
        uint64_t raw[CHUNK / 4];
        uint16_t words[CHUNK];
    } bits;
    int16_t difference[CHUNK];
    size_t done = 0, found = 0;
    for (; done < count && found < most; seeds += 24, first = 0) {
        Sfc64 s = seeded(seeds, first / 4);
        const size_t end = count - done < BLOCK - first ? count : done + BLOCK - first;
        for (size_t skipped = first % 4, rows; done < end; done += rows, skipped = 0) {
            const uint16_t *words = bits.words + skipped;
            rows = end - done < CHUNK - skipped ? end - done : CHUNK - skipped;
            for (size_t i = 0; i < CHUNK / 4; i++) bits.raw[i] = next_word(&s);
            for (size_t i = 0; i < rows; i++) difference[i] = table[words[i]];
            if (channels == 1)
                add_and_clip(in + done, difference, out + done, rows);
            else
                add_rows(in + done * channels, difference, out + done * channels, rows, channels);
            for (size_t i = 0; i < rows && first_escape <= UINT16_MAX; i += WATCH) {
                const size_t stop = rows - i < WATCH ? rows : i + WATCH;
                if (!any_from(words + i, (uint16_t)first_escape, stop - i)) continue;
                for (size_t j = i; j < stop; j++) {
                    if (words[j] < first_escape) continue;
                    escape_words[found] = words[j];
                    escape_rows[found++] = (int64_t)(done + j);
                }
            }
        }
    }
    *escapes = found;
    return done;
}
