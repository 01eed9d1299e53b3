/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "audit.h"
#include "ledger-options.h"

/* The subcommands of "likenessctl ledger"; each returns an exit status. */
int ledger_show(const LedgerOptions *o);
int ledger_verify(const LedgerOptions *o);
int ledger_report(const LedgerOptions *o);
int ledger_export(const LedgerOptions *o);
int ledger_checkpoint(const LedgerOptions *o);

/* What verifying needs besides the entries. */
typedef struct VerifyInput {
        json_t *keys_file, *keys;      /* the JWK set, and its index */
        json_t *revoked_file, *revoked;
        json_t *checkpoints;
} VerifyInput;

/* Reads the files that the options name. 0, or an exit status after saying what is wrong with one. */
int verify_input_read(const LedgerOptions *o, VerifyInput *ret);
void verify_input_clear(VerifyInput *v);

/* What an audit found, collected for printing: all are counted, the first ones are kept. */
#define FINDINGS_MAX 1000U

typedef struct Findings {
        json_t *list;                  /* {"kind", "line", "sequence", "warning", "words"} */
        uint64_t total;
} Findings;

/* An AuditSetup's `found`; `userdata` is a Findings. */
void findings_add(const AuditFinding *finding, void *userdata);

/* The object of "ledger verify --json" for one terminal; takes over the list. NULL if memory ran out. */
json_t *verify_result(const AuditSummary *summary, Findings *findings, const LedgerOptions *o);
/* The same in words. */
void verify_print(const json_t *result);

/* "ledger verify --journal" */
int ledger_verify_journal(const LedgerOptions *o, const VerifyInput *input);

/* "ledger: FILE: what is wrong", from a negative errno; returns the exit status for it. */
int ledger_file_failed(const char *path, int error);

/* A time of an entry as "2026-07-01 09:30:00" (UTC). */
#define LEDGER_TIME_SIZE 32
void ledger_time_format(uint64_t time, char ret[static LEDGER_TIME_SIZE]);
