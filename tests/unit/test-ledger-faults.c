/* SPDX-License-Identifier: Apache-2.0 */

/* The disk fails: each write and each fsync in turn, in every way that it can. After the first failure nothing is signed;
 * the next start repairs; what was acknowledged is there once, and nothing is missing. */

#include "ledger-fixture.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ENTRIES_MAX 64

typedef enum FaultKind {
        WRITE_NO_SPACE,                /* nothing of it was written */
        WRITE_SHORT,                   /* half of it was written, then the disk is full */
        WRITE_IO,
        WRITE_SHORT_ONLY,              /* half of it was written: no failure */
        SYNC_IO,                       /* fsync() or fdatasync() */
        TRUNCATE_IO,
        RENAME_IO,
        _FAULT_MAX,
} FaultKind;

/* What the linker put in the place of the system calls (with 64-bit offsets some have other names in the C library). */
static struct {
        FaultKind kind;
        unsigned at;                   /* the call of this kind, counted from 1, that fails; 0: none */
        unsigned calls;
        unsigned failed;               /* how many failed so far */
        unsigned writes;               /* of any sort, since the first failure */
        bool shortened;
} fault;

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __real_renameat(int from, const char *old, int to, const char *new);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_renameat(int from, const char *old, int to, const char *new);

static bool fails(FaultKind kind) {
        if (fault.at == 0 || fault.kind != kind || ++fault.calls != fault.at)
                return false;
        fault.failed++;
        return true;
}

/* How many bytes a write takes, or -1. */
static ssize_t write_fault(size_t size, bool ours) {
        if (!ours)
                return (ssize_t) size;
        if (fault.failed > 0 && fault.kind != WRITE_SHORT_ONLY)
                fault.writes++;
        if (fault.shortened) {         /* the rest of a short write */
                fault.shortened = false;
                errno = ENOSPC;
                return -1;
        }
        if (fails(WRITE_NO_SPACE) || fails(WRITE_IO)) {
                errno = fault.kind == WRITE_IO ? EIO : ENOSPC;
                return -1;
        }
        if (fails(WRITE_SHORT)) {
                fault.shortened = true;
                return (ssize_t) size / 2;
        }
        return fails(WRITE_SHORT_ONLY) ? (ssize_t) size / 2 : (ssize_t) size;
}

static bool is_file(int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size) {
        ssize_t n = write_fault(size, is_file(fd));

        return n < 0 ? -1 : __real_write(fd, bytes, (size_t) n);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
        ssize_t n = write_fault(size, true);

        return n < 0 ? -1 : __real_pwrite64(fd, bytes, (size_t) n, offset);
}

static int simple_fault(FaultKind kind) {
        if (!fails(kind))
                return 0;
        errno = EIO;
        return -1;
}

int __wrap_fsync(int fd) {
        return simple_fault(SYNC_IO) < 0 ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd) {
        return simple_fault(SYNC_IO) < 0 ? -1 : __real_fdatasync(fd);
}

int __wrap_ftruncate64(int fd, off_t size) {
        return simple_fault(TRUNCATE_IO) < 0 ? -1 : __real_ftruncate64(fd, size);
}

int __wrap_renameat(int from, const char *old, int to, const char *new) {
        return simple_fault(RENAME_IO) < 0 ? -1 : __real_renameat(from, old, to, new);
}

static void fault_set(FaultKind kind, unsigned at) {
        (void) memset(&fault, 0, sizeof(fault));
        fault.kind = kind;
        fault.at = at;
}

/* What callers were told. */
typedef struct Told {
        char nonces[ENTRIES_MAX][24];  /* of closings that were acknowledged */
        unsigned n;
        unsigned next;                 /* the next customer */
} Told;

/* One attempt of some customers and a change of the key, until something fails. */
static int work(Ledger *l, Signer *next, Told *told) {
        for (int i = 0; i < 5; i++) {
                char nonce[24];
                int r;

                (void) snprintf(nonce, sizeof(nonce), "nonce-%016u", told->next++);
                r = append_opened(l, nonce);
                if (r >= 0 && next && i == 2)
                        r = ledger_set_signer(l, next);
                if (r >= 0)
                        r = append_closed(l, nonce, NULL);
                if (r < 0)
                        return r;
                (void) memcpy(told->nonces[told->n++], nonce, sizeof(nonce));
        }
        return 0;
}

/* The next start: with the key that the ledger goes on with. */
static Ledger *open_again(const char *directory, Signer *signer, Signer *next) {
        Ledger *l = NULL;
        int r;

        fault_set(0, 0);
        r = open_sized(&l, directory, signer, 4);
        if (r == -ENOKEY)
                r = open_sized(&l, directory, next, 4);
        assert_int_equal(r, 0);
        return l;
}

static void check_told(const char *directory, const Told *told) {
        for (unsigned i = 0; i < told->n; i++)
                assert_int_equal(count_entries(directory, "closed", "nonce", told->nonces[i]), 1);
}

/* After a failure nothing is written any more, whatever is asked. */
static void check_poisoned(Ledger *l, Signer *other) {
        unsigned writes = fault.writes;
        uint64_t sequence = ledger_sequence(l);

        for (int i = 0; i < 3; i++) {
                assert_int_equal(append_health(l), -ENOTRECOVERABLE);
                assert_int_equal(append_opened(l, "x"), -ENOTRECOVERABLE);
                assert_int_equal(ledger_set_signer(l, other), -ENOTRECOVERABLE);
        }
        assert_int_equal(fault.writes, writes);
        assert_int_equal(ledger_sequence(l), sequence);
}

/* One run with a fault; true if there were fewer calls than `at`. */
static bool run(FaultKind kind, unsigned at) {
        char *directory = make_directory();
        _cleanup_(signer_freep) Signer *signer = signer_for_test(), *next = signer_for_test();
        Ledger *l = NULL;
        Told told = { 0 };
        bool done;
        int r;

        fault_set(kind, at);
        r = open_sized(&l, directory, signer, 4);
        if (r >= 0) {
                r = work(l, next, &told);
                if (r < 0)
                        check_poisoned(l, next);
        }
        done = fault.failed == 0;
        if (kind == WRITE_SHORT_ONLY || done)
                assert_int_equal(r, 0);
        else
                assert_int_equal(r, kind == WRITE_NO_SPACE || kind == WRITE_SHORT ? -ENOSPC : -EIO);
        ledger_free(l);

        l = open_again(directory, signer, next);
        check_told(directory, &told);
        assert_int_equal(work(l, NULL, &told), 0);
        check_told(directory, &told);
        assert_int_equal(check_chain(directory, RECEIPT_TYP), ledger_sequence(l));
        ledger_free(l);
        remove_directory(directory);
        return done;
}

static void test_every_call_fails(void **state) {
        static const unsigned at_least[_FAULT_MAX] = { 10, 10, 10, 10, 10, 0, 2 };

        for (FaultKind kind = 0; kind < _FAULT_MAX; kind++) {
                unsigned at = 1;

                while (!run(kind, at))
                        at++;
                assert_in_range(at, at_least[kind] + 1, 1000);
        }
}

/* The ledger's last file with half an entry at its end, or only the beginning of a file, and an opening without closing. */
static void leave_torn(const char *directory, Signer *signer, bool first_of_file) {
        Ledger *l = NULL;
        const char *half = "eyJhbGciOiJFUzI1NiIsImtpZCI6I";

        assert_int_equal(open_sized(&l, directory, signer, 4), 0);
        assert_int_equal(append_health(l), 0);
        assert_int_equal(append_opened(l, "nonce-x"), 0);
        if (first_of_file)
                assert_int_equal(append_health(l), 0);
        ledger_free(l);
        if (first_of_file)
                file_write(directory, segment_file(5), half, strlen(half));
        else {
                size_t size;
                _cleanup_free_ char *text = file_text(directory, segment_file(1), &size), *torn = NULL;

                assert_true(asprintf(&torn, "%s%s", text, half) > 0);
                file_write(directory, segment_file(1), torn, strlen(torn));
        }
}

/* The disk fails again while the damage is repaired. The record of the repair is never lost. */
static bool run_repair(FaultKind kind, unsigned at, bool first_of_file) {
        char *directory = make_directory();
        _cleanup_(signer_freep) Signer *signer = signer_for_test();
        Ledger *l = NULL;
        bool done;

        fault_set(0, 0);
        leave_torn(directory, signer, first_of_file);
        fault_set(kind, at);
        (void) open_sized(&l, directory, signer, 4);
        done = fault.failed == 0;
        ledger_free(l);

        l = open_again(directory, signer, NULL);
        assert_in_range(count_entries(directory, "repaired", NULL, NULL), 1, 3);
        assert_int_equal(count_entries(directory, "closed", "cause", "interrupted"), 1);
        assert_int_equal(append_health(l), 0);
        assert_int_equal(check_chain(directory, RECEIPT_TYP), ledger_sequence(l));
        ledger_free(l);
        remove_directory(directory);
        return done;
}

static void test_repair_fails(void **state) {
        for (FaultKind kind = 0; kind < _FAULT_MAX; kind++)
                for (int first_of_file = 0; first_of_file < 2; first_of_file++) {
                        unsigned at = 1;

                        while (!run_repair(kind, at, first_of_file))
                                at++;
                        if (kind != RENAME_IO && (kind != TRUNCATE_IO || !first_of_file))
                                assert_true(at > 1);
                }
}

/* After a failed fsync the kernel may call pages clean that never reached the disk: the last entry is written again. */
static void test_tail_is_written_again(void **state) {
        char *directory = make_directory();
        _cleanup_(signer_freep) Signer *signer = signer_for_test();
        Ledger *l = NULL;
        size_t size;

        fault_set(0, 0);
        assert_int_equal(open_sized(&l, directory, signer, 64), 0);
        assert_int_equal(append_health(l), 0);
        fault_set(SYNC_IO, 1);
        assert_int_equal(append_health(l), -EIO);
        l = ledger_free(l);
        free(file_text(directory, segment_file(1), &size));

        fault_set(WRITE_SHORT_ONLY, 1);    /* half of it, and then the rest: two writes that are seen */
        assert_int_equal(open_sized(&l, directory, signer, 64), 0);
        assert_int_equal(fault.failed, 1);
        assert_int_equal(fault.calls, 2);
        assert_int_equal(ledger_sequence(l), 3);
        ledger_free(l);
        fault_set(0, 0);
        assert_int_equal(check_chain(directory, RECEIPT_TYP), 3);
        remove_directory(directory);
}

static int small_disk(const char *path) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=256k,mode=0700") < 0)
                return -errno;
        return 0;
}

/* A disk that is really full. With what it takes in a child, for the mount is in a namespace of its own. */
static int fill_disk(const char *directory) {
        _cleanup_(signer_freep) Signer *signer = signer_for_test();
        Ledger *l = NULL;
        Told told = { 0 };
        int r;

        if (small_disk(directory) < 0)
                return 77;
        assert_int_equal(open_sized(&l, directory, signer, 32), 0);
        do {
                told.n = 0;            /* more than it has room for */
                r = work(l, NULL, &told);
        } while (r >= 0);
        assert_int_equal(r, -ENOSPC);
        check_poisoned(l, signer);
        ledger_free(l);
        l = NULL;

        /* still full: no start, whatever was written; and room again by removing the oldest file */
        r = open_sized(&l, directory, signer, 32);
        assert_true(r == 0 || r == -ENOSPC);
        ledger_free(l);
        l = NULL;
        assert_int_equal(mount(NULL, directory, NULL, MS_REMOUNT, "size=2m"), 0);
        assert_int_equal(open_sized(&l, directory, signer, 32), 0);
        assert_int_equal(append_health(l), 0);
        assert_int_equal(check_chain(directory, RECEIPT_TYP), ledger_sequence(l));
        ledger_free(l);
        return 0;
}

static void test_full_disk(void **state) {
        char *directory = make_directory();
        int status;
        pid_t child;

        fault_set(0, 0);
        child = fork();
        if (child == 0)
                _exit(fill_disk(directory));
        assert_int_equal(waitpid(child, &status, 0), child);
        remove_directory(directory);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                print_message("skipped: a small disk can be mounted by root only\n");
                skip();
        }
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_call_fails),
                cmocka_unit_test(test_repair_fails),
                cmocka_unit_test(test_tail_is_written_again),
                cmocka_unit_test(test_full_disk),
        };

        signer_wipe_json();
        log_set_max_level(LOG_CRIT);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
