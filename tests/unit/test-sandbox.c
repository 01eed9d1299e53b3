/* SPDX-License-Identifier: Apache-2.0 */

/* Each part of the examiner's sandbox, once there and once not, in a process of its own: what the unit would declare
 * is done with the kernel's own calls, and everything else is left as it is. Needs root for namespaces, mounts and
 * users. */

#include "macro.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534
#define BROKEN 99                      /* the test itself could not do what it wanted */

#define DO(expression) \
        do { \
                if ((expression) < 0) { \
                        fprintf(stderr, "%s: %m\n", #expression); \
                        _exit(BROKEN); \
                } \
        } while (0)

typedef void (*Prepare)(void);

/* Whether a process that did `prepare` has the part. */
static bool has(SandboxPart part, Prepare prepare, bool decoder) {
        int status;
        pid_t pid;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (prepare)
                        prepare();
                _exit(sandbox_has(part, decoder) ? 1 : 0);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), BROKEN);
        return WEXITSTATUS(status) == 1;
}

static void need_root(void) {
        if (geteuid() != 0) {
                print_message("skipped: needs root\n");
                skip();
        }
}

static void become_nobody(void) {
        DO(setresgid(NOBODY, NOBODY, NOBODY));
        DO(setresuid(NOBODY, NOBODY, NOBODY));
}

static void own_mounts(void) {
        DO(unshare(CLONE_NEWNS));
        DO(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void no_new_privileges(void) {
        DO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* Refuses one system call with EPERM: `number`, if its argument `index` has all the bits of `mask`. */
static void refuse(uint32_t number, uint32_t index, uint32_t mask) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t) offsetof(struct seccomp_data, args) + 8 * index),
                BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        no_new_privileges();
        DO(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void root_for_a_while_not(void) {
        DO(setresuid(0, NOBODY, 0));
}

static void test_user(void **state) {
        need_root();
        assert_false(has(SANDBOX_USER, NULL, false));
        assert_false(has(SANDBOX_USER, root_for_a_while_not, false));
        assert_true(has(SANDBOX_USER, become_nobody, false));
}

static void drop_bounding_set(void) {
        for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                DO(prctl(PR_CAPBSET_DROP, c, 0, 0, 0));
}

static void drop_all_but_the_last_of_the_bounding_set(void) {
        for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c + 1, 0, 0, 0) >= 0; c++)
                DO(prctl(PR_CAPBSET_DROP, c, 0, 0, 0));
        become_nobody();
}

static void drop_capabilities(void) {
        drop_bounding_set();
        become_nobody();
}

static void keep_a_capability(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { .permitted = 1U << CAP_NET_RAW } };

        DO(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        drop_capabilities();
        DO(syscall(SYS_capset, &header, data));
}

static void test_capabilities(void **state) {
        need_root();
        assert_false(has(SANDBOX_CAPABILITIES, NULL, false));
        assert_false(has(SANDBOX_CAPABILITIES, become_nobody, false));         /* the bounding set is left */
        assert_false(has(SANDBOX_CAPABILITIES, drop_bounding_set, false));     /* the others are */
        assert_false(has(SANDBOX_CAPABILITIES, keep_a_capability, false));
        assert_false(has(SANDBOX_CAPABILITIES, drop_all_but_the_last_of_the_bounding_set, false));
        assert_true(has(SANDBOX_CAPABILITIES, drop_capabilities, false));
}

static void test_new_privileges(void **state) {
        assert_false(has(SANDBOX_NEW_PRIVILEGES, NULL, false));
        assert_true(has(SANDBOX_NEW_PRIVILEGES, no_new_privileges, false));
}

static void refuse_something_else(void) {
        refuse(SYS_mount, 0, 0);
}

static void refuse_debugging(void) {
        refuse(SYS_process_vm_readv, 0, 0);
}

static void test_system_calls(void **state) {
        assert_false(has(SANDBOX_SYSTEM_CALLS, NULL, false));
        assert_false(has(SANDBOX_SYSTEM_CALLS, refuse_something_else, false)); /* a filter that lets through */
        assert_true(has(SANDBOX_SYSTEM_CALLS, refuse_debugging, false));
}

static void refuse_unshare(void) {
        refuse(SYS_unshare, 0, 0);
}

static void test_namespaces(void **state) {
        assert_false(has(SANDBOX_NAMESPACES, NULL, false));
        assert_true(has(SANDBOX_NAMESPACES, refuse_unshare, false));
}

static void refuse_mmap_wx(void) {
        refuse(SYS_mmap, 2, PROT_WRITE | PROT_EXEC);
}

static void refuse_mprotect_x(void) {
        refuse(SYS_mprotect, 2, PROT_EXEC);
}

static void refuse_wx(void) {
        refuse_mmap_wx();
        refuse_mprotect_x();
}

static void test_write_execute(void **state) {
        assert_false(has(SANDBOX_WRITE_EXECUTE, NULL, false));
        assert_false(has(SANDBOX_WRITE_EXECUTE, refuse_mmap_wx, false));
        assert_false(has(SANDBOX_WRITE_EXECUTE, refuse_mprotect_x, false));
        assert_true(has(SANDBOX_WRITE_EXECUTE, refuse_wx, false));
}

static void refuse_sockets(void) {
        refuse(SYS_socket, 0, 0);
}

static void refuse_sockets_but(uint32_t family) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        no_new_privileges();
        DO(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void only_inet(void) {
        refuse_sockets_but(AF_INET);
}

static void only_inet6(void) {
        refuse_sockets_but(AF_INET6);
}

static void only_netlink(void) {
        refuse_sockets_but(AF_NETLINK);
}

static void only_packet(void) {
        refuse_sockets_but(AF_PACKET);
}

static void only_local(void) {
        refuse_sockets_but(AF_UNIX);
}

static void test_network(void **state) {
        static const Prepare one[] = { only_inet, only_inet6, only_netlink, only_packet };

        need_root();
        assert_false(has(SANDBOX_NETWORK, NULL, false));
        for (size_t i = 0; i < ELEMENTSOF(one); i++)
                assert_false(has(SANDBOX_NETWORK, one[i], false));
        assert_true(has(SANDBOX_NETWORK, only_local, false));
        assert_true(has(SANDBOX_NETWORK, refuse_sockets, false));
}

static void own_run(void) {
        own_mounts();
        DO(mount("tmpfs", "/run", "tmpfs", 0, NULL));
}

static void listen_at(const char *directory, const char *path, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        own_run();
        DO(mkdir("/run/systemd", 0755));
        if (!streq(directory, "/run/systemd"))
                DO(mkdir(directory, 0755));
        strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        DO(fd);
        DO(bind(fd, (const struct sockaddr *) &address, sizeof(address)));
        if (type != SOCK_DGRAM)
                DO(listen(fd, 1));
}

static void a_bus(void) {
        listen_at("/run/dbus", "/run/dbus/system_bus_socket", SOCK_STREAM);
}

static void a_manager(void) {
        listen_at("/run/systemd", "/run/systemd/private", SOCK_STREAM);
}

static void a_notification(void) {
        listen_at("/run/systemd", "/run/systemd/notify", SOCK_DGRAM);
}

static void a_journal(void) {
        listen_at("/run/systemd/journal", "/run/systemd/journal/socket", SOCK_DGRAM);
}

static void a_journal_for_output(void) {
        listen_at("/run/systemd/journal", "/run/systemd/journal/stdout", SOCK_STREAM);
}

static void a_syslog(void) {
        listen_at("/run/systemd/journal", "/run/systemd/journal/dev-log", SOCK_DGRAM);
}

static void a_bus_without_sockets(void) {
        a_bus();
        refuse_sockets();
}

static void test_bus(void **state) {
        static const Prepare there[] = { a_bus, a_manager, a_notification, a_journal, a_journal_for_output, a_syslog };

        need_root();
        for (size_t i = 0; i < ELEMENTSOF(there); i++)
                assert_false(has(SANDBOX_BUS, there[i], false));
        assert_true(has(SANDBOX_BUS, own_run, false));
        assert_true(has(SANDBOX_BUS, a_bus_without_sockets, false));
}

static void read_only(const char *path) {
        struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };

        DO(syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof(attributes)));
}

static void all_read_only(void) {
        own_mounts();
        read_only("/");
        DO(chdir("/"));
        become_nobody();
}

/* Everything is read-only but what is mounted at `path`. */
static void writable_at(const char *path) {
        own_mounts();
        read_only("/");
        DO(chdir("/"));
        DO(mount("tmpfs", path, "tmpfs", 0, "mode=0777"));
        become_nobody();
}

static void writable_tmp(void) {
        writable_at("/tmp");
}

static void writable_shm(void) {
        writable_at("/dev/shm");
}

/* Somewhere that nobody would think of. */
static void writable_elsewhere(void) {
        writable_at("/usr/share/doc");
}

static void test_files(void **state) {
        need_root();
        assert_false(has(SANDBOX_FILES, become_nobody, false));
        assert_false(has(SANDBOX_FILES, writable_tmp, false));
        assert_false(has(SANDBOX_FILES, writable_shm, false));
        assert_false(has(SANDBOX_FILES, writable_elsewhere, false));
        assert_true(has(SANDBOX_FILES, all_read_only, false));
}

static void all_output_to(const char *path, int last) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
                int n = open(fd == last ? path : "/dev/null", O_RDWR);

                DO(n);
                DO(dup2(n, fd));
        }
}

static void no_output(void) {
        all_output_to("/dev/null", STDERR_FILENO);
}

static void output_to_zero(void) {
        all_output_to("/dev/zero", STDOUT_FILENO);
}

static void errors_to_a_file(void) {
        char path[] = "/tmp/test-sandbox.XXXXXX";
        int fd = mkstemp(path);

        no_output();
        DO(fd);
        (void) unlink(path);
        DO(dup2(fd, STDERR_FILENO));
}

static void test_output(void **state) {
        assert_false(has(SANDBOX_OUTPUT, output_to_zero, false));
        assert_false(has(SANDBOX_OUTPUT, errors_to_a_file, false));
        assert_true(has(SANDBOX_OUTPUT, no_output, false));
}

static void no_core(void) {
        DO(setrlimit(RLIMIT_CORE, &(struct rlimit) {}));
}

static void no_core_yet(void) {
        DO(setrlimit(RLIMIT_CORE, &(struct rlimit) { .rlim_max = 4096 }));
        DO(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

static void no_dump(void) {
        no_core();
        DO(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

static void test_dump(void **state) {
        need_root();
        assert_false(has(SANDBOX_DUMP, NULL, false));
        assert_false(has(SANDBOX_DUMP, no_core, false));
        assert_false(has(SANDBOX_DUMP, no_core_yet, false));
        assert_true(has(SANDBOX_DUMP, no_dump, false));
}

static void write_file(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        DO(fd);
        DO(write(fd, text, strlen(text)));
        (void) close(fd);
}

/* Control groups /a and /a/b, the process in the second, with these limits (NULL: there is none). */
static void groups(const char *above, const char *own) {
        own_mounts();
        DO(mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL));
        DO(mkdir("/sys/fs/cgroup/a", 0755));
        DO(mkdir("/sys/fs/cgroup/a/b", 0755));
        if (above)
                write_file("/sys/fs/cgroup/a/memory.swap.max", above);
        if (own)
                write_file("/sys/fs/cgroup/a/b/memory.swap.max", own);
        write_file("/sys/fs/cgroup/mine", "9:name=systemd:/x\n0::/a/b\n");
        DO(mount("/sys/fs/cgroup/mine", "/proc/self/cgroup", NULL, MS_BIND, NULL));
}

static void group_that_swaps(void) {
        groups("max\n", "max\n");
}

static void group_that_swaps_a_little(void) {
        groups(NULL, "4096\n");
}

static void group_without_swap(void) {
        groups("max\n", "0\n");
}

static void slice_without_swap(void) {
        groups("0\n", "max\n");
}

static void test_swap(void **state) {
        need_root();
        assert_false(has(SANDBOX_SWAP, group_that_swaps, false));
        assert_false(has(SANDBOX_SWAP, group_that_swaps_a_little, false));
        assert_true(has(SANDBOX_SWAP, group_without_swap, false));
        assert_true(has(SANDBOX_SWAP, slice_without_swap, false));
}

static void few_for_now(void) {
        DO(setrlimit(RLIMIT_NPROC, &(struct rlimit) { 16, 1000 }));
}

static void few(void) {
        DO(setrlimit(RLIMIT_NPROC, &(struct rlimit) { 16, 16 }));
}

static void test_tasks(void **state) {
        need_root();
        assert_false(has(SANDBOX_TASKS, few_for_now, false));
        assert_true(has(SANDBOX_TASKS, few, false));
}

static void hidden_processes(void) {
        own_mounts();
        DO(mount("proc", "/proc", "proc", 0, "hidepid=invisible"));
        become_nobody();
}

static void no_proc(void) {
        own_mounts();
        DO(mount("tmpfs", "/proc", "tmpfs", 0, NULL));
}

static void test_processes(void **state) {
        need_root();
        assert_false(has(SANDBOX_PROCESSES, become_nobody, false));
        assert_true(has(SANDBOX_PROCESSES, hidden_processes, false));
        assert_false(has(SANDBOX_PROCESSES, no_proc, false));          /* then nothing else could be seen either */
}

/* A /dev with one device, which is the null device by another name. */
static void device(const char *path, mode_t mode) {
        own_mounts();
        DO(mount("tmpfs", "/dev", "tmpfs", 0, "mode=0755"));
        if (path) {
                DO(mknod(path, S_IFCHR | mode, makedev(1, 3)));
                DO(chmod(path, mode));
        }
        become_nobody();
}

static void no_device(void) {
        device(NULL, 0);
}

static void kernel_log(void) {
        device("/dev/kmsg", 0644);
}

static void kernel_log_of_root(void) {
        device("/dev/kmsg", 0600);
}

static void camera(void) {
        device("/dev/video7", 0660);
}

static void open_camera(void) {
        device("/dev/video7", 0666);
}

static void test_devices(void **state) {
        need_root();
        assert_true(has(SANDBOX_DEVICES, no_device, false));
        assert_false(has(SANDBOX_DEVICES, kernel_log, false));
        assert_true(has(SANDBOX_DEVICES, kernel_log_of_root, false));
        assert_true(has(SANDBOX_DEVICES, open_camera, false));         /* that is what an examiner is for */
        assert_false(has(SANDBOX_DEVICES, open_camera, true));         /* and a decoder is not */
        assert_true(has(SANDBOX_DEVICES, camera, true));
}

static void whole(void) {
        own_run();
        DO(mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=0755"));
        DO(mkdir("/sys/fs/cgroup/g", 0755));
        write_file("/sys/fs/cgroup/g/memory.swap.max", "0\n");
        write_file("/sys/fs/cgroup/mine", "0::/g\n");
        DO(mount("/sys/fs/cgroup/mine", "/proc/self/cgroup", NULL, MS_BIND, NULL));
        DO(mount("tmpfs", "/dev", "tmpfs", 0, "mode=0755"));
        DO(mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)));
        DO(chmod("/dev/null", 0666));
        no_output();
        read_only("/");
        DO(chdir("/"));
        few();
        drop_capabilities();
        no_dump();
        refuse_sockets();
        refuse_debugging();
        refuse_wx();
        refuse_unshare();
}

/* As a whole but for the processes that are seen, which is what is said then; and the order is the enumeration's. */
static void test_all(void **state) {
        int status;
        pid_t pid;

        need_root();
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                whole();
                _exit((int) sandbox_check(true));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), SANDBOX_PROCESSES);
        assert_int_equal(sandbox_check(true), SANDBOX_USER);
}

static void test_words(void **state) {
        assert_null(sandbox_part_message(SANDBOX_WHOLE));
        assert_null(sandbox_part_message(_SANDBOX_PART_MAX));
        for (SandboxPart a = SANDBOX_WHOLE + 1; a < _SANDBOX_PART_MAX; a++) {
                assert_non_null(sandbox_part_message(a));
                for (SandboxPart b = SANDBOX_WHOLE + 1; b < a; b++)
                        assert_string_not_equal(sandbox_part_message(a), sandbox_part_message(b));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_user),
                cmocka_unit_test(test_capabilities),
                cmocka_unit_test(test_new_privileges),
                cmocka_unit_test(test_system_calls),
                cmocka_unit_test(test_namespaces),
                cmocka_unit_test(test_write_execute),
                cmocka_unit_test(test_network),
                cmocka_unit_test(test_bus),
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_output),
                cmocka_unit_test(test_dump),
                cmocka_unit_test(test_swap),
                cmocka_unit_test(test_tasks),
                cmocka_unit_test(test_processes),
                cmocka_unit_test(test_devices),
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
