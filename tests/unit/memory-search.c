/* SPDX-License-Identifier: Apache-2.0 */

#include "memory-search.h"

#include "macro.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#define MASK 0xa5U
#define CHUNK (1024 * 1024)
#define MAPPINGS_MAX 4096

typedef struct Mapping {
        uintptr_t begin, end;
} Mapping;

static void set_windows(uint8_t (*windows)[WINDOW_SIZE], size_t n, const uint8_t *bytes) {
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < WINDOW_SIZE; j++)
                        windows[i][j] = (uint8_t) (bytes[i * WINDOW_SIZE + j] ^ MASK);
}

void secret_set(Secret *s, const char *text, size_t text_size, const uint8_t *number, size_t number_size) {
        uint8_t reversed[32];

        assert(text_size >= SECRET_TEXT_WINDOWS * WINDOW_SIZE && number_size == sizeof(reversed));
        for (size_t i = 0; i < sizeof(reversed); i++)
                reversed[i] = number[sizeof(reversed) - 1 - i];
        set_windows(s->masked, SECRET_TEXT_WINDOWS, (const uint8_t *) text);
        set_windows(s->masked + SECRET_TEXT_WINDOWS, SECRET_NUMBER_WINDOWS, number);
        set_windows(s->masked + SECRET_TEXT_WINDOWS + SECRET_NUMBER_WINDOWS, SECRET_NUMBER_WINDOWS, reversed);
}

static bool same(const uint8_t *bytes, const uint8_t masked[static WINDOW_SIZE]) {
        for (size_t i = 0; i < WINDOW_SIZE; i++)
                if ((bytes[i] ^ MASK) != masked[i])
                        return false;
        return true;
}

static void search_chunk(const Secret *s, const uint8_t *bytes, size_t size, uintptr_t address, Hits *h) {
        for (size_t i = 0; i + WINDOW_SIZE <= size; i++)
                for (size_t w = 0; w < SECRET_WINDOWS; w++)
                        if ((bytes[i] ^ MASK) == s->masked[w][0] && same(bytes + i, s->masked[w])) {
                                if (h->n < ELEMENTSOF(h->at))
                                        h->at[h->n] = address + i;
                                h->n++;
                                h->text += w < SECRET_TEXT_WINDOWS;
                        }
}

/* Chunks overlap by a window less one byte, so that nothing is missed and nothing counted twice. */
static void search_mapping(const Secret *s, int memory, uint8_t *buffer, Mapping m, Hits *h) {
        for (uintptr_t at = m.begin; at < m.end; at += CHUNK - (WINDOW_SIZE - 1)) {
                size_t size = m.end - at < CHUNK ? m.end - at : CHUNK;
                ssize_t n = pread(memory, buffer, size, (off_t) at);

                if (n > 0)
                        search_chunk(s, buffer, (size_t) n, at, h);
                if (size < CHUNK)
                        break;
        }
}

void memory_search(const Secret *s, Hits *ret) {
        static Mapping mappings[MAPPINGS_MAX];
        _cleanup_close_ int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[1024], mode[8];
        size_t n = 0;
        uint8_t *buffer;

        assert(memory >= 0 && maps);
        *ret = (Hits) { 0 };
        while (fgets(line, sizeof(line), maps) && n < MAPPINGS_MAX)
                if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &mappings[n].begin, &mappings[n].end, mode) == 3 &&
                    mode[1] == 'w')
                        n++;
        (void) fclose(maps);
        assert(n > 0 && n < MAPPINGS_MAX);

        buffer = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);  /* not in the list */
        assert(buffer != MAP_FAILED);
        for (size_t i = 0; i < n; i++)
                search_mapping(s, memory, buffer, mappings[i], ret);
        (void) munmap(buffer, CHUNK);
}

void hits_print(const Hits *h) {
        for (size_t i = 0; i < h->n && i < ELEMENTSOF(h->at); i++)
                printf("found at %#" PRIxPTR "\n", h->at[i]);
}

bool memory_has_flags(uintptr_t address, const char *flags) {
        FILE *smaps = fopen("/proc/self/smaps", "re");
        char line[1024], wanted[64], *rest = wanted, *flag;
        bool inside = false, all = true;
        uintptr_t begin, end;

        assert(smaps);
        while (fgets(line, sizeof(line), smaps)) {
                if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
                        inside = address >= begin && address < end;
                else if (inside && strncmp(line, "VmFlags:", 8) == 0)
                        break;
        }
        (void) fclose(smaps);
        (void) snprintf(wanted, sizeof(wanted), "%s", flags);
        while ((flag = strsep(&rest, " ")))
                all = all && strstr(line, flag);
        return inside && all;
}
