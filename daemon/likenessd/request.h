/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"
#include "macro.h"
#include "vocabulary.h"

#include <systemd/sd-bus.h>

/* What a caller asks for: untrusted until request_read() or request_read_decline() has returned 0. */
typedef struct Request {
        char *document;                /* a kind that the configuration allows, or "auto" */
        int reference;                 /* sealed memfd with a picture, never read here; -1 when it was passed on */
        char *nonce;                   /* NULL where it is not required, as the next three */
        char *transaction;
        char *operator_id;
        char *notice;
        char *locale;
        Challenge challenge;
        Pace pace;
        DeclineCause decline_cause;    /* the last two: of Decline() only, which has no document and no reference */
        Alternative alternative;
} Request;

/* Reads the a{sv} at the message's position. Descriptors of the message are duplicated and then closed in the message
 * itself, which may live until the reply. On a mistake of the caller's, `error` is BadRequest (naming the key) or
 * BadReference in words, and the result negative. */
int request_read(sd_bus_message *m, const Configuration *c, Request **ret, sd_bus_error *error);

/* The same for Decline(), of which nothing is required but cause and alternative: a customer can always choose another way. */
int request_read_decline(sd_bus_message *m, Request **ret, sd_bus_error *error);
Request *request_free(Request *r);
DEFINE_CLEANUP(Request *, request_free);

/* The checks of single values, for tests: NULL if `s` may be used, else what is wrong with it. */
const char *nonce_problem(const char *s);
const char *token_problem(const char *s);
