/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The words of the bus in plain words. All strings are static; the word itself if it is not known (a newer service). */

/* What a verdict means. */
const char *verdict_meaning(const char *verdict);

/* What a reason means and what to do next. */
const char *reason_advice(const char *reason);

/* What to do about a D-Bus error; NULL where the service's own message says it all. */
const char *error_advice(const char *name);

/* What a word of the property "Problems" means, and what to do about it. */
const char *problem_advice(const char *problem);

/* Of a camera: what it is, in which state it is when it is not "ready", whether it is fit for faces, for documents. */
const char *kind_meaning(const char *kind);
const char *camera_state_meaning(const char *state);
const char *fitness_meaning(const char *fitness);
const char *document_fitness_meaning(const char *fitness);
