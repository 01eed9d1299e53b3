/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger-fixture.h"

#include "macro.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jose/jwk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

int sealed_text(const char *text, size_t size) {
        int fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, size), size);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
        return fd;
}

char *key_text(void) {
        json_auto_t *key = json_pack("{s:s,s:s}", "kty", "EC", "crv", "P-256");
        char *text;

        assert_true(jose_jwk_gen(NULL, key));
        text = json_dumps(key, JSON_COMPACT);
        assert_non_null(text);
        return text;
}

Signer *signer_from_text(const char *text, const char *typ) {
        _cleanup_close_ int fd = sealed_text(text, strlen(text));
        Signer *s = NULL;

        assert_int_equal(signer_new(&s, fd, typ, "none"), 0);
        return s;
}

Signer *signer_for_test(void) {
        _cleanup_free_ char *text = key_text();

        return signer_from_text(text, RECEIPT_TYP);
}

char *make_directory(void) {
        const char *base = getenv("TMPDIR");
        char *path = NULL;

        assert_true(asprintf(&path, "%s/likeness-ledger-XXXXXX", base ? base : "/tmp") > 0);
        assert_non_null(mkdtemp(path));
        return path;
}

void remove_directory(char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = opendir(path);
        struct dirent *item;

        assert_non_null(d);
        while ((item = readdir(d)))
                (void) unlinkat(fd, item->d_name, 0);
        (void) closedir(d);
        (void) rmdir(path);
        free(path);
}

static int open_in(const char *directory, const char *name, int flags) {
        _cleanup_free_ char *path = NULL;
        int fd;

        assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
        fd = open(path, flags | O_CLOEXEC, 0600);
        if (fd < 0)
                fail_msg("cannot open %s: %s", path, strerror(errno));
        return fd;
}

char *file_text(const char *directory, const char *name, size_t *ret_size) {
        _cleanup_close_ int fd = open_in(directory, name, O_RDONLY);
        struct stat st;
        char *text;

        assert_int_equal(fstat(fd, &st), 0);
        text = calloc(1, (size_t) st.st_size + 1);
        assert_non_null(text);
        assert_int_equal(read(fd, text, (size_t) st.st_size), st.st_size);
        if (ret_size)
                *ret_size = (size_t) st.st_size;
        return text;
}

void file_write(const char *directory, const char *name, const char *text, size_t size) {
        _cleanup_close_ int fd = open_in(directory, name, O_WRONLY | O_CREAT | O_TRUNC);

        assert_int_equal(write_whole(fd, text, size, -1), 0);
}

const char *segment_file(uint64_t first) {
        static char name[64];

        (void) snprintf(name, sizeof(name), "ledger-%016" PRIx64 ".jws", first);
        return name;
}

int open_sized(Ledger **ret, const char *directory, Signer *signer, unsigned entries) {
        const LedgerSetup setup = { .directory = directory, .terminal = "till-1", .signer = signer };

        return ledger_open_sized(ret, &setup, entries);
}

int ledger_set_up(void **state) {
        LedgerFixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->directory = make_directory();
        f->signer = signer_for_test();
        *state = f;
        return 0;
}

int ledger_tear_down(void **state) {
        LedgerFixture *f = *state;

        ledger_free(f->ledger);
        signer_free(f->signer);
        remove_directory(f->directory);
        free(f);
        return 0;
}

int reopen(LedgerFixture *f, unsigned entries) {
        f->ledger = ledger_free(f->ledger);
        return open_sized(&f->ledger, f->directory, f->signer, entries);
}

int append_opened(Ledger *l, const char *nonce) {
        return ledger_append(l, "opened",
                             json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s}", "support-code", "K7-M2", "nonce", nonce,
                                       "transaction", "order-9", "operator", "clerk-3", "notice", "n-2026-1",
                                       "caller", 1000, "document", "passport"),
                             NULL);
}

int append_closed(Ledger *l, const char *nonce, char **ret_jws) {
        return ledger_append(l, "closed",
                             json_pack("{s:s,s:s,s:s}", "nonce", nonce, "cause", "verdict", "verdict", "match"),
                             ret_jws);
}

int append_health(Ledger *l) {
        return ledger_append(l, "health", json_object(), NULL);
}

/* The whole ledger's text in order; the first segment need not begin with 1. */
static char *all_segments(const char *directory) {
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SegmentList list = { 0 };
        char *all = strdup("");

        assert_int_equal(segment_list(fd, &list), 0);
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_free_ char *text = file_text(directory, segment_file(list.firsts[i]), NULL), *old = all;

                assert_true(asprintf(&all, "%s%s", old, text) >= 0);
        }
        segment_list_done(&list);
        return all;
}

uint64_t check_chain(const char *directory, const char *typ) {
        _cleanup_free_ char *all = all_segments(directory), *keys_text = file_text(directory, "keys.json", NULL);
        json_auto_t *keys = json_loads(keys_text, 0, NULL);
        char hash[RECEIPT_HASH_SIZE] = "";
        uint64_t n = 0, open = 0;
        char *rest = all, *line;

        if (all[0] != '\0')
                assert_int_equal(all[strlen(all) - 1], '\n');
        while ((line = strsep(&rest, "\n")) && rest) {
                json_auto_t *claims = NULL;

                assert_int_equal(receipt_verify(keys, typ, line, strlen(line), &claims), 0);
                if (n == 0 && entry_number(claims, "first") > 1) {     /* a summary of what was dropped */
                        n = entry_number(claims, "entries");
                        open = entry_number(claims, "open");
                        (void) snprintf(hash, sizeof(hash), "%s", entry_text(claims, "previous"));
                }
                assert_int_equal(entry_number(claims, "sequence"), ++n);
                assert_string_equal(entry_text(claims, "previous"), hash);
                receipt_hash(line, strlen(line), hash);
                if (entry_is(claims, "opened")) {
                        assert_int_equal(open, 0);
                        open = n;
                } else if (entry_is(claims, "closed")) {
                        assert_int_not_equal(open, 0);
                        assert_int_equal(entry_number(claims, "opening"), open);
                        open = 0;
                }
        }
        return n;
}

unsigned count_entries(const char *directory, const char *entry, const char *member, const char *text) {
        _cleanup_free_ char *all = all_segments(directory);
        char *rest = all, *line;
        unsigned n = 0;

        while ((line = strsep(&rest, "\n")) && rest) {
                json_auto_t *claims = NULL;

                assert_int_equal(receipt_read(line, strlen(line), NULL, &claims), 0);
                if (entry_is(claims, entry) && (!member || streq(entry_text(claims, member), text)))
                        n++;
        }
        return n;
}
