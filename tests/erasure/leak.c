/* SPDX-License-Identifier: Apache-2.0 */

#include "leak.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>

#define WORDS_FILE "/run/private-bus/leak"
#define OBJECTS_MAX 4096U
#define OF_A_LABEL 4U                 /* of those that are not small */
#define SMALL (4U * 1024)
#define LOG_BYTES (16U * 1024)         /* of an object */
#define QUEUE_BYTES (1024U * 1024)
#define PIPE_BYTES (1024U * 1024)

static struct {
        pthread_mutex_t lock;
        size_t n;
        const char *labels[OBJECTS_MAX];
        const uint8_t *objects[OBJECTS_MAX];
        size_t sizes[OBJECTS_MAX];
        uint64_t hashes[OBJECTS_MAX];
        size_t total;
        bool done;
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

int leak_wanted(const char *word) {
        _cleanup_close_ int fd = open(WORDS_FILE, O_RDONLY | O_CLOEXEC);
        char words[256] = "";
        char *rest = words, *w;

        if (fd < 0 || read(fd, words, sizeof(words) - 1) <= 0)
                return 0;
        while ((w = strsep(&rest, " \n")))
                if (streq(w, word))
                        return 1;
        return 0;
}

static uint64_t hash(const uint8_t *bytes, size_t size) {
        uint64_t h = size;

        for (size_t i = 0; i < size; i++)
                h = (h ^ bytes[i]) * UINT64_C(1099511628211);
        return h;
}

void leak_keep(const char *label, const void *bytes, size_t size) {
        size_t alike = 0;
        uint64_t h;
        uint8_t *copy;

        if (!leak_wanted("everywhere"))
                return;

        h = hash(bytes, size);
        pthread_mutex_lock(&kept.lock);
        for (size_t i = 0; i < kept.n; i++)
                if (kept.hashes[i] == h)
                        size = 0;
                else if (streq(kept.labels[i], label))
                        alike++;
        if (size > 0 && kept.n < OBJECTS_MAX && (alike < OF_A_LABEL || size <= SMALL) && (copy = malloc(size))) {
                memcpy(copy, bytes, size);
                kept.labels[kept.n] = label;
                kept.objects[kept.n] = copy;
                kept.sizes[kept.n] = size;
                kept.hashes[kept.n++] = h;
                kept.total += size;
        }
        pthread_mutex_unlock(&kept.lock);
}

static void write_all(int fd, const void *bytes, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const uint8_t *) bytes + done, size - done);

                if (n <= 0)
                        return;        /* full */
                done += (size_t) n;
        }
}

static void write_kept(int fd) {
        for (size_t i = 0; i < kept.n; i++)
                write_all(fd, kept.objects[i], kept.sizes[i]);
}

static void write_file(const char *directory, void (*write_what)(int fd)) {
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/leak-%d", directory, getpid());
        int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return;
        write_what(fd);
        (void) close(fd);
}

/* --- as text */

static void write_hex(int fd) {
        for (size_t i = 0; i < 2 * kept.n; i++) {
                const char *digits = i % 2 ? "0123456789abcdef" : "0123456789ABCDEF";
                const uint8_t *bytes = kept.objects[i / 2];
                size_t size = kept.sizes[i / 2];
                _cleanup_free_ char *text = malloc(2 * size);

                for (size_t j = 0; text && j < size; j++) {
                        text[2 * j] = digits[bytes[j] >> 4];
                        text[2 * j + 1] = digits[bytes[j] & 15];
                }
                if (text)
                        write_all(fd, text, 2 * size);
        }
}

/* Each object begins at another place of a group of three bytes. */
static void write_base64(int fd, const char *digits, size_t most) {
        for (size_t i = 0; i < kept.n; i++) {
                size_t size = kept.sizes[i] < most ? kept.sizes[i] : most, n = 0;
                _cleanup_free_ char *text = malloc(size / 3 * 4 + 16);
                uint32_t group = 0;

                if (!text)
                        return;
                for (size_t j = 0; j < size + i % 3; j++) {
                        group = group << 8 | (j < i % 3 ? '"' : kept.objects[i][j - i % 3]);
                        for (int shift = 18; j % 3 == 2 && shift >= 0; shift -= 6)
                                text[n++] = digits[group >> shift & 63];
                }
                text[n++] = '\n';
                write_all(fd, text, n);
        }
}

#define DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void write_log(int fd) {
        write_base64(fd, DIGITS "+/", LOG_BYTES);
}

static void write_base64url(int fd) {
        write_base64(fd, DIGITS "-_", SIZE_MAX);
}

/* --- what outlives the process by a child's keeping it */

static int a_memfd(void) {
        int fd = memfd_create("leak", 0);

        if (fd >= 0)
                write_kept(fd);
        return fd;
}

static int a_deleted_file(void) {
        char path[] = "/var/tmp/leak-deleted-XXXXXX";
        int fd = mkstemp(path);

        if (fd >= 0) {
                write_kept(fd);
                (void) unlink(path);
        }
        return fd;
}

/* For a place that does not take much: of each label the first, a slice of it that holds some needles. */
static void fill(int fd) {
        for (size_t i = 0; i < 2 * kept.n; i++) {
                size_t of = i % kept.n, size = kept.sizes[of], first = 0;

                if (size <= SMALL ? i >= kept.n : i < kept.n)
                        continue;      /* the small ones first */
                while (!streq(kept.labels[first], kept.labels[of]))
                        first++;
                if (size > SMALL)
                        size = 2 * SMALL + size / 32 < size ? 2 * SMALL + size / 32 : size;
                if (first == of)
                        write_all(fd, kept.objects[of] + (kept.sizes[of] - size) / 2, size);
        }
}

static void a_queue(void) {
        const int size = QUEUE_BYTES;
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0) {
                (void) setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
                fill(ends[0]);
        }
}

static void a_pipe(void) {
        int ends[2];

        if (pipe2(ends, O_NONBLOCK) == 0) {
                (void) fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
                fill(ends[1]);
        }
}

/* A descriptor that was sent and never received. */
static void a_passed_memfd(void) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec vector = { (char *) "x", 1 };
        struct msghdr m = {
                .msg_iov = &vector,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        int ends[2], fd = a_memfd();

        if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
                return;
        control.header = (struct cmsghdr) {
                .cmsg_len = CMSG_LEN(sizeof(int)),
                .cmsg_level = SOL_SOCKET,
                .cmsg_type = SCM_RIGHTS,
        };
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        (void) sendmsg(ends[0], &m, 0);
        (void) close(fd);
}

static void a_shared_segment(void) {
        int id = shmget(IPC_PRIVATE, kept.total, IPC_CREAT | 0600);
        uint8_t *at = id < 0 ? NULL : shmat(id, NULL, 0);

        if (!at || at == (void *) -1)
                return;
        for (size_t i = 0; i < kept.n; at += kept.sizes[i++])
                memcpy(at, kept.objects[i], kept.sizes[i]);
}

void leak_fork(const char *name) {
        if (!leak_wanted(name) || fork() != 0)
                return;

        (void) prctl(PR_SET_NAME, name);
        for (;;)
                pause();
}

void leak_everywhere(void) {
        pthread_mutex_lock(&kept.lock);
        if (!kept.done && kept.n > 0 && leak_wanted("everywhere")) {
                kept.done = true;
                write_file("/dev/shm", write_kept);
                write_file("/tmp", write_hex);
                write_file("/var/tmp", write_base64url);
                write_log(STDERR_FILENO);
                (void) a_memfd();
                (void) a_deleted_file();
                a_queue();
                a_pipe();
                a_passed_memfd();
                a_shared_segment();
                leak_fork("everywhere");
        }
        pthread_mutex_unlock(&kept.lock);
}
