/* Digits: see decimal.h. */
#include "common/decimal.h"

#include <string.h>

size_t decimal_write(char *out, uint64_t number)
{
    char digits[DECIMAL_MAX];
    size_t at = DECIMAL_MAX;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(out, digits + at, DECIMAL_MAX - at);
    return DECIMAL_MAX - at;
}
