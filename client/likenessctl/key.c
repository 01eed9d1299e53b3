/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl key and provision: the public keys, and what a carrier registers. */

#include "commands.h"
#include "macro.h"
#include "options.h"
#include "output.h"
#include "registration.h"
#include "remote.h"
#include "result.h"

#include <errno.h>
#include <stdio.h>

static const char key_help[] =
        "Usage: likenessctl key show [--json]\n"
        "       likenessctl key rotate\n\n"
        "show prints the public keys of this terminal's receipts, the present one first; rotate makes a new key, with\n"
        "which everything is signed from then on. Receipts of the old key stay verifiable: keep its public key.\n\n"
        "     --json  Print the JWK set\n"
        "  -h --help  Show this help\n\n"
        "Exit status: 0 done, 2 wrong usage, 3 the call failed.\n";

static const char provision_help[] =
        "Usage: likenessctl provision [--json]\n\n"
        "Prints what a carrier registers of this terminal: its name, its public key and what guards it, and the versions\n"
        "of software and models.\n\n"
        "     --json  Print one JSON object\n"
        "  -h --help  Show this help\n\n"
        "Exit status: 0 done, 2 wrong usage, 3 the call failed.\n";

static int key_show(bool json) {
        json_t *properties = NULL, *keys;
        int status;

        status = remote_properties(&properties, json);
        if (status != 0)
                return status;
        keys = registration_keys(properties);
        json_decref(properties);
        if (!keys)
                return remote_unreadable(json);

        if (json)
                output_json(stdout, keys);
        else
                registration_print_keys(stdout, keys);
        json_decref(keys);
        return 0;
}

static int key_rotate(void) {
        const char *kid = NULL;
        Remote remote = {};
        int status;

        status = remote_call(&remote, false, "RotateKey", "");
        if (status != 0)
                return status;
        if (sd_bus_message_read(remote.reply, "s", &kid) > 0) {
                output_text(stdout, kid);
                putchar('\n');
                fprintf(stderr, "This is the new key's id. Register the key with the carrier: likenessctl provision\n");
        } else {
                status = remote_unreadable(false);
        }
        remote_clear(&remote);
        return status;
}

int command_key(int argc, char *argv[]) {
        const char *operand = NULL;
        bool json = false;
        int r;

        r = simple_options_parse(argc, argv, "key", key_help, &json, &operand, 1);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;
        if (streq(operand, "show"))
                return key_show(json);
        if (streq(operand, "rotate") && !json)
                return key_rotate();
        fprintf(stderr, "likenessctl: key takes show or rotate; see likenessctl key --help\n");
        return EXIT_USAGE;
}

/* The terminal's name as its ledger has it, where neither properties nor keys tell it; NULL if there is none. */
static char *terminal_of_checkpoint(void) {
        json_t *checkpoint = NULL;
        const char *text = NULL;
        Remote remote = {};
        char *name = NULL;

        if (remote_call(&remote, false, "Checkpoint", "") != 0)
                return NULL;
        if (sd_bus_message_read(remote.reply, "s", &text) > 0)
                checkpoint = json_loads(text, 0, NULL);
        if (result_string(checkpoint, "terminal"))
                name = strdup(result_string(checkpoint, "terminal"));
        json_decref(checkpoint);
        remote_clear(&remote);
        return name;
}

int command_provision(int argc, char *argv[]) {
        json_t *properties = NULL, *registration;
        _cleanup_free_ char *terminal = NULL;
        bool json = false;
        int r, status;

        r = simple_options_parse(argc, argv, "provision", provision_help, &json, NULL, 0);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;

        status = remote_properties(&properties, json);
        if (status != 0)
                return status;
        if (!registration_names_terminal(properties))
                terminal = terminal_of_checkpoint();
        registration = registration_new(properties, terminal);
        json_decref(properties);
        if (!registration)
                return remote_unreadable(json);

        if (json)
                output_json(stdout, registration);
        else
                registration_print(stdout, registration);
        json_decref(registration);
        return 0;
}
