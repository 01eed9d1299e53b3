/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"
#include "examiner-link.h"
#include "reload.h"
#include "macro.h"
#include "signing.h"
#include "watch.h"

#include <systemd/sd-bus.h>

/* The bus object org.likeness.Verifier1: passes every call through the gate, has at most one session, and tells those
 * who asked for it, and nobody else, how it goes. schemas/org.likeness.Verifier1.xml describes it for callers. */

#define VERIFIER_NAME "org.likeness.Verifier1"
#define VERIFIER_PATH "/org/likeness/Verifier1"
#define VERIFIER_INTERFACE "org.likeness.Verifier1"

typedef struct Verifier Verifier;

/* All of it is borrowed and must outlive the verifier. */
typedef struct VerifierSetup {
        const Configuration *configuration;
        const Manifest *manifest;
        const Policy *policy;
        Signing *signing;
        Reload *reload;
        Watch *watch;
        ExaminerPlace examiner, decoder;
        const char *face_camera;       /* a recording that stands in for the camera (demo); NULL to find a camera */
        bool demo;
} VerifierSetup;

/* Puts the object on `bus`, which must be attached to `event`. */
int verifier_new(Verifier **ret, sd_bus *bus, sd_event *event, const VerifierSetup *setup);
Verifier *verifier_free(Verifier *v);
DEFINE_CLEANUP(Verifier *, verifier_free);

/* `camera` is a static string: the fitness of seat0's camera for faces (camera-fitness.h), or "none" or "recording". */
typedef void (*FitnessHandler)(const char *camera, void *userdata);

/* Calls `told` once, from the event loop or at once. The camera that a check would try first is opened for it, unless
 * another check is under way. */
void verifier_tell_fitness(Verifier *v, FitnessHandler told, void *userdata);

/* How a change of the key ended: the new key's id, or NULL and words. */
void verifier_rotated(Verifier *v, const char *key_id, const char *problem);

/* Accepts no further check, ends the running one and leaves the event loop when its end is recorded and answered. */
void verifier_stop(Verifier *v);
