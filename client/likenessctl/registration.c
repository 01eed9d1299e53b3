/* SPDX-License-Identifier: Apache-2.0 */

#include "registration.h"
#include "macro.h"
#include "output.h"
#include "result.h"

json_t *registration_keys(const json_t *properties) {
        const char *text = result_string(properties, "PublicKey");
        json_t *set = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

        if (json_is_array(json_object_get(set, "keys")))
                return set;
        json_decref(set);
        return NULL;
}

static bool is_demo(const json_t *key) {
        return json_is_true(json_object_get(key, "x-likeness-demo"));
}

static void put_line(FILE *file, const char *label, const char *value) {
        if (!value)
                return;
        fprintf(file, "%-16s", label);
        output_text(file, value);
        fputc('\n', file);
}

void registration_print_keys(FILE *file, const json_t *keys) {
        const json_t *key;
        size_t i;

        if (json_array_size(json_object_get(keys, "keys")) == 0)
                fprintf(file, "There is no key yet.\n");
        json_array_foreach(json_object_get(keys, "keys"), i, key) {
                output_text(file, result_string(key, "kid") ?: "(a key without an id)");
                fprintf(file, "  %s%s\n", i == 0 ? "signs now" : "signed before",
                                is_demo(key) ? ", demonstrations only: it proves nothing" : "");
        }
        fflush(file);
}

/* The present key; NULL if there is none. Owned by the set. */
static json_t *present_key(const json_t *keys) {
        return json_array_get(json_object_get(keys, "keys"), 0);
}

bool registration_names_terminal(const json_t *properties) {
        json_t *keys = registration_keys(properties);
        bool named = result_string(properties, "Terminal") || result_string(present_key(keys), "x-likeness-terminal");

        json_decref(keys);
        return named;
}

json_t *registration_new(const json_t *properties, const char *terminal) {
        json_t *keys = registration_keys(properties), *key = present_key(keys), *copy, *registration = NULL;
        const char *name, *protection;

        name = result_string(properties, "Terminal") ?: result_string(key, "x-likeness-terminal") ?: terminal;
        protection = result_string(properties, "KeyProtection") ?: result_string(key, "x-likeness-key-protection");
        copy = json_deep_copy(key);

        /* so that a verifier knows which terminal may use it */
        if (copy && result_string(key, "kid") &&
                        (!name || json_object_set_new(copy, "x-likeness-terminal", json_string(name)) == 0))
                registration = json_pack("{s:s?, s:s, s:O, s:s?, s:s?, s:O?, s:b}", "terminal", name, "kid",
                                result_string(key, "kid"), "jwk", copy, "key-protection", protection, "software",
                                result_string(properties, "Version"), "models", json_object_get(properties, "Models"),
                                "demo", is_demo(key));
        json_decref(copy);
        json_decref(keys);
        return registration;
}

void registration_print(FILE *file, const json_t *registration) {
        const json_t *jwk = json_object_get(registration, "jwk");
        char *text = json_dumps(jwk, JSON_COMPACT);
        const char *name;
        json_t *hash;

        put_line(file, "Terminal", result_string(registration, "terminal") ?: "unknown");
        put_line(file, "Key", result_string(registration, "kid"));
        put_line(file, "Key protection", result_string(registration, "key-protection") ?: "unknown");
        put_line(file, "JWK", text);
        put_line(file, "Software", result_string(registration, "software"));
        json_object_foreach(json_object_get(registration, "models"), name, hash) {
                put_line(file, "Model", name);
                put_line(file, "  SHA-256", json_string_value(hash));
        }
        if (json_is_true(json_object_get(registration, "demo")))
                fprintf(file, "This is a demonstration's key. Do not register it.\n");
        free(text);
        fflush(file);
}
