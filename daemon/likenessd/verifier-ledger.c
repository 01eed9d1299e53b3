/* SPDX-License-Identifier: Apache-2.0 */

#include "errors.h"
#include "log.h"
#include "verifier-private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

/* {"terminal", "sequence", "hash", "time", "kid"}: what a carrier keeps, to find out later that something was cut off. */
static int checkpoint_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        Verifier *v = userdata;
        json_t *checkpoint;
        Ledger *ledger;
        int r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;

        ledger = signing_ledger(v->setup.signing);
        checkpoint = json_pack("{s:s, s:I, s:s, s:I, s:s}", "terminal", v->setup.configuration->terminal, "sequence",
                        (json_int_t) ledger_sequence(ledger), "hash", ledger_head(ledger), "time",
                        (json_int_t) time(NULL), "kid", signing_key_id(v->setup.signing));
        if (checkpoint)
                text = json_dumps(checkpoint, JSON_COMPACT);
        json_decref(checkpoint);
        if (!text)
                return -ENOMEM;

        return sd_bus_reply_method_return(m, "s", text);
}

int verifier_method_checkpoint(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_LEDGER, checkpoint_authorised, v);
}

/* Only a file of the caller's that never makes us wait: not a pipe, whose reader may have stopped reading. */
static int check_export_target(int fd, sd_bus_error *error) {
        struct stat st;
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || (flags & O_ACCMODE) == O_RDONLY)
                return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REQUEST, "to: must be a regular file open for writing");
        return 0;
}

static int export_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;
        uint64_t from;
        int fd, r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;
        if (v->session)
                return sd_bus_error_set(error, LIKENESS_ERROR_BUSY, "A check is under way; try again when it has ended.");

        r = sd_bus_message_read(m, "th", &from, &fd);
        if (r < 0)
                return r;
        r = check_export_target(fd, error);
        if (r < 0)
                return r;

        r = ledger_export(signing_ledger(v->setup.signing), from, fd);
        if (r < 0)
                return sd_bus_error_setf(error, LIKENESS_ERROR_UNAVAILABLE, "The ledger cannot be written to the file: %s",
                                strerror(-r));

        /* it is the caller's file: whether it reached his disk he must see himself */
        r = ledger_mark_exported(signing_ledger(v->setup.signing), from);
        if (r < 0)
                log_warning_errno(r, "the ledger was exported, but it cannot be noted: %m");
        return sd_bus_reply_method_return(m, NULL);
}

int verifier_method_export_ledger(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_LEDGER, export_authorised, v);
}

static int rotate_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;
        int r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;
        if (v->session || v->rotation)
                return sd_bus_error_set(error, LIKENESS_ERROR_BUSY, "A check is under way; try again when it has ended.");

        r = signing_rotate(v->setup.signing);
        if (r < 0)
                return r;

        v->rotation = sd_bus_message_ref(m);
        return 1;
}

int verifier_method_rotate_key(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_MANAGE, rotate_authorised, v);
}

void verifier_rotated(Verifier *v, const char *key_id, const char *problem) {
        int r;

        if (!v->rotation)
                return;

        r = key_id ? sd_bus_reply_method_return(v->rotation, "s", key_id) :
                     sd_bus_reply_method_errorf(v->rotation, LIKENESS_ERROR_UNAVAILABLE, "%s", problem);
        if (r < 0)
                log_warning_errno(r, "a caller cannot be answered: %m");
        v->rotation = sd_bus_message_unref(v->rotation);
}
