/* SPDX-License-Identifier: Apache-2.0 */

#include "decoding.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>

struct Decoding {
        int picture, pixels;
        int event_fd;
        pthread_t thread;
        bool running;
        DecodeOutcome outcome;         /* with the next two: the thread's until it has been joined */
        uint32_t width, height;
};

static void *decoding_thread(void *userdata) {
        Decoding *d = userdata;

        d->outcome = decoder_run(d->picture, d->pixels, &d->width, &d->height);
        (void) eventfd_write(d->event_fd, 1);
        return NULL;
}

int decoding_new(Decoding **ret, int picture, int pixels) {
        _cleanup_(decoding_freep) Decoding *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->picture = picture;
        d->pixels = pixels;

        d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (d->event_fd < 0)
                return -errno;

        r = pthread_create(&d->thread, NULL, decoding_thread, d);
        if (r != 0)
                return -r;
        d->running = true;

        *ret = TAKE_PTR(d);
        return 0;
}

Decoding *decoding_free(Decoding *d) {
        if (!d)
                return NULL;

        if (d->running)
                pthread_join(d->thread, NULL);
        safe_close(d->event_fd);
        free(d);
        return NULL;
}

int decoding_get_fd(const Decoding *d) {
        return d->event_fd;
}

DecodeOutcome decoding_finish(Decoding *d, uint32_t *ret_width, uint32_t *ret_height) {
        if (d->running) {
                pthread_join(d->thread, NULL);
                d->running = false;
        }

        *ret_width = d->outcome == DECODE_DONE ? d->width : 0;
        *ret_height = d->outcome == DECODE_DONE ? d->height : 0;
        return d->outcome;
}
