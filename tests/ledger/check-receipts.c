/* SPDX-License-Identifier: Apache-2.0 */

/* check-receipts KEYS: for each line of standard input (hexadecimal bytes of what may be a receipt) two words: what
 * receipt_verify() says, and what libjose alone says. */

#include "receipt.h"
#include "signer.h"

#include <errno.h>
#include <jose/cfg.h>
#include <jose/jws.h>
#include <stdio.h>
#include <string.h>

static void ignore_message(void *misc, const char *file, int line, uint64_t error, const char *format, va_list arguments) {
}

/* What a program does that takes a compact JWS apart at its dots and leaves the rest to the library. */
static bool libjose_accepts(jose_cfg_t *config, const json_t *keys, const char *jws, size_t size) {
        const char *first = memchr(jws, '.', size), *second;
        json_t *object;
        bool good;

        second = first ? memchr(first + 1, '.', size - (size_t) (first + 1 - jws)) : NULL;
        if (!second)
                return false;
        object = json_pack("{s:s%, s:s%, s:s%}", "protected", jws, (size_t) (first - jws), "payload", first + 1,
                        (size_t) (second - first - 1), "signature", second + 1, size - (size_t) (second + 1 - jws));
        good = object && jose_jws_ver(config, object, NULL, keys, false);
        json_decref(object);
        return good;
}

static size_t decode_hex(const char *line, char *ret, size_t max) {
        size_t n = 0;
        unsigned byte;

        for (; n < max && sscanf(line + 2 * n, "%2x", &byte) == 1; n++)
                ret[n] = (char) byte;
        return n;
}

int main(int argc, char *argv[]) {
        static char line[4 * RECEIPT_SIZE_MAX], jws[2 * RECEIPT_SIZE_MAX];
        json_t *keys = argc == 2 ? json_load_file(argv[1], 0, NULL) : NULL;
        jose_cfg_t *config = jose_cfg();

        if (!keys || !config) {
                fprintf(stderr, "check-receipts KEYS\n");
                return 2;
        }
        jose_cfg_set_err_func(config, ignore_message, NULL);

        while (fgets(line, sizeof(line), stdin)) {
                size_t size = decode_hex(line, jws, sizeof(jws));
                json_t *claims = NULL;
                int r;

                r = receipt_verify(keys, RECEIPT_TYP, jws, size, &claims);
                printf("%s %s\n", r == 0 ? "good" : "refused",
                       libjose_accepts(config, keys, jws, size) ? "good" : "refused");
                json_decref(claims);
        }
        jose_cfg_decref(config);
        json_decref(keys);
        return 0;
}
