/* Recordings in one pass: the same bits as the NumPy code in augkit/audio/blocks.py and augkit/audio/mix.py. */
#include "library.h"

#define DEFINE_ADD_SQUARES(NAME, SAMPLE)                                                       \
    AUGKIT_WIDE static void NAME(const SAMPLE *samples, size_t count, float *sums) {           \
        for (size_t i = 0; i < count; i++) {                                                   \
            const float sample = (float)samples[i], square = sample * sample;                  \
            sums[i] += square;                                                                 \
        }                                                                                      \
    }

DEFINE_ADD_SQUARES(add_squares_of_shorts, int16_t)
DEFINE_ADD_SQUARES(add_squares_of_floats, float)

/* Sum up the squares of rows of `count` floats, or 16-bit integers where `width` is 2, one row after the other. */
AUGKIT_API void augkit_sum_squares(const void *samples, size_t width, size_t rows, size_t count, float *sums) {
    memset(sums, 0, count * sizeof *sums);
    for (size_t row = 0; row < rows; row++) {
        if (width == 2) add_squares_of_shorts((const int16_t *)samples + row * count, count, sums);
        else add_squares_of_floats((const float *)samples + row * count, count, sums);
    }
}

/* The sum of floats as NumPy takes it in float64: in pairs of halves down to 128, of which eight are summed side by side. */
static double sum_in_pairs(const float *values, size_t count) {
    if (count < 8) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += values[i];
        return sum;
    }
    if (count <= 128) {
        double part[8];
        size_t i = 8;
        for (size_t k = 0; k < 8; k++) part[k] = values[k];
        for (; i + 8 <= count; i += 8)
            for (size_t k = 0; k < 8; k++) part[k] += values[i + k];
        double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
        for (; i < count; i++) sum += values[i];
        return sum;
    }
    const size_t half = count / 2 - count / 2 % 8;
    return sum_in_pairs(values, half) + sum_in_pairs(values + half, count - half);
}

#define ROW 1024

/* Return the sum of the squares of one channel: that of the last frames, and of those before, in rows of ROW. */
AUGKIT_API double augkit_sum_channel(const void *samples, size_t width, size_t frames) {
    float rows[ROW], rest[ROW];
    const size_t whole = frames / ROW, left = frames % ROW;
    augkit_sum_squares((const char *)samples + whole * ROW * width, width, 1, left, rest);
    const double last = sum_in_pairs(rest, left);
    if (!whole) return last;
    augkit_sum_squares(samples, width, whole, ROW, rows);
    return last + sum_in_pairs(rows, ROW);
}

/* Write rounded noise, and the sum of it and 16-bit samples, which lies within their limits. */
AUGKIT_WIDE
static void mix(const int16_t *clean, const float *unit, float gain, float *noise, int16_t *noisy, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float scaled = unit[i] * gain, rounded = rintf(scaled);
        noise[i] = rounded;
        noisy[i] = (int16_t)(int32_t)((float)clean[i] + rounded);
    }
}

AUGKIT_API void augkit_mix_shorts(
    const int16_t *clean, const float *unit, double gain, float *noise, int16_t *noisy, size_t count) {
    mix(clean, unit, (float)gain, noise, noisy, count);
}

/* Put the least and the greatest of 16-bit samples, of which there is one at least, and their sum into `found`. */
AUGKIT_WIDE
static void outline(const int16_t *samples, size_t count, int64_t *found) {
    int16_t least = samples[0], greatest = samples[0];
    int64_t sum = 0;
    for (size_t at = 0; at < count;) {
        const size_t end = count - at < 65536 ? count : at + 65536;
        int32_t part = 0;
        for (; at < end; at++) {
            least = samples[at] < least ? samples[at] : least;
            greatest = samples[at] > greatest ? samples[at] : greatest;
            part += samples[at];
        }
        sum += part;
    }
    found[0] = least, found[1] = greatest, found[2] = sum;
}

AUGKIT_API void augkit_outline_shorts(const int16_t *samples, size_t count, int64_t *found) {
    outline(samples, count, found);
}
