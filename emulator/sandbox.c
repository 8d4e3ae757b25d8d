#define _GNU_SOURCE /* O_PATH */
#include "emulator/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- files -- */

enum { ABI_REFER = 2, ABI_DEVICES = 5 };

/* Of later kernels than the headers that this may be built with. */
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

#define FIRST_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* all thirteen of version 1 */
#define FILE_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |   \
     LANDLOCK_ACCESS_FS_IOCTL_DEV)

static const uint64_t rights[] = {
    [SANDBOX_READ] = LANDLOCK_ACCESS_FS_READ_FILE,
    [SANDBOX_TTY] =
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV,
    [SANDBOX_NAMES] = LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REMOVE_FILE,
    [SANDBOX_KEEP] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER,
};

/* Pseudo-terminals come and go with the multiplexer and a pulled tty; c-ares reads its files for
 * each query. The file behind a link may be another one later: then --dns helps. */
static const struct sandbox_path of_every_daemon[] = {
    {"/dev/ptmx", SANDBOX_TTY},
    {"/dev/pts", SANDBOX_TTY},
    {"/dev/null", SANDBOX_READ},
    {"/dev/urandom", SANDBOX_READ},
    {"/etc/resolv.conf", SANDBOX_READ},
    {"/run/systemd/resolve", SANDBOX_READ},
    {"/etc/hosts", SANDBOX_READ},
    {"/etc/host.conf", SANDBOX_READ},
    {"/etc/nsswitch.conf", SANDBOX_READ},
    {"/etc/services", SANDBOX_READ},
    {"/etc/gai.conf", SANDBOX_READ},
    {"/etc/localtime", SANDBOX_READ},
    {"/etc/ssl/openssl.cnf", SANDBOX_READ}, /* libcrypto reads it at its first digest */
};

static int allow(int ruleset, uint64_t handled, const struct sandbox_path *path) {
    struct stat st;
    int fd = open(path->path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    int err = fstat(fd, &st) == 0 ? 0 : -errno;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights[path->use] & handled,
                                              .parent_fd = fd};
    if (err == 0 && !S_ISDIR(st.st_mode)) {
        rule.allowed_access &= FILE_RIGHTS;
    }
    if (err == 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        err = -errno;
    }
    close(fd);
    return err;
}

static int allow_all(int ruleset, uint64_t handled, const struct sandbox_path *paths, size_t n,
                     char error[SANDBOX_ERROR]) {
    for (size_t i = 0; i < n; i++) {
        int err = allow(ruleset, handled, &paths[i]);
        if (err != 0) {
            snprintf(error, SANDBOX_ERROR, "Landlock: '%.100s': %s", paths[i].path, strerror(-err));
            return err;
        }
    }
    return 0;
}

/* Returns Landlock's version. */
static int close_files(const struct sandbox_path *paths, size_t n, char error[SANDBOX_ERROR]) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attr = {.handled_access_fs = FIRST_RIGHTS};
    attr.handled_access_fs |= abi >= ABI_REFER ? LANDLOCK_ACCESS_FS_REFER : 0;
    attr.handled_access_fs |= abi >= ABI_DEVICES ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0;
    long ruleset = abi < 1 ? -1 : syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) {
        int err = -errno;
        snprintf(error, SANDBOX_ERROR, "this kernel offers no Landlock: %s", strerror(-err));
        return err;
    }
    int fd = (int)ruleset;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    int err = allow_all(fd, attr.handled_access_fs, of_every_daemon,
                        sizeof of_every_daemon / sizeof of_every_daemon[0], error);
    if (err == 0) {
        err = allow_all(fd, attr.handled_access_fs, paths, n, error);
    }
    if (err == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
        err = -errno;
        snprintf(error, SANDBOX_ERROR, "Landlock: %s", strerror(-err));
    }
    close(fd);
    return err == 0 ? (int)abi : err;
}

/* -- system calls -- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

/* What the daemon and its libraries call once it runs: seen with strace, and the neighbours that
 * another C library takes instead. No process is made, no program run, no name's mode or owner, no
 * namespace and no other process touched; fchmod and fchown are for its own ttys and files. x32
 * numbers are none of these. */
static const uint16_t calls[] = {
    SYS_accept4,
    SYS_bind,
    SYS_brk,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_close,
    SYS_connect,
    SYS_dup,
    SYS_dup3,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_exit,
    SYS_exit_group,
    SYS_faccessat,
    SYS_fchmod,
    SYS_fchown,
    SYS_fcntl,
    SYS_fdatasync,
    SYS_flock,
    SYS_fstat,
    SYS_fsync,
    SYS_ftruncate,
    SYS_futex,
    SYS_getcwd,
    SYS_getdents64,
    SYS_getegid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getpeername,
    SYS_getpid,
    SYS_getrandom,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_gettid,
    SYS_gettimeofday,
    SYS_getuid,
    SYS_inotify_add_watch,
    SYS_inotify_init1,
    SYS_inotify_rm_watch,
    SYS_ioctl,
    SYS_listen,
    SYS_lseek,
    SYS_madvise,
    SYS_mkdirat,
    SYS_mmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_munmap,
    SYS_nanosleep,
    SYS_newfstatat,
    SYS_openat,
    SYS_pipe2,
    SYS_ppoll,
    SYS_prlimit64,
    SYS_pselect6,
    SYS_read,
    SYS_readlinkat,
    SYS_readv,
    SYS_recvfrom,
    SYS_recvmmsg,
    SYS_recvmsg,
    SYS_renameat,
    SYS_renameat2,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_yield,
    SYS_sendmmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_setsockopt,
    SYS_shutdown,
    SYS_sigaltstack,
    SYS_socket,
    SYS_socketpair,
    SYS_statx,
    SYS_symlinkat,
    SYS_sysinfo,
    SYS_tgkill,
    SYS_umask,
    SYS_uname,
    SYS_unlinkat,
    SYS_utimensat,
    SYS_write,
    SYS_writev,
#ifdef SYS_open /* the older names of some, where there are any */
    SYS_access,
    SYS_dup2,
    SYS_epoll_wait,
    SYS_getdents,
    SYS_lstat,
    SYS_mkdir,
    SYS_open,
    SYS_poll,
    SYS_readlink,
    SYS_rename,
    SYS_rmdir,
    SYS_select,
    SYS_stat,
    SYS_symlink,
    SYS_time,
    SYS_unlink,
#endif
};

enum { CALLS = sizeof calls / sizeof calls[0], AROUND = 10 };

#define LOAD(field)                                                                                \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, yes, no)                                                                   \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (value))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)

static int close_calls(char error[SANDBOX_ERROR]) {
    struct sock_filter code[AROUND + 2 * CALLS];
    size_t n = 0;
    code[n++] = LOAD(arch);
    code[n++] = IF_EQUAL(ARCH, 1, 0);
    code[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    code[n++] = LOAD(nr);
    for (size_t i = 0; i < CALLS; i++) {
        /* Input for the terminal it was started from would be run by the shell there: a byte, or
         * what is selected on a console. */
        if (calls[i] == SYS_ioctl) {
            code[n++] = IF_EQUAL(SYS_ioctl, 0, 5);
            code[n++] = LOAD(args[1]);
            code[n++] = IF_EQUAL(TIOCSTI, 1, 0);
            code[n++] = IF_EQUAL(TIOCLINUX, 0, 1);
            code[n++] = REFUSE;
            code[n++] = RETURN(SECCOMP_RET_ALLOW);
            continue;
        }
        code[n++] = IF_EQUAL(calls[i], 0, 1);
        code[n++] = RETURN(SECCOMP_RET_ALLOW);
    }
    code[n++] = REFUSE;
    const struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    if (ARCH == 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
        int err = ARCH == 0 ? -EOPNOTSUPP : -errno;
        snprintf(error, SANDBOX_ERROR, "no seccomp filter for this kernel and processor: %s",
                 strerror(-err));
        return err;
    }
    return 0;
}

int sandbox_enter(const struct sandbox_path *paths, size_t n, char says[SANDBOX_SAYS],
                  char error[SANDBOX_ERROR]) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        int err = -errno;
        snprintf(error, SANDBOX_ERROR, "no_new_privs: %s", strerror(-err));
        return err;
    }
    int abi = close_files(paths, n, error);
    int err = abi < 0 ? abi : close_calls(error);
    if (err == 0) {
        snprintf(says, SANDBOX_SAYS, "Landlock %d, seccomp with %d calls", abi, CALLS);
    }
    return err;
}
