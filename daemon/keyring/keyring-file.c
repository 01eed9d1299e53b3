/* SPDX-License-Identifier: Apache-2.0 */

#include "keyring-file.h"

#include <string.h>

#define MAGIC "GnomeKeyring\n\r\0\n\1\0"        /* with the version */
#define MAGIC_SIZE (sizeof(MAGIC) - 1)

/* Offsets in the GVariant: every member is aligned to its own size. */
#define SALT_SIZE 32U
#define SALT_END (4U + SALT_SIZE)
#define ITERATIONS_AT SALT_END
#define TIME_AT 40U
#define ITEMS_AT 52U

/* the last second of the year 9999: what GLib can represent */
#define TIME_MAX UINT64_C(253402300799)

static uint64_t read_little_endian(const uint8_t *p, size_t size) {
        uint64_t value = 0;

        for (size_t i = 0; i < size; i++)
                value |= (uint64_t) p[i] << (8 * i);
        return value;
}

bool keyring_file_header_valid(const uint8_t *data, size_t size) {
        uint64_t iterations;
        size_t offset_size;

        if (size < MAGIC_SIZE + ITEMS_AT + 1 || size > KEYRING_FILE_SIZE_MAX || memcmp(data, MAGIC, MAGIC_SIZE) != 0)
                return false;
        data += MAGIC_SIZE;
        size -= MAGIC_SIZE;

        /* The variant ends with one offset: where the salt, its only member of variable size before the
         * last, ends. */
        offset_size = size <= UINT8_MAX ? 1 : size <= UINT16_MAX ? 2 : 4;
        if (size < ITEMS_AT + offset_size ||
            read_little_endian(data + size - offset_size, offset_size) != SALT_END ||
            read_little_endian(data, 4) != SALT_SIZE)
                return false;

        iterations = read_little_endian(data + ITERATIONS_AT, 4);
        return iterations >= KEYRING_FILE_ITERATIONS_MIN && iterations <= KEYRING_FILE_ITERATIONS_MAX &&
                read_little_endian(data + TIME_AT, 8) <= TIME_MAX;
}
