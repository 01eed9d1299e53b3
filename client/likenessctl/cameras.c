/* SPDX-License-Identifier: Apache-2.0 */

/* likenessctl cameras: what is there, what each can do, which is fit for what and why not. */

#include "commands.h"
#include "holders.h"
#include "macro.h"
#include "options.h"
#include "output.h"
#include "remote.h"
#include "result.h"
#include "wording.h"

#include <errno.h>
#include <stdio.h>

static const char cameras_help[] =
        "Usage: likenessctl cameras [--json]\n\n"
        "Shows the cameras of your seat: name, what each can do, which is fit for faces and which for documents, and\n"
        "why not. Each is opened for a moment; no picture is taken.\n\n"
        "     --json  Print one JSON object\n"
        "  -h --help  Show this help\n\n"
        "Exit status: 0 one of them can see the customer, 1 none can, 2 wrong usage, 3 the call failed.\n";

#define MODES_SHOWN 3U                 /* of each format, the largest */

/* What is needed, for people; the service decides (camera-fitness.c). */
#define FACE_EYE_PIXELS 36
#define DOCUMENT_EYE_PIXELS 30

static const char *state_of(const json_t *camera) {
        return result_string(camera, "state") ?: "";
}

static double rate_of(const json_t *mode) {
        return json_number_value(json_object_get(mode, "rate"));
}

static int side_of(const json_t *mode, const char *side) {
        return (int) json_integer_value(json_object_get(mode, side));
}

static long pixels_of(const json_t *mode) {
        return (long) side_of(mode, "width") * side_of(mode, "height");
}

/* "1920x1080 at 30 a second" */
static void put_mode(const json_t *mode) {
        printf("%dx%d", side_of(mode, "width"), side_of(mode, "height"));
        if (rate_of(mode) > 0)
                printf(" at %.4g", rate_of(mode));
}

/* The largest that is smaller than `below` (0: of all), of the same format; NULL if there is none. */
static const json_t *largest_mode(const json_t *modes, const char *format, long below) {
        const json_t *largest = NULL;

        for (size_t i = 0; i < json_array_size(modes); i++) {
                const json_t *mode = json_array_get(modes, i);

                if (streq(result_string(mode, "format") ?: "", format) && (below == 0 || pixels_of(mode) < below) &&
                    (!largest || pixels_of(mode) > pixels_of(largest)))
                        largest = mode;
        }
        return largest;
}

static size_t count_modes(const json_t *modes, const char *format) {
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(modes); i++)
                n += streq(result_string(json_array_get(modes, i), "format") ?: "", format);
        return n;
}

static void put_format(const json_t *modes, const char *format) {
        size_t shown = 0, all = count_modes(modes, format);
        long below = 0;

        printf("  %-10s", "");
        output_text(stdout, format);
        for (const json_t *mode; shown < MODES_SHOWN && (mode = largest_mode(modes, format, below)); shown++) {
                fputs(shown == 0 ? " " : ", ", stdout);
                put_mode(mode);
                below = pixels_of(mode);
        }
        if (all > shown)
                printf(" and %zu more", all - shown);
        putchar('\n');
}

/* A line for each format, in the camera's order. */
static void put_modes(const json_t *modes) {
        for (size_t i = 0; i < json_array_size(modes); i++) {
                const char *format = result_string(json_array_get(modes, i), "format") ?: "";
                bool before = false;

                for (size_t k = 0; k < i; k++)
                        before = before || streq(result_string(json_array_get(modes, k), "format") ?: "", format);
                if (!before)
                        put_format(modes, format);
        }
}

static void put_fitness(const json_t *camera, const char *role, const char *pixels, int needed) {
        const char *fitness = result_string(camera, role) ?: "";
        const json_t *n = json_object_get(camera, pixels);

        printf("  %-10s", role);
        output_text(stdout, streq(role, "document") ? document_fitness_meaning(fitness) : fitness_meaning(fitness));
        if (json_is_integer(n))
                printf(" (%d pixels between the eyes", (int) json_integer_value(n));
        if (json_is_integer(n) && streq(fitness, "few-pixels"))
                printf("; %d are needed", needed);
        fputs(json_is_integer(n) ? ")\n" : "\n", stdout);
}

static bool sees_customer(const json_t *camera) {
        return json_is_true(json_object_get(camera, "used-for-face")) && streq(state_of(camera), "ready");
}

static void put_camera(const json_t *camera) {
        const char *state = state_of(camera), *kind = result_string(camera, "kind") ?: "",
                   *label = result_string(camera, "label");

        output_text(stdout, result_string(camera, "name") ?: "?");
        if (sees_customer(camera))
                fputs("  <- sees the customer", stdout);
        else if (json_is_true(json_object_get(camera, "used-for-face")))
                fputs("  <- should see the customer", stdout);
        putchar('\n');
        printf("  %-10s", "device");
        output_text(stdout, result_string(camera, "node") ?: "?");
        if (!isempty(label)) {
                fputs(", \"", stdout);
                output_text(stdout, label);
                putchar('"');
        }
        if (!streq(kind, "unknown")) {
                fputs(", ", stdout);
                output_text(stdout, kind_meaning(kind));
        }
        putchar('\n');
        if (!streq(state, "ready")) {
                printf("  %-10s", "state");
                output_text(stdout, camera_state_meaning(state));
                putchar('\n');
        }
        holders_print(stdout, json_object_get(camera, "holders"), "            ");
        put_fitness(camera, "face", "face-eye-pixels", FACE_EYE_PIXELS);
        put_fitness(camera, "document", "document-eye-pixels", DOCUMENT_EYE_PIXELS);
        put_modes(json_object_get(camera, "modes"));
}

/* Who holds what is busy. */
static int add_holders(json_t *camera) {
        const char *node = result_string(camera, "node");
        json_t *holders;

        if (!node || !streq(state_of(camera), "camera-busy"))
                return 0;
        holders = holders_of(&node, 1);
        return !holders || json_object_set_new(camera, "holders", holders) < 0 ? -ENOMEM : 0;
}

static int read_cameras(sd_bus_message *m, json_t *ret) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && (r = sd_bus_message_at_end(m, /* complete= */ false)) == 0) {
                json_t *camera = json_object();

                if (json_array_append_new(ret, camera) < 0)
                        return -ENOMEM;
                r = result_read(m, camera);
                if (r >= 0)
                        r = add_holders(camera);
        }
        return r;
}

static bool any_sees_customer(const json_t *cameras) {
        for (size_t i = 0; i < json_array_size(cameras); i++)
                if (sees_customer(json_array_get(cameras, i)))
                        return true;
        return false;
}

static void print(const json_t *cameras) {
        for (size_t i = 0; i < json_array_size(cameras); i++) {
                if (i > 0)
                        putchar('\n');
                put_camera(json_array_get(cameras, i));
        }
        if (json_array_size(cameras) == 0)
                printf("There is no camera at your seat. Connect one; what the kernel has found: ls /dev/video*\n");
        else if (!any_sees_customer(cameras))
                printf("\nNone of them can see the customer: a check would fail. What to do: docs/cameras.md\n");
}

int command_cameras(int argc, char *argv[]) {
        json_t *cameras, *all;
        Remote remote = {};
        bool json = false;
        int r, status;

        r = simple_options_parse(argc, argv, "cameras", cameras_help, &json, NULL, 0);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;
        status = remote_call(&remote, json, "ListCameras", "");
        if (status != 0)
                return status;

        cameras = json_array();
        all = json_pack("{s:O}", "cameras", cameras);
        if (!all || read_cameras(remote.reply, cameras) < 0)
                status = remote_unreadable(json);
        else {
                if (json)
                        output_json(stdout, all);
                else
                        print(cameras);
                status = any_sees_customer(cameras) ? 0 : EXIT_OTHER_VERDICT;
        }
        json_decref(all);
        json_decref(cameras);
        remote_clear(&remote);
        return status;
}
