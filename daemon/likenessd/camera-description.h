/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-fitness.h"
#include "cameras.h"

#include <systemd/sd-bus.h>

/* What is said of one camera: what it is, what can be done with it, and what it is fit for. `report` is what came out of
 * inspecting it, NULL if that was not done. */

/* Whether it was opened, and has said what it can do: perhaps nothing. */
bool camera_report_has_modes(const CameraReport *report);

/* The fitness for `role`, by policy and by its modes; `ret_eye_pixels` as camera_modes_fitness() has it. */
CameraFitness camera_fitness(
                const Configuration *policy,
                const Camera *c,
                const CameraReport *report,
                CameraRole role,
                uint32_t *ret_eye_pixels);

/* Appends its a{sv} of ListCameras(), whose words are in schemas/org.likeness.Verifier1.xml; `used`: by a check. */
int camera_describe(
                sd_bus_message *m,
                const Configuration *policy,
                const Camera *c,
                const CameraReport *report,
                bool used);
