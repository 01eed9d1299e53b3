/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl ledger export and checkpoint: what only the service can give. */

#include "ledger-commands.h"
#include "commands.h"
#include "output.h"
#include "remote.h"
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int ledger_export(const LedgerOptions *o) {
        _cleanup_close_ int fd = -1;
        Remote remote = {};
        int status;

        fd = open(o->output, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return ledger_file_failed(o->output, -errno);

        status = remote_call(&remote, false, "ExportLedger", "th", o->since, fd);
        remote_clear(&remote);
        if (status == 0 && fsync(fd) < 0) {
                status = ledger_file_failed(o->output, -errno);
                fprintf(stderr, "The terminal takes its entries for exported all the same. Export them again, to another "
                                "disk, before the ledger is deleted.\n");
        }
        if (status != 0) {
                (void) unlink(o->output);
                return status;
        }

        fprintf(stderr, "The ledger is in %s. To check it: likenessctl ledger verify %s --keys=KEYS\n", o->output,
                o->output);
        return 0;
}

/* Of a file: its last entry as it stands; whether the file is whole is for "ledger verify" to say. */
static int checkpoint_of_file(const char *path, json_t **ret) {
        _cleanup_(entry_reader_freep) EntryReader *reader = NULL;
        _cleanup_free_ char *last = NULL;
        char hash[RECEIPT_HASH_SIZE];
        json_t *header, *claims;
        size_t size = 0;
        EntryLine line;
        int r;

        last = malloc(RECEIPT_SIZE_MAX);
        r = last ? entry_reader_new(&reader, path) : -ENOMEM;
        if (r < 0)
                return r;
        while ((r = entry_reader_next(reader, &line)) > 0) {
                size = line.size <= RECEIPT_SIZE_MAX ? line.size : 0;
                memcpy(last, line.text, size);
        }
        if (r < 0)
                return r;
        r = receipt_read(last, size, &header, &claims);
        if (r < 0)
                return r;

        receipt_hash(last, size, hash);
        *ret = json_pack("{s:O, s:O, s:s, s:O, s:O}", "terminal", json_object_get(claims, "terminal"), "sequence",
                        json_object_get(claims, "sequence"), "hash", hash, "time", json_object_get(claims, "time"),
                        "kid", json_object_get(header, "kid"));
        json_decref(header);
        json_decref(claims);
        return *ret ? 0 : -EBADMSG;
}

static int checkpoint_of_service(json_t **ret) {
        const char *text = NULL;
        Remote remote = {};
        int status;

        status = remote_call(&remote, false, "Checkpoint", "");
        if (status != 0)
                return status;
        if (sd_bus_message_read(remote.reply, "s", &text) > 0)
                *ret = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        remote_clear(&remote);
        return *ret && !audit_checkpoints_problem(*ret) ? 0 : remote_unreadable(false);
}

int ledger_checkpoint(const LedgerOptions *o) {
        json_t *checkpoint = NULL;
        int r = 0;

        if (o->file) {
                r = checkpoint_of_file(o->file, &checkpoint);
                if (r == -EBADMSG) {
                        fprintf(stderr, "likenessctl: %s: its last line is no entry\n", o->file);
                        return EXIT_CALL_FAILED;
                }
                if (r < 0)
                        return ledger_file_failed(o->file, r);
        } else {
                r = checkpoint_of_service(&checkpoint);
        }

        if (r == 0)
                output_json(stdout, checkpoint);
        json_decref(checkpoint);
        return r;
}
