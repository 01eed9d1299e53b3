/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl ledger verify, and checkpoint --file: an audit of an exported file. */

#include "ledger-commands.h"
#include "commands.h"
#include "output.h"
#include "result.h"
#include "signer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FILE_SIZE_MAX (64L * 1024L * 1024L) /* of a JWK set of a large fleet */

/* 0, or an exit status after saying what is wrong */
static int load(const char *path, json_t **ret) {
        json_error_t error;
        FILE *file;

        file = fopen(path, "re");
        if (!file)
                return ledger_file_failed(path, -errno);
        if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > FILE_SIZE_MAX) {
                fclose(file);
                return ledger_file_failed(path, -EFBIG);
        }
        rewind(file);
        *ret = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
        fclose(file);
        if (!*ret) {
                fprintf(stderr, "likenessctl: %s: is not JSON: %s, line %d\n", path, error.text, error.line);
                return EXIT_CALL_FAILED;
        }
        return 0;
}

static int refuse(const char *path, const char *problem) {
        fprintf(stderr, "likenessctl: %s: %s\n", path, problem);
        return EXIT_CALL_FAILED;
}

int verify_input_read(const LedgerOptions *o, VerifyInput *ret) {
        const char *problem = "out of memory";
        int r;

        *ret = (VerifyInput) {};
        r = load(o->keys, &ret->keys_file);
        if (r == 0 && audit_keys_index(&ret->keys, ret->keys_file, o->demo ? DEMO_TYP : RECEIPT_TYP, &problem) < 0)
                r = refuse(o->keys, problem);
        if (r == 0 && o->revoked) {
                r = load(o->revoked, &ret->revoked_file);
                if (r == 0 && audit_revoked_index(&ret->revoked, ret->revoked_file, &problem) < 0)
                        r = refuse(o->revoked, problem);
        }
        if (r == 0 && o->checkpoint) {
                r = load(o->checkpoint, &ret->checkpoints);
                if (r == 0 && (problem = audit_checkpoints_problem(ret->checkpoints)))
                        r = refuse(o->checkpoint, problem);
        }
        if (r != 0)
                verify_input_clear(ret);
        return r;
}

void verify_input_clear(VerifyInput *v) {
        json_decref(v->keys);
        json_decref(v->keys_file);
        json_decref(v->revoked);
        json_decref(v->revoked_file);
        json_decref(v->checkpoints);
        *v = (VerifyInput) {};
}

void findings_add(const AuditFinding *finding, void *userdata) {
        Findings *f = userdata;
        json_t *words;

        f->total++;
        if (json_array_size(f->list) >= FINDINGS_MAX)
                return;
        words = json_string(finding->words);
        if (!words)
                words = json_string("(words that are no text)");
        (void) json_array_append_new(f->list, json_pack("{s:s, s:I, s:I, s:b, s:o}", "kind",
                        audit_kind_to_string(finding->kind), "line", (json_int_t) finding->line, "sequence",
                        (json_int_t) finding->sequence, "warning", finding->warning, "words", words));
}

json_t *verify_result(const AuditSummary *s, Findings *findings, const LedgerOptions *o) {
        return json_pack("{s:b, s:s?, s:b, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:b, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:o}",
                        "whole", s->errors == 0 && s->entries > 0, "terminal", s->terminal, "demo", o->demo,
                        "lines", (json_int_t) s->lines, "entries", (json_int_t) s->entries, "first", (json_int_t) s->first,
                        "last", (json_int_t) s->last, "missing", (json_int_t) s->missing, "retained", s->retained,
                        "before", (json_int_t) s->before, "checkpoint-given", o->checkpoint != NULL, "checkpoints",
                        (json_int_t) s->checkpoints, "head", s->head ?: "", "key", s->key ?: "", "key-changes",
                        (json_int_t) s->key_changes, "running", (json_int_t) s->running, "errors", (json_int_t) s->errors,
                        "warnings", (json_int_t) s->warnings, "findings", TAKE_PTR(findings->list));
}

static json_int_t number(const json_t *object, const char *name) {
        return json_integer_value(json_object_get(object, name));
}

static void print_finding(const json_t *f) {
        if (number(f, "line") > 0)
                printf("line %" JSON_INTEGER_FORMAT ", ", number(f, "line"));
        if (number(f, "sequence") > 0)
                printf("entry %" JSON_INTEGER_FORMAT ", ", number(f, "sequence"));
        printf("%s%s: ", json_is_true(json_object_get(f, "warning")) ? "warning, " : "", result_string(f, "kind"));
        output_text(stdout, result_string(f, "words"));
        putchar('\n');
}

static void print_notes(const json_t *result) {
        json_int_t changes = number(result, "key-changes");

        if (json_is_true(json_object_get(result, "retained")))
                printf("  begins with a segment: %" JSON_INTEGER_FORMAT " earlier entries were dropped, which it sums up\n",
                                number(result, "before"));
        if (number(result, "checkpoints") > 0)
                printf("  the checkpoint holds\n");
        else if (!json_is_true(json_object_get(result, "checkpoint-given")))
                printf("  no checkpoint was given: a cut-off end cannot be seen\n");
        if (changes > 0)
                printf("  the key changed %" JSON_INTEGER_FORMAT " time%s; register the present one: %s\n", changes,
                                changes == 1 ? "" : "s", result_string(result, "key"));
        if (number(result, "running") > 0)
                printf("  entry %" JSON_INTEGER_FORMAT " opens an attempt that is not closed yet\n",
                                number(result, "running"));
}

void verify_print(const json_t *result) {
        const json_t *findings = json_object_get(result, "findings"), *f;
        json_int_t errors = number(result, "errors"), warnings = number(result, "warnings");
        size_t i;

        json_array_foreach(findings, i, f)
                print_finding(f);
        if ((json_int_t) json_array_size(findings) < errors + warnings)
                printf("… and %" JSON_INTEGER_FORMAT " more\n",
                                errors + warnings - (json_int_t) json_array_size(findings));

        if (number(result, "entries") == 0) {
                printf("NOT WHOLE: there is no entry whose signature holds\n");
                return;
        }
        fputs("terminal ", stdout);
        output_text(stdout, result_string(result, "terminal") ?: "");
        printf(": entries %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
               " signatures hold%s\n", number(result, "first"), number(result, "last"), number(result, "entries"),
               json_is_true(json_object_get(result, "demo")) ? " (of demonstrations: they prove nothing)" : "");
        print_notes(result);
        if (json_is_true(json_object_get(result, "whole")))
                printf("whole\n");
        else
                printf("NOT WHOLE: %" JSON_INTEGER_FORMAT " finding%s\n", errors, errors == 1 ? "" : "s");
}

static int audit_file(Audit *a, const char *path) {
        _cleanup_(entry_reader_freep) EntryReader *reader = NULL;
        EntryLine line;
        int r;

        r = entry_reader_new(&reader, path);
        if (r < 0)
                return r;
        while ((r = entry_reader_next(reader, &line)) > 0) {
                r = audit_line(a, &line);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                audit_end(a);
        return r;
}

static int verify_file(const LedgerOptions *o, const VerifyInput *input) {
        Findings findings = { .list = json_array() };
        AuditSetup setup = {
                .keys = input->keys,
                .revoked = input->revoked,
                .checkpoints = input->checkpoints,
                .typ = o->demo ? DEMO_TYP : RECEIPT_TYP,
                .found = findings_add,
                .userdata = &findings,
        };
        _cleanup_(audit_freep) Audit *a = NULL;
        json_t *result;
        bool whole;
        int r;

        r = audit_new(&a, &setup);
        if (r >= 0)
                r = audit_file(a, o->file);
        if (r < 0) {
                json_decref(findings.list);
                return ledger_file_failed(o->file, r);
        }

        result = verify_result(audit_summary(a), &findings, o);
        if (!result)
                return ledger_file_failed(o->file, -ENOMEM);
        if (o->json)
                output_json(stdout, result);
        else
                verify_print(result);
        whole = json_is_true(json_object_get(result, "whole"));
        json_decref(result);
        return whole ? 0 : EXIT_OTHER_VERDICT;
}

int ledger_verify(const LedgerOptions *o) {
        VerifyInput input;
        int r;

        r = verify_input_read(o, &input);
        if (r != 0)
                return r;
        r = o->journal ? ledger_verify_journal(o, &input) : verify_file(o, &input);
        verify_input_clear(&input);
        return r;
}
