/* SPDX-License-Identifier: Apache-2.0 */

#include "remote.h"
#include "commands.h"
#include "macro.h"
#include "output.h"
#include "result.h"
#include "service.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static int failed(bool json, const char *name, const char *message) {
        json_t *failure = result_failure(name, message);

        if (!failure)
                fprintf(stderr, "likenessctl: out of memory\n");
        else if (json)
                output_json(stdout, failure);
        else
                output_failure(stderr, failure);
        json_decref(failure);
        return EXIT_CALL_FAILED;
}

static int call_failed(bool json, int r, const sd_bus_error *error) {
        return failed(json, error->name ?: SD_BUS_ERROR_FAILED, error->message ?: strerror(-r));
}

int remote_unreadable(bool json) {
        return failed(json, SD_BUS_ERROR_FAILED, "The service's answer cannot be read.");
}

void remote_clear(Remote *r) {
        sd_bus_message_unref(r->reply);
        sd_bus_flush_close_unref(r->bus);
        *r = (Remote) {};
}

static int connect_or_say(sd_bus **ret, bool json) {
        _cleanup_free_ char *message = NULL;

        if (service_connect(ret, &message) >= 0)
                return 0;
        return failed(json, SD_BUS_ERROR_NO_SERVER, message ?: "The system bus cannot be reached.");
}

int remote_call(Remote *ret, bool json, const char *method, const char *types, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL;
        Remote remote = {};
        va_list arguments;
        int r, status = 0;

        status = connect_or_say(&remote.bus, json);
        if (status != 0)
                return status;

        r = sd_bus_message_new_method_call(remote.bus, &message, SERVICE_NAME, SERVICE_PATH, SERVICE_INTERFACE, method);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(message, true);
        if (r >= 0) {
                va_start(arguments, types);
                r = sd_bus_message_appendv(message, types, arguments);
                va_end(arguments);
        }
        if (r >= 0)
                r = sd_bus_call(remote.bus, message, REMOTE_TIMEOUT_USEC, &error, &remote.reply);
        if (r < 0) {
                status = call_failed(json, r, &error);
                remote_clear(&remote);
        }

        sd_bus_error_free(&error);
        sd_bus_message_unref(message);
        *ret = remote;
        return status;
}

int remote_properties(json_t **ret, bool json) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        json_t *properties = NULL;
        Remote remote = {};
        int r, status;

        status = connect_or_say(&remote.bus, json);
        if (status != 0)
                return status;

        r = sd_bus_call_method(remote.bus, SERVICE_NAME, SERVICE_PATH, "org.freedesktop.DBus.Properties", "GetAll", &error,
                        &remote.reply, "s", SERVICE_INTERFACE);
        if (r < 0) {
                status = call_failed(json, r, &error);
        } else {
                properties = json_object();
                if (!properties || result_read(remote.reply, properties) < 0) {
                        json_decref(TAKE_PTR(properties));
                        status = remote_unreadable(json);
                }
        }

        sd_bus_error_free(&error);
        remote_clear(&remote);
        *ret = properties;
        return status;
}
