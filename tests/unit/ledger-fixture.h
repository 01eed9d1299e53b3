/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger-internal.h"

/* What the tests of the ledger have in common: keys, directories, small questions. All of it asserts. */

/* A sealed memfd with this text. */
int sealed_text(const char *text, size_t size);

/* The text of a new private key, and a signer with it. */
char *key_text(void);
Signer *signer_from_text(const char *text, const char *typ);
Signer *signer_for_test(void);

/* A new directory with mode 0700; removed with all files in it by remove_directory(), which frees the name. */
char *make_directory(void);
void remove_directory(char *path);

/* The whole file DIRECTORY/NAME, zero-terminated; and the other way round. */
char *file_text(const char *directory, const char *name, size_t *ret_size);
void file_write(const char *directory, const char *name, const char *text, size_t size);

/* The name of the segment with this first sequence number. */
const char *segment_file(uint64_t first);

/* ledger_open_sized(). */
int open_sized(Ledger **ret, const char *directory, Signer *signer, unsigned entries);

/* A ledger and all that it needs, for cmocka: ledger_set_up() makes directory and signer, and no ledger yet. */
typedef struct LedgerFixture {
        char *directory;
        Signer *signer;
        Ledger *ledger;
} LedgerFixture;

int ledger_set_up(void **state);
int ledger_tear_down(void **state);

/* Closes the ledger, if it is open, and opens it again with segments of `entries`. */
int reopen(LedgerFixture *f, unsigned entries);

#define NONCE_A "AAAAAAAAAAAAAAAAAAAAAA"
#define NONCE_B "BBBBBBBBBBBBBBBBBBBBBB"
#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, ledger_set_up, ledger_tear_down)

/* Appends an opening with a nonce; its closing; a "health" entry with nothing in it. Return ledger_append()'s answer. */
int append_opened(Ledger *l, const char *nonce);
int append_closed(Ledger *l, const char *nonce, char **ret_jws);
int append_health(Ledger *l);

/* Checks a whole ledger without the ledger's code for opening one: signatures, hashes, numbers, and one closing for each
 * opening (the last may be open). It may begin with the summary of what was dropped. Returns the last entry's number. */
uint64_t check_chain(const char *directory, const char *typ);

/* How many entries of a kind there are, in all segments, with this text in a member (NULL: any). */
unsigned count_entries(const char *directory, const char *entry, const char *member, const char *text);
