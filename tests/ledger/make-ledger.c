/* SPDX-License-Identifier: Apache-2.0 */

/* Writes a ledger with the ledger's own code, as a terminal would over some days, for tests and measurements:
 * make-ledger DIRECTORY CHECKS [--demo] [--terminal=NAME] [--rotate-at=CHECK] [--key-file=FILE]
 * The key is made at random, and kept in FILE if one is named. The claims are those of the service. */

#include "ledger.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jose/jwk.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define HASH_A "4d1b2a8f6b7f8e39b1d30b7a56f9f7ac0c6e1a55f7f0ad2c6f8d0be9b5f9e1aa"
#define HASH_B "9c0e7f7c2f7b41f9a4b2d2a8e1f36c5d7e8a90b1c2d3e4f5061728394a5b6c7d"
#define HASH_C "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"

typedef struct Options {
        const char *directory, *terminal, *key_file, *typ;
        unsigned long checks, rotate_at;
} Options;

static int memfd_of(const char *text) {
        int fd = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t) strlen(text) ||
                        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -1;
        return fd;
}

/* A new key; kept in the file if there is one to keep it in. */
static Signer *make_signer(const Options *o, const char *file) {
        json_t *key = json_pack("{s:s,s:s}", "kty", "EC", "crv", "P-256");
        _cleanup_close_ int fd = -1;
        Signer *signer = NULL;
        char *text;

        if (!jose_jwk_gen(NULL, key))
                return NULL;
        text = json_dumps(key, JSON_COMPACT);
        fd = memfd_of(text);
        if (fd < 0 || signer_new(&signer, fd, o->typ, "host") < 0)
                return NULL;
        if (file && json_dump_file(key, file, JSON_COMPACT) < 0)
                return NULL;
        free(text);
        json_decref(key);
        return signer;
}

static json_t *opened(unsigned long i, const char *code, const char *nonce) {
        char transaction[32], operator[16];

        (void) snprintf(transaction, sizeof(transaction), "order-%lu", i + 1);
        (void) snprintf(operator, sizeof(operator), "clerk-%lu", i % 3 + 1);
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s}", "support-code", code, "nonce", nonce,
                        "transaction", transaction, "operator", operator, "notice", "privacy-2026-1", "caller", 1000,
                        "document", "id-card", "reference-source", "supplied", "challenge", "none", "mode", "pilot",
                        "software", "0.1.0");
}

/* The closing's claims, beside what it repeats of the opening. */
static json_t *verdict(unsigned long i) {
        const char *reason = i % 5 == 4 ? "not-certain" : NULL;

        return json_pack("{s:s,s:s,s:o,s:b,s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s},s:{s:f,s:s},s:{s:s,s:s,s:s},s:b,s:s,s:b,s:s}",
                        "cause", "verdict", "verdict", reason ? "inconclusive" : "match", "reasons",
                        reason ? json_pack("[s]", reason) : json_array(), "binding", 0, "mode", "pilot", "document",
                        "id-card", "reference-source", "supplied", "document-authenticity", "not-checked",
                        "document-binding", "not-asked", "evidence", "passive", "no-objection", "light", "not-done",
                        "turn", "not-done", "policy", "false-match-rate", 0.0001, "population", "lfw", "models",
                        "detector", HASH_A, "matcher", HASH_B, "liveness", HASH_C, "preview", 0, "examiner-ended",
                        "process", "face-seen", 1, "software", "0.1.0");
}

static int append_check(Ledger *l, unsigned long i) {
        static const char *const copied[] = { "support-code", "nonce", "transaction", "operator", "notice", "caller" };
        char code[16], nonce[64];
        json_t *opening, *closing;
        int r;

        (void) snprintf(code, sizeof(code), "%04lX-K7M2", i % 65536);
        (void) snprintf(nonce, sizeof(nonce), "bm9uY2UtZm9yLWEtdGVzdA%010lu", i);
        opening = opened(i, code, nonce);
        json_incref(opening);
        r = ledger_append(l, "opened", opening, NULL);
        if (r < 0)
                return r;

        closing = i % 10 == 9 ? json_pack("{s:s,s:b}", "cause", "cancelled", "face-seen", 0) : verdict(i);
        (void) json_object_set_new(closing, "opening", json_integer((json_int_t) ledger_sequence(l)));
        for (size_t j = 0; j < ELEMENTSOF(copied); j++)
                (void) json_object_set(closing, copied[j], json_object_get(opening, copied[j]));
        json_decref(opening);
        return ledger_append(l, "closed", closing, NULL);
}

static int run(const Options *o) {
        _cleanup_(signer_freep) Signer *signer = make_signer(o, o->key_file), *second = NULL;
        LedgerSetup setup = { .directory = o->directory, .terminal = o->terminal, .signer = signer };
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        int r;

        r = signer ? ledger_open(&ledger, &setup) : -EIO;
        if (r >= 0)
                r = ledger_append(ledger, "started", json_pack("{s:s,s:s,s:b}", "software", "0.1.0", "mode", "pilot", "demo",
                                                               streq(o->typ, DEMO_TYP)), NULL);
        for (unsigned long i = 0; r >= 0 && i < o->checks; i++) {
                if (o->rotate_at > 0 && i == o->rotate_at) {
                        second = make_signer(o, NULL);
                        r = second ? ledger_set_signer(ledger, second) : -EIO;
                }
                if (r >= 0)
                        r = append_check(ledger, i);
        }
        return r;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "demo", no_argument, NULL, 'd' },
                { "terminal", required_argument, NULL, 't' },
                { "rotate-at", required_argument, NULL, 'r' },
                { "key-file", required_argument, NULL, 'k' },
                {},
        };
        Options o = { .terminal = "till-1", .typ = RECEIPT_TYP };
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'd':
                        o.typ = DEMO_TYP;
                        break;
                case 't':
                        o.terminal = optarg;
                        break;
                case 'r':
                        o.rotate_at = strtoul(optarg, NULL, 10);
                        break;
                case 'k':
                        o.key_file = optarg;
                        break;
                default:
                        return 2;
                }
        if (argc - optind != 2) {
                fprintf(stderr, "make-ledger DIRECTORY CHECKS [--demo] [--terminal=NAME] [--rotate-at=CHECK] "
                                "[--key-file=FILE]\n");
                return 2;
        }
        o.directory = argv[optind];
        o.checks = strtoul(argv[optind + 1], NULL, 10);
        if (mkdir(o.directory, 0700) < 0 && errno != EEXIST)
                return 1;

        signer_wipe_json();
        r = run(&o);
        if (r < 0)
                fprintf(stderr, "make-ledger: %s\n", strerror(-r));
        return r < 0;
}
