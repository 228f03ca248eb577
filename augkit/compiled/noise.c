/* Noise in one pass: the same bits as the NumPy code in augkit/noise, which says what is done and why. */
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

AUGKIT_WIDE
static void fill_lanes(Sfc64 *state, uint64_t (*raw)[RAW]) {
    Sfc64 s = *state;
    for (size_t i = 0; i < RAW; i++) {
        Lanes words;
        next_words(&s, &words);
        for (size_t lane = 0; lane < LANES; lane++) raw[lane][i] = words[lane];
    }
    *state = s;
}

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
static size_t walk(
    Piece *piece, void *work, const unsigned char *seeds, size_t first, size_t count, size_t per_raw,
    const Escapes *escapes) {
    uint64_t raw[LANES][RAW];
    const size_t width = 8 / per_raw, full = RAW * per_raw;
    size_t done = 0;
    while (done < count && !(escapes && escapes->count >= escapes->most)) {
        const size_t blocks = (first + count - done + BLOCK - 1) / BLOCK;
        const size_t lanes = first ? 1 : blocks < LANES ? blocks : LANES;
        const size_t whole = lanes * BLOCK - first, end = count - done < whole ? count : done + whole;
        const size_t longest = end - done < BLOCK - first ? end - done : BLOCK - first;
        size_t skipped = first % per_raw;
        Sfc64 s;
        seed_lanes(&s, seeds, lanes, first / per_raw);
        for (size_t at = 0; at < longest; at += full - skipped, skipped = 0) {
            lanes == 1 ? fill_lane(&s, raw[0]) : fill_lanes(&s, raw);
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

/* Return which share a place falls to: the number of ends that are not above it, in steps without a branch. */
static size_t share_of(const uint64_t *ends, size_t count, uint64_t place) {
    const uint64_t *above = ends;
    for (size_t left = count; left > 0; left /= 2) {
        const size_t half = (left + 1) / 2;
        above += above[half - 1] <= place ? half : 0;
    }
    return (size_t)(above - ends);
}

#define TOP 255
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
    const int64_t *first_escapes;
    const uint64_t *ends;
    uint64_t seed, number;
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
    int16_t each[4 * MOST_SAMPLES];
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

DEFINE_LISTED(list_shorts, uint16_t, UINT16_MAX)

/* Put the differences of escapes in place of the arbitrary ones of their slots. */
static void settle_differences(
    const Lattice *lattice, const uint16_t *words, int16_t *difference, size_t at, size_t count) {
    const int64_t first = *lattice->first_escapes;
    uint16_t places[MOST_SAMPLES];
    if (first > UINT16_MAX) return;
    const size_t found = list_shorts(words, (uint16_t)first, count, places);
    for (size_t i = 0; i < found; i++) {
        const uint64_t fine = addressed_word(lattice->seed, lattice->number + at + places[i], 0);
        const uint64_t place = (uint64_t)(words[places[i]] - first) << 32 | fine >> 32;
        difference[places[i]] = (int16_t)((int)share_of(lattice->ends, 2 * TOP + 1, place) - TOP);
    }
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

/* Add the lattice's differences to `count` rows of `channels` bytes each; see `walk`.
 *
 * `table` has 65536 differences of `width` bytes each, of which those from `first_escape` on are settled by `ends`, 511
 * of them; the first row has `number` in its stream, and `seed` is that of its further words.
 */
AUGKIT_API void augkit_add_lattice(
    const unsigned char *seeds, size_t first, size_t count, const uint8_t *in, uint8_t *out, uint64_t seed,
    uint64_t number, size_t channels, const void *table, size_t width, int64_t first_escape, const uint64_t *ends) {
    const int16_t *wide = width == 2 ? table : NULL;
    const int8_t *narrow = width == 1 ? table : NULL;
    Lattice lattice = {in, out, channels, wide, narrow, &first_escape, ends, seed, number};
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
    Lattice lattice = {in, out, 1, table, NULL, first_escapes, ends, seed, number};
    walk(values_piece, &lattice, seeds, first, count, 4, NULL);
}

#define SLOT_BITS 13
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

typedef struct {
    void *out;
    const void *slots;
    size_t first_escape;
    Escapes escapes;
} Strips;

DEFINE_LISTED(list_singles, uint32_t, SLOT_MASK)
DEFINE_LISTED(list_doubles, uint64_t, SLOT_MASK)

static void set_aside(const uint16_t *places, size_t found, size_t at, Escapes *escapes) {
    for (size_t i = 0; i < found; i++) escapes->places[escapes->count++] = (int64_t)(at + places[i]);
}

/* A slot's left edge and its step stand side by side. */
static void singles_piece(void *work, const void *given, size_t at, size_t count) {
    Strips *strips = work;
    const uint32_t *words = given;
    const float *slots = strips->slots;
    uint16_t places[MOST_SAMPLES];
    float *out = (float *)strips->out + at;
    for (size_t i = 0; i < count; i++) {
        const float *slot = slots + 2 * (words[i] & SLOT_MASK);
        out[i] = (float)(int32_t)(words[i] >> SLOT_BITS) * slot[1] + slot[0];
    }
    set_aside(places, list_singles(words, (uint32_t)strips->first_escape, count, places), at, &strips->escapes);
}

static void doubles_piece(void *work, const void *given, size_t at, size_t count) {
    Strips *strips = work;
    const uint64_t *words = given;
    const double *slots = strips->slots;
    uint16_t places[MOST_SAMPLES];
    double *out = (double *)strips->out + at;
    for (size_t i = 0; i < count; i++) {
        const double *slot = slots + 2 * (words[i] & SLOT_MASK);
        out[i] = (double)(int64_t)(words[i] >> SLOT_BITS) * slot[1] + slot[0];
    }
    set_aside(places, list_doubles(words, (uint64_t)strips->first_escape, count, places), at, &strips->escapes);
}

/* Fill `out` with `count` floats, or doubles where `width` is 8, from strips; see `walk`.
 *
 * Escapes get any value, and their places are listed, of which there are `*found` then. Returns how many samples are
 * done.
 */
AUGKIT_API size_t augkit_fill_strips(
    const unsigned char *seeds, size_t first, size_t count, void *out, size_t width, const void *slots,
    size_t first_escape, size_t most, int64_t *places, size_t *found) {
    Strips strips = {out, slots, first_escape, {places, 0, most}};
    Piece *piece = width == 8 ? doubles_piece : singles_piece;
    const size_t done = walk(piece, &strips, seeds, first, count, 8 / width, &strips.escapes);
    *found = strips.escapes.count;
    return done;
}

#define BOXES 4

/* Draw a candidate for each of `count` samples from boxes above the strips, or from the tail beyond them.
 *
 * A sample's words are those of `seeds`, one for all or one for each, its number and two rounds. `boxes` are rows of a
 * beginning, a width, a floor and a top; `shares` has an end for each box and then for the tail. Where the tail was
 * chosen, the height is -1 and the candidate a probability.
 */
AUGKIT_API void augkit_draw_boxes(
    size_t count, const uint64_t *seeds, size_t own_seeds, const uint64_t *numbers, uint64_t round,
    const double *boxes, const double *shares, size_t number_of_boxes, double tail, double *candidate, double *height,
    uint8_t *negative) {
    for (size_t i = 0; i < count; i++) {
        const uint64_t seed = seeds[own_seeds ? i : 0];
        const uint64_t one = addressed_word(seed, numbers[i], round), two = addressed_word(seed, numbers[i], round + 1);
        const double wanted = (double)(int64_t)(one >> 11) * 0x1p-53 * shares[number_of_boxes];
        const double *ends = shares;
        for (size_t left = number_of_boxes + 1; left > 0; left /= 2) {  /* in as many steps for each, without a branch */
            const size_t half = (left + 1) / 2;
            ends += ends[half - 1] <= wanted ? half : 0;
        }
        const size_t box = (size_t)(ends - shares);
        negative[i] = one & 1;
        if (box >= number_of_boxes) {
            candidate[i] = tail * (1 - (double)(int64_t)(two >> 11) * 0x1p-53);
            height[i] = -1;
            continue;
        }
        const double *b = boxes + box * BOXES;
        const double up = (double)(two & UINT32_MAX) * 0x1p-32, across = (double)(two >> 32) * 0x1p-32;
        candidate[i] = b[0] + across * b[1];
        height[i] = b[2] + up * (b[3] - b[2]);
    }
}

/* Write clean + scale * unit, rounded after each of the two, and tell whether all of it is finite. */
#define DEFINE_ADD_SCALED(NAME, FLOAT, BITS, EXPONENT)                                                     \
    AUGKIT_WIDE static BITS NAME(const FLOAT *clean, const FLOAT *unit, FLOAT scale, FLOAT *out, size_t count) { \
        BITS odd = 0;                                                                                      \
        for (size_t i = 0; i < count; i++) {                                                               \
            const FLOAT noise = unit[i] * scale, total = noise + clean[i];                                 \
            BITS bits;                                                                                     \
            memcpy(&bits, &total, sizeof bits);                                                            \
            odd |= (BITS)((bits & EXPONENT) == EXPONENT);                                                  \
            out[i] = total;                                                                                \
        }                                                                                                  \
        return odd;                                                                                        \
    }

DEFINE_ADD_SCALED(add_scaled_singles, float, uint32_t, UINT32_C(0x7F800000))
DEFINE_ADD_SCALED(add_scaled_doubles, double, uint64_t, UINT64_C(0x7FF0000000000000))

AUGKIT_API size_t augkit_add_scaled(
    const void *clean, const void *unit, double scale, void *out, size_t count, size_t width) {
    if (width == 8) return !add_scaled_doubles(clean, unit, scale, out, count);
    return !add_scaled_singles(clean, unit, (float)scale, out, count);
}

#define RATIO 8
#define SURE 1e-12
#define HALFWAY 1e-4
#define MOST_TURNS 32

/* The upper quantile of the normal law by AS 241, PPND16, in the branch that tails lie in, to 28 significant bits.
 *
 * Tells whether these bits are the same for whatever logarithm is right to 1 part in 10**12. `ratio` has the coefficients
 * of numerator and denominator side by side, the highest powers first.
 */
static int short_quantile(double q, const double *ratio, double *quantile) {
    if (!(q > 2e-11 && q < 0.07)) return 0;
    const double r = sqrt(-log(q)) - 1.6;
    double above = ratio[0], below = ratio[1];
    for (size_t i = 1; i < RATIO; i++) {
        above = above * r + ratio[2 * i];
        below = below * r + ratio[2 * i + 1];
    }
    int exponent;
    const double fine = frexp(above / below, &exponent) * 0x1p28, whole = rint(fine), off = fabs(fine - whole);
    *quantile = ldexp(whole, exponent - 28);
    return off < 0.5 - HALFWAY;
}

/* Draw one escape of the normal law as above; tell whether that is what any right exponential function leads to. */
static int settled(
    uint64_t seed, uint64_t number, const double *boxes, const double *shares, size_t number_of_boxes, double tail,
    const double *ratio, double *sample) {
    for (uint64_t turn = 0; turn < MOST_TURNS; turn++) {
        double x, height;
        uint8_t negative;
        augkit_draw_boxes(
            1, &seed, 0, &number, 2 * turn, boxes, shares, number_of_boxes, tail, &x, &height, &negative);
        if (height < 0) {
            if (!short_quantile(x, ratio, &x)) return 0;
        } else {
            const double density = exp(-0.5 * (x * x)) * 0.39894228040143267794;
            if (fabs(height - density) <= SURE * density) return 0;
            if (height > density) continue;
        }
        *sample = negative ? -x : x;
        return 1;
    }
    return 0;
}

/* Settle escapes of the normal law at `places` of `out`, of floats, or of doubles where `width` is 8.
 *
 * `start` is the number of the first sample of `out` in its stream, `seed` that of further words. The places of those
 * that a library's last bit might decide are put in `left`, and are not settled. Returns how many they are.
 */
AUGKIT_API size_t augkit_settle_normal(
    const int64_t *places, size_t count, void *out, size_t width, uint64_t seed, uint64_t start, const double *boxes,
    const double *shares, size_t number_of_boxes, double tail, const double *ratio, int64_t *left) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        double sample;
        const uint64_t number = start + (uint64_t)places[i];
        if (!settled(seed, number, boxes, shares, number_of_boxes, tail, ratio, &sample)) left[found++] = places[i];
        else if (width == 8) ((double *)out)[places[i]] = sample;
        else ((float *)out)[places[i]] = (float)sample;
    }
    return found;
}
