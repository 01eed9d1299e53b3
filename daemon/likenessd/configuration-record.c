/* SPDX-License-Identifier: Apache-2.0 */

#include "configuration-record.h"
#include "build-config.h"
#include "receipt.h"

#include <errno.h>
#include <stdio.h>

static json_t *json_done(json_t *j) {
        json_decref(j);
        return NULL;
}
DEFINE_CLEANUP(json_t *, json_done);

json_t *configuration_settings(const Configuration *c) {
        _cleanup_(json_donep) json_t *settings = json_object();
        const ConfigurationKey *key;

        if (!settings)
                return NULL;

        for (size_t i = 0; (key = configuration_key(i)); i++) {
                _cleanup_free_ char *value = configuration_value(c, i);
                char name[64];

                if (!value)
                        return NULL;
                (void) snprintf(name, sizeof(name), "%s.%s", key->section, key->name);
                if (json_object_set_new(settings, name, json_string(value)) < 0)
                        return NULL;
        }
        return TAKE_PTR(settings);
}

/* The names of the settings that `old` (may be NULL) has not or has otherwise. */
static json_t *changed_settings(const json_t *old, json_t *new) {
        json_t *changed = json_array(), *value;
        const char *name;

        if (changed)
                json_object_foreach(new, name, value)
                        if (!json_equal(value, json_object_get(old, name)) &&
                            json_array_append_new(changed, json_string(name)) < 0) {
                                json_decref(changed);
                                return NULL;
                        }
        return changed;
}

/* The same settings have the same hash on every terminal of a fleet. */
static int settings_hash(const json_t *settings, char ret[static RECEIPT_HASH_SIZE]) {
        _cleanup_free_ char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS);

        if (!text)
                return -ENOMEM;
        receipt_hash(text, strlen(text), ret);
        return 0;
}

/* `old`: settings, or NULL. */
static int record_difference(Ledger *ledger, const json_t *old, const Configuration *c) {
        _cleanup_(json_donep) json_t *settings = NULL, *changed = NULL;
        char hash[RECEIPT_HASH_SIZE];
        json_t *claims;
        int r;

        settings = configuration_settings(c);
        if (!settings)
                return -ENOMEM;
        changed = changed_settings(old, settings);
        if (!changed)
                return -ENOMEM;
        if (json_array_size(changed) == 0)
                return 0;

        r = settings_hash(settings, hash);
        if (r < 0)
                return r;
        claims = json_pack("{s:s, s:s, s:O, s:O, s:s}", "software", VERSION, "mode", mode_to_string(c->mode),
                        "changed", changed, "settings", settings, "hash", hash);
        if (!claims)
                return -ENOMEM;
        r = ledger_append(ledger, "configuration-changed", claims, NULL);
        return r < 0 ? r : 1;
}

int configuration_record_change(Ledger *ledger, const Configuration *old, const Configuration *new) {
        _cleanup_(json_donep) json_t *settings = configuration_settings(old);

        return settings ? record_difference(ledger, settings, new) : -ENOMEM;
}

int configuration_record_start(Ledger *ledger, const Configuration *c) {
        _cleanup_(json_donep) json_t *last = NULL;
        int r;

        r = ledger_find_last(ledger, "configuration-changed", &last);
        return r < 0 ? r : record_difference(ledger, json_object_get(last, "settings"), c);
}
