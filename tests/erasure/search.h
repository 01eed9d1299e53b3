/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "finder.h"
#include "macro.h"

#include <sys/stat.h>
#include <sys/types.h>

/* Looks for needles in one place after another and says on standard output what it has found, in lines of fields that
 * are separated by tabulators:
 *
 *   searched  CLASS  PLACE  BYTES
 *   found     CLASS  PLACE  KIND  FORM  COUNT  OFFSET
 *
 * Classes: memory, descriptor, queue, pipe, shared, file. The offset (an address, in memory) is that of the first. */

#define CHUNK ((size_t) 1024 * 1024)
#define FILES_MAX 65536U

typedef struct FileId {
        dev_t device;
        ino_t inode;
} FileId;

typedef struct FileList {
        FileId *list;
        size_t n;
} FileList;

typedef struct Search {
        Needles needles;
        Finder *finder;
        uint8_t *buffer;               /* CHUNK + NEEDLE_SIZE_MAX */

        const char *class_;
        char *place;
        uint64_t bytes;                /* of this place */
        uint64_t offset;               /* of the buffer in it */
        size_t limit;                  /* a needle that begins here or later belongs to the next chunk */
        struct {
                uint64_t count, first;
        } found[_NEEDLE_KIND_MAX][_NEEDLE_FORM_MAX];

        uint64_t all_bytes, all_found;
        FileList except, seen;         /* not to be searched; searched before, through another descriptor */
        bool incomplete;               /* something could not be looked at */
} Search;

int search_init(Search *s, int needles);
void search_done(Search *s);

/* Every place is begun, searched and ended. */
void search_begin(Search *s, const char *class_, const char *format, ...) _printf_(3, 4);
/* `size` bytes at `offset` of the place, to which `ahead` bytes of what follows have been added. */
void search_bytes(Search *s, const uint8_t *bytes, size_t size, size_t ahead, uint64_t offset);
void search_end(Search *s);

/* Adds to a list; false if the file is in it already. */
bool file_list_add(FileList *l, const struct stat *st);
bool file_list_has(const FileList *l, const struct stat *st);

/* Says that something could not be looked at: the search fails then. */
void search_failed(Search *s, const char *what, const char *where);

/* What a descriptor delivers from its beginning: a file by position, else a stream to its end. Compressed files (zstd,
 * xz, gzip) are searched unpacked as well. */
void search_file(Search *s, int fd);
void search_stream(Search *s, int fd);

/* The files below `root` that were made or changed since `since` and belong to one of `owners` (none: to anybody),
 * without other file systems. */
void search_tree(Search *s, const char *root, time_t since, const uid_t *owners, size_t n_owners);

/* A process's memory, and what its descriptors give access to. */
void search_process(Search *s, pid_t pid);

/* System V shared memory and message queues. */
void search_ipc(Search *s);
