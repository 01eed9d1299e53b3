/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Fused passive liveness, in thousandths, as in Findings. Where the limits come from: docs/thresholds.md. */
#define LIVENESS_REJECT_BELOW 300      /* below: an attack */
#define LIVENESS_ACCEPT_FROM 600       /* from here on the networks have no objection; in between nothing is certain */
