/* SPDX-License-Identifier: Apache-2.0 */

/* Measures the vision library on recordings and on sets of photographs: what docs/thresholds.md and the calibration
 * lines of models/manifest cite. Prints scores; a tool for developers, never installed. */

#include "measure.h"
#include "populations.h"
#include "recording.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>

static const char help[] =
        "accuracy [OPTIONS] COMMAND …\n"
        "\n"
        "  clips PORTRAIT CLIP…    examine recordings as the examiner does, compare with a portrait; per clip:\n"
        "                          similarity, liveness, signs, frames used / matched / captured, CPU ms per frame\n"
        "  everybody DIRECTORY     all person*-live.avi against all person*-portrait.jpg of a directory\n"
        "  lfw DIRECTORY           calibration on all pairs of different people of DIRECTORY/images, and the false\n"
        "                          non-match rate on the same-person pairs of DIRECTORY/pairs.csv\n"
        "  nuaa DIRECTORY          calibration of live against printed faces of different people of\n"
        "                          DIRECTORY/live/PERSON and DIRECTORY/print/PERSON, and passive liveness per picture\n"
        "  measures PICTURE…       every measure of single pictures, one line each\n"
        "\n"
        "  --manifest=FILE         default: models/manifest\n"
        "  --models=DIRECTORY      the weights; default: $LIKENESS_MODELS, else ../shared/models\n"
        "  --frames                with clips: one line per frame\n"
        "  --all                   with clips: do not stop when more frames cannot change the answer\n"
        "  --help\n";

typedef struct Options {
        const char *manifest, *models;
        bool frames, all;
} Options;

typedef struct Context {
        Options options;
        Manifest *manifest;
        Vision *vision;                /* for single pictures */
} Context;

static double cpu_seconds(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void print_frame(unsigned n, const Observation *o) {
        const char *obstacle = reason_to_string(o->obstacle);

        printf("    %3u faces %u %s%s%s%s progress %u%s\n", n, o->faces, obstacle ? obstacle : "used",
               o->hold_still ? " blurred" : "", o->too_close ? " too-close" : "", o->restarted ? " RESTARTED" : "",
               o->progress, o->enough ? " enough" : "");
}

static int examine(const Context *c, const char *clip, const char *portrait, Findings *f, double *ret_cpu) {
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(vision_freep) Vision *vision = NULL;
        _cleanup_(recording_done) Recording recording = {};
        _cleanup_(picture_done) Picture reference = {};
        Observation o = {};
        Reason reason;
        int threshold, r;

        *f = (Findings) {};
        r = vision_load(c->options.manifest, c->options.models, &manifest, &vision);
        if (r < 0)
                return r;
        if (manifest_threshold(manifest, 0.001, &threshold, NULL, NULL) >= 0)
                vision_set_thresholds(vision, manifest_find(manifest, MODEL_MATCHER)->no_match_below, threshold);

        r = picture_read(portrait, true, &reference);
        if (r < 0)
                return r;
        r = vision_set_reference(vision, &reference.image, &reason);
        if (r < 0)
                return r;
        f->reason = reason;

        r = recording_open(clip, &recording);
        if (r < 0)
                return r;
        double begin = cpu_seconds();
        for (;;) {
                _cleanup_(picture_done) Picture frame = {};

                r = recording_next(&recording, &frame);
                if (r <= 0)
                        break;
                f->frames_captured++;
                r = vision_observe(vision, &frame.image, &o);
                if (r < 0)
                        break;
                if (c->options.frames)
                        print_frame(f->frames_captured, &o);
                if (o.enough && !c->options.all)
                        break;
        }
        *ret_cpu = cpu_seconds() - begin;
        if (r < 0)
                return r;

        f->outcome = o.enough ? OUTCOME_EXAMINED : OUTCOME_TIME_RAN_OUT;
        return vision_conclude(vision, f);
}

static int print_examination(const Context *c, const char *clip, const char *portrait) {
        const char *name = strrchr(clip, '/'), *other = strrchr(portrait, '/');
        double cpu = 0;
        Findings f;
        int r = examine(c, clip, portrait, &f, &cpu);

        if (r < 0) {
                fprintf(stderr, "%s, %s: %s\n", clip, portrait, strerror(-r));
                return r;
        }

        printf("%-22s %-22s similarity %4d liveness %4u signs %u used %3u matched %2u captured %3u %s %.1f ms/frame%s%s\n",
               name ? name + 1 : clip, other ? other + 1 : portrait, f.similarity, f.liveness, f.attack_signs,
               f.frames_used, f.frames_matched, f.frames_captured,
               f.outcome == OUTCOME_EXAMINED ? "certain" : "ran-out", cpu * 1000 / (f.frames_captured ?: 1),
               f.reason ? " portrait: " : "", f.reason ? reason_to_string(f.reason) : "");
        return 0;
}

static int command_clips(const Context *c, char **arguments, int n) {
        int r = n < 2 ? -EINVAL : 0;

        for (int i = 1; i < n && r >= 0; i++)
                r = print_examination(c, arguments[i], arguments[0]);
        return r;
}

static int command_everybody(const Context *c, char **arguments, int n) {
        _cleanup_(names_done) Names clips = {}, portraits = {};
        int r = n != 1 ? -EINVAL : names_read(arguments[0], "-live.avi", &clips);

        if (r >= 0)
                r = names_read(arguments[0], "-portrait.jpg", &portraits);
        for (size_t i = 0; i < clips.n && r >= 0; i++)
                for (size_t j = 0; j < portraits.n && r >= 0; j++)
                        r = print_examination(c, clips.paths[i], portraits.paths[j]);
        return r;
}

static int command_measures(const Context *c, char **arguments, int n) {
        for (int i = 0; i < n; i++) {
                _cleanup_(picture_done) Picture picture = {};
                static Measures m;
                int r = picture_read(arguments[i], false, &picture);

                if (r >= 0)
                        r = vision_measure(c->vision, &picture.image, &m);
                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", arguments[i], strerror(-r));
                        continue;
                }
                printf("%s faces %u eyes %.0f yaw %.2f pitch %.2f roll %.2f bright %.0f background %.0f sharpness %.3f "
                       "outside %.2f mouth %.2f eyes %.2f tint %.2f lighter %.2f %s",
                       arguments[i], m.faces, m.eye_distance, m.yaw, m.pitch, m.roll, m.bright, m.background,
                       m.sharpness, m.outside, m.mouth, m.eyes, m.tint, m.lighter, m.obstacle ? reason_to_string(m.obstacle) : "usable");
                for (size_t j = 0; j < m.n_liveness; j++)
                        printf(" %.3f", m.liveness[j]);
                printf("\n");
        }

        return 0;
}

static int command_lfw(const Context *c, char **arguments, int n) {
        return n != 1 ? -EINVAL : population_lfw(c->vision, arguments[0]);
}

static int command_nuaa(const Context *c, char **arguments, int n) {
        return n != 1 ? -EINVAL : population_nuaa(c->vision, arguments[0]);
}

static int run(Context *c, char **arguments, int n) {
        static const struct {
                const char *name;
                int (*run)(const Context *c, char **arguments, int n);
        } commands[] = {
                { "clips", command_clips }, { "everybody", command_everybody }, { "lfw", command_lfw },
                { "nuaa", command_nuaa }, { "measures", command_measures },
        };

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (n > 0 && streq(arguments[0], commands[i].name))
                        return commands[i].run(c, arguments + 1, n - 1);

        return -EINVAL;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "manifest", required_argument, NULL, 'm' }, { "models", required_argument, NULL, 'd' },
                { "frames", no_argument, NULL, 'f' }, { "all", no_argument, NULL, 'a' },
                { "help", no_argument, NULL, 'h' }, {},
        };
        const char *models = getenv("LIKENESS_MODELS");
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(vision_freep) Vision *vision = NULL;
        Context c = { .options = { .manifest = "models/manifest", .models = models ?: "../shared/models" } };
        int o, r;

        while ((o = getopt_long(argc, argv, "+h", options, NULL)) >= 0)
                switch (o) {
                case 'm':
                        c.options.manifest = optarg;
                        break;
                case 'd':
                        c.options.models = optarg;
                        break;
                case 'f':
                        c.options.frames = true;
                        break;
                case 'a':
                        c.options.all = true;
                        break;
                case 'h':
                        fputs(help, stdout);
                        return 0;
                default:
                        return 2;
                }

        r = vision_load(c.options.manifest, c.options.models, &manifest, &vision);
        if (r >= 0) {
                c.manifest = manifest;
                c.vision = vision;
                r = run(&c, argv + optind, argc - optind);
        }
        if (r == -EINVAL)
                fputs(help, stderr);
        else if (r < 0)
                fprintf(stderr, "accuracy: %s\n", strerror(-r));
        return r == -EINVAL ? 2 : r < 0 ? 1 : 0;
}
