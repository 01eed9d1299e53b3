/* SPDX-License-Identifier: Apache-2.0 */

#include "configuration.h"
#include "attempt-limits.h"
#include "configuration-keys.h"
#include "ini-file.h"
#include "liveness-limits.h"
#include "log.h"

#include <errno.h>
#include <systemd/sd-id128.h>

typedef struct Loading {
        Configuration *configuration;
        char **problem;
} Loading;

/* Tells this machine from all others without telling which it is: nobody can compute the machine id back. */
static int default_terminal(Configuration *c, char **problem) {
        static const sd_id128_t likeness =
                        SD_ID128_MAKE(5c, 0e, 4d, 1c, 7b, 1f, 4e, 0a, 9a, 62, 3d, 57, 0b, 1e, 96, 2f);
        char name[SD_ID128_STRING_MAX];
        sd_id128_t id;
        int r;

        r = sd_id128_get_machine_app_specific(likeness, &id);
        if (r < 0)
                return ini_file_problem(problem, r,
                                "this machine has no machine id, so Name= in [Terminal] must be set: %m");

        c->terminal = strdup(sd_id128_to_string(id, name));
        return c->terminal ? 0 : -ENOMEM;
}

/* Somebody's text as it can be logged and sent over a bus, whatever bytes it has. */
static const char *plain(const char *s, char ret[static INI_LINE_MAX + 1]) {
        size_t n = 0;

        for (; s[n] != '\0' && n < INI_LINE_MAX; n++)
                ret[n] = s[n] >= ' ' && s[n] <= '~' ? s[n] : '?';
        ret[n] = '\0';
        return ret;
}

static int configuration_assignment(
                const char *file,
                unsigned line,
                const char *section,
                const char *name,
                const char *value,
                void *userdata) {

        char shown[2][INI_LINE_MAX + 1];
        const ConfigurationKey *key = NULL;
        Loading *l = userdata;
        int r;

        r = configuration_set(l->configuration, section, name, value, &key);
        if (r >= 0 || r == -ENOMEM)
                return r;
        if (key)
                return ini_file_problem(l->problem, -EBADMSG, "%s:%u: %s=%s is not possible; allowed: %s", file, line,
                                name, plain(value, shown[0]), key->allowed);

        log_message(LOG_WARNING, MESSAGE_CONFIGURATION_UNKNOWN, "%s:%u: [%s] %s= is not a known setting; ignored", file,
                    line, plain(section, shown[0]), plain(name, shown[1]));
        return 0;
}

static int read_file(const char *path, Loading *l) {
        int r;

        log_debug("%s: being read", path);
        r = ini_file_read(path, configuration_assignment, l, l->problem);
        if (r >= 0 || r == -EBADMSG)
                return r;
        return ini_file_problem(l->problem, r, "%s: the configuration cannot be read: %m", path);
}

/* All files, also after one was refused, so that all mistakes are named at once. */
static int read_system_files(const char *root, Loading *l) {
        _cleanup_(configuration_files_done) ConfigurationFiles files = {};
        int r, result = 0;

        r = configuration_files_find(root, &files);
        if (r < 0)
                return ini_file_problem(l->problem, r, "the configuration's directories cannot be read: %m");

        for (size_t i = 0; i < files.n; i++) {
                r = read_file(files.paths[i], l);
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

int configuration_load(const char *path, const char *root, Configuration **ret, char **problem) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        r = configuration_set_defaults(c);
        if (r < 0)
                return r;

        Loading loading = { .configuration = c, .problem = problem };
        r = path ? read_file(path, &loading) : read_system_files(root, &loading);
        if (r < 0)
                return r;
        if (!c->terminal) {
                r = default_terminal(c, problem);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(c);
        return 0;
}

Configuration *configuration_free(Configuration *c) {
        if (!c)
                return NULL;

        for (size_t i = 0; i < c->n_documents; i++)
                free(c->documents[i]);
        for (CameraRole r = 0; r < _CAMERA_ROLE_MAX; r++)
                free(c->cameras[r].pattern);
        free(c->terminal);
        free(c);
        return NULL;
}

void configuration_swap(Configuration *a, Configuration *b) {
        Configuration c = *a;

        *a = *b;
        *b = c;
}

int configuration_check_demo(const Configuration *c, bool demo, char **problem) {
        if (!c->software_cameras || demo)
                return 0;
        return ini_file_problem(problem, -EBADMSG,
                        "AllowSoftwareCameras=yes in [Cameras] is not possible without --demo: what comes from a "
                        "camera that no hardware is behind is never evidence");
}

int configuration_policy(const Configuration *c, const Manifest *manifest, Policy *ret, char **problem) {
        const Model *matcher = manifest_find(manifest, MODEL_MATCHER);
        const char *unsupported = NULL;
        int r;

        Policy p = {
                .false_match_rate = c->false_match_rate,
                .no_match_below = matcher->no_match_below,
                .live_from = LIVENESS_ACCEPT_FROM,
                .attack_below = LIVENESS_REJECT_BELOW,
        };

        r = manifest_threshold(manifest, c->false_match_rate / ATTEMPTS_TRIES, &p.match_from, &p.population, &unsupported);
        if (r < 0)
                return ini_file_problem(problem, r,
                                "FalseMatchRate=%g cannot be held: a transaction's %u tries share it, and %s's calibration "
                                "on population %s does not reach %.2g; choose a higher rate or a model that was calibrated "
                                "with more comparisons", c->false_match_rate, ATTEMPTS_TRIES, matcher->name, unsupported,
                                c->false_match_rate / ATTEMPTS_TRIES);
        if (p.no_match_below > p.match_from)
                p.no_match_below = p.match_from;

        *ret = p;
        return 0;
}

bool configuration_allows_document(const Configuration *c, const char *kind) {
        for (size_t i = 0; i < c->n_documents; i++)
                if (streq(c->documents[i], kind))
                        return true;

        return streq(kind, "auto");
}

bool configuration_allows_reference(const Configuration *c, ReferenceSource source) {
        return c->reference_sources & (1U << source);
}
