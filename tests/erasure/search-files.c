/* SPDX-License-Identifier: Apache-2.0 */

#include "search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/wait.h>

void search_stream(Search *s, int fd) {
        uint64_t offset = 0;
        size_t have = 0;

        for (;;) {
                ssize_t n = read(fd, s->buffer + have, CHUNK + NEEDLE_SIZE_MAX - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                have += (size_t) n;
                if (have < CHUNK + NEEDLE_SIZE_MAX)
                        continue;
                search_bytes(s, s->buffer, CHUNK, NEEDLE_SIZE_MAX, offset);
                offset += CHUNK;
                have -= CHUNK;
                memmove(s->buffer, s->buffer + CHUNK, have);
        }
        if (have > 0)
                search_bytes(s, s->buffer, have, 0, offset);
}

/* What the program makes of the file, on its standard output. */
static void search_unpacked(Search *s, int fd, const char *program) {
        int ends[2], status = 0;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
                search_failed(s, strerror(errno), program);
                return;
        }
        if (pid == 0) {
                if (lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0)
                        _exit(126);
                (void) execlp(program, program, "-dcq", (char *) NULL);
                _exit(127);
        }
        (void) close(ends[1]);
        search_stream(s, ends[0]);
        (void) close(ends[0]);
        if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 127)
                search_failed(s, "is not installed", program);
}

static const char *unpacker(const uint8_t *bytes, size_t size) {
        static const struct {
                const char *magic, *program;
                size_t size;
        } formats[] = {
                { "\x28\xb5\x2f\xfd", "zstd", 4 },
                { "\xfd" "7zXZ", "xz", 5 },
                { "\x1f\x8b\x08", "gzip", 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (size >= formats[i].size && memcmp(bytes, formats[i].magic, formats[i].size) == 0)
                        return formats[i].program;
        return NULL;
}

void search_file(Search *s, int fd) {
        const char *program = NULL;

        for (uint64_t at = 0;; at += CHUNK) {
                ssize_t n = pread(fd, s->buffer, CHUNK + NEEDLE_SIZE_MAX, (off_t) at);
                size_t size = n > 0 ? (size_t) n : 0;

                if (size == 0)
                        break;
                if (at == 0)
                        program = unpacker(s->buffer, size);
                search_bytes(s, s->buffer, size < CHUNK ? size : CHUNK, size < CHUNK ? 0 : size - CHUNK, at);
                if (size <= CHUNK)
                        break;
        }
        if (program)
                search_unpacked(s, fd, program);
}

static void search_entry(Search *s, const char *path, const char *name) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOATIME);

        if (fd < 0) {
                if (errno != ENOENT)
                        search_failed(s, strerror(errno), name);
                return;
        }
        search_begin(s, "file", "%s", name);
        search_file(s, fd);
        search_end(s);
}

/* A file whose time of change is as late has new contents or a new name; nobody can set that time. */
void search_tree(Search *s, const char *root, time_t since, const uid_t *owners, size_t n_owners) {
        char *const roots[] = { (char *) root, NULL };
        FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
        FTSENT *entry;

        if (!walk) {
                search_failed(s, strerror(errno), root);
                return;
        }
        while ((entry = fts_read(walk))) {
                bool wanted = n_owners == 0;

                for (size_t i = 0; i < n_owners && entry->fts_info == FTS_F; i++)
                        wanted = wanted || entry->fts_statp->st_uid == owners[i];
                if (entry->fts_info == FTS_D && file_list_has(&s->except, entry->fts_statp))
                        (void) fts_set(walk, entry, FTS_SKIP);
                if (entry->fts_info == FTS_F && wanted && entry->fts_statp->st_ctime >= since &&
                    !file_list_has(&s->except, entry->fts_statp))
                        search_entry(s, entry->fts_accpath, entry->fts_path);
        }
        (void) fts_close(walk);
}

/* --- System V */

static void search_segment(Search *s, int id) {
        void *bytes = shmat(id, NULL, SHM_RDONLY);
        struct shmid_ds ds;

        if (bytes == (void *) -1)
                return;                /* gone again */
        if (shmctl(id, IPC_STAT, &ds) >= 0) {
                search_begin(s, "shared", "System V shared memory %d", id);
                search_bytes(s, bytes, ds.shm_segsz, 0, 0);
                search_end(s);
        }
        (void) shmdt(bytes);
}

static void search_queue(Search *s, int id) {
        struct {
                long type;
                uint8_t bytes[65536];
        } *message = malloc(sizeof(*message));

        if (!message)
                abort();
        search_begin(s, "queue", "System V message queue %d", id);
        for (long i = 0;; i++) {
                ssize_t n = msgrcv(id, message, sizeof(message->bytes), i, MSG_COPY | IPC_NOWAIT | MSG_NOERROR);

                if (n < 0) {
                        if (errno != ENOMSG && errno != EIDRM && errno != EINVAL)
                                search_failed(s, strerror(errno), s->place);
                        break;
                }
                search_bytes(s, message->bytes, (size_t) n, 0, 0);
        }
        search_end(s);
        free(message);
}

static void each_object(Search *s, const char *table, void (*f)(Search *s, int id)) {
        FILE *file = fopen(table, "re");
        char line[512];
        int id;

        if (!file)
                return;                /* a kernel without */
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "%*d %d", &id) == 1)
                        f(s, id);
        (void) fclose(file);
}

void search_ipc(Search *s) {
        each_object(s, "/proc/sysvipc/shm", search_segment);
        each_object(s, "/proc/sysvipc/msg", search_queue);
}
