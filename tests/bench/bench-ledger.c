/* SPDX-License-Identifier: Apache-2.0 */

/* Measures the ledger and prints one JSON object a line.
 *
 * usage: bench-ledger DIRECTORY [ENTRIES]      (of the disk to measure; 1,000,000 entries, about 1 GB, unless told)
 *
 * A benchmark, not a test: nothing is asserted. */

#include "clock.h"
#include "ledger-internal.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jose/jwk.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define APPENDS 500U
#define VERIFICATIONS 20000U
#define SIGNATURES 20000U
#define OPENINGS 5U
#define NONCE "Zm9yIHRoZSBiZW5jaG1hcms"

/* fdatasync() is left out while a million entries are made. */
static bool sync_off;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd) {
        return sync_off ? 0 : __real_fdatasync(fd);
}

/* Microseconds of one core that this process has used: what others do on the machine is not in it. */
static uint64_t now_core_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

static int new_signer(Signer **ret) {
        json_auto_t *key = json_pack("{s:s,s:s}", "kty", "EC", "crv", "P-256");
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;

        if (!key || !jose_jwk_gen(NULL, key))
                return -ENOMEM;
        text = json_dumps(key, JSON_COMPACT);
        fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (!text || fd < 0 || write_whole(fd, text, strlen(text), -1) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -EIO;
        return signer_new(ret, fd, RECEIPT_TYP, "host");
}

/* As long as real ones. */
static json_t *opened_claims(void) {
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s}", "support-code", "K7M2-9QXD", "nonce", NONCE,
                         "transaction", "order-2026-000123", "operator", "clerk-17", "notice", "notice-2026-1",
                         "caller", 1000, "document", "residence-card", "reference-source", "supplied",
                         "challenge", "light", "mode", "enforce", "software", "0.1.0");
}

static json_t *closed_claims(void) {
        static const char hash[] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        json_auto_t *all = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:[],s:b,s:s,s:s,s:s,s:s,s:s}",
                                     "support-code", "K7M2-9QXD", "nonce", NONCE, "transaction", "order-2026-000123",
                                     "operator", "clerk-17", "notice", "notice-2026-1", "caller", 1000,
                                     "cause", "verdict", "verdict", "match", "reasons", "binding", 1, "mode", "enforce",
                                     "document", "residence-card", "reference-source", "supplied",
                                     "document-authenticity", "not-checked", "document-binding", "not-asked");
        json_auto_t *more = json_pack("{s:{s:s,s:s,s:s},s:{s:f,s:s},s:{s:s,s:s,s:s},s:b,s:s,s:b,s:s}",
                                      "evidence", "passive", "no-objection", "light", "not-done", "turn", "not-done",
                                      "policy", "false-match-rate", 0.0001, "population", "east-asian",
                                      "models", "detector", hash, "matcher", hash, "liveness", hash,
                                      "preview", 0, "examiner-ended", "control-group", "face-seen", 1,
                                      "software", "0.1.0");

        if (!all || !more || json_object_update(all, more) < 0)
                return NULL;
        return json_incref(all);
}

static int append_pair(Ledger *l, char **ret_jws) {
        int r;

        r = ledger_append(l, "opened", opened_claims(), NULL);
        return r < 0 ? r : ledger_append(l, "closed", closed_claims(), ret_jws);
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static int bench_append(Ledger *l) {
        static double times[APPENDS];

        for (unsigned i = 0; i < APPENDS; i++) {
                uint64_t begin = now_monotonic_usec();
                int r = i % 2 == 0 ? ledger_append(l, "opened", opened_claims(), NULL) :
                                     ledger_append(l, "closed", closed_claims(), NULL);

                if (r < 0)
                        return r;
                times[i] = (double) (now_monotonic_usec() - begin) / 1000;
        }
        qsort(times, APPENDS, sizeof(*times), compare);
        printf("{\"bench\": \"ledger-append\", \"entries\": %u, \"median-ms\": %.3f, \"p95-ms\": %.3f}\n",
               APPENDS, times[APPENDS / 2], times[APPENDS * 95 / 100]);
        return 0;
}

static int bench_signatures(const Signer *signer, const Ledger *l, const char *jws) {
        json_auto_t *keys = ledger_keys(l), *claims = closed_claims();
        uint64_t begin = now_core_usec();

        for (unsigned i = 0; i < VERIFICATIONS; i++) {
                json_auto_t *read = NULL;
                int r = receipt_verify(keys, RECEIPT_TYP, jws, strlen(jws), &read);

                if (r < 0)
                        return r;
        }
        printf("{\"bench\": \"receipt-verify\", \"bytes\": %zu, \"per-second\": %.0f}\n", strlen(jws),
               VERIFICATIONS * 1e6 / (double) (now_core_usec() - begin));

        begin = now_core_usec();
        for (unsigned i = 0; i < SIGNATURES; i++) {
                _cleanup_free_ char *made = NULL;
                int r = signer_sign(signer, claims, &made);

                if (r < 0)
                        return r;
        }
        printf("{\"bench\": \"receipt-sign\", \"per-second\": %.0f}\n",
               SIGNATURES * 1e6 / (double) (now_core_usec() - begin));
        return 0;
}

/* The fastest of some openings (all with fsync), and one search for a nonce that is nowhere. */
static int bench_open(const LedgerSetup *setup) {
        uint64_t best = UINT64_MAX, best_core = UINT64_MAX, sequence = 0, search = 0;
        unsigned last = 0;

        for (unsigned i = 0; i < OPENINGS; i++) {
                _cleanup_(ledger_freep) Ledger *l = NULL;
                uint64_t begin = now_monotonic_usec(), begin_core = now_core_usec(), taken;
                char *jws = NULL;
                json_t *claims = NULL;
                int r;

                r = ledger_open(&l, setup);
                if (r < 0)
                        return r;
                taken = now_monotonic_usec() - begin;
                best = taken < best ? taken : best;
                taken = now_core_usec() - begin_core;
                best_core = taken < best_core ? taken : best_core;
                sequence = ledger_sequence(l);
                last = l->entries;

                begin = now_core_usec();
                r = ledger_find_nonce(l, "bm93aGVyZSB0byBiZSBmb3", 86400, &jws, &claims);
                search = now_core_usec() - begin;
                if (r != 0)
                        return r < 0 ? r : -EEXIST;
        }
        printf("{\"bench\": \"ledger-open\", \"entries\": %" PRIu64 ", \"in-last-segment\": %u, \"ms\": %.2f, "
               "\"core-ms\": %.2f, \"nonce-search-core-ms\": %.2f}\n", sequence, last, (double) best / 1000,
               (double) best_core / 1000, (double) search / 1000);
        return 0;
}

static void remove_ledger(const char *path) {
        DIR *d = opendir(path);
        struct dirent *item;

        if (!d)
                return;
        while ((item = readdir(d)))
                (void) unlinkat(dirfd(d), item->d_name, 0);
        (void) closedir(d);
        (void) rmdir(path);
}

static int bench(const char *path, uint64_t entries) {
        _cleanup_(signer_freep) Signer *signer = NULL;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_free_ char *jws = NULL;
        LedgerSetup setup = { .directory = path, .terminal = "shop-0042-till-1" };
        uint64_t before;
        int r;

        r = new_signer(&signer);
        setup.signer = signer;
        if (r >= 0)
                r = ledger_open(&l, &setup);
        for (int i = 0; i < 4 && r >= 0; i++) {
                free(TAKE_PTR(jws));
                before = l->size;
                r = append_pair(l, &jws);
        }
        if (r < 0)
                return r;
        printf("{\"bench\": \"ledger-bytes\", \"opened-and-closed\": %" PRIu64 "}\n", l->size - before);
        l = ledger_free(l);

        r = bench_open(&setup);
        if (r >= 0)
                r = ledger_open(&l, &setup);
        if (r >= 0)
                r = bench_append(l);
        if (r >= 0)
                r = bench_signatures(signer, l, jws);

        sync_off = true;
        while (r >= 0 && ledger_sequence(l) + 1 < entries)
                r = append_pair(l, NULL);
        sync_off = false;
        l = ledger_free(l);
        return r < 0 ? r : bench_open(&setup);
}

int main(int argc, char **argv) {
        _cleanup_free_ char *path = NULL;
        uint64_t entries = 1000000;
        int r;

        if (argc < 2 || argc > 3 || (argc == 3 && sscanf(argv[2], "%" SCNu64, &entries) != 1)) {
                fprintf(stderr, "usage: bench-ledger DIRECTORY [ENTRIES]\n");
                return EXIT_FAILURE;
        }
        signer_wipe_json();
        if (asprintf(&path, "%s/bench-ledger-XXXXXX", argv[1]) < 0 || !mkdtemp(path)) {
                (void) log_error_errno(-errno, "Cannot make a directory in %s: %m", argv[1]);
                return EXIT_FAILURE;
        }
        setlinebuf(stdout);
        r = bench(path, entries);
        remove_ledger(path);
        if (r < 0)
                (void) log_error_errno(r, "Cannot measure: %m");
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
