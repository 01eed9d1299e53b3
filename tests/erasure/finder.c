/* SPDX-License-Identifier: Apache-2.0 */

#include "finder.h"
#include "macro.h"

/* Only every eighth place of the text is looked at: wherever a needle of 15 bytes or more begins, one of its first
 * eight blocks of eight bytes lies at such a place, so all eight are in the table. A bitmap answers for nearly all
 * places that nothing begins there. */

#define BLOCK 8U
#define FILTER_BITS 23                 /* 1 MiB: stays in the cache */

typedef struct Entry {
        uint64_t block;
        uint32_t needle, offset;       /* of the block in the needle */
        uint32_t next;                 /* index + 1 of the next entry with the same hash */
} Entry;

struct Finder {
        const Needles *needles;
        uint8_t *filter;
        Entry *entries;
        uint32_t *buckets;             /* index + 1 of the first entry */
        unsigned bucket_bits;
};

static uint64_t hash_block(uint64_t block) {
        block ^= block >> 32;
        block *= UINT64_C(0x9e3779b97f4a7c15);
        block ^= block >> 29;
        return block * UINT64_C(0xbf58476d1ce4e5b9);
}

static uint64_t load(const uint8_t *bytes) {
        uint64_t block;

        memcpy(&block, bytes, sizeof(block));
        return block;
}

Finder *finder_free(Finder *f) {
        if (!f)
                return NULL;

        free(f->filter);
        free(f->entries);
        free(f->buckets);
        free(f);
        return NULL;
}

Finder *finder_new(const Needles *needles) {
        Finder *f = calloc(1, sizeof(*f));
        uint32_t n = 0;

        if (!f)
                return NULL;
        f->needles = needles;
        for (f->bucket_bits = 10; (size_t) 1 << f->bucket_bits < needles->n * BLOCK; f->bucket_bits++)
                ;
        f->filter = calloc(1, (size_t) 1 << (FILTER_BITS - 3));
        f->entries = calloc(needles->n * BLOCK + 1, sizeof(Entry));
        f->buckets = calloc((size_t) 1 << f->bucket_bits, sizeof(uint32_t));
        if (!f->filter || !f->entries || !f->buckets)
                return finder_free(f);

        for (uint32_t i = 0; i < needles->n; i++)
                for (uint32_t offset = 0; offset < BLOCK; offset++) {
                        uint64_t block = load(needles->list[i].bytes + offset), hash = hash_block(block);
                        uint32_t *bucket = f->buckets + (hash >> (64 - f->bucket_bits));

                        f->entries[n] = (Entry) { block, i, offset, *bucket };
                        *bucket = ++n;
                        hash &= (UINT64_C(1) << FILTER_BITS) - 1;
                        f->filter[hash >> 3] |= (uint8_t) (1U << (hash & 7));
                }

        return f;
}

void finder_scan(
                const Finder *f,
                const uint8_t *bytes,
                size_t size,
                void (*found)(size_t needle, size_t offset, void *userdata),
                void *userdata) {

        for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
                uint64_t block = load(bytes + at), hash = hash_block(block);
                uint64_t bit = hash & ((UINT64_C(1) << FILTER_BITS) - 1);

                if (!(f->filter[bit >> 3] & (1U << (bit & 7))))
                        continue;

                for (uint32_t i = f->buckets[hash >> (64 - f->bucket_bits)]; i > 0; i = f->entries[i - 1].next) {
                        const Entry *e = f->entries + i - 1;
                        const Needle *needle = f->needles->list + e->needle;

                        if (e->block == block && at >= e->offset && needle->size <= size - (at - e->offset) &&
                            memcmp(bytes + at - e->offset, needle->bytes, needle->size) == 0)
                                found(e->needle, at - e->offset, userdata);
                }
        }
}
