/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vocabulary.h"

/* What the customer reads or hears: one short sentence that says what to do. Static strings, English; translated by
 * message catalogues where there are any. */
const char *prompt_text(Prompt p);
