/* SPDX-License-Identifier: Apache-2.0 */

#include "key.h"
#include "keyring-outcome.h"
#include "macro.h"

#include <errno.h>
#include <jansson.h>
#include <jose/jwk.h>

static json_t *json_free(json_t *json) {
        json_decref(json);
        return NULL;
}
DEFINE_CLEANUP(json_t *, json_free);

static bool has_coordinate(const json_t *jwk, const char *name) {
        const char *value = json_string_value(json_object_get(jwk, name));

        return value && strlen(value) == 43;   /* base64url of 32 bytes */
}

static bool is_private_p256(const json_t *jwk) {
        const char *kty = json_string_value(json_object_get(jwk, "kty"));
        const char *crv = json_string_value(json_object_get(jwk, "crv"));

        return kty && streq(kty, "EC") && crv && streq(crv, "P-256") && has_coordinate(jwk, "x") &&
                has_coordinate(jwk, "y") && has_coordinate(jwk, "d");
}

static int key_from_json(const json_t *jwk, Key *ret) {
        _cleanup_(json_freep) json_t *id = NULL;
        Key key = {};
        size_t n;
        int r = -EBADMSG;

        if (!is_private_p256(jwk))
                return -EBADMSG;

        id = jose_jwk_thp(NULL, jwk, "S256");
        if (!id || json_string_length(id) != sizeof(key.id) - 1)
                return -ENOMEM;
        memcpy(key.id, json_string_value(id), sizeof(key.id));

        n = json_dumpb(jwk, key.text, sizeof(key.text) - 1, JSON_COMPACT | JSON_SORT_KEYS);
        if (n > 0 && n < sizeof(key.text) && keyring_key_id_valid(key.id)) {
                *ret = key;
                r = 0;
        }

        explicit_bzero(&key, sizeof(key));
        return r;
}

int key_generate(Key *ret) {
        _cleanup_(json_freep) json_t *jwk = NULL;

        jwk = json_pack("{s:s, s:s}", "kty", "EC", "crv", "P-256");
        if (!jwk)
                return -ENOMEM;
        if (!jose_jwk_gen(NULL, jwk))
                return -EIO;

        return key_from_json(jwk, ret);
}

int key_parse(const char *text, Key *ret) {
        _cleanup_(json_freep) json_t *jwk = NULL;

        if (strlen(text) >= KEY_TEXT_SIZE)
                return -EBADMSG;
        jwk = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!jwk)
                return -EBADMSG;

        return key_from_json(jwk, ret);
}
