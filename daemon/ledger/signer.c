/* SPDX-License-Identifier: Apache-2.0 */

#include "signer.h"

#include "log.h"
#include "receipt.h"

#include <errno.h>
#include <fcntl.h>
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define KEY_TEXT_MAX 4096U
#define COORDINATE_SIZE 32U            /* bytes of a P-256 coordinate or scalar */
#define THUMBPRINT_SIZE 32U            /* bytes of a SHA-256 */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The private key's one place between two signatures: its JWK as text, in pages of its own that are neither swapped nor
 * dumped. libjose wants a JWK for each signature; what jansson, libjose and OpenSSL make of it is wiped when they free it
 * (jansson by signer_wipe_json(), the others by themselves: tests/unit/test-signer.c searches the memory). */
struct Signer {
        char *text;                    /* KEY_TEXT_MAX bytes of pages */
        size_t size;
        char *typ;
        char *protection;
        char *kid;
        json_t *public_key;
};

static void wipe_and_free(void *p) {
        if (!p)
                return;
        explicit_bzero(p, malloc_usable_size(p));
        free(p);
}

/* jansson goes on where it gets no memory, and what it then reads or writes lacks something: an entry without its key id
 * was signed, and its heap was seen to break. So it never sees that. */
static void *allocate_or_end(size_t size) {
        void *p = malloc(size);

        if (!p && size > 0) {
                log_error("out of memory; the process ends");
                _exit(EXIT_FAILURE);
        }
        return p;
}

void signer_wipe_json(void) {
        json_set_alloc_funcs(allocate_or_end, wipe_and_free);
}

static bool json_is_wiped(void) {
        json_free_t release = NULL;

        json_get_alloc_funcs(NULL, &release);
        return release == wipe_and_free;
}

/* True if the member `name` is the canonical base64url of COORDINATE_SIZE bytes. */
static bool member_is_coordinate(const json_t *jwk, const char *name) {
        const char *text = json_string_value(json_object_get(jwk, name));
        uint8_t bytes[COORDINATE_SIZE];
        char again[COORDINATE_SIZE * 4 / 3 + 1];
        bool good;

        if (!text || strlen(text) != sizeof(again))
                return false;

        good = jose_b64_dec_buf(text, sizeof(again), bytes, sizeof(bytes)) == sizeof(bytes) &&
                jose_b64_enc_buf(bytes, sizeof(bytes), again, sizeof(again)) == sizeof(again) &&
                memcmp(text, again, sizeof(again)) == 0;
        explicit_bzero(bytes, sizeof(bytes));
        explicit_bzero(again, sizeof(again));
        return good;
}

/* True if the member is this word, or absent where it need not be there. */
static bool member_is(const json_t *jwk, const char *name, const char *word, bool optional) {
        const json_t *member = json_object_get(jwk, name);

        if (!member)
                return optional;
        return json_is_string(member) && streq(json_string_value(member), word);
}

static int load_key(const Signer *s, json_t **ret) {
        json_t *jwk = json_loadb(s->text, s->size, JSON_REJECT_DUPLICATES, NULL);

        if (!jwk)
                return -EBADMSG;
        *ret = jwk;
        return 0;
}

/* Copies the descriptor's text into the locked pages. */
static int read_text(Signer *s, int fd) {
        struct stat st;
        int seals;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & SEALS) != SEALS)
                return log_error_errno(-EBADMSG, "The signing key did not come in a sealed memfd.");
        if (fstat(fd, &st) < 0)
                return log_error_errno(-errno, "Cannot examine the signing key's descriptor: %m");
        if (st.st_size <= 0 || st.st_size > (off_t) KEY_TEXT_MAX)
                return log_error_errno(-EBADMSG, "The signing key has %lld bytes.", (long long) st.st_size);

        for (size_t done = 0; done < (size_t) st.st_size;) {
                ssize_t n = pread(fd, s->text + done, (size_t) st.st_size - done, (off_t) done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return log_error_errno(n < 0 ? -errno : -EBADMSG, "Cannot read the signing key: %m");
                done += (size_t) n;
        }
        s->size = (size_t) st.st_size;
        return 0;
}

static int make_pages(Signer *s) {
        void *p;

        p = mmap(NULL, KEY_TEXT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return log_error_errno(-errno, "Cannot get memory for the signing key: %m");
        s->text = p;

        if (mlock(p, KEY_TEXT_MAX) < 0)
                return log_error_errno(-errno, "Cannot lock the signing key's memory: %m");
        if (madvise(p, KEY_TEXT_MAX, MADV_DONTDUMP) < 0 || madvise(p, KEY_TEXT_MAX, MADV_DONTFORK) < 0)
                return log_error_errno(-errno, "Cannot keep the signing key's memory out of dumps: %m");
        return 0;
}

static int thumbprint(const json_t *jwk, char **ret) {
        uint8_t digest[THUMBPRINT_SIZE];
        _cleanup_free_ char *kid = calloc(1, RECEIPT_HASH_SIZE);

        if (!kid)
                return -ENOMEM;
        errno = 0;                     /* libjose has no other word for a lack of memory */
        if (jose_jwk_thp_buf(NULL, jwk, "S256", digest, sizeof(digest)) != sizeof(digest) ||
            jose_b64_enc_buf(digest, sizeof(digest), kid, RECEIPT_HASH_SIZE - 1) != RECEIPT_HASH_SIZE - 1)
                return errno == ENOMEM ? -ENOMEM : -EBADMSG;

        *ret = TAKE_PTR(kid);
        return 0;
}

/* Checks the key's members and takes its public part. */
static int check_key(Signer *s) {
        _cleanup_(json_decrefp) json_t *jwk = NULL;
        int r;

        r = load_key(s, &jwk);
        if (r < 0 || !member_is(jwk, "kty", "EC", false) || !member_is(jwk, "crv", "P-256", false) ||
            !member_is(jwk, "alg", "ES256", true) || !member_is(jwk, "use", "sig", true) ||
            !member_is_coordinate(jwk, "x") || !member_is_coordinate(jwk, "y") || !member_is_coordinate(jwk, "d"))
                return log_error_errno(-EBADMSG, "The signing key is not a private EC P-256 key in JWK form.");

        r = thumbprint(jwk, &s->kid);
        if (r < 0)
                return log_error_errno(r, "Cannot name the signing key: %m");
        if (!member_is(jwk, "kid", s->kid, true))
                return log_error_errno(-EBADMSG, "The signing key has a key id that is not its thumbprint.");

        s->public_key = json_pack("{s:s,s:s,s:O,s:O,s:s,s:s,s:s}", "kty", "EC", "crv", "P-256",
                                  "x", json_object_get(jwk, "x"), "y", json_object_get(jwk, "y"),
                                  "kid", s->kid, "alg", "ES256", "use", "sig");
        return s->public_key ? 0 : log_error_errno(-ENOMEM, "Cannot keep the public key: %m");
}

/* A key whose halves do not belong together would sign what nobody can verify. */
static int check_pair(const Signer *s) {
        _cleanup_(json_decrefp) json_t *claims = json_object();
        _cleanup_free_ char *jws = NULL;
        int r;

        if (!claims)
                return log_error_errno(-ENOMEM, "Cannot try the signing key: %m");

        r = signer_sign(s, claims, &jws);
        if (r == -ENOMEM)
                return log_error_errno(r, "Cannot try the signing key: %m");
        return r < 0 ? log_error_errno(-EBADMSG, "The signing key's private and public part do not match.") : 0;
}

int signer_new(Signer **ret, int fd, const char *typ, const char *protection) {
        _cleanup_(signer_freep) Signer *s = NULL;
        int r;

        if (!json_is_wiped())          /* a mistake in the program: refuse rather than leave copies behind */
                return log_error_errno(-EINVAL, "signer_wipe_json() was not called before a key was loaded.");

        s = calloc(1, sizeof(*s));
        if (!s)
                return log_error_errno(-ENOMEM, "Cannot make the signer: %m");
        s->typ = strdup(typ);
        s->protection = strdup(protection);
        if (!s->typ || !s->protection)
                return log_error_errno(-ENOMEM, "Cannot make the signer: %m");

        r = make_pages(s);
        if (r >= 0)
                r = read_text(s, fd);
        if (r >= 0)
                r = check_key(s);
        if (r >= 0)
                r = check_pair(s);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

Signer *signer_free(Signer *s) {
        if (!s)
                return NULL;
        if (s->text) {
                explicit_bzero(s->text, KEY_TEXT_MAX);
                (void) munmap(s->text, KEY_TEXT_MAX);
        }
        json_decref(s->public_key);
        free(s->kid);
        free(s->protection);
        free(s->typ);
        free(s);
        return NULL;
}

const char *signer_key_id(const Signer *s) {
        return s->kid;
}

const char *signer_protection(const Signer *s) {
        return s->protection;
}

const char *signer_typ(const Signer *s) {
        return s->typ;
}

json_t *signer_public_key(const Signer *s) {
        return json_deep_copy(s->public_key);
}

/* The payload as the JWS has it: base64url of the compact JSON text. 15 digits are what a double always keeps, and print
 * 0.0001 as it was written. */
static json_t *encode_claims(const json_t *claims) {
        char *text = json_dumps(claims, JSON_COMPACT | JSON_REAL_PRECISION(15));
        json_t *payload = text ? jose_b64_enc(text, strlen(text)) : NULL;

        wipe_and_free(text);           /* jansson's allocator is malloc() */
        return payload;
}

/* What nobody could verify must not come into a ledger, whatever happened to the memory meanwhile. */
static int check_signed(const Signer *s, const json_t *claims, const char *jws) {
        _cleanup_(json_decrefp) json_t *keys = NULL, *again = NULL;
        int r;

        keys = json_pack("{s:[O]}", "keys", s->public_key);
        if (!keys)
                return -ENOMEM;
        r = receipt_verify(keys, s->typ, jws, strlen(jws), &again);
        if (r == -ENOMEM)
                return r;
        return r < 0 || json_object_size(again) != json_object_size(claims) ? -EIO : 0;
}

int signer_sign(const Signer *s, const json_t *claims, char **ret_jws) {
        _cleanup_(json_decrefp) json_t *jwk = NULL, *jws = NULL, *header = NULL;
        const char *protected, *payload, *signature;
        _cleanup_free_ char *compact = NULL;
        int r;

        if (!json_is_object(claims))
                return -EINVAL;

        jws = json_pack("{s:o}", "payload", encode_claims(claims));
        header = json_pack("{s:{s:s,s:s,s:s}}", "protected", "alg", "ES256", "typ", s->typ, "kid", s->kid);
        if (!jws || !header)
                return -ENOMEM;

        r = load_key(s, &jwk);
        if (r < 0)
                return r;
        errno = 0;
        if (!jose_jws_sig(NULL, jws, header, jwk))
                return errno == ENOMEM ? -ENOMEM : -EIO;

        protected = json_string_value(json_object_get(jws, "protected"));
        payload = json_string_value(json_object_get(jws, "payload"));
        signature = json_string_value(json_object_get(jws, "signature"));
        if (!protected || !payload || !signature)
                return -EIO;
        if (strlen(protected) + strlen(payload) + strlen(signature) + 2 > RECEIPT_SIZE_MAX)
                return -EMSGSIZE;

        if (asprintf(&compact, "%s.%s.%s", protected, payload, signature) < 0) {
                compact = NULL;
                return -ENOMEM;
        }
        r = check_signed(s, claims, compact);
        if (r < 0)
                return r;

        *ret_jws = TAKE_PTR(compact);
        return 0;
}
