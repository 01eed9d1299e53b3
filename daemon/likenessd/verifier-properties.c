/* SPDX-License-Identifier: Apache-2.0 */

#include "build-config.h"
#include "verifier-private.h"

#include <errno.h>

static int append_documents(sd_bus_message *reply, const Configuration *c) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < c->n_documents && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", c->documents[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_models(sd_bus_message *reply, const Manifest *manifest) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; i < manifest->n_models && r >= 0; i++) {
                char hex[MODEL_SHA256_TEXT];

                model_sha256_text(&manifest->models[i], hex);
                r = sd_bus_message_append(reply, "{ss}", manifest->models[i].name, hex);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_public_keys(sd_bus_message *reply, Signing *signing) {
        _cleanup_free_ char *keys = NULL;
        int r;

        r = signing_public_keys(signing, &keys);
        return r < 0 ? r : sd_bus_message_append(reply, "s", keys);
}

int verifier_get_property(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error) {

        Verifier *v = userdata;

        if (streq(property, "Version"))
                return sd_bus_message_append(reply, "s", VERSION);
        if (streq(property, "Terminal"))
                return sd_bus_message_append(reply, "s", v->setup.configuration->terminal);
        if (streq(property, "Mode"))
                return sd_bus_message_append(reply, "s", mode_to_string(v->setup.configuration->mode));
        if (streq(property, "Documents"))
                return append_documents(reply, v->setup.configuration);
        if (streq(property, "PublicKey"))
                return append_public_keys(reply, v->setup.signing);
        if (streq(property, "KeyProtection"))
                return sd_bus_message_append(reply, "s", signing_key_protection(v->setup.signing));
        if (streq(property, "Models"))
                return append_models(reply, v->setup.manifest);
        if (streq(property, "State"))
                return sd_bus_message_append(reply, "s", v->session || v->listing ? "busy" : "idle");
        if (streq(property, "Problems"))
                return verifier_append_problems(v, reply);

        return -ENOENT;
}
