/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of configuration and manifest, from text. None changes what it returns unless it returns 0. */

/* Parses a whole number within [min, max]; 0, -EINVAL (not a number) or -ERANGE. */
int parse_unsigned(const char *s, unsigned long min, unsigned long max, unsigned long *ret);

/* Parses a finite decimal number, C locale; 0 or -EINVAL. */
int parse_double(const char *s, double *ret);

/* Parses "yes", "no", "true", "false", "on", "off", "1", "0"; 0 or -EINVAL. */
int parse_boolean(const char *s, bool *ret);

/* The index of `value` among `words` (entries may be NULL); 0 or -EINVAL. */
int parse_words(const char *value, const char *const *words, size_t n, unsigned *ret);

/* Exactly `n` decimal numbers, separated by spaces; 0, -EINVAL or -ENOMEM. Some of `ret` may be set on failure. */
int parse_numbers(const char *value, double *ret, size_t n);

/* Exactly `size` bytes in lower-case hexadecimal; 0 or -EINVAL. */
int parse_hexadecimal(const char *s, uint8_t *ret, size_t size);

/* "WIDTHxHEIGHT", each from `min` to `max`; 0, -EINVAL or -ERANGE. */
int parse_size(const char *s, unsigned min, unsigned max, unsigned *ret_width, unsigned *ret_height);
