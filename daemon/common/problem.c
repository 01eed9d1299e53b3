/* SPDX-License-Identifier: Apache-2.0 */

#include "problem.h"

#include "macro.h"

#include <errno.h>

static const char *const problem_table[_PROBLEM_MAX] = {
        [PROBLEM_STARTING] = "starting",
        [PROBLEM_NO_KEY] = "no-key",
        [PROBLEM_LEDGER_FAILED] = "ledger-failed",
        [PROBLEM_MODELS_UNUSABLE] = "models-unusable",
        [PROBLEM_SANDBOX_MISSING] = "sandbox-missing",
        [PROBLEM_EXAMINER_STUCK] = "examiner-stuck",
        [PROBLEM_POLKIT_MISSING] = "polkit-missing",
        [PROBLEM_NO_CAMERA] = "no-camera",
        [PROBLEM_CONFIGURATION_REFUSED] = "configuration-refused",
        [PROBLEM_DISK_NEARLY_FULL] = "disk-nearly-full",
        [PROBLEM_CLOCK_NOT_SYNCHRONISED] = "clock-not-synchronised",
        [PROBLEM_DEMO] = "demo",
};

const char *problem_to_string(Problem p) {
        return (unsigned) p < _PROBLEM_MAX ? problem_table[p] : NULL;
}

int problem_from_string(const char *s) {
        for (Problem p = 0; s && p < _PROBLEM_MAX; p++)
                if (streq(s, problem_table[p]))
                        return (int) p;
        return -EINVAL;
}
