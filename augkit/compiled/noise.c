/* Noise in one pass: the same bits as the NumPy code in augkit/noise, which says what is done and why. */
#include "library.h"

#define BLOCK 65536
#define SEED 24
#define LANES 4
#define RAW 256
#define WATCH 64

/* Four blocks at a time, each with an SFC64 of its own: one by one, each word would wait for the one before it. */
typedef uint64_t Lanes __attribute__((vector_size(8 * LANES)));
typedef struct {
    Lanes a, b, c, count;
} Sfc64;

static inline Lanes next_words(Sfc64 *s) {
    const Lanes words = s->a + s->b + s->count;
    s->count += 1;
    s->a = s->b ^ (s->b >> 11);
    s->b = s->c + (s->c << 3);
    s->c = ((s->c << 24) | (s->c >> 40)) + words;
    return words;
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
    for (size_t i = 0; i < 12 + skipped; i++) next_words(s);
}

AUGKIT_WIDE
static void fill_lanes(Sfc64 *state, uint64_t (*raw)[RAW]) {
    Sfc64 s = *state;
    for (size_t i = 0; i < RAW; i++) {
        const Lanes words = next_words(&s);
        for (size_t lane = 0; lane < LANES; lane++) raw[lane][i] = words[lane];
    }
    *state = s;
}

/* Samples that are settled later: their words, where these are of use and short, and their places. */
typedef struct {
    uint16_t *words;
    int64_t *places;
    size_t count;
} Escapes;

typedef void Piece(void *work, const void *words, size_t at, size_t count, Escapes *escapes);

/* Have `piece` make samples 0 ... count - 1, some at a time, of which the first has number `first` in its block.
 *
 * `seeds` has those of all blocks, a raw word makes `per_raw` samples. Stops behind the blocks in which escapes grew to
 * `most` or more, so their list holds `most` + LANES * BLOCK of them. Returns how many samples are done.
 */
static size_t walk(
    Piece *piece, void *work, const unsigned char *seeds, size_t first, size_t count, size_t per_raw, size_t most,
    Escapes *escapes) {
    uint64_t raw[LANES][RAW];
    const size_t width = 8 / per_raw, full = RAW * per_raw;
    size_t done = 0;
    while (done < count && escapes->count < most) {
        const size_t blocks = (first + count - done + BLOCK - 1) / BLOCK;
        const size_t lanes = first ? 1 : blocks < LANES ? blocks : LANES;
        const size_t whole = lanes * BLOCK - first, end = count - done < whole ? count : done + whole;
        const size_t longest = end - done < BLOCK - first ? end - done : BLOCK - first;
        size_t skipped = first % per_raw;
        Sfc64 s;
        seed_lanes(&s, seeds, lanes, first / per_raw);
        for (size_t at = 0; at < longest; at += full - skipped, skipped = 0) {
            fill_lanes(&s, raw);
            for (size_t lane = 0; lane < lanes; lane++) {
                const size_t begin = done + lane * BLOCK + at;
                const size_t stop = lane + 1 < lanes ? begin - at + BLOCK : end;
                if (begin >= stop) continue;
                const size_t number = stop - begin < full - skipped ? stop - begin : full - skipped;
                piece(work, (const char *)raw[lane] + skipped * width, begin, number, escapes);
            }
        }
        seeds += lanes * SEED;
        done = end;
        first = 0;
    }
    return done;
}

#define CHUNK (4 * RAW)

typedef struct {
    const uint8_t *in;
    uint8_t *out;
    size_t channels;
    const int16_t *table;
    size_t first_escape;
} Lattice;

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

static void lattice_piece(void *work, const void *given, size_t at, size_t rows, Escapes *escapes) {
    const Lattice *lattice = work;
    const uint16_t *words = given;
    const size_t channels = lattice->channels, first = lattice->first_escape;
    int16_t difference[CHUNK];
    for (size_t i = 0; i < rows; i++) difference[i] = lattice->table[words[i]];
    if (channels == 1)
        add_and_clip(lattice->in + at, difference, lattice->out + at, rows);
    else
        add_rows(lattice->in + at * channels, difference, lattice->out + at * channels, rows, channels);
    for (size_t i = 0; i < rows && first <= UINT16_MAX; i += WATCH) {
        const size_t stop = rows - i < WATCH ? rows : i + WATCH;
        if (!any_from(words + i, (uint16_t)first, stop - i)) continue;
        for (size_t j = i; j < stop; j++) {
            if (words[j] < first) continue;
            escapes->words[escapes->count] = words[j];
            escapes->places[escapes->count++] = (int64_t)(at + j);
        }
    }
}

/* Add the lattice's differences to `count` rows of `channels` bytes each; see `walk`.
 *
 * Escapes get the arbitrary difference of their slot, and their words are listed.
 */
AUGKIT_API size_t augkit_add_lattice(
    const unsigned char *seeds, size_t first, size_t count, const uint8_t *in, uint8_t *out, size_t channels,
    const int16_t *table, size_t first_escape, size_t most, uint16_t *words, int64_t *places, size_t *found) {
    Lattice lattice = {in, out, channels, table, first_escape};
    Escapes escapes = {words, places, 0};
    const size_t done = walk(lattice_piece, &lattice, seeds, first, count, 4, most, &escapes);
    *found = escapes.count;
    return done;
}

#define SLOT_BITS 13
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

typedef struct {
    void *out;
    const void *slots;
    size_t first_escape;
} Strips;

/* List the samples whose slot is an escape. */
#define DEFINE_SET_ASIDE(NAME, WORD)                                                                           \
    AUGKIT_WIDE static int any_##NAME(const WORD *words, WORD first, size_t count) {                           \
        WORD found = 0;                                                                                        \
        for (size_t i = 0; i < count; i++) found |= (words[i] & SLOT_MASK) >= first;                           \
        return found != 0;                                                                                     \
    }                                                                                                          \
    static void set_aside_##NAME(const WORD *words, size_t first, size_t at, size_t count, Escapes *escapes) { \
        for (size_t i = 0; i < count; i += WATCH) {                                                            \
            const size_t stop = count - i < WATCH ? count : i + WATCH;                                         \
            if (!any_##NAME(words + i, (WORD)first, stop - i)) continue;                                       \
            for (size_t j = i; j < stop; j++)                                                                  \
                if ((words[j] & SLOT_MASK) >= first) escapes->places[escapes->count++] = (int64_t)(at + j);    \
        }                                                                                                      \
    }

DEFINE_SET_ASIDE(singles, uint32_t)
DEFINE_SET_ASIDE(doubles, uint64_t)

/* A slot's left edge and its step stand side by side. */
static void singles_piece(void *work, const void *given, size_t at, size_t count, Escapes *escapes) {
    const Strips *strips = work;
    const uint32_t *words = given;
    const float(*slots)[2] = strips->slots;
    float *out = (float *)strips->out + at;
    for (size_t i = 0; i < count; i++) {
        const float *slot = slots[words[i] & SLOT_MASK];
        out[i] = (float)(int32_t)(words[i] >> SLOT_BITS) * slot[1] + slot[0];
    }
    set_aside_singles(words, strips->first_escape, at, count, escapes);
}

static void doubles_piece(void *work, const void *given, size_t at, size_t count, Escapes *escapes) {
    const Strips *strips = work;
    const uint64_t *words = given;
    const double(*slots)[2] = strips->slots;
    double *out = (double *)strips->out + at;
    for (size_t i = 0; i < count; i++) {
        const double *slot = slots[words[i] & SLOT_MASK];
        out[i] = (double)(int64_t)(words[i] >> SLOT_BITS) * slot[1] + slot[0];
    }
    set_aside_doubles(words, strips->first_escape, at, count, escapes);
}

/* Fill `out` with `count` floats, or doubles where `width` is 8, from strips; see `walk`. Escapes get any value. */
AUGKIT_API size_t augkit_fill_strips(
    const unsigned char *seeds, size_t first, size_t count, void *out, size_t width, const void *slots,
    size_t first_escape, size_t most, uint16_t *words, int64_t *places, size_t *found) {
    Strips strips = {out, slots, first_escape};
    Escapes escapes = {words, places, 0};
    Piece *piece = width == 8 ? doubles_piece : singles_piece;
    const size_t done = walk(piece, &strips, seeds, first, count, 8 / width, most, &escapes);
    *found = escapes.count;
    return done;
}
