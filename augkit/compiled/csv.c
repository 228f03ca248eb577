/* Text tables: the same cells, numbers and bytes as the NumPy code in augkit/series, which says what is done and why.
 *
 * Whatever is unusual is declined; the NumPy code does it then. Offsets are checked, so that none leads out of the text.
 */
#include "library.h"

#include <math.h>

#define BLOCK 64
#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)
#define LOW7 UINT64_C(0x7f7f7f7f7f7f7f7f)
#define EXACT (UINT64_C(1) << 53)
#define LONGEST 16
#define DECLINED SIZE_MAX

#define K UINT64_C(1000)

static const uint64_t POWERS[] = {
    1,         10,         100,         K,         10 * K,         100 * K,
    K * K,     10 * K * K, 100 * K * K, K * K * K, 10 * K * K * K, 100 * K * K * K,
    K * K * K * K,         10 * K * K * K * K,     100 * K * K * K * K,
    K * K * K * K * K,     10 * K * K * K * K * K,
};

static inline uint64_t load(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t bits_in(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static inline double of_bits(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

#define SIGN (UINT64_C(1) << 63)
/* How often either of two bytes stands in a text. */
AUGKIT_WIDE
AUGKIT_API size_t augkit_count_marks(const uint8_t *text, size_t size, uint8_t one, uint8_t other) {
    size_t found = 0;
    while (size) {
        const size_t part = size < 255 ? size : 255;
        uint8_t here = 0;
        for (size_t i = 0; i < part; i++) here += (uint8_t)((text[i] == one) | (text[i] == other));
        found += here;
        text += part;
        size -= part;
    }
    return found;
}

/* Turn 64 flags, each a byte that is 0 or 1, into the bits of a word. */
static inline uint64_t bits_of(const uint8_t *flags) {
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK; i += 8) bits |= ((load(flags + i) * UINT64_C(0x0102040810204080)) >> 56) << i;
    return bits;
}

/* Find the cells of a text without quotes that ends with a line end, all rows of which have `width` cells.
 *
 * `starts` and `ends` have room for all marks. Returns the number of rows; DECLINED for any other text.
 */
AUGKIT_WIDE
AUGKIT_API size_t augkit_cut(
    const uint8_t *text, size_t size, uint8_t delimiter, uint8_t newline, size_t width, size_t room, int32_t *starts,
    int32_t *ends) {
    size_t found = 0, rows = 0;
    int32_t start = 0;
    for (size_t base = 0; base < size; base += BLOCK) {
        uint8_t padded[BLOCK] = {0}, is_mark[BLOCK], is_newline[BLOCK];
        const uint8_t *block = text + base;
        if (size - base < BLOCK) block = memcpy(padded, block, size - base);
        uint8_t quotes = 0;
        for (int i = 0; i < BLOCK; i++) {
            quotes |= (uint8_t)(block[i] == '"');
            is_newline[i] = (uint8_t)(block[i] == newline);
            is_mark[i] = (uint8_t)(is_newline[i] | (block[i] == delimiter));
        }
        uint64_t marks = bits_of(is_mark);
        for (uint64_t lines = bits_of(is_newline); lines; lines &= lines - 1) {
            const size_t behind = found + (size_t)__builtin_popcountll(marks & (lines ^ (lines - 1)));
            if (behind != ++rows * width) return DECLINED;
        }
        if (quotes || room - found < (size_t)__builtin_popcountll(marks)) return DECLINED;
        for (; marks; marks &= marks - 1) {
            const int32_t end = (int32_t)base + __builtin_ctzll(marks);
            starts[found] = start;
            ends[found++] = end;
            start = end + 1;
        }
    }
    return rows && found == rows * width && (size_t)start == size ? rows : DECLINED;
}

#define LAST(n) (UINT64_MAX << (64 - 8 * (n)))

/* Masks of the last -8 to 16 of eight bytes. */
static const uint64_t LAST_BYTES[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, LAST(1), LAST(2), LAST(3), LAST(4), LAST(5), LAST(6), LAST(7),
    UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
};

static inline uint64_t last_bytes(int64_t count) { return LAST_BYTES[count + 8]; }

/* Words whose highest bits tell which bytes are `mark`. */
static inline uint64_t places_of(uint64_t word, uint64_t mark) {
    const uint64_t apart = word ^ mark;
    return ~(((apart & LOW7) + LOW7) | apart | LOW7);
}

/* Take out the mark of which `place` has the highest bit; what stands before it moves up by one byte. */
static inline uint64_t without(uint64_t word, uint64_t place) {
    const uint64_t before = (place >> 7) - 1;
    return (word & ~(before | ((place << 1) - 1))) | (word & before) << 8;
}

static inline int are_digits(uint64_t digits) {
    return !(((digits + UINT64_C(0x7676767676767676)) | digits) & HIGH);
}

static inline uint64_t eight(uint64_t digits) {
    digits = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    digits = (digits * 100 + (digits >> 16)) & UINT64_C(0x0000ffff0000ffff);
    return (digits * 10000 + (digits >> 32)) & UINT64_C(0xffffffff);
}

typedef struct {
    uint64_t whole;
    int64_t digits, decimals;
    int marked;
} Number;

/* Read a cell of 1 to 16 bytes behind the sign, at `end` - `count`; tell whether it is a plain number. */
static inline int read_number(const uint8_t *text, int64_t end, int64_t count, uint64_t mark, Number *number) {
    uint8_t padded[LONGEST] = {0};
    const uint8_t *at = padded;
    if (end < LONGEST)
        memcpy(padded + LONGEST - end, text, (size_t)end);
    else
        at = text + end - LONGEST;
    uint64_t last = load(at + 8) & last_bytes(count), before = load(at) & last_bytes(count - 8), place;
    number->marked = 1;
    if ((place = places_of(last, mark))) {
        place &= -place;
        number->decimals = __builtin_clzll(place) / 8;
        last = without(last, place) | before >> 56;
        before <<= 8;
    } else if ((place = places_of(before, mark))) {
        place &= -place;
        number->decimals = 8 + __builtin_clzll(place) / 8;
        before = without(before, place);
    } else {
        number->decimals = number->marked = 0;
    }
    number->digits = count - number->marked;
    last = (last ^ 0x30 * ONES) & last_bytes(number->digits);
    if (number->digits < 1 || !are_digits(last)) return 0;
    number->whole = eight(last);
    if (number->digits <= 8) return 1;
    before = (before ^ 0x30 * ONES) & last_bytes(number->digits - 8);
    if (!are_digits(before)) return 0;
    number->whole += eight(before) * POWERS[8];
    return 1;
}

/* What `augkit_read_plain` tells of a column besides its numbers. */
typedef struct {
    double largest;
    int64_t filled, decimals;
    int32_t mark, bare, plus, padded;
} Facts;

/* Read cells that are plain numbers of few digits, or empty: NaN. Returns 0 where some are neither, or all are empty. */
AUGKIT_API int augkit_read_plain(
    const uint8_t *text, size_t size, const int32_t *starts, const int32_t *ends, size_t cells, uint8_t mark,
    double *values, Facts *facts) {
    Facts all = {0};
    for (size_t i = 0; i < cells; i++) {
        const int64_t start = starts[i], end = ends[i];
        if (start < 0 || start > end || (size_t)end > size || end - start > LONGEST) return 0;
        if (start == end) {
            values[i] = (double)NAN;
            continue;
        }
        const uint8_t lead = text[start];
        const int64_t count = end - start - (lead == '-' || lead == '+');
        Number number;
        if (count < 1 || !read_number(text, end, count, mark * ONES, &number) || number.whole >= EXACT) return 0;
        const double size_of = (double)number.whole / (double)POWERS[number.decimals];
        values[i] = of_bits(bits_in(size_of) | (lead == '-' ? SIGN : 0));
        all.largest = size_of > all.largest ? size_of : all.largest;
        all.decimals = number.decimals > all.decimals ? number.decimals : all.decimals;
        all.mark |= number.marked;
        all.bare |= number.marked & (number.digits == number.decimals);
        all.plus |= lead == '+';
        all.padded |= (text[end - count] == '0') & (number.digits > 1);
        all.filled++;
    }
    *facts = all;
    return all.filled > 0;
}

/* A column that gets new numbers: its cells in the order of the text, and how its numbers are written. */
typedef struct {
    const int32_t *starts, *ends;
    const double *old, *fresh;
    double *written;
    int32_t decimals, mark, bare, plus;
} Column;

/* Return eight digits, the first of them in the lowest byte. */
static inline uint64_t eight_of(uint64_t number) {
    const uint64_t fours = number / 10000 | (number % 10000) << 32;
    const uint64_t hundreds = ((fours * 10486) >> 20) & UINT64_C(0x7f0000007f);
    const uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
    const uint64_t tens = ((pairs * 103) >> 10) & UINT64_C(0x000f000f000f000f);
    return (tens | (pairs - 10 * tens) << 8) | 0x30 * ONES;
}

/* How many digits a number has; 0 has none. */
static inline int digits_in(uint64_t number) {
    const int about = ((64 - __builtin_clzll(number | 1)) * 1233) >> 12;
    return about + (number >= POWERS[about]);
}

static inline void put_word(uint8_t *at, uint64_t word) { memcpy(at, &word, sizeof word); }

/* Write a number below 2**53 times a power of ten: at most 20 bytes, and 16 more are spoilt. Returns its end. */
static inline uint8_t *put_number(uint8_t *out, int64_t scaled, const Column *column, uint8_t mark) {
    const uint64_t size = (uint64_t)(scaled < 0 ? -scaled : scaled);
    const int decimals = column->decimals, least = decimals + !(column->bare && decimals);
    const int found = digits_in(size), digits = found > least ? found : least;
    *out = scaled < 0 ? '-' : '+';
    out += scaled < 0 || column->plus;
    uint8_t *const behind = out + digits - decimals;
    if (digits <= 8) {
        const uint64_t text = eight_of(size);
        put_word(out, text >> 8 * (8 - digits) % 64);
        *behind = mark;
        out = behind + (decimals || column->mark);
        put_word(out, text >> 8 * (8 - decimals) % 64);
    } else {
        uint8_t text[24 + 16];
        put_word(text, eight_of(0));
        put_word(text + 8, eight_of(size / POWERS[8]));
        put_word(text + 16, eight_of(size % POWERS[8]));
        memcpy(out, text + 24 - digits, 16);
        *behind = mark;
        out = behind + (decimals || column->mark);
        memcpy(out, text + 24 - decimals, 16);
    }
    return out + decimals;
}

#define ROUNDED 0x1p51
#define KEPT INT64_MIN
#define ROWS 256

/* Round the new numbers of some rows as they will be written: whole ones of the last decimal, KEPT where the cell keeps
 * its bytes, and what a reader gets. Returns 0 where one is 2**51 or more, up to which an addition rounds. */
AUGKIT_WIDE
static int round_rows(const Column *column, size_t first, size_t count, int64_t *whole) {
    const double power = (double)POWERS[column->decimals], middle = 3 * ROUNDED;
    const double *old = column->old + first, *fresh = column->fresh + first;
    double *written = column->written + first;
    int too_large = 0;
    for (size_t i = 0; i < count; i++) {
        const double scaled = fresh[i] * power, shifted = scaled + middle;
        const double nearest = of_bits(bits_in(shifted - middle) | (bits_in(scaled) & SIGN)), made = nearest / power;
        const int both = (fresh[i] - fresh[i] == 0) & (old[i] - old[i] == 0) & (fresh[i] != old[i]);
        const int fits = (scaled > -ROUNDED) & (scaled < ROUNDED);
        const int moves = both & (made != old[i]);
        too_large |= both & !fits;
        written[i] = moves ? made : old[i];
        whole[i] = moves ? (int64_t)(bits_in(shifted) - bits_in(middle)) : KEPT;
    }
    return !too_large;
}

/* Copy bytes; 32 more are spoilt. */
static inline uint8_t *put_bytes(uint8_t *out, const uint8_t *from, size_t count, const uint8_t *limit) {
    if ((size_t)(limit - from) < count + 32) {
        memcpy(out, from, count);
        return out + count;
    }
    for (size_t done = 0; done < count; done += 32) memcpy(out + done, from + done, 32);
    return out + count;
}

/* Copy a text with new numbers in some of its cells; `written` becomes what a reader gets of them.
 *
 * A cell whose number does not change keeps its bytes. `out` has room for `size` bytes, 24 for each cell, and 64; `whole`
 * for ROWS numbers of each column. Returns the number of bytes written; DECLINED where a number is too large, or cells
 * are not in the order of the text.
 */
AUGKIT_API size_t augkit_put_numbers(
    const uint8_t *text, size_t size, size_t rows, const Column *columns, size_t width, uint8_t mark, int64_t *whole,
    uint8_t *out) {
    const uint8_t *const begin = out;
    size_t place = 0;
    for (size_t first = 0; first < rows; first += ROWS) {
        const size_t count = rows - first < ROWS ? rows - first : ROWS;
        for (size_t i = 0; i < width; i++)
            if (!round_rows(columns + i, first, count, whole + i * ROWS)) return DECLINED;
        for (size_t row = 0; row < count; row++) {
            for (size_t i = 0; i < width; i++) {
                const int64_t scaled = whole[i * ROWS + row];
                if (scaled == KEPT) continue;
                const int32_t start = columns[i].starts[first + row], end = columns[i].ends[first + row];
                if (start < 0 || (size_t)start < place || end < start || (size_t)end > size) return DECLINED;
                out = put_bytes(out, text + place, (size_t)start - place, text + size);
                out = put_number(out, scaled, columns + i, mark);
                place = (size_t)end;
            }
        }
    }
    memcpy(out, text + place, size - place);
    return (size_t)(out - begin) + size - place;
}
