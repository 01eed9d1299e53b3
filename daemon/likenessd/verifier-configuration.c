/* SPDX-License-Identifier: Apache-2.0 */

#include "errors.h"
#include "verifier-private.h"

#include <errno.h>

static int reload_authorised(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *problem = NULL;
        Verifier *v = userdata;
        bool effective;
        int r;

        r = verifier_check_able(v, error);
        if (r < 0)
                return r;

        r = reload_configuration(v->setup.reload, &effective, &problem);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return sd_bus_error_set(error, r == -EBADMSG ? ERROR_INVALID_FILE : LIKENESS_ERROR_UNAVAILABLE,
                                problem ?: "The new configuration is not taken; the old one stays.");
        return sd_bus_reply_method_return(m, "b", effective);
}

int verifier_method_reload_configuration(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Verifier *v = userdata;

        return authority_check(v->authority, m, ACTION_MANAGE, reload_authorised, v);
}
