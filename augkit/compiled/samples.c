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
