/* SPDX-License-Identifier: Apache-2.0 */

#include "receipt.h"

#include "macro.h"

#include <errno.h>
#include <jose/b64.h>
#include <jose/cfg.h>
#include <jose/jws.h>
#include <nettle/base64.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>

#define HEADER_BYTES_MAX 256U          /* decoded; ours has 105 */
#define SIGNATURE_SIZE 64U             /* bytes of an ES256 signature, RFC 7518 section 3.4 */
#define DECODED_MAX (RECEIPT_SIZE_MAX / 4 * 3)

/* One of the three parts of a compact JWS. */
typedef struct Part {
        const char *text;
        size_t size;
} Part;

/* Decodes canonical base64url without padding: what is encoded again must be the same characters, also in the bits that the
 * last one has too many. (libjose's decoder is as strict, but was half of the time that reading a receipt took.) */
static int decode(Part part, uint8_t *ret, size_t max, size_t *ret_size) {
        char again[BASE64_ENCODE_LENGTH(DECODED_MAX) + BASE64_ENCODE_FINAL_LENGTH];
        struct base64_decode_ctx decoding;
        struct base64_encode_ctx encoding;
        size_t n = BASE64_DECODE_LENGTH(part.size), size;

        if (part.size == 0 || part.size > RECEIPT_SIZE_MAX || part.size % 4 == 1 || part.size * 3 / 4 > max)
                return -EBADMSG;
        base64url_decode_init(&decoding);
        if (!base64_decode_update(&decoding, &n, ret, part.size, part.text))
                return -EBADMSG;

        base64url_encode_init(&encoding);
        size = base64_encode_update(&encoding, again, n, ret);
        size += base64_encode_final(&encoding, again + size);
        while (size > 0 && again[size - 1] == '=')
                size--;
        if (size != part.size || memcmp(part.text, again, size) != 0)
                return -EBADMSG;

        *ret_size = n;
        return 0;
}

/* Splits at the two dots; each part has something in it. */
static int split(const char *jws, size_t size, Part parts[static 3]) {
        const char *end = jws + size;

        if (size > RECEIPT_SIZE_MAX)
                return -EBADMSG;

        for (size_t i = 0; i < 3; i++) {
                const char *stop = memchr(jws, '.', (size_t) (end - jws));

                if (i == 2 ? stop != NULL : stop == NULL)
                        return -EBADMSG;
                if (!stop)
                        stop = end;
                parts[i] = (Part) { jws, (size_t) (stop - jws) };
                if (parts[i].size == 0)
                        return -EBADMSG;
                jws = stop + 1;
        }
        return 0;
}

/* A JSON object out of a part, with every name in it once. */
static int decode_object(Part part, size_t max, json_t **ret) {
        _cleanup_(json_decrefp) json_t *object = NULL;
        uint8_t text[DECODED_MAX];
        size_t size;
        int r;

        r = decode(part, text, max < sizeof(text) ? max : sizeof(text), &size);
        if (r < 0)
                return r;
        object = json_loadb((const char *) text, size, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(object))
                return -EBADMSG;

        *ret = TAKE_PTR(object);
        return 0;
}

/* The header holds the three parameters that ours have, and none besides (so no "crit", "b64", "jwk", "jku" either). */
static int read_header(Part part, json_t **ret) {
        _cleanup_(json_decrefp) json_t *header = NULL;
        const char *alg;
        int r;

        r = decode_object(part, HEADER_BYTES_MAX, &header);
        if (r < 0)
                return r;

        alg = json_string_value(json_object_get(header, "alg"));
        if (json_object_size(header) != 3 || !alg || !streq(alg, "ES256") ||
            !json_is_string(json_object_get(header, "typ")) || !json_is_string(json_object_get(header, "kid")))
                return -EBADMSG;

        *ret = TAKE_PTR(header);
        return 0;
}

static bool member_is(const json_t *object, const char *name, const char *word) {
        const char *value = json_string_value(json_object_get(object, name));

        return value && streq(value, word);
}

static const json_t *find_key(const json_t *keys, const char *kid) {
        const json_t *key;
        size_t i;

        json_array_foreach(json_object_get(keys, "keys"), i, key)
                if (member_is(key, "kid", kid) && member_is(key, "kty", "EC") && member_is(key, "crv", "P-256"))
                        return key;
        return NULL;
}

/* libjose writes to standard error unless it is told where to. */
static void ignore_message(void *misc, const char *file, int line, uint64_t error, const char *format, va_list arguments) {
}

static void config_unrefp(jose_cfg_t **p) {
        if (*p)
                jose_cfg_decref(*p);
}

static int check_signature(const Part parts[static 3], const json_t *key) {
        _cleanup_(config_unrefp) jose_cfg_t *config = jose_cfg();
        _cleanup_(json_decrefp) json_t *jws = NULL;
        uint8_t signature[SIGNATURE_SIZE];
        size_t size;

        if (decode(parts[2], signature, sizeof(signature), &size) < 0 || size != sizeof(signature))
                return -EBADMSG;

        jws = json_pack("{s:s%,s:s%,s:s%}", "protected", parts[0].text, parts[0].size,
                        "payload", parts[1].text, parts[1].size, "signature", parts[2].text, parts[2].size);
        if (!config || !jws)
                return -ENOMEM;
        jose_cfg_set_err_func(config, ignore_message, NULL);
        errno = 0;                     /* libjose has no other word for a lack of memory */
        if (jose_jws_ver(config, jws, NULL, key, false))
                return 0;
        return errno == ENOMEM ? -ENOMEM : -EKEYREJECTED;
}

int receipt_verify(const json_t *keys, const char *typ, const char *jws, size_t size, json_t **ret_claims) {
        _cleanup_(json_decrefp) json_t *header = NULL;
        const json_t *key;
        Part parts[3];
        int r;

        r = split(jws, size, parts);
        if (r >= 0)
                r = read_header(parts[0], &header);
        if (r < 0)
                return r;
        if (!member_is(header, "typ", typ))
                return -EBADMSG;

        key = find_key(keys, json_string_value(json_object_get(header, "kid")));
        if (!key)
                return -ENOKEY;

        r = check_signature(parts, key);
        if (r < 0)
                return r;
        return decode_object(parts[1], SIZE_MAX, ret_claims);
}

int receipt_read(const char *jws, size_t size, json_t **ret_header, json_t **ret_claims) {
        _cleanup_(json_decrefp) json_t *header = NULL, *claims = NULL;
        Part parts[3];
        int r;

        r = split(jws, size, parts);
        if (r >= 0 && ret_header)
                r = read_header(parts[0], &header);
        if (r >= 0)
                r = decode_object(parts[1], SIZE_MAX, &claims);
        if (r < 0)
                return r;

        if (ret_header)
                *ret_header = TAKE_PTR(header);
        *ret_claims = TAKE_PTR(claims);
        return 0;
}

void receipt_hash(const char *jws, size_t size, char ret[static RECEIPT_HASH_SIZE]) {
        struct sha256_ctx context;
        uint8_t digest[SHA256_DIGEST_SIZE];

        sha256_init(&context);
        sha256_update(&context, size, (const uint8_t *) jws);
        sha256_digest(&context, sizeof(digest), digest);
        (void) jose_b64_enc_buf(digest, sizeof(digest), ret, RECEIPT_HASH_SIZE - 1);
        ret[RECEIPT_HASH_SIZE - 1] = '\0';
}
