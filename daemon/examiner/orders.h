/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "examination.h"
#include "inspection.h"

#include <systemd/sd-bus.h>

/* likenessd's orders, and their answers, as examiner-protocol.h has them. An examiner that is not `demo` takes no order for cameras that no
 * hardware is behind: `software` of what is read here is false then. */

/* The members of Examine(). 0, and `ret` is the caller's; or a negative errno, -EINVAL for numbers out of range. */
int orders_read_examine(sd_bus_message *m, bool demo, ExaminationOrder *ret);
/* The members of Inspect(), likewise. */
int orders_read_inspect(sd_bus_message *m, bool demo, InspectionOrder *ret);

/* Sends the answers. `i` must be done. */
int orders_answer_examine(sd_bus_message *order, const Findings *f);
int orders_answer_inspect(sd_bus_message *order, const Inspection *i);
