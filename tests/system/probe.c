/* SPDX-License-Identifier: Apache-2.0 */

/* probe [--victim=PID] [--setuid=PROGRAM] [--marker=TEXT] [ATTEMPT…]: run with the settings of one of Likeness'
 * units, tries what no such unit should be able to do, and says on descriptor 3 what could be done: a line "NAME yes"
 * or "NAME no REASON" for each attempt. Whoever started it knows what is right for the unit (test_sandbox.py).
 *
 * PID: a process of the same user outside of the unit. PROGRAM: this program, owned by root, with the set-user-id bit.
 * TEXT: printed to wherever the journal might be. ATTEMPT: only these are made; without, all but those that fill
 * something.
 *
 * Each attempt is made by a process of its own, which says itself how it ended: a filter of system calls may answer by
 * killing it. Where such a filter forbids to wait for processes, too, memory that they share tells that one has
 * ended. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPORT 3
#define FORKS_MANY 64                  /* no unit of ours needs so many processes or threads */
#define SECONDS_MAX 5

typedef struct Probe {
        pid_t victim;
        const char *setuid, *marker;
        bool waits;                    /* wait4() is permitted */
        uint32_t *ended, *released;    /* shared with the processes of the attempts */
} Probe;

/* An attempt: 0 if it was possible, an errno if it was not. It may be root who tries: nothing that is changed may
 * stay. */
typedef int (*Try)(const Probe *p, const char *argument, int number);

static int result(long r) {
        return r < 0 ? errno : 0;
}

/* Until the word is no longer `value`. */
static void wait_for(uint32_t *word, uint32_t value, unsigned seconds) {
        struct timespec patience = { .tv_sec = seconds };

        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
                if (syscall(SYS_futex, word, FUTEX_WAIT, value, &patience, NULL, 0) < 0 && errno == ETIMEDOUT)
                        break;
}

static void tell(uint32_t *word) {
        (void) __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
        (void) syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* A process that does nothing until the attempt is over. */
static pid_t bystander(const Probe *p) {
        uint32_t now = __atomic_load_n(p->released, __ATOMIC_SEQ_CST);
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                wait_for(p->released, now, SECONDS_MAX);
                _exit(0);
        }
        return pid;
}

/* --- network, bus, journal */

static int try_socket(const Probe *p, const char *argument, int family) {
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };
        int error = 0;

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                if (socket(family, types[i] | SOCK_CLOEXEC, 0) >= 0)
                        return 0;
                error = errno;
        }
        return error;
}

static int connect_to(const char *path, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        return connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ? -1 : fd;
}

static int try_connect(const Probe *p, const char *path, int type) {
        return result(connect_to(path, type));
}

static int try_journal(const Probe *p, const char *path, int number) {
        char text[256];
        int fd, n;

        fd = connect_to(path, SOCK_DGRAM);
        if (fd < 0)
                return errno;
        n = snprintf(text, sizeof(text), "MESSAGE=%s native\n", p->marker);
        return result(send(fd, text, (size_t) n, MSG_NOSIGNAL));
}

/* Possible if it is anything but the null device. (The marker tells whether it came to the journal.) */
static int try_print(const Probe *p, const char *argument, int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return errno;
        (void) dprintf(fd, "%s printed\n", p->marker);
        return S_ISCHR(st.st_mode) && st.st_rdev == 0x103 ? ENODEV : 0;
}

/* --- files */

static int try_write(const Probe *p, const char *directory, int number) {
        char path[512];
        int fd;

        (void) snprintf(path, sizeof(path), "%s/likeness-probe-%i", directory, (int) getpid());
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno;
        (void) unlink(path);
        return 0;
}

/* As it may be read, but not written to. */
static int try_read(const Probe *p, const char *path, int number) {
        char buffer[64];
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno;
        return read(fd, buffer, sizeof(buffer)) < 0 && errno != EISDIR ? errno : 0;
}

static int try_open(const Probe *p, const char *path, int flags) {
        return result(open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

/* A node without a driver: the kernel looks for that after it has asked whether it may be opened at all. */
static int try_device(const Probe *p, const char *path, int flags) {
        int error = try_open(p, path, flags);

        return error == ENXIO || error == ENODEV ? 0 : error;
}

/* Whoever may not have as much is killed. */
static int try_fill(const Probe *p, const char *argument, int mebibytes) {
        size_t size = (size_t) mebibytes << 20;
        volatile char *memory;

        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return errno;
        for (size_t i = 0; i < size; i += 4096)
                memory[i] = 1;
        return 0;
}

static int try_setuid_bit(const Probe *p, const char *directory, int number) {
        char path[512];
        int error, fd;

        (void) snprintf(path, sizeof(path), "%s/likeness-probe-%i", directory, (int) getpid());
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
        if (fd < 0)
                return errno;
        error = result(fchmod(fd, 04711));
        (void) unlink(path);
        return error;
}

/* --- other processes */

static int try_trace(const Probe *p, const char *argument, int number) {
        return result(ptrace(PTRACE_SEIZE, p->victim, NULL, NULL));
}

/* Even one's own child, which nothing but the filter of system calls protects. */
static int try_trace_child(const Probe *p, const char *argument, int number) {
        pid_t pid;

        (void) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* its child's as well: a debugger may have it, as far as it goes */
        pid = bystander(p);
        return pid < 0 ? errno : result(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
}

static int try_read_memory(const Probe *p, const char *argument, int number) {
        char buffer[1];
        struct iovec own = { buffer, 1 }, theirs = { (void *) (uintptr_t) &errno, 1 };

        int error = result(process_vm_readv(p->victim, &own, 1, &theirs, 1, 0));
        return error == EFAULT ? 0 : error;    /* an address that is not there, of a process that may be read */
}

static int try_process_file(const Probe *p, const char *name, int flags) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%i/%s", (int) p->victim, name);
        return result(open(path, flags | O_CLOEXEC));
}

static int try_signal(const Probe *p, const char *argument, int number) {
        return result(kill(p->victim, 0));
}

static int try_see(const Probe *p, const char *path, int number) {
        struct stat st;

        return result(stat(path, &st));
}

static int try_forks(const Probe *p, const char *argument, int number) {
        for (int n = 0; n < FORKS_MANY; n++)
                if (bystander(p) < 0)
                        return errno;
        return 0;
}

/* --- memory */

static int try_map(const Probe *p, const char *argument, int protection) {
        return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int try_make_executable(const Probe *p, const char *argument, int protection) {
        void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return m == MAP_FAILED ? errno : result(mprotect(m, 4096, protection));
}

/* What MemoryDenyWriteExecute= does not stop: a file in memory, written and then mapped as a program. */
static int try_execute_memfd(const Probe *p, const char *argument, int number) {
        int fd = memfd_create("probe", MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, 4096) < 0)
                return errno;
        return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0;
}

/* Whether there may be a core dump. (A program of ours forbids it to itself as well.) */
static int try_core(const Probe *p, const char *argument, int number) {
        struct rlimit limit;

        return getrlimit(RLIMIT_CORE, &limit) < 0 ? errno : limit.rlim_max == 0 ? ENOENT : 0;
}

/* --- privileges */

static int try_user(const Probe *p, const char *argument, int uid) {
        return result(setresuid((uid_t) uid, (uid_t) uid, (uid_t) uid));
}

static int try_capabilities(const Probe *p, const char *argument, int number) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        if (syscall(SYS_capget, &header, data) < 0)
                return errno;
        for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
                if (data[i].effective != 0 || data[i].permitted != 0 || data[i].inheritable != 0)
                        return 0;
        for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
                        return 0;
        return EPERM;
}

/* A program that belongs to root: it reports whether it is root. */
static int try_setuid_program(const Probe *p, const char *argument, int number) {
        (void) execl(p->setuid, p->setuid, "--report-root", NULL);
        return errno;
}

static int try_unshare(const Probe *p, const char *argument, int flags) {
        return result(unshare(flags));
}

static int try_personality(const Probe *p, const char *argument, int number) {
        return result(personality(PER_LINUX32));
}

static int try_real_time(const Probe *p, const char *argument, int number) {
        return result(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { .sched_priority = 1 }));
}

/* --- the kernel */

/* What the kernel says once it has found that this may be asked for: so it need not be done. */
static int refused_but_permitted(long r, int error) {
        int found = result(r);

        return found == error ? 0 : found;
}

static int try_mount(const Probe *p, const char *path, int number) {
        return refused_but_permitted(mount("nothing", path, "likeness-probe", 0, NULL), ENODEV);
}

static int try_remount(const Probe *p, const char *path, int number) {
        return refused_but_permitted(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL), EINVAL);
}

static int try_unmount(const Probe *p, const char *path, int number) {
        return refused_but_permitted(umount2(path, 0), EINVAL);
}

static int try_chroot(const Probe *p, const char *path, int number) {
        return result(chroot(path));
}

static int try_module(const Probe *p, const char *argument, int number) {
        return refused_but_permitted(syscall(SYS_finit_module, -1, "", 0), EBADF);
}

static int try_clock(const Probe *p, const char *argument, int number) {
        struct timespec now;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return errno;
        return result(clock_settime(CLOCK_REALTIME, &now));
}

static int try_adjust_clock(const Probe *p, const char *argument, int number) {
        return refused_but_permitted(adjtimex(&(struct timex) { .modes = ADJ_TICK, .tick = 1 }), EINVAL);
}

static int try_host_name(const Probe *p, const char *argument, int number) {
        return refused_but_permitted(syscall(SYS_sethostname, "", -1), EINVAL);
}

static int try_reboot(const Probe *p, const char *argument, int number) {
        return refused_but_permitted(syscall(SYS_reboot, 0, 0, 0, NULL), EINVAL);
}

static int try_swap(const Probe *p, const char *path, int number) {
        return refused_but_permitted(syscall(SYS_swapoff, path), ENOENT);
}

static int try_bpf(const Probe *p, const char *argument, int number) {
        union bpf_attr attribute = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

        return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attribute, sizeof(attribute)));
}

static int try_perf(const Probe *p, const char *argument, int number) {
        struct perf_event_attr attribute = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(attribute),
                .config = PERF_COUNT_SW_TASK_CLOCK,
                .exclude_kernel = 1,
                .exclude_hv = 1,
        };

        return result(syscall(SYS_perf_event_open, &attribute, 0, -1, -1, 0));
}

static int try_io_uring(const Probe *p, const char *argument, int number) {
        struct io_uring_params parameters = {};

        return result(syscall(SYS_io_uring_setup, 1, &parameters));
}

static int try_keyring(const Probe *p, const char *argument, int number) {
        return result(syscall(SYS_add_key, "user", "likeness-probe", "x", 1, -2 /* the process's own */));
}

static int try_kernel_log(const Probe *p, const char *argument, int number) {
        return result(syscall(SYS_syslog, 10 /* its size */, NULL, 0));
}

static int try_port(const Probe *p, const char *argument, int number) {
#ifdef SYS_iopl
        return result(syscall(SYS_iopl, 3));
#else
        return ENOSYS;
#endif
}

#define STATE "/var/lib/likeness"

static const struct {
        const char *name;
        Try try;
        const char *argument;
        int number;
} attempts[] = {
        { "socket-inet", try_socket, NULL, AF_INET },
        { "socket-inet6", try_socket, NULL, AF_INET6 },
        { "socket-netlink", try_socket, NULL, AF_NETLINK },
        { "socket-packet", try_socket, NULL, AF_PACKET },
        { "socket-vsock", try_socket, NULL, AF_VSOCK },
        { "socket-alg", try_socket, NULL, AF_ALG },
        { "socket-unix", try_socket, NULL, AF_UNIX },
        { "connect-bus", try_connect, "/run/dbus/system_bus_socket", SOCK_STREAM },
        { "connect-systemd", try_connect, "/run/systemd/private", SOCK_STREAM },
        { "connect-examiner", try_connect, "/run/likeness/examiner.sock", SOCK_STREAM },
        { "connect-decoder", try_connect, "/run/likeness/decoder.sock", SOCK_STREAM },
        { "connect-keyring", try_connect, "/run/likeness/keyring.sock", SOCK_STREAM },
        { "journal", try_journal, "/run/systemd/journal/socket", 0 },
        { "journal-of-receipts", try_journal, "/run/systemd/journal.likeness/socket", 0 },
        { "print-output", try_print, NULL, STDOUT_FILENO },
        { "print-error", try_print, NULL, STDERR_FILENO },

        { "write-/", try_write, "/", 0 },
        { "write-/boot", try_write, "/boot", 0 },
        { "write-/dev", try_write, "/dev", 0 },
        { "write-/dev/hugepages", try_write, "/dev/hugepages", 0 },
        { "write-/dev/mqueue", try_write, "/dev/mqueue", 0 },
        { "write-/dev/shm", try_write, "/dev/shm", 0 },
        { "write-/etc", try_write, "/etc", 0 },
        { "write-/etc/credstore.encrypted", try_write, "/etc/credstore.encrypted", 0 },
        { "write-/etc/likeness", try_write, "/etc/likeness", 0 },
        { "write-/home", try_write, "/home", 0 },
        { "write-/media", try_write, "/media", 0 },
        { "write-/mnt", try_write, "/mnt", 0 },
        { "write-/opt", try_write, "/opt", 0 },
        { "write-/proc", try_write, "/proc", 0 },
        { "write-/root", try_write, "/root", 0 },
        { "write-/run", try_write, "/run", 0 },
        { "write-/run/likeness", try_write, "/run/likeness", 0 },
        { "write-/run/lock", try_write, "/run/lock", 0 },
        { "write-/srv", try_write, "/srv", 0 },
        { "write-/sys", try_write, "/sys", 0 },
        { "write-/sys/fs/cgroup", try_write, "/sys/fs/cgroup", 0 },
        { "write-/tmp", try_write, "/tmp", 0 },
        { "write-/usr", try_write, "/usr", 0 },
        { "write-/usr/share/likeness", try_write, "/usr/share/likeness", 0 },
        { "write-/var", try_write, "/var", 0 },
        { "write-/var/cache", try_write, "/var/cache", 0 },
        { "write-/var/crash", try_write, "/var/crash", 0 },
        { "write-/var/lib", try_write, "/var/lib", 0 },
        { "write-state", try_write, STATE, 0 },
        { "write-ledger", try_write, STATE "/ledger", 0 },
        { "write-keyring", try_write, STATE "/keyring", 0 },
        { "write-courier", try_write, STATE "/courier", 0 },
        { "write-/var/lib/systemd", try_write, "/var/lib/systemd", 0 },
        { "write-/var/log", try_write, "/var/log", 0 },
        { "write-/var/spool", try_write, "/var/spool", 0 },
        { "write-/var/tmp", try_write, "/var/tmp", 0 },
        { "write-.", try_write, ".", 0 },
        { "write-kernel-setting", try_open, "/proc/sys/kernel/core_pattern", O_WRONLY },
        { "write-own-oom-score", try_open, "/proc/self/oom_score_adj", O_WRONLY },
        { "write-own-group", try_open, "/sys/fs/cgroup/cgroup.procs", O_WRONLY },
        { "setuid-bit-tmp", try_setuid_bit, "/tmp", 0 },
        { "setuid-bit-ledger", try_setuid_bit, STATE "/ledger", 0 },
        { "setuid-bit-keyring", try_setuid_bit, STATE "/keyring", 0 },
        { "setuid-bit-courier", try_setuid_bit, STATE "/courier", 0 },
        { "read-ledger", try_read, STATE "/ledger/ledger-0000000000000001.jws", 0 },
        { "read-keyring", try_read, STATE "/keyring/production.provisioned", 0 },
        { "read-courier", try_read, STATE "/courier/position", 0 },
        { "read-credential", try_read, "/etc/credstore.encrypted/likeness-keyring", 0 },
        { "read-host-key", try_read, "/var/lib/systemd/credential.secret", 0 },
        { "read-shadow", try_read, "/etc/shadow", 0 },
        { "read-home", try_read, "/home/clerk/secret", 0 },
        { "read-root", try_read, "/root/secret", 0 },
        { "read-kernel-symbols", try_read, "/proc/kallsyms", 0 },

        { "device-camera", try_device, "/dev/video0", O_RDWR },
        { "device-fuse", try_device, "/dev/fuse", O_RDWR },
        { "device-input", try_device, "/dev/uinput", O_RDWR },
        { "device-kernel-log", try_device, "/dev/kmsg", O_RDONLY },
        { "device-memory", try_device, "/dev/mem", O_RDONLY },
        { "device-network", try_device, "/dev/net/tun", O_RDWR },
        { "device-sound", try_device, "/dev/snd/timer", O_RDWR },
        { "device-terminal", try_device, "/dev/tty1", O_RDWR },
        { "device-disk", try_device, "/dev/vda", O_RDONLY },

        { "trace", try_trace, NULL, 0 },
        { "trace-child", try_trace_child, NULL, 0 },
        { "read-memory", try_read_memory, NULL, 0 },
        { "read-memory-file", try_process_file, "mem", O_RDONLY },
        { "read-environment", try_process_file, "environ", O_RDONLY },
        { "signal-another", try_signal, NULL, 0 },
        { "see-others", try_see, "/proc/1", 0 },
        { "see-the-machine", try_see, "/proc/meminfo", 0 },
        { "fork-many", try_forks, NULL, 0 },

        { "map-write-execute", try_map, NULL, PROT_READ | PROT_WRITE | PROT_EXEC },
        { "make-executable", try_make_executable, NULL, PROT_READ | PROT_EXEC },
        { "make-write-execute", try_make_executable, NULL, PROT_READ | PROT_WRITE | PROT_EXEC },
        { "execute-memory-file", try_execute_memfd, NULL, 0 },
        { "dump-core", try_core, NULL, 0 },
        { "fill-memory", try_fill, NULL, 448 },

        { "become-root", try_user, NULL, 0 },
        { "become-another", try_user, NULL, 12345 },
        { "have-capabilities", try_capabilities, NULL, 0 },
        { "setuid-program", try_setuid_program, NULL, 0 },
        { "namespace-user", try_unshare, NULL, CLONE_NEWUSER },
        { "namespace-mount", try_unshare, NULL, CLONE_NEWNS },
        { "namespace-network", try_unshare, NULL, CLONE_NEWNET },
        { "personality", try_personality, NULL, 0 },
        { "real-time", try_real_time, NULL, 0 },

        { "mount", try_mount, "/usr", 0 },
        { "remount", try_remount, "/usr/share", 0 },
        { "unmount", try_unmount, "/usr/share", 0 },
        { "chroot", try_chroot, "/", 0 },
        { "load-module", try_module, NULL, 0 },
        { "set-clock", try_clock, NULL, 0 },
        { "adjust-clock", try_adjust_clock, NULL, 0 },
        { "set-host-name", try_host_name, NULL, 0 },
        { "reboot", try_reboot, NULL, 0 },
        { "swap", try_swap, "/nothing", 0 },
        { "bpf", try_bpf, NULL, 0 },
        { "perf", try_perf, NULL, 0 },
        { "io-uring", try_io_uring, NULL, 0 },
        { "kernel-keyring", try_keyring, NULL, 0 },
        { "kernel-log", try_kernel_log, NULL, 0 },
        { "ports", try_port, NULL, 0 },
};

static void report(const char *name, int error) {
        if (error == 0)
                (void) dprintf(REPORT, "%s yes\n", name);
        else
                (void) dprintf(REPORT, "%s no %s\n", name, strerrorname_np(error));
}

static void make_attempt(Probe *p, size_t i) {
        uint32_t now = __atomic_load_n(p->ended, __ATOMIC_SEQ_CST);
        int status;
        pid_t pid;

        pid = fork();
        for (int tries = 0; pid < 0 && tries < 100; tries++) { /* those of the last attempt are ending */
                (void) usleep(10000);
                pid = fork();
        }
        if (pid < 0) {
                (void) dprintf(REPORT, "%s failed %s\n", attempts[i].name, strerrorname_np(errno));
                return;
        }
        if (pid == 0) {
                (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no dump of who is killed for trying */
                (void) alarm(SECONDS_MAX);
                report(attempts[i].name, attempts[i].try(p, attempts[i].argument, attempts[i].number));
                tell(p->ended);
                _exit(0);
        }

        if (!p->waits)
                wait_for(p->ended, now, 1);
        else if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
                (void) dprintf(REPORT, "%s no signal %i\n", attempts[i].name, WTERMSIG(status));
        tell(p->released);
}

static bool wanted(const char *name, char *const names[], int n) {
        for (int i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return n == 0 && strncmp(name, "fill-", 5) != 0;
}

static int prepare(Probe *p) {
        p->ended = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p->ended == MAP_FAILED)
                return -errno;
        p->released = p->ended + 1;
        p->waits = waitpid(-1, NULL, WNOHANG) >= 0 || errno == ECHILD;
        if (!p->waits && signal(SIGCHLD, SIG_IGN) == SIG_ERR) /* no zombies, which count as processes */
                return -errno;
        return 0;
}

int main(int argc, char *argv[]) {
        Probe p = { .victim = 1, .setuid = "/nothing", .marker = "likeness-probe" };

        int i;

        for (i = 1; i < argc && argv[i][0] == '-'; i++)
                if (strcmp(argv[i], "--report-root") == 0) {
                        report("setuid-program", geteuid() == 0 ? 0 : EPERM);
                        return EXIT_SUCCESS;
                } else if (strncmp(argv[i], "--victim=", 9) == 0)
                        p.victim = atoi(argv[i] + 9);
                else if (strncmp(argv[i], "--setuid=", 9) == 0)
                        p.setuid = argv[i] + 9;
                else if (strncmp(argv[i], "--marker=", 9) == 0)
                        p.marker = argv[i] + 9;

        if (prepare(&p) < 0)
                return EXIT_FAILURE;
        for (size_t k = 0; k < sizeof(attempts) / sizeof(attempts[0]); k++)
                if (wanted(attempts[k].name, argv + i, argc - i))
                        make_attempt(&p, k);
        (void) dprintf(REPORT, "end\n");
        return EXIT_SUCCESS;
}
