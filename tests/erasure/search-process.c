/* SPDX-License-Identifier: Apache-2.0 */

#include "search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

/* Reserved address space of this size is a sanitizer's notes about addresses. */
#define MAPPING_MAX (UINT64_C(1) << 40)
#define QUEUE_MAX (4U * 1024 * 1024)
#define DESCRIPTORS_MAX 253U           /* in one message: SCM_MAX_FD */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)

typedef struct Process {
        pid_t pid;
        char name[32];
        int memory, pages;
} Process;

typedef struct Mapping {
        uint64_t begin, end;
        char mode[8];
        uint64_t inode;
        char name[256];
} Mapping;

/* --- memory */

/* True if one of the pages was ever touched. Reading the others would give zeros. */
static bool any_page(const Process *p, uint64_t begin, uint64_t end) {
        uint64_t entries[CHUNK / 4096 + 1], n = (end - begin + 4095) / 4096;
        ssize_t size = pread(p->pages, entries, n * sizeof(uint64_t), (off_t) (begin / 4096 * sizeof(uint64_t)));

        if (size < 0)
                return true;
        for (size_t i = 0; i < (size_t) size / sizeof(uint64_t); i++)
                if (entries[i] & (PAGE_PRESENT | PAGE_SWAPPED))
                        return true;
        return false;
}

static void search_mapping(Search *s, const Process *p, const Mapping *m) {
        for (uint64_t at = m->begin; at < m->end; at += CHUNK) {
                uint64_t end = m->end - at < CHUNK ? m->end : at + CHUNK;
                uint64_t ahead = m->end - end < NEEDLE_SIZE_MAX ? m->end - end : NEEDLE_SIZE_MAX;

                if (m->inode == 0 && !any_page(p, at, end))
                        continue;
                /* a page that cannot be read (behind the end of a mapped file) is passed over */
                for (uint64_t from = at; from < end;) {
                        ssize_t n = pread(p->memory, s->buffer, end - from + ahead, (off_t) from);
                        size_t got = n > 0 ? (size_t) n : 0, size = got < end - from ? got : (size_t) (end - from);

                        search_bytes(s, s->buffer, size, got - size, from);
                        from += size;
                        if (from < end)
                                from = (from / 4096 + 1) * 4096;
                }
        }
}

/* What is read-only and backed by a file that still has a name is searched as that file, if it is new. */
static bool is_wanted(const Mapping *m) {
        if (m->mode[0] != 'r' || m->end - m->begin >= MAPPING_MAX || streq(m->name, "[vvar]") ||
            streq(m->name, "[vsyscall]"))
                return false;
        return m->inode == 0 || m->mode[1] == 'w' || m->mode[3] == 's' || strstr(m->name, "(deleted)") ||
               strncmp(m->name, "/memfd:", 7) == 0;
}

static void search_memory(Search *s, const Process *p) {
        char path[64], line[4096];
        FILE *maps;

        (void) snprintf(path, sizeof(path), "/proc/%d/maps", p->pid);
        maps = fopen(path, "re");
        if (!maps)
                return;
        search_begin(s, "memory", "%s[%d]", p->name, p->pid);
        while (fgets(line, sizeof(line), maps)) {
                Mapping m = {};

                line[strcspn(line, "\n")] = '\0';
                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*x %*s %" SCNu64 " %255[^\n]", &m.begin, &m.end, m.mode,
                           &m.inode, m.name) >= 4 && is_wanted(&m))
                        search_mapping(s, p, &m);
        }
        search_end(s);
        (void) fclose(maps);
}

/* --- descriptors */

static void search_regular(Search *s, const Process *p, const char *name, int fd, const struct stat *st) {
        if (file_list_has(&s->except, st) || !file_list_add(&s->seen, st))
                return;
        search_begin(s, "descriptor", "%s[%d] %s", p->name, p->pid, name);
        search_file(s, fd);
        search_end(s);
}

/* Descriptors that lie in a queue, on their way to somebody. */
static void search_passed(Search *s, const Process *p, struct msghdr *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                        struct stat st;
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
                        if (fstat(fd, &st) >= 0 && S_ISREG(st.st_mode))
                                search_regular(s, p, "(in a queue)", fd, &st);
                        (void) close(fd);
                }
        }
}

/* What waits to be received stays where it is: it is only peeked at. */
static void search_socket(Search *s, const Process *p, const char *name, int fd) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
        } control = {};
        uint8_t *bytes = malloc(QUEUE_MAX);
        struct iovec vector = { bytes, QUEUE_MAX };
        struct msghdr m = {
                .msg_iov = &vector,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        if (!bytes)
                abort();
        n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n >= 0) {
                if (n > 0) {
                        search_begin(s, "queue", "%s[%d] %s", p->name, p->pid, name);
                        search_bytes(s, bytes, (size_t) n, 0, 0);
                        search_end(s);
                }
                search_passed(s, p, &m);
        }
        free(bytes);
}

/* A copy of what is in the pipe, which stays there. */
static void search_pipe(Search *s, const Process *p, const char *name, int fd) {
        int waiting = 0, copy[2];
        ssize_t n;

        if (ioctl(fd, FIONREAD, &waiting) < 0 || waiting == 0)
                return;
        if (pipe2(copy, O_CLOEXEC | O_NONBLOCK) < 0)
                abort();
        (void) fcntl(copy[1], F_SETPIPE_SZ, waiting + 65536);
        n = tee(fd, copy[1], (size_t) waiting, SPLICE_F_NONBLOCK);
        (void) close(copy[1]);
        if (n > 0) {
                search_begin(s, "pipe", "%s[%d] %s", p->name, p->pid, name);
                search_stream(s, copy[0]);
                search_end(s);
        } else if (n < 0 && errno != EAGAIN && errno != EBADF) /* the end that is written to */
                search_failed(s, strerror(errno), name);
        (void) close(copy[0]);
}

static void search_descriptor(Search *s, const Process *p, int pidfd, const char *number) {
        char path[64], target[512] = "";
        struct stat st;
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd/%s", p->pid, number);
        if (stat(path, &st) < 0 || readlink(path, target, sizeof(target) - 1) < 0)
                return;

        if (S_ISREG(st.st_mode))
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        else if (S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode))
                fd = pidfd_getfd(pidfd, atoi(number), 0);
        else
                return;
        if (fd < 0) {
                if (errno != ENOENT && errno != EBADF && errno != ESRCH)
                        search_failed(s, strerror(errno), path);
                return;
        }

        if (S_ISREG(st.st_mode))
                search_regular(s, p, target, fd, &st);
        else if (S_ISSOCK(st.st_mode))
                search_socket(s, p, target, fd);
        else
                search_pipe(s, p, target, fd);
        (void) close(fd);
}

static void search_descriptors(Search *s, const Process *p) {
        _cleanup_close_ int pidfd = pidfd_open(p->pid, 0);
        struct dirent *entry;
        char path[64];
        DIR *directory;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd", p->pid);
        directory = opendir(path);
        if (!directory)
                return;
        while ((entry = readdir(directory)))
                if (entry->d_name[0] != '.')
                        search_descriptor(s, p, pidfd, entry->d_name);
        (void) closedir(directory);
}

static int process_open(pid_t pid, const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
        return open(path, O_RDONLY | O_CLOEXEC);
}

void search_process(Search *s, pid_t pid) {
        _cleanup_close_ int memory = process_open(pid, "mem"), pages = process_open(pid, "pagemap");
        _cleanup_close_ int comm = process_open(pid, "comm");
        Process p = { .pid = pid, .memory = memory, .pages = pages };
        ssize_t n = comm < 0 ? -1 : read(comm, p.name, sizeof(p.name) - 1);

        if (n <= 0)
                return;                /* ended meanwhile */
        p.name[n - 1] = '\0';
        if (memory < 0 || pages < 0) {
                if (errno != ENOENT && errno != ESRCH)
                        search_failed(s, strerror(errno), p.name);
                return;
        }
        search_memory(s, &p);
        search_descriptors(s, &p);
}
