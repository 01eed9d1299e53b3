/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sandbox-part.h"

#include <stdbool.h>

/* Whether the process is confined as its unit declares. Each part is tried or read from the kernel, not believed: a
 * drop-in, a container or an old kernel may take away what the unit file says. `decoder`: no camera may be opened
 * either.
 *
 * The first part that is missing, or SANDBOX_WHOLE. Nothing is left behind, whether parts are missing or not. */
SandboxPart sandbox_check(bool decoder);

/* One part of it, for tests. */
bool sandbox_has(SandboxPart part, bool decoder);
