/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stdint.h>

/* models/manifest: which networks are used, where they come from, how their input is prepared, and what error rates
 * were measured with them. The file is the administrator's (trusted); the weights it names are checked by hash. */

#define MODEL_SHA256_SIZE 32
#define MODEL_SHA256_TEXT (2 * MODEL_SHA256_SIZE + 1)
#define MANIFEST_MODELS_MAX 16
#define MODEL_CALIBRATIONS_MAX 8
#define CALIBRATION_POINTS_MAX 8

typedef enum ModelKind {
        MODEL_DETECTOR,                /* finds faces and five landmarks (YuNet's output layout) */
        MODEL_LANDMARKS,               /* 468 landmarks of one face */
        MODEL_MATCHER,                 /* one embedding of an aligned face */
        MODEL_LIVENESS,                /* class scores "live" and "attack" of a crop around one face */
        _MODEL_KIND_MAX,
} ModelKind;

/* One point of a measured curve: at this threshold (cosine similarity, thousandths) and above, the given share of
 * comparisons between different people was a false match. */
typedef struct CalibrationPoint {
        double false_match_rate;
        int threshold;
} CalibrationPoint;

/* A named population and the false-match rates measured on it. */
typedef struct Calibration {
        char *population;
        unsigned long comparisons;     /* comparisons between different people */
        CalibrationPoint points[CALIBRATION_POINTS_MAX];
        size_t n_points;
} Calibration;

typedef struct Model {
        char *name;                    /* the section's name */
        ModelKind kind;
        char *file;                    /* file name inside the models' directory, no slash */
        char *path;                    /* directory and file */
        char *title, *upstream, *licence; /* for people; NULL if not said */
        char *licence_file;            /* the licence's text: file name inside "licenses", no slash; NULL if not said */
        uint8_t sha256[MODEL_SHA256_SIZE];
        unsigned width, height;        /* input in pixels */
        bool rgb;                      /* channel order; else BGR */
        double mean[3], scale;         /* input = (pixel - mean) * scale */
        double crop;                   /* liveness, landmarks: the face box is scaled by this about its centre */
        bool square;                   /* the crop is a square of the box's longer side */
        bool reflect;                  /* pixels beyond the picture: reflected (else the crop is moved inside) */
        unsigned classes, live_class;  /* liveness: number of outputs and the index of "live" */
        double points[10];             /* matcher: where the five landmarks go, x and y in parts of the input size */
        int no_match_below;            /* matcher: below this similarity (thousandths) it is a different person */
        Calibration calibrations[MODEL_CALIBRATIONS_MAX];
        size_t n_calibrations;
} Model;

typedef struct Manifest {
        char *path;
        Model models[MANIFEST_MODELS_MAX];
        size_t n_models;
} Manifest;

/* Which manifest belongs to the models of `directory`: its own ("manifest" beside them, as a package of models brings
 * it) if there is one, else the one that Likeness brings. To be freed; NULL if out of memory. */
char *manifest_path_of(const char *directory);

/* Reads and checks the manifest at `path` (NULL: see above); model files are looked for in `directory`, but not opened.
 * Everything that is wrong is logged with file, line and key. Returns 0, -EBADMSG, or the errno of opening the file
 * (logged). */
int manifest_load(const char *path, const char *directory, Manifest **ret);
Manifest *manifest_free(Manifest *m);
DEFINE_CLEANUP(Manifest *, manifest_free);

/* The first model of a kind; NULL if there is none. manifest_load() guarantees one detector, one matcher and at least
 * one liveness model. */
const Model *manifest_find(const Manifest *m, ModelKind kind);

/* The model's SHA-256 in lower-case hexadecimal; `ret` has room for MODEL_SHA256_TEXT bytes. */
void model_sha256_text(const Model *model, char *ret);

/* The similarity (thousandths) from which on two faces count as the same person, such that the false-match rate is at
 * most `rate` in every calibrated population: the highest of the populations' thresholds. `ret_population` (may be
 * NULL) names the population that needs it and stays owned by the manifest. -ERANGE if a population was not measured
 * at that rate or a smaller one, or with fewer than 1 / `rate` comparisons; `reterr_population` then names it. */
int manifest_threshold(
                const Manifest *m,
                double rate,
                int *ret_threshold,
                const char **ret_population,
                const char **reterr_population);
