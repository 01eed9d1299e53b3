/* SPDX-License-Identifier: Apache-2.0 */

#include "request.h"
#include "errors.h"
#include "examiner-protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS_NEEDED (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static int bad_request(sd_bus_error *error, const char *key, const char *problem) {
        return sd_bus_error_setf(error, LIKENESS_ERROR_BAD_REQUEST, "%s: %s", key, problem);
}

/* 128 random bits or more: 22 characters of base64url or 32 of hexadecimal. */
const char *nonce_problem(const char *s) {
        size_t n = strlen(s);

        if (n > 128)
                return "must have at most 128 characters";
        if (n >= 32 && strspn(s, DIGITS "abcdefABCDEF") == n)
                return NULL;
        if (strspn(s, UPPER LOWER DIGITS "-_") != n)
                return "must be base64url or hexadecimal";
        /* a short hexadecimal string is valid base64url, but has half the bits */
        if (n < 22 || strspn(s, DIGITS "abcdefABCDEF") == n)
                return "must be random and have at least 22 characters of base64url or 32 of hexadecimal";

        return NULL;
}

/* Identifiers of the caller's end up in receipts: nothing that is a person's number may be among them. */
const char *token_problem(const char *s) {
        size_t n = strlen(s), digits = 0;
        bool others = false;

        if (n == 0 || n > 64)
                return "must have 1 to 64 characters";
        if (strspn(s, UPPER LOWER DIGITS "-_.:/+ ") != n)
                return "may hold letters, digits and - _ . : / + and spaces only";

        for (size_t i = 0; i < n; i++)
                if (s[i] >= '0' && s[i] <= '9')
                        digits++;
                else if (!strchr("-_.:/+ ", s[i]))
                        others = true;
        if (!others && digits >= 7 && digits <= 16)
                return "looks like a telephone or identity number, which must not be recorded; put a letter before it "
                       "if it is neither";

        return NULL;
}

static const char *notice_problem(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > 64 || strspn(s, UPPER LOWER DIGITS "-_.:/+@") != n)
                return "must name the notice and its version in 1 to 64 letters, digits and - _ . : / + @";
        return NULL;
}

static const char *locale_problem(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > 32 || strspn(s, UPPER LOWER DIGITS "-_.@") != n)
                return "must be a locale such as ko_KR.UTF-8";
        return NULL;
}

static const char *document_problem(const char *s) {
        return strlen(s) <= 64 ? NULL : "is too long";
}

static int read_string(
                sd_bus_message *m,
                const char *key,
                const char *(*problem)(const char *),
                char **value,
                sd_bus_error *error) {

        const char *s, *what;
        int r;

        r = sd_bus_message_read(m, "v", "s", &s);
        if (r < 0)
                return r == -ENXIO ? bad_request(error, key, "must be a string (s)") : r;

        what = problem(s);
        if (what)
                return bad_request(error, key, what);

        *value = strdup(s);
        return *value ? 0 : -ENOMEM;
}

static int read_word(
                sd_bus_message *m,
                const char *key,
                int (*from_string)(const char *),
                const char *allowed,
                sd_bus_error *error) {

        const char *s;
        int r;

        r = sd_bus_message_read(m, "v", "s", &s);
        if (r < 0)
                return r == -ENXIO ? bad_request(error, key, "must be a string (s)") : r;

        r = from_string(s);
        return r < 0 ? bad_request(error, key, allowed) : r;
}

/* The descriptor stays unread: seals and size say all that the daemon needs to know. */
static int reference_check(int fd, sd_bus_error *error) {
        struct stat st;
        int seals;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED)
                return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REFERENCE,
                                "reference: must be a memfd sealed with F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and "
                                "F_SEAL_WRITE");
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size == 0)
                return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REFERENCE, "reference: the picture is empty");
        if ((uint64_t) st.st_size > PICTURE_BYTES_MAX)
                return sd_bus_error_set(error, LIKENESS_ERROR_BAD_REFERENCE,
                                "reference: the picture has more than 8 MiB");

        return 0;
}

static int read_reference(sd_bus_message *m, int *value, sd_bus_error *error) {
        _cleanup_close_ int null = -1, copy = -1;
        int fd, r;

        r = sd_bus_message_read(m, "v", "h", &fd);
        if (r == -EBADMSG)
                return bad_request(error, "reference", "names a file descriptor that did not come with the message");
        if (r < 0)
                return r == -ENXIO ? bad_request(error, "reference", "must be a file descriptor (h)") : r;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        /* the message may live until the reply and would keep the picture open until then */
        if (copy < 0 || null < 0 || dup3(null, fd, O_CLOEXEC) < 0)
                return -errno;

        r = reference_check(copy, error);
        if (r < 0)
                return r;

        *value = take_fd(&copy);
        return 0;
}

/* The caller's own word, which may be anything: repeated only if it is short and plain. */
static int unknown_key(const char *key, sd_bus_error *error) {
        if (key[0] == '\0' || strlen(key) > 64 || strspn(key, LOWER UPPER DIGITS "-_") != strlen(key))
                return bad_request(error, "request", "holds a key that is no word");
        return bad_request(error, key, "is not a key of a request in this version");
}

/* The keys that both kinds of requests have. */
static int read_common_key(sd_bus_message *m, const char *key, Request *q, sd_bus_error *error) {
        if (streq(key, "nonce"))
                return read_string(m, key, nonce_problem, &q->nonce, error);
        if (streq(key, "transaction"))
                return read_string(m, key, token_problem, &q->transaction, error);
        if (streq(key, "operator"))
                return read_string(m, key, token_problem, &q->operator_id, error);
        if (streq(key, "notice"))
                return read_string(m, key, notice_problem, &q->notice, error);
        if (streq(key, "locale"))
                return read_string(m, key, locale_problem, &q->locale, error);
        return unknown_key(key, error);
}

static int read_check_key(sd_bus_message *m, const char *key, Request *q, sd_bus_error *error) {
        int r;

        if (streq(key, "document"))
                return read_string(m, key, document_problem, &q->document, error);
        if (streq(key, "reference"))
                return read_reference(m, &q->reference, error);
        if (streq(key, "challenge")) {
                r = read_word(m, key, challenge_from_string, "must be none, light, turn or auto", error);
                if (r >= 0)
                        q->challenge = (Challenge) r;
                return r;
        }
        if (streq(key, "pace")) {
                r = read_word(m, key, pace_from_string, "must be normal or relaxed", error);
                if (r >= 0)
                        q->pace = (Pace) r;
                return r;
        }
        return read_common_key(m, key, q, error);
}

#define CAUSES "must be refused, unable or after-failure"
#define ALTERNATIVES "must be mobile-id, register-transcript, other or none"

static int read_decline_key(sd_bus_message *m, const char *key, Request *q, sd_bus_error *error) {
        int r;

        if (streq(key, "cause")) {
                r = read_word(m, key, decline_cause_from_string, CAUSES, error);
                if (r >= 0)
                        q->decline_cause = (DeclineCause) r;
                return r;
        }
        if (streq(key, "alternative")) {
                r = read_word(m, key, alternative_from_string, ALTERNATIVES, error);
                if (r >= 0)
                        q->alternative = (Alternative) r;
                return r;
        }
        return read_common_key(m, key, q, error);
}

/* What the terminal's policy asks for: a request can ask for more, never for less. */
static int request_check(const Request *q, const Configuration *c, sd_bus_error *error) {
        if (!q->document)
                return bad_request(error, "document", "is missing; name a kind of document, or auto");
        if (!configuration_allows_document(c, q->document))
                return bad_request(error, "document",
                                "is not a kind of document that this terminal accepts; see the property Documents");

        if (c->mode == MODE_ENFORCE) {
                if (!q->nonce)
                        return bad_request(error, "nonce", "is required; take it from the back-end");
                if (!q->transaction)
                        return bad_request(error, "transaction", "is required");
                if (!q->notice)
                        return bad_request(error, "notice",
                                        "is required; name the information that the customer was shown");
        }

        if (q->challenge == CHALLENGE_NONE && c->minimum_challenge != CHALLENGE_NONE)
                return bad_request(error, "challenge", "none is not permitted on this terminal (MinimumChallenge=)");
        if (q->challenge != CHALLENGE_NONE)
                return bad_request(error, "challenge",
                                "this version can carry out no challenge; where the terminal permits it, ask for none");

        if (q->reference < 0)
                return bad_request(error, "reference",
                                "is missing; this version cannot read the portrait from a card by itself");
        if (!configuration_allows_reference(c, REFERENCE_SUPPLIED))
                return bad_request(error, "reference",
                                "a supplied portrait is not permitted on this terminal (ReferenceSources=)");

        return 0;
}

typedef int (*KeyReader)(sd_bus_message *m, const char *key, Request *q, sd_bus_error *error);

/* Reads the dictionary with a reader that refuses keys it does not know; none may be there twice. */
static int read_keys(sd_bus_message *m, KeyReader reader, Request *q, sd_bus_error *error) {
        static const char *const known[] = { "document", "reference", "nonce",     "transaction", "operator", "notice",
                                             "locale",   "challenge", "pace",      "cause",       "alternative" };
        unsigned seen = 0;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;

                for (size_t i = 0; i < ELEMENTSOF(known); i++)
                        if (streq(key, known[i])) {
                                if (seen & (1U << i))
                                        return bad_request(error, key, "is there twice");
                                seen |= 1U << i;
                        }

                r = reader(m, key, q, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

static int request_new(Request **ret) {
        Request *q = calloc(1, sizeof(*q));

        if (!q)
                return -ENOMEM;
        q->reference = -1;
        q->challenge = CHALLENGE_AUTO;
        q->decline_cause = _DECLINE_MAX;
        q->alternative = _ALTERNATIVE_MAX;
        *ret = q;
        return 0;
}

int request_read(sd_bus_message *m, const Configuration *c, Request **ret, sd_bus_error *error) {
        _cleanup_(request_freep) Request *q = NULL;
        int r;

        r = request_new(&q);
        if (r >= 0)
                r = read_keys(m, read_check_key, q, error);
        if (r >= 0)
                r = request_check(q, c, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(q);
        return 0;
}

int request_read_decline(sd_bus_message *m, Request **ret, sd_bus_error *error) {
        _cleanup_(request_freep) Request *q = NULL;
        int r;

        r = request_new(&q);
        if (r >= 0)
                r = read_keys(m, read_decline_key, q, error);
        if (r < 0)
                return r;
        if (q->decline_cause == _DECLINE_MAX)
                return bad_request(error, "cause", "is missing; " CAUSES);
        if (q->alternative == _ALTERNATIVE_MAX)
                return bad_request(error, "alternative", "is missing; " ALTERNATIVES);

        *ret = TAKE_PTR(q);
        return 0;
}

Request *request_free(Request *q) {
        if (!q)
                return NULL;

        safe_close(q->reference);
        free(q->document);
        free(q->nonce);
        free(q->transaction);
        free(q->operator_id);
        free(q->notice);
        free(q->locale);
        free(q);
        return NULL;
}
