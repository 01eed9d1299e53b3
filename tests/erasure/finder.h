/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "needle.h"

/* Finds tens of thousands of needles at once, as fast as memory can be read. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Finder Finder;

/* The needles stay the caller's and must outlive the finder. NULL if out of memory. */
Finder *finder_new(const Needles *needles);
Finder *finder_free(Finder *f);

/* Calls `found` for each needle that lies within `bytes`, with its index and where it begins. */
void finder_scan(
                const Finder *f,
                const uint8_t *bytes,
                size_t size,
                void (*found)(size_t needle, size_t offset, void *userdata),
                void *userdata);

#ifdef __cplusplus
}
#endif
