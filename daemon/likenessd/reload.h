/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"
#include "signing.h"

#include <systemd/sd-event.h>

/* Reads the configuration anew while the service runs. Those who borrow the configuration and the policy go on to borrow
 * the same objects: their contents are exchanged at a moment when nobody is in the middle of using them. */

typedef struct Reload Reload;

/* All of it is borrowed and must outlive the object. */
typedef struct ReloadSetup {
        const char *path;              /* --config=, or NULL for the system's files */
        Configuration *configuration;
        Policy *policy;
        const Manifest *manifest;
        Signing *signing;
        bool demo;
} ReloadSetup;

int reload_new(Reload **ret, sd_event *event, const ReloadSetup *setup);
Reload *reload_free(Reload *r);
DEFINE_CLEANUP(Reload *, reload_free);

/* Whether what was read last was not taken. */
bool reload_refused(const Reload *r);

/* Reads and checks, and makes it effective at once, or as soon as no check uses the old one any more (`ret_effective` is
 * false). A change is in the ledger before it is effective. On failure the old configuration stays, `ret_problem` (to be
 * freed; may be NULL if memory ran out) says why, and all is logged: -EBADMSG if the new one is no good, otherwise it
 * could not be read or recorded. */
int reload_configuration(Reload *r, bool *ret_effective, char **ret_problem);

/* As reload_configuration(), with words for the service manager; for SIGHUP. */
void reload_hangup(Reload *r);

/* Between the two, a check uses the configuration as it is. */
void reload_hold(Reload *r);
void reload_release(Reload *r);
