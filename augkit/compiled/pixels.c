/* Bytes of images: measured, and filtered as PNG has it (W3C PNG 3, chapter 9); the same as the NumPy code that calls. */
#include "library.h"

/* As many squares of bytes as a 32-bit sum holds. */
#define BLOCK 65536

typedef struct {
    uint32_t noise, signal, clipped;
} Sums;

AUGKIT_WIDE
static Sums sums_of(const uint8_t *clean, const uint8_t *noisy, size_t count) {
    uint32_t noise = 0, signal = 0, clipped = 0;
    for (size_t i = 0; i < count; i++) {
        const int before = clean[i], after = noisy[i], moved = after - before;
        noise += (uint32_t)(moved * moved);
        signal += (uint32_t)(before * before);
        clipped += (uint32_t)((moved != 0) & ((after == 0) | (after == 255)));
    }
    return (Sums){noise, signal, clipped};
}

AUGKIT_WIDE
static Sums sums_where(const uint8_t *clean, const uint8_t *noisy, const uint8_t *where, size_t count) {
    uint32_t noise = 0, signal = 0, clipped = 0;
    for (size_t i = 0; i < count; i++) {
        const int before = where[i] ? clean[i] : 0, after = where[i] ? noisy[i] : 0, moved = after - before;
        noise += (uint32_t)(moved * moved);
        signal += (uint32_t)(before * before);
        clipped += (uint32_t)((moved != 0) & ((after == 0) | (after == 255)));
    }
    return (Sums){noise, signal, clipped};
}

/* Put into `sums` those of the squares of noise and of signal, and how many bytes were moved to 0 or 255.
 *
 * `where` has a byte for each of `count`, 0 for those that are left out; NULL for none.
 */
AUGKIT_API void augkit_measure_bytes(
    const uint8_t *clean, const uint8_t *noisy, const uint8_t *where, size_t count, int64_t *sums) {
    sums[0] = sums[1] = sums[2] = 0;
    for (size_t at = 0; at < count; at += BLOCK) {
        const size_t size = count - at < BLOCK ? count - at : BLOCK;
        const Sums found = where ? sums_where(clean + at, noisy + at, where + at, size)
                                 : sums_of(clean + at, noisy + at, size);
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

/* The filters that look to the left, with a pixel of so many bytes. */
static inline void from_left(uint8_t kind, const uint8_t *line, const uint8_t *up, uint8_t *out, size_t width, size_t unit) {
    if (kind == SUB) {
        memcpy(out, line, unit);
        for (size_t i = unit; i < width; i++) out[i] = (uint8_t)(line[i] + out[i - unit]);
    } else if (kind == AVERAGE) {
        for (size_t i = 0; i < unit; i++) out[i] = (uint8_t)(line[i] + up[i] / 2);
        for (size_t i = unit; i < width; i++) out[i] = (uint8_t)(line[i] + (out[i - unit] + up[i]) / 2);
    } else {
        sum(line, up, out, unit);
        for (size_t i = unit; i < width; i++) out[i] = (uint8_t)(line[i] + nearest(out[i - unit], up[i], up[i - unit]));
    }
}

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
                case 1: from_left(kind, data, above, out, width, 1); break;
                case 3: from_left(kind, data, above, out, width, 3); break;
                case 4: from_left(kind, data, above, out, width, 4); break;
                default: from_left(kind, data, above, out, width, unit);
            }
        }
        data += width;
    }
    return rows;
}

/* Take pixels of `channels` colours and an alpha apart. */
AUGKIT_API void augkit_split_alpha(
    const uint8_t *pixels, size_t count, size_t channels, uint8_t *colour, uint8_t *alpha) {
    if (channels == 3) {
        for (size_t i = 0; i < count; i++, pixels += 4, colour += 3) {
            colour[0] = pixels[0], colour[1] = pixels[1], colour[2] = pixels[2];
            alpha[i] = pixels[3];
        }
        return;
    }
    for (size_t i = 0; i < count; i++, pixels += channels + 1, colour += channels) {
        memcpy(colour, pixels, channels);
        alpha[i] = pixels[channels];
    }
}

/* Put pixels of `channels` colours and an alpha together. */
AUGKIT_API void augkit_join_alpha(
    const uint8_t *colour, const uint8_t *alpha, size_t count, size_t channels, uint8_t *pixels) {
    if (channels == 3) {
        for (size_t i = 0; i < count; i++, pixels += 4, colour += 3) {
            pixels[0] = colour[0], pixels[1] = colour[1], pixels[2] = colour[2];
            pixels[3] = alpha[i];
        }
        return;
    }
    for (size_t i = 0; i < count; i++, pixels += channels + 1, colour += channels) {
        memcpy(pixels, colour, channels);
        pixels[channels] = alpha[i];
    }
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
