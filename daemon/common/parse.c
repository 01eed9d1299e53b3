/* SPDX-License-Identifier: Apache-2.0 */

#include "parse.h"
#include "macro.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

int parse_unsigned(const char *s, unsigned long min, unsigned long max, unsigned long *ret) {
        unsigned long v;
        char *end;

        if (s[0] < '0' || s[0] > '9')
                return -EINVAL;

        errno = 0;
        v = strtoul(s, &end, 10);
        if (*end != '\0')
                return -EINVAL;
        if (errno == ERANGE || v < min || v > max)
                return -ERANGE;

        *ret = v;
        return 0;
}

int parse_double(const char *s, double *ret) {
        double v;
        char *end;

        if (isempty(s))
                return -EINVAL;

        errno = 0;
        v = strtod(s, &end);
        if (*end != '\0' || errno == ERANGE || !isfinite(v))
                return -EINVAL;

        *ret = v;
        return 0;
}

int parse_boolean(const char *s, bool *ret) {
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (streq(s, yes[i])) {
                        *ret = true;
                        return 0;
                }
                if (streq(s, no[i])) {
                        *ret = false;
                        return 0;
                }
        }

        return -EINVAL;
}

int parse_words(const char *value, const char *const *words, size_t n, unsigned *ret) {
        for (size_t i = 0; i < n; i++)
                if (words[i] && streq(value, words[i])) {
                        *ret = (unsigned) i;
                        return 0;
                }

        return -EINVAL;
}

int parse_hexadecimal(const char *s, uint8_t *ret, size_t size) {
        if (strlen(s) != 2 * size || strspn(s, "0123456789abcdef") != 2 * size)
                return -EINVAL;

        for (size_t i = 0; i < size; i++) {
                char digits[3] = { s[2 * i], s[2 * i + 1], '\0' };
                ret[i] = (uint8_t) strtoul(digits, NULL, 16);
        }

        return 0;
}

int parse_size(const char *s, unsigned min, unsigned max, unsigned *ret_width, unsigned *ret_height) {
        unsigned width, height;
        int used = 0;

        if (sscanf(s, "%5ux%5u%n", &width, &height, &used) != 2 || s[used] != '\0')
                return -EINVAL;
        if (width < min || width > max || height < min || height > max)
                return -ERANGE;

        *ret_width = width;
        *ret_height = height;
        return 0;
}

int parse_numbers(const char *value, double *ret, size_t n) {
        _cleanup_free_ char *copy = strdup(value);
        char *state = NULL, *token;
        size_t i = 0;

        if (!copy)
                return -ENOMEM;

        for (token = strtok_r(copy, " ", &state); token; token = strtok_r(NULL, " ", &state)) {
                if (i >= n || parse_double(token, &ret[i]) < 0)
                        return -EINVAL;
                i++;
        }

        return i == n ? 0 : -EINVAL;
}
