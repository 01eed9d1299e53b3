/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The bus object's inside, shared by the files that hold its methods (verifier.c: checks; verifier-ledger.c: the
 * ledger and the key; verifier-properties.c). */

#include "audience.h"
#include "authority.h"
#include "verifier.h"

struct Verifier {
        VerifierSetup setup;
        sd_bus *bus;
        sd_event *event;
        Authority *authority;
        sd_bus_slot *object, *sessions;
        sd_bus_message *rotation;      /* RotateKey(), to be answered */
        bool stopping;

        /* the one check */
        Session *session;
        Audience *audience;            /* NULL when it was told: what is left are stuck processes */
        char *camera;
};

/* verifier-configuration.c */
int verifier_method_reload_configuration(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* verifier-ledger.c */
int verifier_method_checkpoint(sd_bus_message *m, void *userdata, sd_bus_error *error);
int verifier_method_export_ledger(sd_bus_message *m, void *userdata, sd_bus_error *error);
int verifier_method_rotate_key(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* verifier-properties.c: one getter for all; sd-bus asks for them by name */
int verifier_get_property(
                sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error);

/* -errno with `error` set if nothing can be recorded now. */
int verifier_check_able(const Verifier *v, sd_bus_error *error);
