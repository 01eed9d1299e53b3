/* SPDX-License-Identifier: Apache-2.0 */

/* Which program has a device open: /dev/full stands for a camera, a child of the test for the program. */

#include "holders.h"
#include "macro.h"
#include "result.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <cmocka.h>

#define DEVICE "/dev/full"

/* A child that has it open, twice; it calls itself "cheese\x1b[2J". Ends with the test. */
static pid_t start_holder(const char *path) {
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) prctl(PR_SET_NAME, "cheese\x1b[2J");
                if (open(path, O_RDONLY) < 0 || open(path, O_RDONLY) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        (void) pause();
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void) close(ready[0]);
        (void) close(ready[1]);
        return pid;
}

static void end_holder(pid_t pid) {
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
}

static const json_t *find(const json_t *holders, pid_t pid) {
        const json_t *found = NULL;

        for (size_t i = 0; i < json_array_size(holders); i++) {
                const json_t *h = json_array_get(holders, i);

                if (json_integer_value(json_object_get(h, "pid")) != pid)
                        continue;
                assert_null(found);    /* once for each device, however often it has it open */
                found = h;
        }
        return found;
}

static void test_who_holds_it(void **state) {
        const char *const devices[] = { "/dev/not-there", DEVICE };
        pid_t pid = start_holder(DEVICE);
        json_t *holders = holders_of(devices, ELEMENTSOF(devices));
        const json_t *h = find(holders, pid);

        assert_non_null(h);
        assert_string_equal(result_string(h, "device"), DEVICE);
        assert_string_equal(result_string(h, "program"), "cheese\x1b[2J");
        assert_non_null(result_string(h, "user"));
        json_decref(holders);

        end_holder(pid);
        holders = holders_of(devices, ELEMENTSOF(devices));
        assert_null(find(holders, pid));
        json_decref(holders);
}

/* Only devices are looked for, and each by what it is: what has another one open holds nothing. */
static void test_nothing_else(void **state) {
        const char *const other[] = { "/dev/zero", "/", "/proc/self/exe", "/dev/not-there" };
        pid_t pid = start_holder(DEVICE);
        json_t *holders = holders_of(other, ELEMENTSOF(other));

        assert_null(find(holders, pid));
        json_decref(holders);
        holders = holders_of(NULL, 0);
        assert_int_equal(json_array_size(holders), 0);
        json_decref(holders);
        end_holder(pid);
}

/* A program may call itself anything: nothing of it moves the cursor. */
static void test_words(void **state) {
        const char *const devices[] = { DEVICE };
        pid_t pid = start_holder(DEVICE);
        json_t *holders = holders_of(devices, 1), *one = json_array();
        char text[256] = "";
        FILE *file = fmemopen(text, sizeof(text), "w");

        assert_int_equal(json_array_append(one, (json_t *) find(holders, pid)), 0);
        holders_print(file, one, "  ");
        (void) fclose(file);
        assert_ptr_equal(strstr(text, "  " DEVICE " is held by cheese[2J (process "), text);
        assert_null(strchr(text, 0x1b));
        assert_string_equal(text + strlen(text) - 2, ")\n");
        json_decref(one);
        json_decref(holders);
        end_holder(pid);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_holds_it),
                cmocka_unit_test(test_nothing_else),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
