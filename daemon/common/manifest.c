/* SPDX-License-Identifier: Apache-2.0 */

#include "manifest.h"
#include "build-config.h"
#include "ini-file.h"
#include "log.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Pixels: smaller or larger inputs are mistakes. */
#define INPUT_SIDE_MIN 8U
#define INPUT_SIDE_MAX 2048U

static const char *const kind_table[_MODEL_KIND_MAX] = {
        [MODEL_DETECTOR] = "detector",
        [MODEL_LANDMARKS] = "landmarks",
        [MODEL_MATCHER] = "matcher",
        [MODEL_LIVENESS] = "liveness",
};

typedef struct ManifestReader {
        Manifest *manifest;
        const char *directory;
} ManifestReader;

static int parse_similarity(const char *value, int *ret) {
        double v;

        if (parse_double(value, &v) < 0)
                return -EINVAL;
        if (v < -1 || v > 1)
                return -ERANGE;

        *ret = (int) (v * 1000 + (v < 0 ? -0.5 : 0.5));
        return 0;
}

/* "RATE:THRESHOLD" */
static int parse_calibration_point(char *token, CalibrationPoint *ret) {
        char *colon = strchr(token, ':');

        if (!colon)
                return -EINVAL;
        *colon = '\0';

        if (parse_double(token, &ret->false_match_rate) < 0)
                return -EINVAL;
        if (ret->false_match_rate <= 0 || ret->false_match_rate >= 1)
                return -ERANGE;

        return parse_similarity(colon + 1, &ret->threshold);
}

/* "POPULATION COMPARISONS RATE:THRESHOLD…" */
static int parse_calibration(const char *value, Model *model) {
        _cleanup_free_ char *copy = strdup(value);
        char *state = NULL, *token;
        Calibration c = {};
        int r;

        if (!copy)
                return -ENOMEM;
        if (model->n_calibrations >= MODEL_CALIBRATIONS_MAX)
                return -E2BIG;

        const char *population = strtok_r(copy, " ", &state);
        const char *comparisons = strtok_r(NULL, " ", &state);
        if (!population || !comparisons || parse_unsigned(comparisons, 1, 1000000000000UL, &c.comparisons) < 0)
                return -EINVAL;

        while ((token = strtok_r(NULL, " ", &state))) {
                if (c.n_points >= CALIBRATION_POINTS_MAX)
                        return -E2BIG;
                r = parse_calibration_point(token, &c.points[c.n_points]);
                if (r < 0)
                        return r;
                c.n_points++;
        }
        if (c.n_points == 0)
                return -EINVAL;

        c.population = strdup(population);
        if (!c.population)
                return -ENOMEM;

        model->calibrations[model->n_calibrations++] = c;
        return 0;
}

static int parse_file(const char *value, const char *directory, Model *model) {
        _cleanup_free_ char *file = NULL, *path = NULL;

        if (isempty(value) || strchr(value, '/') || value[0] == '.')
                return -EINVAL;

        file = strdup(value);
        if (!file || asprintf(&path, "%s/%s", directory, value) < 0)
                return -ENOMEM;

        free(model->file);
        free(model->path);
        model->file = TAKE_PTR(file);
        model->path = TAKE_PTR(path);
        return 0;
}

static int parse_text(const char *value, char **ret) {
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static int parse_licence_file(const char *value, Model *model) {
        if (isempty(value) || strchr(value, '/') || value[0] == '.')
                return -EINVAL;
        return parse_text(value, &model->licence_file);
}

static int parse_ranged(const char *value, unsigned max, unsigned *ret) {
        unsigned long v;
        int r = parse_unsigned(value, 0, max, &v);

        if (r >= 0)
                *ret = (unsigned) v;
        return r;
}

/* Sets one member; 1 for a key that does not exist. */
static int model_set(Model *model, const char *directory, const char *key, const char *value) {
        static const char *const channels[] = { "bgr", "rgb" }, *const borders[] = { "shift", "reflect" };
        unsigned v;
        int r;

        if (streq(key, "Kind")) {
                r = parse_words(value, kind_table, ELEMENTSOF(kind_table), &v);
                if (r >= 0)
                        model->kind = v;
                return r;
        }
        if (streq(key, "Channels")) {
                r = parse_words(value, channels, ELEMENTSOF(channels), &v);
                if (r >= 0)
                        model->rgb = v == 1;
                return r;
        }
        if (streq(key, "Border")) {
                r = parse_words(value, borders, ELEMENTSOF(borders), &v);
                if (r >= 0)
                        model->reflect = v == 1;
                return r;
        }
        if (streq(key, "File"))
                return parse_file(value, directory, model);
        if (streq(key, "SHA256"))
                return parse_hexadecimal(value, model->sha256, sizeof(model->sha256));
        if (streq(key, "Input"))
                return parse_size(value, INPUT_SIDE_MIN, INPUT_SIDE_MAX, &model->width, &model->height);
        if (streq(key, "Mean"))
                return parse_numbers(value, model->mean, 3);
        if (streq(key, "Scale"))
                return parse_numbers(value, &model->scale, 1);
        if (streq(key, "Crop"))
                return parse_numbers(value, &model->crop, 1);
        if (streq(key, "Square"))
                return parse_boolean(value, &model->square);
        if (streq(key, "Classes"))
                return parse_ranged(value, 16, &model->classes);
        if (streq(key, "LiveClass"))
                return parse_ranged(value, 15, &model->live_class);
        if (streq(key, "Points"))
                return parse_numbers(value, model->points, ELEMENTSOF(model->points));
        if (streq(key, "NoMatchBelow"))
                return parse_similarity(value, &model->no_match_below);
        if (streq(key, "Calibration"))
                return parse_calibration(value, model);
        if (streq(key, "LicenceFile"))
                return parse_licence_file(value, model);
        /* for people and for the installer */
        if (streq(key, "Title"))
                return parse_text(value, &model->title);
        if (streq(key, "Upstream"))
                return parse_text(value, &model->upstream);
        if (streq(key, "Licence"))
                return parse_text(value, &model->licence);
        if (streq(key, "Note"))
                return 0;

        return 1;
}

static Model *manifest_add(Manifest *m, const char *name) {
        Model *model = &m->models[m->n_models];

        model->name = strdup(name);
        if (!model->name)
                return NULL;

        model->kind = _MODEL_KIND_MAX; /* not said yet */
        model->scale = 1;
        model->crop = 1;
        m->n_models++;
        return model;
}

static int manifest_assignment(
                const char *file,
                unsigned line,
                const char *section,
                const char *key,
                const char *value,
                void *userdata) {

        ManifestReader *reader = userdata;
        Manifest *m = reader->manifest;
        Model *model = m->n_models > 0 ? &m->models[m->n_models - 1] : NULL;
        int r;

        if (isempty(section))
                return log_error_errno(-EBADMSG, "%s:%u: %s= stands before the first [model]", file, line, key);

        if (!model || !streq(model->name, section)) {
                if (m->n_models >= MANIFEST_MODELS_MAX)
                        return log_error_errno(-EBADMSG, "%s:%u: more than %d models", file, line,
                                        MANIFEST_MODELS_MAX);
                model = manifest_add(m, section);
                if (!model)
                        return -ENOMEM;
        }

        r = model_set(model, reader->directory, key, value);
        if (r == -ENOMEM)
                return r;
        if (r == -ERANGE)
                return log_error_errno(-EBADMSG, "%s:%u: [%s] %s=%s is out of range", file, line, section, key, value);
        if (r < 0)
                return log_error_errno(-EBADMSG, "%s:%u: [%s] %s=%s cannot be understood", file, line, section, key,
                                value);
        if (r > 0)
                log_warning("%s:%u: [%s] %s= is not a key of a model; ignored", file, line, section, key);

        return 0;
}

static int model_check(const Manifest *m, const Model *model) {
        static const uint8_t no_hash[MODEL_SHA256_SIZE];
        const char *missing = NULL;

        if (model->kind == _MODEL_KIND_MAX)
                missing = "Kind";
        else if (!model->file)
                missing = "File";
        else if (memcmp(model->sha256, no_hash, sizeof(no_hash)) == 0)
                missing = "SHA256";
        else if (model->width == 0 && model->kind != MODEL_DETECTOR)
                missing = "Input";
        else if (model->kind == MODEL_LIVENESS && (model->classes < 2 || model->live_class >= model->classes))
                missing = "Classes (2 or more, and LiveClass below it)";
        else if (model->kind == MODEL_MATCHER && model->points[0] == 0)
                missing = "Points";
        else if (model->kind == MODEL_MATCHER && model->n_calibrations == 0)
                missing = "Calibration";

        if (missing)
                return log_error_errno(-EBADMSG, "%s: [%s] lacks %s=", m->path, model->name, missing);
        return 0;
}

static int manifest_check(const Manifest *m) {
        size_t count[_MODEL_KIND_MAX] = {};
        int r;

        for (size_t i = 0; i < m->n_models; i++) {
                r = model_check(m, &m->models[i]);
                if (r < 0)
                        return r;
                count[m->models[i].kind]++;
        }

        if (count[MODEL_DETECTOR] != 1 || count[MODEL_MATCHER] != 1 || count[MODEL_LIVENESS] < 1 ||
            count[MODEL_LANDMARKS] > 1)
                return log_error_errno(-EBADMSG,
                                "%s: needs one detector, one matcher, at least one liveness model and at most one "
                                "landmarks model",
                                m->path);

        return 0;
}

char *manifest_path_of(const char *directory) {
        char *path = NULL;

        if (asprintf(&path, "%s/manifest", directory) < 0)
                return NULL;

        /* one that is there and cannot be read is still the one that counts */
        if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
                return path;

        free(path);
        return strdup(MANIFEST_PATH);
}

int manifest_load(const char *path, const char *directory, Manifest **ret) {
        _cleanup_(manifest_freep) Manifest *m = NULL;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->path = path ? strdup(path) : manifest_path_of(directory);
        if (!m->path)
                return -ENOMEM;

        ManifestReader reader = { .manifest = m, .directory = directory };
        r = ini_file_read(m->path, manifest_assignment, &reader, NULL);
        if (r == -EBADMSG || r == -ENOMEM)
                return r;
        if (r < 0)
                return log_error_errno(r, "%s: the model manifest cannot be read: %m", m->path);

        r = manifest_check(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

Manifest *manifest_free(Manifest *m) {
        if (!m)
                return NULL;

        for (size_t i = 0; i < m->n_models; i++) {
                Model *model = &m->models[i];

                for (size_t j = 0; j < model->n_calibrations; j++)
                        free(model->calibrations[j].population);
                free(model->name);
                free(model->title);
                free(model->upstream);
                free(model->licence);
                free(model->licence_file);
                free(model->file);
                free(model->path);
        }
        free(m->path);
        free(m);
        return NULL;
}

const Model *manifest_find(const Manifest *m, ModelKind kind) {
        for (size_t i = 0; i < m->n_models; i++)
                if (m->models[i].kind == kind)
                        return &m->models[i];

        return NULL;
}

void model_sha256_text(const Model *model, char *ret) {
        for (size_t i = 0; i < MODEL_SHA256_SIZE; i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", model->sha256[i]);
}

/* The lowest threshold that was measured to hold `rate` in one population. */
static int calibration_threshold(const Calibration *c, double rate, int *ret) {
        const CalibrationPoint *best = NULL;

        if ((double) c->comparisons * rate < 1)
                return -ERANGE;

        for (size_t i = 0; i < c->n_points; i++)
                if (c->points[i].false_match_rate <= rate && (!best || c->points[i].threshold < best->threshold))
                        best = &c->points[i];
        if (!best)
                return -ERANGE;

        *ret = best->threshold;
        return 0;
}

int manifest_threshold(
                const Manifest *m,
                double rate,
                int *ret_threshold,
                const char **ret_population,
                const char **reterr_population) {

        const Model *matcher = manifest_find(m, MODEL_MATCHER);
        const Calibration *worst = NULL;
        int highest = -1000;

        for (size_t i = 0; i < matcher->n_calibrations; i++) {
                const Calibration *c = &matcher->calibrations[i];
                int threshold;

                if (calibration_threshold(c, rate, &threshold) < 0) {
                        if (reterr_population)
                                *reterr_population = c->population;
                        return -ERANGE;
                }

                if (!worst || threshold > highest) {
                        worst = c;
                        highest = threshold;
                }
        }

        *ret_threshold = highest;
        if (ret_population)
                *ret_population = worst->population;
        return 0;
}
