/* SPDX-License-Identifier: Apache-2.0 */

#include "populations.h"
#include "measure.h"
#include "recording.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

/* Similarities of one kind of comparison are counted in thousandths, -1000 to 1000. */
#define BINS 2001

typedef struct Distribution {
        unsigned long bins[BINS], total;
} Distribution;

static void distribution_add(Distribution *d, double similarity) {
        double bin = similarity * 1000 + 1000 + 0.5;

        d->bins[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (size_t) bin]++;
        d->total++;
}

/* The lowest threshold (thousandths) that at most `rate` of the comparisons reach. */
static int distribution_threshold(const Distribution *d, double rate) {
        unsigned long above = 0;

        for (int bin = BINS - 1; bin >= 0; bin--) {
                above += d->bins[bin];
                if ((double) above > rate * (double) d->total)
                        return bin - 1000 + 1;
        }

        return -1000;
}

static double distribution_below(const Distribution *d, int threshold) {
        unsigned long below = 0;

        for (int bin = 0; bin < threshold + 1000; bin++)
                below += d->bins[bin];
        return d->total > 0 ? (double) below / (double) d->total : 0;
}

static const double rates[] = { 0.01, 0.003, 0.001, 0.0003, 0.0001 };

static void print_calibration(const char *population, const Distribution *impostors) {
        printf("Calibration=%s %lu", population, impostors->total);
        for (size_t i = 0; i < ELEMENTSOF(rates); i++)
                if ((double) impostors->total * rates[i] >= 1)
                        printf(" %g:%.3f", rates[i], distribution_threshold(impostors, rates[i]) / 1000.0);
        printf("\n");
}

static void print_non_matches(const char *population, const Distribution *genuine) {
        printf("%s: %lu comparisons of the same person; non-matches below", population, genuine->total);
        for (int threshold = 300; threshold <= 600; threshold += 50)
                printf(" 0.%d: %.4f", threshold, distribution_below(genuine, threshold));
        printf("\n");
}

void names_done(Names *n) {
        for (size_t i = 0; i < n->n; i++)
                free(n->paths[i]);
        free(n->paths);
        *n = (Names) {};
}

static int compare_paths(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int names_add(Names *n, const char *directory, const char *name) {
        char **paths = reallocarray(n->paths, n->n + 1, sizeof(*paths));

        if (!paths)
                return -ENOMEM;
        n->paths = paths;
        if (asprintf(&paths[n->n], "%s/%s", directory, name) < 0)
                return -ENOMEM;
        n->n++;
        return 0;
}

int names_read(const char *directory, const char *suffix, Names *n) {
        DIR *d = opendir(directory);
        int r = 0;

        if (!d)
                return -errno;
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                size_t length = strlen(e->d_name), end = strlen(suffix);

                if (e->d_name[0] != '.' && length > end && streq(e->d_name + length - end, suffix))
                        r = names_add(n, directory, e->d_name);
        }
        closedir(d);

        if (n->n > 0)
                qsort(n->paths, n->n, sizeof(*n->paths), compare_paths);
        return r;
}

/* A picture's embedding and who it shows. */
typedef struct Sample {
        char *person, *name;
        float *embedding;
        size_t length;
} Sample;

typedef struct Samples {
        Sample *samples;
        size_t n;
} Samples;

static void samples_done(Samples *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->samples[i].person);
                free(s->samples[i].name);
                free(s->samples[i].embedding);
        }
        free(s->samples);
        *s = (Samples) {};
}

static int samples_add(Samples *s, const char *person, size_t person_length, const char *name, const Measures *m) {
        Sample *samples = reallocarray(s->samples, s->n + 1, sizeof(*samples));

        if (!samples)
                return -ENOMEM;
        s->samples = samples;
        Sample *sample = &samples[s->n++];
        *sample = (Sample) {
                .person = strndup(person, person_length),
                .name = strdup(name),
                .embedding = malloc(m->n_embedding * sizeof(float)),
                .length = m->n_embedding,
        };
        if (!sample->person || !sample->name || !sample->embedding)
                return -ENOMEM;

        memcpy(sample->embedding, m->embedding, m->n_embedding * sizeof(float));
        return 0;
}

static double sample_similarity(const Sample *a, const Sample *b) {
        double sum = 0;

        for (size_t i = 0; i < a->length && i < b->length; i++)
                sum += (double) (a->embedding[i] * b->embedding[i]);
        return sum;
}

/* 1 with a face, 0 without. */
static int measure_file(Vision *v, const char *path, Measures *m) {
        _cleanup_(picture_done) Picture picture = {};
        int r = picture_read(path, true, &picture);

        if (r >= 0)
                r = vision_measure(v, &picture.image, m);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return r < 0 ? r : m->faces > 0;
}

static const char *base(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* "Given_Family_0001.jpg": the person is the name without number. */
static int lfw_read(Vision *v, const char *directory, Samples *ret) {
        _cleanup_(names_done) Names names = {};
        _cleanup_free_ char *images = NULL;
        static Measures m;
        int r;

        if (asprintf(&images, "%s/images", directory) < 0)
                return -ENOMEM;
        r = names_read(images, ".jpg", &names);

        for (size_t i = 0; i < names.n && r >= 0; i++) {
                const char *name = base(names.paths[i]), *number = strrchr(name, '_');

                r = measure_file(v, names.paths[i], &m);
                if (r > 0 && number)
                        r = samples_add(ret, name, (size_t) (number - name), name, &m);
        }

        return r;
}

static const Sample *samples_find(const Samples *s, const char *name) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->samples[i].name, name))
                        return &s->samples[i];

        return NULL;
}

static int lfw_genuine(const Samples *s, const char *directory, Distribution *d) {
        _cleanup_free_ char *path = NULL;
        char line[512], a[200], b[200];
        int same;

        if (asprintf(&path, "%s/pairs.csv", directory) < 0)
                return -ENOMEM;
        FILE *f = fopen(path, "re");
        if (!f)
                return -errno;

        while (fgets(line, sizeof(line), f)) {
                const Sample *x, *y;

                if (sscanf(line, "%199[^,],%199[^,],%d", a, b, &same) != 3 || !same)
                        continue;
                x = samples_find(s, a);
                y = samples_find(s, b);
                if (x && y)
                        distribution_add(d, sample_similarity(x, y));
        }
        fclose(f);
        return 0;
}

int population_lfw(Vision *v, const char *directory) {
        _cleanup_(samples_done) Samples s = {};
        static Distribution impostors, genuine;
        int r = lfw_read(v, directory, &s);

        if (r >= 0)
                r = lfw_genuine(&s, directory, &genuine);
        if (r < 0)
                return r;

        for (size_t i = 0; i < s.n; i++)
                for (size_t j = i + 1; j < s.n; j++)
                        if (!streq(s.samples[i].person, s.samples[j].person))
                                distribution_add(&impostors, sample_similarity(&s.samples[i], &s.samples[j]));

        print_calibration("lfw", &impostors);
        print_non_matches("lfw", &genuine);
        return 0;
}

/* Reads DIRECTORY/KIND/PERSON, with the networks' opinions as they come. */
static int nuaa_read(Vision *v, const char *directory, const char *kind, Samples *ret) {
        _cleanup_free_ char *path = NULL;
        static Measures m;
        DIR *d;
        int r = 0;

        if (asprintf(&path, "%s/%s", directory, kind) < 0)
                return -ENOMEM;
        d = opendir(path);
        if (!d)
                return -errno;

        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                _cleanup_(names_done) Names names = {};
                _cleanup_free_ char *person = NULL;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&person, "%s/%s", path, e->d_name) < 0)
                        r = -ENOMEM;
                if (r >= 0)
                        r = names_read(person, ".jpg", &names);
                for (size_t i = 0; i < names.n && r >= 0; i++) {
                        r = measure_file(v, names.paths[i], &m);
                        if (r <= 0)
                                continue;
                        r = samples_add(ret, e->d_name, strlen(e->d_name), base(names.paths[i]), &m);
                        printf("%s %s %s", kind, e->d_name, base(names.paths[i]));
                        for (size_t j = 0; j < m.n_liveness; j++)
                                printf(" %.3f", m.liveness[j]);
                        printf("\n");
                }
        }
        closedir(d);
        return r;
}

/* A few people make a rate uncertain however many comparisons there are: two who look alike decide it. People are
 * drawn again, with replacement, and of the thresholds so found the one is taken that 95 % do not exceed. */
#define DRAWS 400
#define PEOPLE_MAX 64

static size_t people_of(const Samples *s, size_t *indices, const char **people) {
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++) {
                size_t k = 0;

                while (k < n && !streq(people[k], s->samples[i].person))
                        k++;
                if (k == n && n < PEOPLE_MAX)
                        people[n++] = s->samples[i].person;
                indices[i] = k;
        }
        return n;
}

static void draw(unsigned *weights, size_t n, uint32_t *seed) {
        memset(weights, 0, PEOPLE_MAX * sizeof(*weights));
        for (size_t i = 0; i < n; i++) {
                *seed = *seed * 1664525 + 1013904223; /* Numerical Recipes' generator; the same in every run */
                weights[(*seed >> 8) % n]++;
        }
}

static int compare_integers(const void *a, const void *b) {
        return *(const int *) a - *(const int *) b;
}

static int print_upper_bounds(const char *population, const Samples *a, const Samples *b) {
        _cleanup_free_ size_t *who_a = calloc(a->n, sizeof(size_t)), *who_b = calloc(b->n, sizeof(size_t));
        static int thresholds[ELEMENTSOF(rates)][DRAWS];
        unsigned weights_a[PEOPLE_MAX], weights_b[PEOPLE_MAX];
        const char *people[PEOPLE_MAX];
        uint32_t seed = 1;

        if (!who_a || !who_b)
                return -ENOMEM;
        size_t n_a = people_of(a, who_a, people), n_b = people_of(b, who_b, people);

        for (size_t i = 0; i < DRAWS; i++) {
                static Distribution d;

                d = (Distribution) {};
                draw(weights_a, n_a, &seed);
                draw(weights_b, n_b, &seed);
                for (size_t j = 0; j < a->n; j++)
                        for (size_t k = 0; k < b->n; k++)
                                if (!streq(a->samples[j].person, b->samples[k].person))
                                        for (unsigned w = weights_a[who_a[j]] * weights_b[who_b[k]]; w > 0; w--)
                                                distribution_add(&d, sample_similarity(&a->samples[j], &b->samples[k]));
                for (size_t r = 0; r < ELEMENTSOF(rates); r++)
                        thresholds[r][i] = distribution_threshold(&d, rates[r]);
        }

        printf("%s: upper 95 %% bounds:", population);
        for (size_t r = 0; r < ELEMENTSOF(rates); r++) {
                qsort(thresholds[r], DRAWS, sizeof(int), compare_integers);
                printf(" %g:%.3f", rates[r], thresholds[r][DRAWS * 95 / 100] / 1000.0);
        }
        printf("\n");
        return 0;
}

int population_nuaa(Vision *v, const char *directory) {
        _cleanup_(samples_done) Samples live = {}, print = {};
        static Distribution impostors, genuine;
        int r = nuaa_read(v, directory, "live", &live);

        if (r >= 0)
                r = nuaa_read(v, directory, "print", &print);
        if (r < 0)
                return r;

        for (size_t i = 0; i < live.n; i++)
                for (size_t j = 0; j < print.n; j++) {
                        const Sample *a = &live.samples[i], *b = &print.samples[j];

                        distribution_add(streq(a->person, b->person) ? &genuine : &impostors,
                                         sample_similarity(a, b));
                }

        print_calibration("nuaa-live-print", &impostors);
        print_non_matches("nuaa-live-print", &genuine);
        return print_upper_bounds("nuaa-live-print", &live, &print);
}
