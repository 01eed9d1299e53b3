/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Of one transaction, within the window. */
#define ATTEMPTS_TRIES 3U              /* no-match, not-live, ended after a face was seen */
#define ATTEMPTS_UNCLEAR 6U            /* reference-unusable, inconclusive */
