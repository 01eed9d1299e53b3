/* SPDX-License-Identifier: Apache-2.0 */

/* likeness-examiner: sees one face for one verification, over one socket, and is gone. */

#include "build-config.h"
#include "capture.h"
#include "examiner-protocol.h"
#include "examiner.h"
#include "log.h"
#include "options.h"
#include "process.h"
#include "sandbox.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

/* The costliest picture within the limits, a 24 megapixel JPEG 2000 that cannot be halved, takes about 250 MB by
 * calculation. The largest measured took 83 MB. */
#define DECODER_MEMORY_MAX (UINT64_C(384) * 1024 * 1024)

static const char help[] =
        "Usage: likeness-examiner [OPTION…]\n\n"
        "Examines one face for likenessd over the connected socket that it is started with.\n"
        "It is started by its socket unit, never by hand.\n\n"
        "  -h --help            Show this help\n"
        "     --version         Show the version\n"
        "     --decode          Decode a caller's picture instead\n"
        "     --demo            Work without the sandbox; recordings may stand in for cameras.\n"
        "                       likenessd must be started so as well\n"
        "     --manifest=FILE   The model manifest (that of the models' directory, else\n"
        "                       " MANIFEST_PATH ")\n"
        "     --models=DIR      Where the models are (" MODELS_DIRECTORY ")\n";

/* 1 to go on, 0 when all is said, -EINVAL after a message */
static int parse_argv(int argc, char *argv[], ExaminerSetup *setup) {
        static const OptionRule rules[] = {
                { "decode", offsetof(ExaminerSetup, decode) },
                { "demo", offsetof(ExaminerSetup, demo) },
                { "manifest", offsetof(ExaminerSetup, manifest), option_path },
                { "models", offsetof(ExaminerSetup, models), option_path },
        };
        static const OptionTable table = {
                .help = help,
                .version = "likeness-examiner " VERSION "\n",
                .rules = rules,
                .n_rules = ELEMENTSOF(rules),
        };

        return options_parse(argc, argv, &table, setup, NULL, 0);
}

static int run(const ExaminerSetup *setup) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(examiner_freep) Examiner *examiner = NULL;
        int r;

        /* Until it has its lifeline likenessd cannot end it, and no other check can be made before it is gone. */
        (void) alarm(EXAMINER_ATTACH_SEC);

        r = process_leave_no_trace();
        if (r < 0)
                return log_error_errno(r, "cannot forbid core dumps: %m");

        if (setup->decode) {
                r = process_limit_memory(DECODER_MEMORY_MAX);
                if (r < 0)
                        return log_error_errno(r, "memory cannot be limited: %m");
        }

        r = sd_listen_fds(true);
        if (r != 1)
                return log_error_errno(-EINVAL, "needs exactly one connected socket; start it by its socket unit");

        r = sd_event_new(&event);
        if (r < 0)
                return log_error_errno(r, "no event loop: %m");

        /* before the examiner has threads, which need descriptors */
        if (!setup->decode) {
                r = capture_library_init();
                if (r < 0)
                        return r;
        }

        r = examiner_new(&examiner, event, SD_LISTEN_FDS_START, setup);
        if (r < 0)
                return log_error_errno(r, "the link to likenessd failed: %m");

        return sd_event_loop(event);
}

int main(int argc, char *argv[]) {
        ExaminerSetup setup = {
                .models = MODELS_DIRECTORY,
        };
        int r;

        log_open();

        r = parse_argv(argc, argv, &setup);
        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;

        return run(&setup) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
