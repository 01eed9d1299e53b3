/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stdint.h>

#include <systemd/sd-event.h>

/* The examiner's end of the link: one connection, one examination (or one decoding), then the end of the process. */

typedef struct Examiner Examiner;

typedef struct ExaminerSetup {
        const char *manifest;          /* path, NULL: see manifest.h; borrowed, as the next */
        const char *models;            /* directory */
        bool demo;                     /* no sandbox is needed, recordings may stand in for cameras */
        bool decode;                   /* decodes a caller's picture instead of judging a face */
} ExaminerSetup;

/* Takes over `fd`, a connected socket: says hello on it, then serves D-Bus. The event loop ends when the daemon hangs
 * up, when it breaks the protocol, or when it says nothing for too long. */
int examiner_new(Examiner **ret, sd_event *event, int fd, const ExaminerSetup *setup);
Examiner *examiner_free(Examiner *e);
DEFINE_CLEANUP(Examiner *, examiner_free);
