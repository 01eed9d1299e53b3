/* SPDX-License-Identifier: Apache-2.0 */

#include "inspection.h"
#include "camera-modes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

struct Inspection {
        InspectionOrder order;
        int event_fd;
        size_t seen;                   /* `at`, when the caller looked last */

        pthread_mutex_t lock;          /* guards everything below */
        size_t at;                     /* the camera that is being opened; the number of cameras when done */
        unsigned turn;                 /* the number of the thread that works; one that comes back later has no say */
        bool stuck;                    /* a thread that may never come back is left */
        pthread_t thread;
        bool running;                  /* and has not been joined */
        CameraReport reports[CAMERA_CANDIDATES_MAX];
};

typedef struct Turn {
        Inspection *inspection;
        unsigned number;
} Turn;

static Outcome outcome_of_open(int error) {
        switch (error) {
        case EBUSY:
                return OUTCOME_CAMERA_BUSY;
        case EACCES:
        case EPERM:
                return OUTCOME_CAMERA_DENIED;
        default:
                return OUTCOME_CAMERA_NONE;
        }
}

/* What was opened must be what was listed: the node may lead elsewhere by now. */
static Outcome check_identity(int fd, const CameraCandidate *candidate, bool software) {
        CameraIdentity identity;

        if (camera_identity_read_fd(fd, &identity) < 0 || !streq(identity.name, candidate->name))
                return OUTCOME_CAMERA_CHANGED;
        return identity.backing != CAMERA_PHYSICAL && !software ? OUTCOME_CAMERA_REFUSED : OUTCOME_EXAMINED;
}

static void inspect(const CameraCandidate *candidate, bool software, CameraReport *ret) {
        _cleanup_close_ int fd = -1;

        *ret = (CameraReport) {};
        fd = open(candidate->node, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        ret->outcome = fd < 0 ? outcome_of_open(errno) : check_identity(fd, candidate, software);
        if (ret->outcome == OUTCOME_EXAMINED)
                camera_modes_read(fd, ret);
}

/* Puts the report of the camera `at` down and goes on to the next one; false if this turn has no say any more. */
static bool inspection_next(Inspection *i, unsigned turn, const CameraReport *report, size_t *ret_at) {
        bool valid;

        pthread_mutex_lock(&i->lock);
        valid = turn == i->turn;
        if (valid && report)
                i->reports[i->at++] = *report;
        *ret_at = i->at;
        pthread_mutex_unlock(&i->lock);

        if (valid && report)
                (void) eventfd_write(i->event_fd, 1);
        return valid && *ret_at < i->order.n_cameras;
}

static void *inspection_thread(void *userdata) {
        _cleanup_free_ Turn *turn = userdata;
        Inspection *i = turn->inspection;
        CameraReport report;
        size_t at;

        for (bool more = inspection_next(i, turn->number, NULL, &at); more;
             more = inspection_next(i, turn->number, &report, &at))
                inspect(&i->order.cameras[at], i->order.software, &report);
        return NULL;
}

static int inspection_start_thread(Inspection *i) {
        _cleanup_free_ Turn *turn = NULL;
        int r;

        turn = malloc(sizeof(*turn));
        if (!turn)
                return -ENOMEM;
        *turn = (Turn) { .inspection = i, .number = i->turn };
        r = pthread_create(&i->thread, NULL, inspection_thread, turn);
        if (r != 0)
                return -r;
        (void) TAKE_PTR(turn);
        i->running = true;
        return 0;
}

int inspection_new(Inspection **ret, const InspectionOrder *order) {
        _cleanup_(inspection_freep) Inspection *i = NULL;
        int r;

        i = calloc(1, sizeof(*i));
        if (!i)
                return -ENOMEM;
        i->event_fd = -1;
        (void) pthread_mutex_init(&i->lock, NULL);

        i->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (i->event_fd < 0)
                return -errno;
        i->order = *order;
        r = inspection_start_thread(i);
        if (r < 0) {
                i->order = (InspectionOrder) {};
                return r;
        }

        *ret = TAKE_PTR(i);
        return 0;
}

Inspection *inspection_free(Inspection *i) {
        bool stuck;

        if (!i)
                return NULL;

        pthread_mutex_lock(&i->lock);
        stuck = i->stuck || (i->running && i->at < i->order.n_cameras);
        i->turn++;
        pthread_mutex_unlock(&i->lock);
        if (stuck)
                return NULL;           /* a thread may still come back to it */

        if (i->running)
                pthread_join(i->thread, NULL);
        inspection_order_done(&i->order);
        safe_close(i->event_fd);
        (void) pthread_mutex_destroy(&i->lock);
        free(i);
        return NULL;
}

int inspection_get_fd(const Inspection *i) {
        return i->event_fd;
}

bool inspection_is_done(Inspection *i) {
        eventfd_t count;
        bool done;

        (void) eventfd_read(i->event_fd, &count);
        pthread_mutex_lock(&i->lock);
        i->seen = i->at;
        done = i->at == i->order.n_cameras;
        pthread_mutex_unlock(&i->lock);
        return done;
}

int inspection_skip(Inspection *i) {
        bool more = false;
        int r = 0;

        pthread_mutex_lock(&i->lock);
        /* The camera that is meant may have answered just now: the next one has only begun. */
        if (i->at == i->seen && i->at < i->order.n_cameras) {
                i->reports[i->at++] = (CameraReport) { .outcome = OUTCOME_CAMERA_STUCK };
                i->turn++;
                i->stuck = true;
                i->running = false;
                (void) pthread_detach(i->thread);
                more = i->at < i->order.n_cameras;
        }
        pthread_mutex_unlock(&i->lock);

        if (more)
                r = inspection_start_thread(i);
        (void) eventfd_write(i->event_fd, 1);
        return r;
}

const CameraReport *inspection_get_report(const Inspection *i, size_t n) {
        return &i->reports[n];
}

size_t inspection_count(const Inspection *i) {
        return i->order.n_cameras;
}

void inspection_order_done(InspectionOrder *order) {
        camera_candidates_done(order->cameras, order->n_cameras);
        order->n_cameras = 0;
}
