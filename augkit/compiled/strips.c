/* Noise on floats in one pass: the same bits as the NumPy code in augkit/noise/strips.py, which says what is done and why. */
#include "stream.h"

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
