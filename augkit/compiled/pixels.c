/* Bytes of images: measured, and filtered as PNG has it (W3C PNG 3, chapter 9); the same as the NumPy code that calls. */
#include "library.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* As many squares of bytes as a 32-bit sum holds, and as many ones as one of 8 bits. */
#define BLOCK 32768
#define FEW 255

/* Bytes that are made at a time, on their way. */
#define PIECE 4096

typedef struct {
    int32_t noise, signal, clipped;
} Sums;

AUGKIT_WIDE
static Sums sums_of(const uint8_t *clean, const uint8_t *noisy, size_t count) {
    int32_t noise = 0, signal = 0, clipped = 0;
    for (size_t i = 0; i < count; i++) {
        const int16_t before = clean[i], moved = (int16_t)(noisy[i] - clean[i]);
        noise += moved * moved;
        signal += before * before;
    }
    for (size_t at = 0; at < count; at += FEW) {
        const size_t end = count - at < FEW ? count : at + FEW;
        uint8_t few = 0;
        for (size_t i = at; i < end; i++) few += (clean[i] != noisy[i]) & ((noisy[i] == 0) | (noisy[i] == 255));
        clipped += few;
    }
    return (Sums){noise, signal, clipped};
}

/* Put zeros where `where` has them. */
AUGKIT_WIDE
static void mask(const uint8_t *bytes, const uint8_t *where, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = bytes[i] & (uint8_t) - (where[i] != 0);
}

/* Put into `sums` those of the squares of noise and of signal, and how many bytes were moved to 0 or 255.
 *
 * `where` has a byte for each of `count`, 0 for those that are left out; NULL for none.
 */
AUGKIT_API void augkit_measure_bytes(
    const uint8_t *clean, const uint8_t *noisy, const uint8_t *where, size_t count, int64_t *sums) {
    const size_t most = where ? PIECE : BLOCK;
    uint8_t before[PIECE], after[PIECE];
    sums[0] = sums[1] = sums[2] = 0;
    for (size_t at = 0; at < count; at += most) {
        const size_t size = count - at < most ? count - at : most;
        if (where) {
            mask(clean + at, where + at, before, size);
            mask(noisy + at, where + at, after, size);
        }
        const Sums found = where ? sums_of(before, after, size) : sums_of(clean + at, noisy + at, size);
        sums[0] += found.noise, sums[1] += found.signal, sums[2] += found.clipped;
    }
}

enum { NONE, SUB, UP, AVERAGE, PAETH };

AUGKIT_WIDE
static void less(const uint8_t *line, const uint8_t *other, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)(line[i] - other[i]);
}

AUGKIT_WIDE
static void less_mean(const uint8_t *line, const uint8_t *left, const uint8_t *up, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)(line[i] - (left[i] + up[i]) / 2);
}

/* Filter `rows` lines of `width` bytes behind the one above them; each gets the number of the filter in front.
 *
 * `unit` is the bytes of a pixel, at most `width`; `kind` is NONE, UP or AVERAGE.
 */
AUGKIT_API void augkit_filter_lines(
    const uint8_t *lines, size_t rows, size_t width, size_t unit, uint8_t kind, uint8_t *out) {
    for (size_t row = 0; row < rows; row++, out += width + 1) {
        const uint8_t *up = lines + row * width, *line = up + width;
        uint8_t *made = out + 1;
        out[0] = kind;
        if (kind == NONE) {
            memcpy(made, line, width);
        } else if (kind == UP) {
            less(line, up, made, width);
        } else {
            for (size_t i = 0; i < unit; i++) made[i] = (uint8_t)(line[i] - up[i] / 2);
            less_mean(line + unit, line, up + unit, made + unit, width - unit);
        }
    }
}

/* Four counts at a time: with one, a byte that comes twice in a row would wait for itself. */
static void count_bytes(const uint8_t *bytes, size_t size, uint32_t counts[4][256]) {
    size_t i = 0;
    for (; i + 4 <= size; i += 4) {
        counts[0][bytes[i]]++, counts[1][bytes[i + 1]]++;
        counts[2][bytes[i + 2]]++, counts[3][bytes[i + 3]]++;
    }
    for (; i < size; i++) counts[0][bytes[i]]++;
}

/* Count the bytes of lines as `augkit_filter_lines` makes them with one filter, without the numbers in front. */
static void count_filtered(
    const uint8_t *lines, size_t rows, size_t width, size_t unit, uint8_t kind, int64_t *counts) {
    uint32_t each[4][256];
    uint8_t made[PIECE];
    memset(each, 0, sizeof each);
    for (size_t row = 0; row < rows; row++) {
        const uint8_t *up = lines + row * width, *line = up + width;
        for (size_t at = 0, size; at < width; at += size) {
            size = width - at < PIECE ? width - at : PIECE;
            if (kind == UP) {
                less(line + at, up + at, made, size);
            } else if (kind == AVERAGE) {
                const size_t first = at ? 0 : unit < size ? unit : size;
                for (size_t i = 0; i < first; i++) made[i] = (uint8_t)(line[i] - up[i] / 2);
                less_mean(line + at + first, line + at + first - unit, up + at + first, made + first, size - first);
            }
            count_bytes(kind == NONE ? line + at : made, size, each);
        }
    }
    for (size_t value = 0; value < 256; value++)
        counts[value] += (int64_t)each[0][value] + each[1][value] + each[2][value] + each[3][value];
}

/* Add to `counts`, 256 for each of the filters of `kinds`, how often each value stands in fewer than 2^32 bytes. */
AUGKIT_API void augkit_count_filtered(
    const uint8_t *lines, size_t rows, size_t width, size_t unit, const uint8_t *kinds, size_t number,
    int64_t *counts) {
    for (size_t i = 0; i < number; i++) count_filtered(lines, rows, width, unit, kinds[i], counts + 256 * i);
}

AUGKIT_WIDE
static void sum(const uint8_t *line, const uint8_t *other, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)(line[i] + other[i]);
}

static uint8_t nearest(int left, int up, int corner) {
    const int across = up - corner, down = left - corner, both = across + down;
    const int by_left = across < 0 ? -across : across, by_up = down < 0 ? -down : down;
    const int by_corner = both < 0 ? -both : both;
    if (by_left <= by_up && by_left <= by_corner) return (uint8_t)left;
    return (uint8_t)(by_up <= by_corner ? up : corner);
}

/* The filters that look to the left, with a pixel of so many bytes, of which the first `done` bytes are done. */
static inline void from_left(
    uint8_t kind, const uint8_t *line, const uint8_t *up, uint8_t *out, size_t width, size_t unit, size_t done) {
    for (size_t i = done; i < unit; i++)
        out[i] = (uint8_t)(line[i] + (kind == SUB ? 0 : kind == AVERAGE ? up[i] / 2 : up[i]));
    const size_t next = done < unit ? unit : done;
    if (kind == SUB) {
        for (size_t i = next; i < width; i++) out[i] = (uint8_t)(line[i] + out[i - unit]);
    } else if (kind == AVERAGE) {
        for (size_t i = next; i < width; i++) out[i] = (uint8_t)(line[i] + (out[i - unit] + up[i]) / 2);
    } else {
        for (size_t i = next; i < width; i++)
            out[i] = (uint8_t)(line[i] + nearest(out[i - unit], up[i], up[i - unit]));
    }
}

#ifdef __SSE2__
static inline __m128i chosen(__m128i where, __m128i one, __m128i other) {
    return _mm_or_si128(_mm_and_si128(where, one), _mm_andnot_si128(where, other));
}

/* The means of bytes, rounded down; the processor's own are rounded up. */
static inline __m128i mean_of(__m128i one, __m128i other) {
    const __m128i odd = _mm_and_si128(_mm_xor_si128(one, other), _mm_set1_epi8(1));
    return _mm_sub_epi8(_mm_avg_epu8(one, other), odd);
}

/* As `nearest`, with a byte in each 16 bits. */
static inline __m128i nearest_of(__m128i left, __m128i up, __m128i corner) {
    const __m128i zero = _mm_setzero_si128();
    const __m128i across = _mm_sub_epi16(up, corner), down = _mm_sub_epi16(left, corner);
    const __m128i both = _mm_add_epi16(across, down);
    const __m128i by_left = _mm_max_epi16(across, _mm_sub_epi16(zero, across));
    const __m128i by_up = _mm_max_epi16(down, _mm_sub_epi16(zero, down));
    const __m128i by_corner = _mm_max_epi16(both, _mm_sub_epi16(zero, both));
    const __m128i least = _mm_min_epi16(by_corner, _mm_min_epi16(by_left, by_up));
    return chosen(_mm_cmpeq_epi16(least, by_left), left, chosen(_mm_cmpeq_epi16(least, by_up), up, corner));
}

/* The same as `from_left_by_bytes` for pixels of 3 or 4 bytes, but for the last one, which is left to be done.
 *
 * Of the next pixel one byte is read and written with each of 3: its own comes later.
 */
static inline size_t by_pixels(
    uint8_t kind, const uint8_t *line, const uint8_t *up, uint8_t *out, size_t width, size_t unit) {
    const __m128i zero = _mm_setzero_si128();
    __m128i left = zero, corner = zero;
    size_t i = 0;
    for (; i + 4 <= width; i += unit) {
        int pixel, over;
        memcpy(&pixel, line + i, 4);
        memcpy(&over, up + i, 4);
        const __m128i raw = _mm_cvtsi32_si128(pixel), above = _mm_cvtsi32_si128(over);
        if (kind == PAETH) {
            const __m128i wide = _mm_unpacklo_epi8(above, zero);
            const __m128i near = nearest_of(_mm_unpacklo_epi8(left, zero), wide, corner);
            left = _mm_add_epi8(raw, _mm_packus_epi16(near, zero));
            corner = wide;
        } else {
            left = _mm_add_epi8(raw, kind == SUB ? left : mean_of(left, above));
        }
        pixel = _mm_cvtsi128_si32(left);
        memcpy(out + i, &pixel, 4);
    }
    return i;
}
#else
static inline size_t by_pixels(
    uint8_t kind, const uint8_t *line, const uint8_t *up, uint8_t *out, size_t width, size_t unit) {
    return (void)kind, (void)line, (void)up, (void)out, (void)width, (void)unit, 0;
}
#endif

/* Undo the filters of `rows` lines of `width` bytes, each behind the number of its own.
 *
 * `above` is a line of zeros. Returns how many lines are done: all, but for those from an unknown filter on.
 */
AUGKIT_API size_t augkit_unfilter_lines(
    const uint8_t *data, size_t rows, size_t width, size_t unit, const uint8_t *above, uint8_t *out) {
    for (size_t row = 0; row < rows; row++, above = out, out += width) {
        const uint8_t kind = *data++;
        if (kind > PAETH) return row;
        if (kind == NONE) {
            memcpy(out, data, width);
        } else if (kind == UP) {
            sum(data, above, out, width);
        } else {
            switch (unit) {  /* with a number that the compiler knows */
                case 1: from_left(kind, data, above, out, width, 1, 0); break;
                case 3: from_left(kind, data, above, out, width, 3, by_pixels(kind, data, above, out, width, 3)); break;
                case 4: from_left(kind, data, above, out, width, 4, by_pixels(kind, data, above, out, width, 4)); break;
                default: from_left(kind, data, above, out, width, unit, 0);
            }
        }
        data += width;
    }
    return rows;
}

/* Pixels of three colours, four at a time: as many as are done are returned, all but a few at the end. */
#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLES
#endif
#endif

#ifdef SHUFFLES
typedef uint8_t Sixteen __attribute__((vector_size(16)));
typedef uint32_t Words __attribute__((vector_size(16)));

AUGKIT_WIDE
static size_t split_fours(const uint8_t *pixels, size_t count, uint8_t *colour, uint8_t *alpha) {
    size_t done = 0;
    for (; done + 6 <= count; done += 4) {  /* behind the colours of four come those of the next, which are written later */
        Sixteen four;
        memcpy(&four, pixels + 4 * done, 16);
        const Sixteen apart =
            __builtin_shufflevector(four, four, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
        memcpy(colour + 3 * done, &apart, 16);
        memcpy(alpha + done, (const uint8_t *)&apart + 12, 4);
    }
    return done;
}

AUGKIT_WIDE
static size_t join_fours(const uint8_t *colour, const uint8_t *alpha, size_t count, uint8_t *pixels) {
    size_t done = 0;
    for (; done + 6 <= count; done += 4) {
        Words four;
        uint32_t last = 0xFFFFFFFF;
        memcpy(&four, colour + 3 * done, 16);
        if (alpha) memcpy(&last, alpha + done, 4);
        four[3] = last;
        const Sixteen apart = (Sixteen)four;
        const Sixteen joined =
            __builtin_shufflevector(apart, apart, 0, 1, 2, 12, 3, 4, 5, 13, 6, 7, 8, 14, 9, 10, 11, 15);
        memcpy(pixels + 4 * done, &joined, 16);
    }
    return done;
}

AUGKIT_WIDE
static size_t spread_fours(const uint8_t *alpha, size_t count, uint8_t *visible) {
    size_t done = 0;
    for (; done + 6 <= count; done += 4) {
        Words four = {0};
        uint32_t first;
        memcpy(&first, alpha + done, 4);
        four[0] = first;
        const Sixteen seen = (Sixteen)((Sixteen)four != 0) & 1;
        const Sixteen spread =
            __builtin_shufflevector(seen, seen, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4);
        memcpy(visible + 3 * done, &spread, 16);
    }
    return done;
}
#else
static size_t split_fours(const uint8_t *pixels, size_t count, uint8_t *colour, uint8_t *alpha) {
    return (void)pixels, (void)count, (void)colour, (void)alpha, 0;
}

static size_t join_fours(const uint8_t *colour, const uint8_t *alpha, size_t count, uint8_t *pixels) {
    return (void)colour, (void)alpha, (void)count, (void)pixels, 0;
}

static size_t spread_fours(const uint8_t *alpha, size_t count, uint8_t *visible) {
    return (void)alpha, (void)count, (void)visible, 0;
}
#endif

/* Take pixels of `channels` colours and an alpha apart. */
AUGKIT_API void augkit_split_alpha(
    const uint8_t *pixels, size_t count, size_t channels, uint8_t *colour, uint8_t *alpha) {
    for (size_t i = channels == 3 ? split_fours(pixels, count, colour, alpha) : 0; i < count; i++) {
        memcpy(colour + i * channels, pixels + i * (channels + 1), channels);
        alpha[i] = pixels[i * (channels + 1) + channels];
    }
}

/* Put pixels of `channels` colours and an alpha together; without one, NULL, it is 255. */
AUGKIT_API void augkit_join_alpha(
    const uint8_t *colour, const uint8_t *alpha, size_t count, size_t channels, uint8_t *pixels) {
    for (size_t i = channels == 3 ? join_fours(colour, alpha, count, pixels) : 0; i < count; i++) {
        memcpy(pixels + i * (channels + 1), colour + i * channels, channels);
        pixels[i * (channels + 1) + channels] = alpha ? alpha[i] : 255;
    }
}

/* Tell for each of the `channels` colours of a pixel whether its alpha is more than 0; return for how many it is not. */
AUGKIT_API size_t augkit_find_visible(const uint8_t *alpha, size_t count, size_t channels, uint8_t *visible) {
    size_t hidden = 0, done = 0;
    for (size_t i = 0; i < count; i++) hidden += alpha[i] == 0;
    if (channels == 1) {
        for (; done < count; done++) visible[done] = alpha[done] != 0;
    } else if (channels == 3) {
        done = spread_fours(alpha, count, visible);
    }
    for (; done < count; done++) memset(visible + done * channels, alpha[done] != 0, channels);
    return hidden;
}

/* Write the three bytes that a palette of `colours` has for each index; return the greatest index there is. */
AUGKIT_API size_t augkit_paint(
    const uint8_t *indices, size_t count, const uint8_t *palette, size_t colours, uint8_t *out) {
    uint8_t most = 0;
    for (size_t i = 0; i < count; i++) most = indices[i] > most ? indices[i] : most;
    for (size_t i = 0; most < colours && i < count; i++, out += 3) {
        const uint8_t *colour = palette + 3 * (size_t)indices[i];
        out[0] = colour[0], out[1] = colour[1], out[2] = colour[2];
    }
    return most;
}

/* Return how often 255 and `mark` follow each other; put where they first do from `begin` on into `place`, or `size`. */
AUGKIT_API size_t augkit_find_marks(const uint8_t *data, size_t size, uint8_t mark, size_t begin, size_t *place) {
    size_t found = 0;
    *place = size;
    const uint8_t *end = data + size, *at = data;
    while (size && (at = memchr(at, 255, (size_t)(end - at - 1)))) {
        if (*++at != mark) continue;
        found++;
        const size_t here = (size_t)(at - 1 - data);
        if (here >= begin && *place == size) *place = here;
    }
    return found;
}
