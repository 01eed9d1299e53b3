/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl ledger verify --journal: what a collector received from many terminals. A journal's other fields can be
 * written by anybody who may send to it; only signatures and sequence numbers count. */

#include "ledger-commands.h"
#include "commands.h"
#include "output.h"
#include "result.h"
#include "signer.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-journal.h>

#define FIELD "LIKENESS_RECEIPT"

typedef struct Terminal {
        Audit *audit;
        Findings findings;
} Terminal;

typedef struct Collection {
        const LedgerOptions *options;
        const VerifyInput *input;
        json_t *index;                 /* name → place in `terminals` */
        json_t *checkpoints;           /* name → array */
        json_t *owners;                /* key id → name of the terminal that uses it */
        Terminal *terminals;           /* the first one takes what belongs to none */
        size_t n_terminals;
} Collection;

static int add_terminal(Collection *c, const char *name) {
        Terminal *grown, *t;
        AuditSetup setup = {
                .keys = c->input->keys,
                .revoked = c->input->revoked,
                .checkpoints = name ? json_object_get(c->checkpoints, name) : NULL,
                .typ = c->options->demo ? DEMO_TYP : RECEIPT_TYP,
                .collected = true,
                .found = findings_add,
        };

        grown = reallocarray(c->terminals, c->n_terminals + 1, sizeof(Terminal));
        if (!grown)
                return -ENOMEM;
        c->terminals = grown;
        t = &c->terminals[c->n_terminals];
        *t = (Terminal) { .findings.list = json_array() };

        if ((name && json_object_set_new(c->index, name, json_integer((json_int_t) c->n_terminals)) < 0) ||
                        audit_new(&t->audit, &setup) < 0) {
                json_decref(t->findings.list);
                return -ENOMEM;
        }
        c->n_terminals++;
        return 0;
}

/* The audit keeps the address of its findings only for the length of a call: the array may have moved before it. */
static int feed(Terminal *t, const EntryLine *line) {
        audit_set_userdata(t->audit, &t->findings);
        return audit_line(t->audit, line);
}

static int sort_checkpoints(Collection *c) {
        const json_t *all = c->input->checkpoints;
        size_t n = json_is_array(all) ? json_array_size(all) : all ? 1 : 0;

        for (size_t i = 0; i < n; i++) {
                json_t *one = json_is_array(all) ? json_array_get(all, i) : (json_t *) all, *list;
                const char *name = result_string(one, "terminal");

                list = json_object_get(c->checkpoints, name);
                if (!list) {
                        list = json_array();
                        if (json_object_set_new(c->checkpoints, name, list) < 0)
                                return -ENOMEM;
                }
                if (json_array_append(list, one) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int collection_init(Collection *c) {
        c->index = json_object();
        c->checkpoints = json_object();
        c->owners = json_object();
        if (!c->index || !c->checkpoints || !c->owners || sort_checkpoints(c) < 0)
                return -ENOMEM;
        return add_terminal(c, NULL);
}

static void collection_clear(Collection *c) {
        for (size_t i = 0; i < c->n_terminals; i++) {
                audit_free(c->terminals[i].audit);
                json_decref(c->terminals[i].findings.list);
        }
        free(c->terminals);
        json_decref(c->index);
        json_decref(c->checkpoints);
        json_decref(c->owners);
}

/* Another terminal's key must not be able to disturb a terminal's record: a key belongs to the terminal it was registered
 * for or, if the registration does not say, to the first one that it signs for. 1 if it may sign for this one. */
static int may_sign(Collection *c, const char *kid, const char *name) {
        const json_t *set = json_object_get(c->input->keys, kid);
        const char *owner = result_string(json_array_get(json_object_get(set, "keys"), 0), "x-likeness-terminal") ?:
                        result_string(c->owners, kid);

        if (owner && !streq(owner, name)) {
                const AuditFinding finding = { AUDIT_TERMINAL, false, 0, 0, "an entry was signed with the key of another "
                                                                            "terminal than the one it names" };

                findings_add(&finding, &c->terminals[0].findings);
                return 0;
        }
        return json_object_set_new(c->owners, kid, json_string(name)) < 0 ? -ENOMEM : 1;
}

/* Where a line belongs by what it claims. For a terminal that was not seen yet, or a key that is not its own, it must prove
 * it first: else forged lines could make up terminals. */
static int place_of(Collection *c, const EntryLine *line, size_t *ret) {
        json_t *header = NULL, *claims = NULL, *verified = NULL;
        const char *name, *kid;
        const json_t *place;
        int r;

        *ret = 0;
        r = receipt_read(line->text, line->size, &header, &claims);
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        name = result_string(claims, "terminal");
        kid = result_string(header, "kid");
        place = name ? json_object_get(c->index, name) : NULL;
        if (place)
                *ret = (size_t) json_integer_value(place);
        if (name && json_object_get(c->input->keys, kid) && (!place || !streq(result_string(c->owners, kid) ?: "", name))) {
                const json_t *keys = json_object_get(c->input->keys, kid);

                r = receipt_verify(keys, c->options->demo ? DEMO_TYP : RECEIPT_TYP, line->text, line->size, &verified);
                if (r >= 0)
                        r = may_sign(c, kid, name);
                if (r == 0)
                        *ret = 0;
                else if (r > 0 && !place) {
                        *ret = c->n_terminals;
                        r = add_terminal(c, name);
                }
        }
        json_decref(verified);
        json_decref(header);
        json_decref(claims);
        return r == -ENOMEM ? r : 0;
}

static int take_field(Collection *c, const void *data, size_t size) {
        EntryLine line = { (const char *) data + strlen(FIELD "="), size - strlen(FIELD "="), true };
        size_t place;
        int r;

        r = place_of(c, &line, &place);
        return r < 0 ? r : feed(&c->terminals[place], &line);
}

static int read_journal(Collection *c, sd_journal *journal) {
        int r;

        r = sd_journal_set_data_threshold(journal, 0);
        while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
                const void *data;
                size_t size;

                r = sd_journal_get_data(journal, FIELD, &data, &size);
                if (r == -ENOENT)
                        r = 0;         /* nothing of ours */
                else if (r >= 0 && size >= strlen(FIELD "="))
                        r = take_field(c, data, size);
        }
        return r;
}

/* The whole collection as {"whole", "terminals": [result…], "foreign": result}. */
static json_t *collection_result(Collection *c, bool *ret_whole) {
        json_t *terminals = json_array(), *foreign = NULL;

        *ret_whole = c->n_terminals > 1;
        for (size_t i = 0; i < c->n_terminals; i++) {
                Terminal *t = &c->terminals[i];
                json_t *result;

                audit_set_userdata(t->audit, &t->findings);
                audit_end(t->audit);
                *ret_whole &= i == 0 ? audit_summary(t->audit)->lines == 0 : audit_summary(t->audit)->errors == 0;
                result = verify_result(audit_summary(t->audit), &t->findings, c->options);
                if (i == 0)
                        foreign = result;
                else
                        (void) json_array_append_new(terminals, result);
        }
        return json_pack("{s:b, s:o, s:o}", "whole", *ret_whole, "terminals", terminals, "foreign", foreign);
}

static void collection_print(const json_t *result) {
        const json_t *foreign = json_object_get(result, "foreign"), *terminal;
        size_t i;

        json_array_foreach(json_object_get(result, "terminals"), i, terminal) {
                verify_print(terminal);
                putchar('\n');
        }
        if (json_integer_value(json_object_get(foreign, "lines")) > 0) {
                printf("what belongs to no registered terminal:\n");
                verify_print(foreign);
                putchar('\n');
        }
        printf("%zu terminal%s: %s\n", json_array_size(json_object_get(result, "terminals")),
                        json_array_size(json_object_get(result, "terminals")) == 1 ? "" : "s",
                        json_is_true(json_object_get(result, "whole")) ? "whole" : "NOT WHOLE");
}

int ledger_verify_journal(const LedgerOptions *o, const VerifyInput *input) {
        Collection c = { .options = o, .input = input };
        sd_journal *journal = NULL;
        json_t *result = NULL;
        bool whole = false;
        int r;

        r = sd_journal_open_directory(&journal, o->journal, 0);
        if (r >= 0)
                r = collection_init(&c);
        if (r >= 0)
                r = read_journal(&c, journal);
        if (r >= 0) {
                result = collection_result(&c, &whole);
                r = result ? 0 : -ENOMEM;
        }
        if (r >= 0 && o->json)
                output_json(stdout, result);
        else if (r >= 0)
                collection_print(result);

        json_decref(result);
        collection_clear(&c);
        sd_journal_close(journal);
        if (r < 0)
                return ledger_file_failed(o->journal, r);
        return whole ? 0 : EXIT_OTHER_VERDICT;
}
