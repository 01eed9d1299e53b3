/* SPDX-License-Identifier: Apache-2.0 */

#include "avi.h"
#include "macro.h"

#include <assert.h>
#include <stdio.h>

static void put(Bytes *b, const void *data, size_t n) {
        bytes_insert(b, b->size, data, n);
}

static void put32(Bytes *b, uint32_t v) {
        const uint8_t bytes[] = { (uint8_t) v, (uint8_t) (v >> 8), (uint8_t) (v >> 16),
                (uint8_t) (v >> 24) };

        put(b, bytes, sizeof(bytes));
}

static uint32_t get32(const uint8_t *p) {
        return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

/* Begins a list or chunk; its size is filled in by close_chunk(). */
static size_t open_chunk(Bytes *b, const char *id, const char *type) {
        size_t at = b->size;

        put(b, id, 4);
        put32(b, 0);
        if (type)
                put(b, type, 4);
        return at;
}

static void close_chunk(Bytes *b, size_t at) {
        uint32_t size = (uint32_t) (b->size - at - 8);

        for (unsigned i = 0; i < 4; i++)
                b->data[at + 4 + i] = (uint8_t) (size >> (8 * i));
        if (size % 2)
                put(b, "", 1);
}

static void put_headers(Bytes *b, const AviKind *kind, size_t n) {
        const char *codec = kind->codec ? kind->codec : "MJPG";
        size_t hdrl = open_chunk(b, "LIST", "hdrl"), strl, chunk;

        chunk = open_chunk(b, "avih", NULL);
        put32(b, 1000000 / kind->rate);
        put32(b, 0);
        put32(b, 0);
        put32(b, 0x10);                /* has an index */
        put32(b, (uint32_t) n);
        put32(b, 0);
        put32(b, 1);                   /* streams */
        put32(b, 0);
        put32(b, kind->width);
        put32(b, kind->height);
        for (unsigned i = 0; i < 4; i++)
                put32(b, 0);
        close_chunk(b, chunk);

        strl = open_chunk(b, "LIST", "strl");
        chunk = open_chunk(b, "strh", NULL);
        put(b, kind->audio ? "auds" : "vids", 4);
        put(b, kind->audio ? "\1\0\0\0" : codec, 4);
        for (unsigned i = 0; i < 3; i++)
                put32(b, 0);
        put32(b, 1);                   /* scale */
        put32(b, kind->rate);
        put32(b, 0);
        put32(b, (uint32_t) n);
        for (unsigned i = 0; i < 5; i++)
                put32(b, 0);
        close_chunk(b, chunk);

        chunk = open_chunk(b, "strf", NULL);
        if (kind->audio)
                put(b, "\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x8\0\0", 18); /* PCM, mono, 8000 Hz, 8 bits */
        else {
                put32(b, 40);
                put32(b, kind->width);
                put32(b, kind->height);
                put(b, "\1\0\x18\0", 4);
                put(b, codec, 4);
                put32(b, kind->width * kind->height * 3);
                for (unsigned i = 0; i < 4; i++)
                        put32(b, 0);
        }
        close_chunk(b, chunk);
        close_chunk(b, strl);
        close_chunk(b, hdrl);
}

void avi_write(const char *path, const AviKind *kind, const Bytes *frames, size_t n) {
        const char *id = kind->audio ? "00wb" : "00dc";
        size_t riff, movi, index;
        Bytes b = {}, entries = {};
        FILE *f;

        riff = open_chunk(&b, "RIFF", "AVI ");
        put_headers(&b, kind, n);

        movi = open_chunk(&b, "LIST", "movi");
        for (size_t i = 0; i < n; i++) {
                size_t chunk = open_chunk(&b, id, NULL);

                put(&entries, id, 4);
                put32(&entries, 0x10); /* key frame */
                put32(&entries, (uint32_t) (chunk - movi - 8));
                put32(&entries, (uint32_t) frames[i].size);
                put(&b, frames[i].data, frames[i].size);
                close_chunk(&b, chunk);
        }
        close_chunk(&b, movi);

        index = open_chunk(&b, "idx1", NULL);
        put(&b, entries.data, entries.size);
        close_chunk(&b, index);
        close_chunk(&b, riff);

        f = fopen(path, "we");
        assert(f);
        n = fwrite(b.data, 1, b.size, f);
        assert(n == b.size);
        (void) fclose(f);
        bytes_done(&b);
        bytes_done(&entries);
}

static bool file_read(const char *path, Bytes *ret) {
        FILE *f = fopen(path, "re");
        Bytes b = {};
        uint8_t part[65536];
        size_t n;

        if (!f)
                return false;

        while ((n = fread(part, 1, sizeof(part), f)) > 0) {
                b.data = realloc(b.data, b.size + n);
                assert(b.data);
                memcpy(b.data + b.size, part, n);
                b.size += n;
        }
        (void) fclose(f);
        *ret = b;
        return true;
}

size_t avi_read(const char *path, Bytes *ret, size_t max, AviKind *ret_kind) {
        Bytes b = {};
        size_t n = 0, at;

        if (!file_read(path, &b))
                return 0;

        /* The main header stands at a fixed place: RIFF, LIST hdrl, avih. */
        if (ret_kind && b.size >= 72)
                *ret_kind = (AviKind){ .width = get32(b.data + 64),
                        .height = get32(b.data + 68),
                        .rate = get32(b.data + 32) > 0 ? 1000000 / get32(b.data + 32) : 30 };

        for (at = 12; at + 12 <= b.size && n < max;) {
                uint32_t size = get32(b.data + at + 4);

                if (memcmp(b.data + at, "LIST", 4) == 0 && memcmp(b.data + at + 8, "movi", 4) == 0) {
                        at += 12;      /* into the list */
                        continue;
                }
                if (size > b.size - at - 8)
                        break;
                if (memcmp(b.data + at, "00dc", 4) == 0 && size > 0) {
                        ret[n] = (Bytes){ .data = malloc(size), .size = size };
                        assert(ret[n].data);
                        memcpy(ret[n++].data, b.data + at + 8, size);
                }
                at += 8 + (size_t) size + size % 2;
        }

        bytes_done(&b);
        return n;
}
