/* SPDX-License-Identifier: Apache-2.0 */

#include "signing.h"
#include "configuration-record.h"
#include "keyring-client.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

struct Signing {
        SigningSetup setup;
        sd_event *event;
        const SigningHandlers *handlers;
        void *userdata;

        char *directory;               /* the ledger's */
        char expected[KEYRING_KEY_ID_SIZE]; /* the key that the ledger's next entry must be signed with, or "" */
        KeyringClient *client;         /* the request under way */
        sd_event_source *hopeless;
        Signer *signer, *next;         /* `next`: during a rotation */
        Ledger *ledger;
        Record *record;
        TerminalSecret secret;
        char *problem;
        Problem kind;                  /* with `problem` */
        bool settled, rotating;
};

/* Keeps what keeps the service from recording anything; it can be asked for later. */
static void signing_set_problem(Signing *s, Problem kind, const char *what) {
        s->kind = kind;
        free(s->problem);
        s->problem = strdup(what);
}

/* Says it once, as well. */
static void signing_fail(Signing *s, Problem kind, const char *what) {
        log_message(LOG_ERR, kind == PROBLEM_NO_KEY ? MESSAGE_NO_KEY : MESSAGE_MODELS_UNUSABLE,
                    "no check can be made: %s", what);
        signing_set_problem(s, kind, what);
}

static void signing_fail_errno(Signing *s, int error, const char *what) {
        char text[256];

        (void) snprintf(text, sizeof(text), "%s (%s)", what, strerror(-error));
        signing_fail(s, PROBLEM_NO_KEY, text);
}

/* The ledger has said what is wrong with it. */
static void signing_fail_ledger(Signing *s, int error, const char *what) {
        char text[256];

        /* the system has no word for another name */
        if (error == -EREMCHG)
                (void) snprintf(text, sizeof(text), "%s; see the service's log.", what);
        else
                (void) snprintf(text, sizeof(text), "%s (%s); see the service's log.", what, strerror(-error));
        signing_set_problem(s, PROBLEM_LEDGER_FAILED, text);
}

static void signing_settle(Signing *s) {
        s->settled = true;
        s->handlers->settled(s, s->userdata);
}

/* No key is fetched for a service that cannot use it. */
static int on_hopeless(sd_event_source *source, void *userdata) {
        Signing *s = userdata;

        signing_fail(s, PROBLEM_MODELS_UNUSABLE, s->setup.problem);
        signing_settle(s);
        return 0;
}

/* The key is there: from here on there can be entries. */
static void signing_open_ledger(Signing *s) {
        int r;

        r = ledger_open(&s->ledger, &(LedgerSetup) {
                        .directory = s->directory,
                        .terminal = s->setup.configuration->terminal,
                        .signer = s->signer,
        });
        if (r < 0)
                signing_fail_ledger(s, r, r == -EREMCHG ? "The ledger is of a terminal with another name" :
                                                          "The ledger cannot be opened");
        else {
                if (s->expected[0] == '\0' && !s->setup.demo)
                        log_message(LOG_NOTICE, MESSAGE_KEY_NEW,
                                    "a new ledger begins, signed by the key %s; register it with the carrier "
                                    "(likenessctl provision)", signer_key_id(s->signer));
                r = terminal_secret_load(s->directory, &s->secret);
                if (r < 0) {
                        signing_fail_ledger(s, r, "The ledger's file " TERMINAL_SECRET_FILE " cannot be used");
                        signing_settle(s);
                        return;
                }
                r = record_new(&s->record, &(RecordSetup) {
                                .ledger = s->ledger,
                                .configuration = s->setup.configuration,
                                .policy = s->setup.policy,
                                .manifest = s->setup.manifest,
                                .secret = &s->secret,
                                .demo = s->setup.demo,
                });
                if (r >= 0)
                        r = configuration_record_start(s->ledger, s->setup.configuration);
                if (r < 0) {
                        s->record = record_free(s->record);
                        if (!ledger_failed(s->ledger))
                                log_message_errno(LOG_ERR, r, MESSAGE_LEDGER_UNUSABLE,
                                                  "the ledger cannot be gone on with: %m");
                        signing_fail_ledger(s, r, "The ledger cannot be written");
                }
        }

        signing_settle(s);
}

static int signing_take_key(const Signing *s, const KeyringAnswer *answer, Signer **ret) {
        return signer_new(ret, answer->fd, s->setup.demo ? DEMO_TYP : RECEIPT_TYP,
                        keyring_protection_to_string(answer->protection));
}

/* The key that may sign came with the answer, or words why not. */
static void on_key(KeyringAnswer *answer, void *userdata) {
        Signing *s = userdata;
        int r;

        if (answer->outcome != KEYRING_DONE)
                signing_fail(s, PROBLEM_NO_KEY, keyring_outcome_message(answer->outcome));
        else {
                r = signing_take_key(s, answer, &s->signer);
                if (r >= 0) {
                        signing_open_ledger(s);
                        return;
                }
                signing_fail_errno(s, r, "The keyring gave a key that cannot sign");
        }

        signing_settle(s);
}

static int signing_ask(Signing *s, KeyringOperation operation, const char *key_id, KeyringHandler handler) {
        s->client = keyring_client_free(s->client);
        return keyring_client_new(&s->client, s->event, s->setup.keyring_socket, s->setup.demo, operation, key_id,
                        handler, s);
}

/* The answer to the first question. A rotation that was interrupted is finished if the ledger announced the new key, and
 * undone if not. */
static void on_loaded(KeyringAnswer *answer, void *userdata) {
        Signing *s = userdata;
        int r;

        if (answer->outcome != KEYRING_DONE || answer->pending_id[0] == '\0') {
                on_key(answer, userdata);
                return;
        }

        bool announced = streq(s->expected, answer->pending_id);
        log_message(LOG_NOTICE, MESSAGE_KEY_CHANGE_UNFINISHED, "a change of the key was interrupted; it is being %s",
                    announced ? "finished" : "undone");
        r = signing_ask(s, announced ? KEYRING_COMMIT : KEYRING_DISCARD, answer->pending_id, on_key);
        if (r < 0) {
                signing_fail_errno(s, r, "The keyring cannot be asked");
                signing_settle(s);
        }
}

static int make_directory(const SigningSetup *setup, char **ret) {
        _cleanup_free_ char *directory = NULL;

        if (asprintf(&directory, "%s/%s", setup->state, setup->demo ? "ledger-demo" : "ledger") < 0) {
                directory = NULL;
                return -ENOMEM;
        }
        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
                return log_message_errno(LOG_ERR, -errno, MESSAGE_LEDGER_UNUSABLE, "%s: cannot be made: %m", directory);

        *ret = TAKE_PTR(directory);
        return 0;
}

int signing_new(
                Signing **ret,
                sd_event *event,
                const SigningSetup *setup,
                const SigningHandlers *handlers,
                void *userdata) {

        _cleanup_(signing_freep) Signing *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->setup = *setup;
        s->event = sd_event_ref(event);
        s->handlers = handlers;
        s->userdata = userdata;

        if (setup->problem) {
                r = sd_event_add_defer(event, &s->hopeless, on_hopeless, s);
                if (r < 0)
                        return r;
                *ret = TAKE_PTR(s);
                return 0;
        }

        r = make_directory(setup, &s->directory);
        if (r < 0)
                return r;
        r = ledger_peek_key(s->directory, s->expected);
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_LEDGER_UNUSABLE, "%s: the ledger cannot be read: %m",
                                         s->directory);
        r = signing_ask(s, KEYRING_LOAD, s->expected, on_loaded);
        if (r < 0)
                return log_error_errno(r, "%s: the keyring cannot be asked: %m", setup->keyring_socket);

        *ret = TAKE_PTR(s);
        return 0;
}

Signing *signing_free(Signing *s) {
        if (!s)
                return NULL;

        sd_event_source_disable_unref(s->hopeless);
        keyring_client_free(s->client);
        record_free(s->record);
        ledger_free(s->ledger);
        signer_free(s->signer);
        signer_free(s->next);
        terminal_secret_wipe(&s->secret);
        sd_event_unref(s->event);
        free(s->directory);
        free(s->problem);
        free(s);
        return NULL;
}

Record *signing_record(Signing *s) {
        return s->record;
}

Problems signing_problems(const Signing *s) {
        if (s->problem)
                return problem_bit(s->kind);
        if (!s->record)
                return problem_bit(PROBLEM_STARTING);
        return ledger_failed(s->ledger) ? problem_bit(PROBLEM_LEDGER_FAILED) : 0;
}

const char *signing_problem(const Signing *s) {
        if (s->problem)
                return s->problem;
        return s->record ? NULL : "The service is starting; try again in a moment.";
}

Ledger *signing_ledger(Signing *s) {
        return s->ledger;
}

const char *signing_key_id(const Signing *s) {
        return s->signer ? signer_key_id(s->signer) : NULL;
}

const char *signing_key_protection(const Signing *s) {
        return s->signer ? signer_protection(s->signer) : "";
}

int signing_public_keys(Signing *s, char **ret) {
        json_t *keys, *key;
        size_t i;

        keys = s->ledger ? ledger_keys(s->ledger) : json_pack("{s:[]}", "keys");
        if (!keys)
                return -ENOMEM;

        /* so that nobody takes a demonstration's key for a terminal's */
        json_array_foreach(json_object_get(keys, "keys"), i, key)
                if (s->setup.demo)
                        (void) json_object_set_new(key, "x-likeness-demo", json_true());

        *ret = json_dumps(keys, JSON_COMPACT);
        json_decref(keys);
        return *ret ? 0 : -ENOMEM;
}

static void signing_rotated(Signing *s, const char *problem) {
        s->rotating = false;
        s->handlers->rotated(s, problem ? NULL : signing_key_id(s), problem, s->userdata);
}

static void on_committed(KeyringAnswer *answer, void *userdata) {
        /* the ledger has announced the new key, so the next start finishes what was not finished here */
        if (answer->outcome != KEYRING_DONE)
                log_message(LOG_WARNING, MESSAGE_KEY_CHANGE_UNFINISHED,
                            "the new key signs, but the keyring did not confirm it; restart the service: %s",
                            keyring_outcome_message(answer->outcome));
        signing_rotated(userdata, NULL);
}

static void on_next_key(KeyringAnswer *answer, void *userdata) {
        Signing *s = userdata;
        int r;

        if (answer->outcome != KEYRING_DONE) {
                log_message(LOG_ERR, MESSAGE_KEY_CHANGE_FAILED, "the key was not changed: %s",
                            keyring_outcome_message(answer->outcome));
                signing_rotated(s, keyring_outcome_message(answer->outcome));
                return;
        }

        r = signing_take_key(s, answer, &s->next);
        if (r >= 0)
                r = ledger_set_signer(s->ledger, s->next);
        if (r < 0) {
                s->next = signer_free(s->next);
                log_message_errno(LOG_ERR, r, MESSAGE_KEY_CHANGE_FAILED,
                                  "the key was not changed, because the ledger cannot announce the new one; restart "
                                  "the service: %m");
                signing_rotated(s, "The ledger cannot announce the new key; the old one stays. Restart the service.");
                return;
        }

        signer_free(s->signer);
        s->signer = TAKE_PTR(s->next);
        log_message(LOG_NOTICE, MESSAGE_KEY_CHANGED,
                    "the key %s signs from here on; register it with the carrier (likenessctl provision)",
                    signer_key_id(s->signer));
        r = signing_ask(s, KEYRING_COMMIT, signer_key_id(s->signer), on_committed);
        if (r < 0) {
                log_message_errno(LOG_WARNING, r, MESSAGE_KEY_CHANGE_UNFINISHED,
                                  "the new key signs, but the keyring cannot be asked to confirm it; restart the "
                                  "service: %m");
                signing_rotated(s, NULL);
        }
}

int signing_rotate(Signing *s) {
        int r;

        if (!s->record)
                return -ENOKEY;
        if (s->rotating)
                return -EBUSY;

        r = signing_ask(s, KEYRING_ROTATE, signing_key_id(s), on_next_key);
        if (r >= 0)
                s->rotating = true;
        return r;
}
