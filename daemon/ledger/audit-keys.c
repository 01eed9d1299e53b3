/* SPDX-License-Identifier: Apache-2.0 */

/* The audit's keys: which are trusted, which one signs at a point of the chain, and how one hands over to the next. */

#include "audit-private.h"
#include "signer.h"

#include <errno.h>
#include <inttypes.h>
#include <jose/b64.h>
#include <jose/jwk.h>

static bool is_key_id(const char *s) {
        return s && strlen(s) == KEY_ID_SIZE - 1 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                              "0123456789-_") == KEY_ID_SIZE - 1;
}

/* RFC 7638 */
static bool thumbprint(const json_t *key, char ret[static KEY_ID_SIZE]) {
        uint8_t hash[32];

        if (jose_jwk_thp_buf(NULL, key, "S256", hash, sizeof(hash)) != sizeof(hash) ||
                        jose_b64_enc_buf(hash, sizeof(hash), ret, KEY_ID_SIZE - 1) != KEY_ID_SIZE - 1)
                return false;
        ret[KEY_ID_SIZE - 1] = '\0';
        return true;
}

static bool has_own_id(const json_t *key) {
        const char *kid = json_string_value(json_object_get(key, "kid"));
        char id[KEY_ID_SIZE];

        return kid && thumbprint(key, id) && streq(kid, id);
}

static int index_key(json_t *index, const json_t *key) {
        json_t *set = json_pack("{s:[O]}", "keys", key);

        return json_object_set_new(index, json_string_value(json_object_get(key, "kid")), set) < 0 ? -ENOMEM : 0;
}

/* The keys of a JWK set, of a terminal's registration ("jwk"), or of an array of either; a new reference, NULL if it is
 * none of them. */
static json_t *listed_keys(const json_t *keys, bool nested) {
        json_t *set = json_object_get(keys, "keys"), *key = json_object_get(keys, "jwk"), *list, *item;
        size_t i;

        if (json_is_array(set))
                return json_incref(set);
        if (json_is_object(key))
                return json_pack("[O]", key);
        if (nested || !json_is_array(keys))
                return NULL;

        list = json_array();
        json_array_foreach((json_t *) keys, i, item) {
                json_t *more = listed_keys(item, /* nested= */ true);
                int r = more ? json_array_extend(list, more) : -1;

                json_decref(more);
                if (r < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

int audit_keys_index(json_t **ret, const json_t *keys, const char *typ, const char **ret_problem) {
        json_t *list = listed_keys(keys, /* nested= */ false), *index, *key;
        size_t i;
        int r = 0;

        if (json_array_size(list) == 0) {
                *ret_problem = list ? "holds no key" : "is no JWK set ({\"keys\": […]}), and not what \"provision\" prints";
                json_decref(list);
                return -EINVAL;
        }
        index = json_object();

        json_array_foreach(list, i, key) {
                /* a demonstration's key proves nothing about a real terminal */
                if (json_is_true(json_object_get(key, "x-likeness-demo")) && !streq(typ, DEMO_TYP))
                        continue;
                if (!has_own_id(key)) {
                        *ret_problem = "holds a key whose \"kid\" is not its RFC 7638 thumbprint";
                        r = -EINVAL;
                } else {
                        r = index ? index_key(index, key) : -ENOMEM;
                }
                if (r < 0)
                        break;
        }
        json_decref(list);
        if (r < 0) {
                json_decref(index);
                return r;
        }
        *ret = index;
        return index ? 0 : -ENOMEM;
}

int audit_revoked_index(json_t **ret, const json_t *revoked, const char **ret_problem) {
        json_t *list = json_object_get(revoked, "revoked"), *item, *index;
        size_t i;

        if (!json_is_array(list)) {
                *ret_problem = "is no revocation list: {\"revoked\": […]}";
                return -EINVAL;
        }
        index = json_object();
        json_array_foreach(list, i, item) {
                const char *kid = audit_word(item, "kid");
                const json_t *before = json_object_get(index, kid), *since = json_object_get(item, "since");

                if (!is_key_id(kid) || !json_is_integer(since) || json_integer_value(since) < 0) {
                        *ret_problem = "holds an item without \"kid\" (a thumbprint) and \"since\" (seconds of the epoch)";
                        json_decref(index);
                        return -EINVAL;
                }
                if (before && audit_count(before, "since") <= audit_count(item, "since"))
                        continue;
                if (json_object_set(index, kid, item) < 0) {
                        json_decref(index);
                        return -ENOMEM;
                }
        }
        *ret = index;
        return index ? 0 : -ENOMEM;
}

static const json_t *key_set(const Audit *a, const char *kid) {
        return json_object_get(a->setup.keys, kid) ?: json_object_get(a->introduced, kid);
}

static void no_entry(Audit *a) {
        audit_error(a, AUDIT_MALFORMED, 0, a->incomplete ? "the last line is incomplete" :
                        "this line is no entry: it was altered, or never was one");
}

/* The key id that an entry names; what is wrong with the header is told. The header is the same for all entries of a key,
 * so it is parsed once. */
static const char *header_key(Audit *a, const char *line, size_t size) {
        const char *dot = memchr(line, '.', size), *typ, *kid;
        size_t n = dot ? (size_t) (dot - line) : 0;
        json_t *header = NULL, *claims = NULL;

        if (n > 0 && n == a->header_size && memcmp(line, a->header, n) == 0)
                return a->header_key;

        a->header_size = 0;
        a->header_key[0] = '\0';
        if (n > sizeof(a->header) || receipt_read(line, size, &header, &claims) < 0) {
                no_entry(a);
                return NULL;
        }

        typ = audit_word(header, "typ");
        kid = audit_word(header, "kid");
        if (!streq(typ, a->setup.typ) && (streq(typ, DEMO_TYP) || streq(typ, RECEIPT_TYP)))
                audit_error(a, AUDIT_TYP, 0, streq(typ, DEMO_TYP) ? "this is the entry of a demonstration" :
                                                                    "this is a real entry among those of a demonstration");
        else if (!streq(typ, a->setup.typ) || !is_key_id(kid))
                audit_error(a, AUDIT_MALFORMED, 0, "this line is signed, but no entry");
        else {
                memcpy(a->header, line, n);
                memcpy(a->header_key, kid, KEY_ID_SIZE);
                a->header_size = n;
        }
        json_decref(claims);
        json_decref(header);
        return a->header_size > 0 ? a->header_key : NULL;
}

int audit_signature(Audit *a, const char *line, size_t size, json_t **ret_claims, const char **ret_key) {
        const char *kid = header_key(a, line, size);
        const json_t *set;
        int r;

        if (!kid)
                return 0;
        set = key_set(a, kid);
        if (!set) {
                audit_error(a, AUDIT_UNKNOWN_KEY, 0, "signed with the key %s, which is not known", kid);
                return 0;
        }

        r = receipt_verify(set, a->setup.typ, line, size, ret_claims);
        if (r == -ENOMEM)
                return r;
        if (r == -EBADMSG || (r < 0 && a->incomplete))
                no_entry(a);
        else if (r < 0)
                audit_error(a, AUDIT_SIGNATURE, 0, "the signature does not hold: the entry was altered or forged");
        *ret_key = kid;
        return r == 0;
}

/* When the entry was signed, as far as that can be believed: whoever stole a key can date back his entry, but not those
 * before it. */
static const json_t *revocation(const Audit *a, const Entry *e) {
        const json_t *item = json_object_get(a->setup.revoked, e->key);

        return item && audit_count(item, "since") <= (e->time > a->time_max ? e->time : a->time_max) ? item : NULL;
}

void audit_key_use(Audit *a, const Entry *e) {
        const json_t *revoked = revocation(a, e);
        const json_t *key = json_array_get(json_object_get(key_set(a, e->key), "keys"), 0);
        const char *terminal = audit_word(key, "x-likeness-terminal");

        if (revoked)
                audit_error(a, AUDIT_REVOKED, e->sequence, "signed with the key %s, revoked since %" PRIu64 "%s%s", e->key,
                                audit_count(revoked, "since"), json_object_get(revoked, "reason") ? ": " : "",
                                audit_word(revoked, "reason"));
        if (!isempty(terminal) && !streq(terminal, audit_word(e->claims, "terminal")))
                audit_error(a, AUDIT_TERMINAL, e->sequence, "signed with the key of the terminal %s", terminal);

        /* A collector may have lost the key change itself. */
        if (a->current[0] != '\0' && !streq(a->current, e->key))
                audit_found(a, AUDIT_KEY_SWAP, a->setup.collected && audit_missing(a, e->sequence - 1), e->sequence,
                                "signed with the key %s, but no key change leads from %s to it", e->key, a->current);
        memcpy(a->current, e->key, KEY_ID_SIZE);
}

/* The new key signs that it follows the old one: nobody can pass off another's key as his. */
static bool proof_holds(const Audit *a, const Entry *e, const json_t *new) {
        const char *proof = audit_word(e->claims, "new-proof");
        json_t *set = json_pack("{s:[O]}", "keys", new), *claims = NULL;
        bool holds;

        holds = set && receipt_verify(set, a->setup.typ, proof, strlen(proof), &claims) == 0 &&
                        streq(audit_word(claims, "old"), e->key);
        json_decref(claims);
        json_decref(set);
        return holds;
}

int audit_key_changed(Audit *a, const Entry *e) {
        const json_t *old = json_object_get(e->claims, "old"), *new = json_object_get(e->claims, "new");
        const char *terminal;
        json_t *copy;
        int r;

        if (!has_own_id(old) || !streq(audit_word(old, "kid"), e->key)) {
                audit_error(a, AUDIT_KEY_CHANGE, e->sequence, "the old key is not the one that signed the change");
                return 0;
        }
        if (!has_own_id(new) || !proof_holds(a, e, new)) {
                audit_error(a, AUDIT_KEY_CHANGE, e->sequence, "the new key did not agree: its proof does not hold");
                return 0;
        }
        if (json_object_size(a->introduced) >= KEY_CHANGES_MAX) {
                audit_error(a, AUDIT_KEY_CHANGE, e->sequence, "the key changed too often");
                return 0;
        }

        copy = json_deep_copy(new);
        terminal = audit_word(e->claims, "terminal");
        r = json_object_set_new(copy, "x-likeness-terminal", json_string(terminal)) < 0 ? -ENOMEM :
                                                                                         index_key(a->introduced, copy);
        json_decref(copy);
        if (r < 0)
                return r;
        memcpy(a->current, audit_word(new, "kid"), KEY_ID_SIZE);
        a->summary.key_changes++;
        return 0;
}
