/* SPDX-License-Identifier: Apache-2.0 */

#include "sandbox.h"
#include "file.h"
#include "macro.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>

/* More than an examiner ever needs, and less than what could harm a terminal. */
#define TASKS_MAX 256

#define CGROUPS "/sys/fs/cgroup"
#define PATH_SIZE 4096

static bool has_user(bool decoder) {
        return getuid() != 0 && geteuid() != 0;
}

static bool has_no_capabilities(bool decoder) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        /* ambient ones would be permitted, too */
        if (syscall(SYS_capget, &header, data) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(data); i++)
                if (data[i].effective != 0 || data[i].permitted != 0 || data[i].inheritable != 0)
                        return false;

        for (unsigned long c = 0;; c++) {
                int r = prctl(PR_CAPBSET_READ, c, 0, 0, 0);

                if (r != 0)
                        return r < 0 && errno == EINVAL && c > 0; /* the first that the kernel does not know */
        }
}

static bool has_no_new_privileges(bool decoder) {
        return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* That there is a filter does not say that it filters: other settings, and containers, bring filters of their own. */
static bool has_system_calls(bool decoder) {
        return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER &&
               process_vm_readv(getpid(), NULL, 0, NULL, 0, 0) < 0;
}

static bool has_no_namespaces(bool decoder) {
        return unshare(0) < 0;
}

static bool has_no_write_execute(bool decoder) {
        size_t size = (size_t) sysconf(_SC_PAGESIZE);
        bool refused;
        void *p;

        p = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED) {
                (void) munmap(p, size);
                return false;
        }

        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return false;
        refused = mprotect(p, size, PROT_READ | PROT_EXEC) < 0;
        (void) munmap(p, size);
        return refused;
}

static bool has_no_network(bool decoder) {
        static const int families[] = { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH };
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };

        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                for (size_t k = 0; k < ELEMENTSOF(types); k++) {
                        int fd = socket(families[i], types[k] | SOCK_CLOEXEC, 0);

                        if (fd >= 0) {
                                safe_close(fd);
                                return false;
                        }
                }
        return true;
}

static bool reachable(const char *path, int type) {
        union {
                struct sockaddr_un un;
                struct sockaddr sa;
        } address = { .un.sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        memcpy(address.un.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return fd >= 0 && (connect(fd, &address.sa, sizeof(address.un)) >= 0 || errno == EAGAIN);
}

static bool has_no_bus(bool decoder) {
        return !reachable("/run/dbus/system_bus_socket", SOCK_STREAM) &&
               !reachable("/run/systemd/private", SOCK_STREAM) && !reachable("/run/systemd/notify", SOCK_DGRAM) &&
               !reachable("/run/systemd/journal/stdout", SOCK_STREAM) &&
               !reachable("/run/systemd/journal/socket", SOCK_DGRAM) &&
               !reachable("/run/systemd/journal/dev-log", SOCK_DGRAM);
}

static bool writable(const char *path) {
        return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) >= 0;
}

/* What is mounted may be written to although the place that it is mounted in may not. A line of mountinfo: ids, device,
 * root, the place; with octal escapes, which no place of ours has. */
static bool has_no_writable_mount(void) {
        char line[PATH_SIZE], path[PATH_SIZE];
        bool found = false;
        FILE *file;

        file = fopen("/proc/self/mountinfo", "re");
        if (!file)
                return false;
        while (!found && fgets(line, sizeof(line), file)) {
                struct stat st;

                found = sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1 ||
                        (writable(path) && (lstat(path, &st) < 0 || !S_ISCHR(st.st_mode)));
        }
        (void) fclose(file);
        return !found;
}

static bool has_no_writable_files(bool decoder) {
        static const char *const places[] = {
                ".",        "/",        "/tmp",      "/var/tmp",  "/dev/shm",      "/dev/mqueue", "/dev",
                "/run",     "/run/user", "/run/lock", "/run/likeness", "/var",     "/var/lib",    "/var/log",
                "/var/crash", "/var/spool", "/home", "/root",     "/etc",          "/usr",        "/srv",
                "/opt",     "/mnt",     "/media",    "/sys",      CGROUPS,         "/proc",
        };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (writable(places[i]))
                        return false;
        return has_no_writable_mount();
}

static bool has_no_output(bool decoder) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
                struct stat st;

                if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                        return false;
        }
        return true;
}

static bool has_no_dump(bool decoder) {
        struct rlimit limit;

        return getrlimit(RLIMIT_CORE, &limit) >= 0 && limit.rlim_cur == 0 && limit.rlim_max == 0 &&
               prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* 1 if the control group `path`, or one above it, may not swap; 0 if all may; -ENOENT if there is nothing that says
 * so. */
static int cgroup_forbids_swap(char *path) {
        int r = -ENOENT;

        for (;;) {
                char name[PATH_SIZE], text[32] = "";
                _cleanup_close_ int fd = -1;

                if (snprintf(name, sizeof(name), CGROUPS "%s/memory.swap.max", path) >= (int) sizeof(name))
                        return -ENAMETOOLONG;
                fd = open(name, O_RDONLY | O_CLOEXEC);
                if (fd >= 0) {
                        if (file_read_all(fd, text, sizeof(text) - 1) > 0 && streq(text, "0\n"))
                                return 1;
                        r = 0;
                }

                char *slash = strrchr(path, '/');
                if (!slash)
                        return r;
                *slash = '\0';
        }
}

/* Where the kernel's memory controller is not there to be asked, as in some containers: a machine without swap. */
static bool has_no_swap(bool decoder) {
        _cleanup_close_ int fd = -1;
        struct sysinfo machine;
        char text[PATH_SIZE], *path;
        ssize_t n;
        int r = -ENOENT;

        fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
                n = file_read_all(fd, text, sizeof(text) - 1);
                text[n > 0 ? n : 0] = '\0';
                path = strstr(text, "0::/"); /* the one line of the hierarchy that counts, behind those of older ones */
                if (path) {
                        path[strcspn(path, "\n")] = '\0';
                        r = cgroup_forbids_swap(path + strlen("0::"));
                }
        }

        return r > 0 || (r < 0 && sysinfo(&machine) >= 0 && machine.totalswap == 0);
}

static bool has_few_tasks(bool decoder) {
        struct rlimit limit;

        return getrlimit(RLIMIT_NPROC, &limit) >= 0 && limit.rlim_max <= TASKS_MAX;
}

static bool has_no_processes(bool decoder) {
        return faccessat(AT_FDCWD, "/proc/1", F_OK, 0) < 0 && faccessat(AT_FDCWD, "/proc/self", F_OK, 0) >= 0;
}

static bool can_open(const char *path) {
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                return false;
        safe_close(fd);
        return true;
}

static bool has_no_camera(void) {
        bool found = false;
        struct dirent *entry;
        DIR *directory;

        directory = opendir("/dev");
        if (!directory)
                return true;
        while (!found && (entry = readdir(directory))) {
                char path[PATH_SIZE];

                (void) snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
                found = strncmp(entry->d_name, "video", strlen("video")) == 0 && can_open(path);
        }
        (void) closedir(directory);
        return !found;
}

static bool has_no_devices(bool decoder) {
        static const char *const devices[] = { "/dev/mem",     "/dev/kmsg",       "/dev/fuse",      "/dev/net/tun",
                                               "/dev/rfkill",  "/dev/uinput",     "/dev/vhost-net", "/dev/userfaultfd",
                                               "/dev/snd/seq", "/dev/snd/timer" };

        for (size_t i = 0; i < ELEMENTSOF(devices); i++)
                if (can_open(devices[i]))
                        return false;
        return !decoder || has_no_camera();
}

bool sandbox_has(SandboxPart part, bool decoder) {
        static bool (*const checks[_SANDBOX_PART_MAX])(bool decoder) = {
                [SANDBOX_USER] = has_user,
                [SANDBOX_CAPABILITIES] = has_no_capabilities,
                [SANDBOX_NEW_PRIVILEGES] = has_no_new_privileges,
                [SANDBOX_SYSTEM_CALLS] = has_system_calls,
                [SANDBOX_NAMESPACES] = has_no_namespaces,
                [SANDBOX_WRITE_EXECUTE] = has_no_write_execute,
                [SANDBOX_NETWORK] = has_no_network,
                [SANDBOX_BUS] = has_no_bus,
                [SANDBOX_FILES] = has_no_writable_files,
                [SANDBOX_OUTPUT] = has_no_output,
                [SANDBOX_DUMP] = has_no_dump,
                [SANDBOX_SWAP] = has_no_swap,
                [SANDBOX_TASKS] = has_few_tasks,
                [SANDBOX_PROCESSES] = has_no_processes,
                [SANDBOX_DEVICES] = has_no_devices,
        };

        return checks[part](decoder);
}

SandboxPart sandbox_check(bool decoder) {
        for (SandboxPart part = SANDBOX_WHOLE + 1; part < _SANDBOX_PART_MAX; part++)
                if (!sandbox_has(part, decoder))
                        return part;

        return SANDBOX_WHOLE;
}
