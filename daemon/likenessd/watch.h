/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"
#include "macro.h"
#include "manifest.h"
#include "problem.h"

#include <systemd/sd-event.h>

/* Looks after what can go wrong on a terminal while nobody calls: the camera, the clock, the disk, the models' files. Looks
 * every minute, and says in the log what has begun and what is over. */

#define WATCH_SEC UINT64_C(60)

/* Below this an administrator is told: an entry has about 1 KiB. */
#define WATCH_DISK_BYTES (UINT64_C(16) * 1024 * 1024)

typedef struct Watch Watch;

/* All of it is borrowed and must outlive the object. */
typedef struct WatchSetup {
        const char *state;             /* a directory of the file system where the ledger is */
        const Configuration *configuration;
        const Manifest *manifest;      /* can be NULL */
        bool software_camera;          /* a recording stands in for the camera */
} WatchSetup;

/* Looks first after WATCH_SEC: at a machine's start the clock and the camera need that time. */
int watch_new(Watch **ret, sd_event *event, const WatchSetup *setup);
Watch *watch_free(Watch *w);
DEFINE_CLEANUP(Watch *, watch_free);

/* What is wrong now, for whoever asks: looked at anew, but not more often than every second. */
Problems watch_problems(Watch *w);
