/* SPDX-License-Identifier: Apache-2.0 */

/* A wall clock that somebody has set: off by the seconds in the file that CLOCK_OFFSET names, and synchronised or not as
 * the file's second word says. The boot's clock is not touched: nobody can set it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

static long long offset(char word[static 32]) {
        const char *name = getenv("CLOCK_OFFSET");
        FILE *file = name ? fopen(name, "re") : NULL;
        long long seconds = 0;

        strcpy(word, "unsynchronised");
        if (!file)
                return 0;
        if (fscanf(file, "%lld %31s", &seconds, word) < 1)
                seconds = 0;
        (void) fclose(file);
        return seconds;
}

time_t time(time_t *ret) {
        struct timespec ts;
        char word[32];
        time_t now;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        now = ts.tv_sec + (time_t) offset(word);
        if (ret)
                *ret = now;
        return now;
}

int adjtimex(struct timex *tx) {
        char word[32];

        (void) offset(word);
        tx->status = strcmp(word, "synchronised") == 0 ? 0 : STA_UNSYNC;
        return 0;
}
