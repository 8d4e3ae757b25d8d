/* What is given up, what is left. In a child each, since there is no way back. */
#define _GNU_SOURCE /* openpty, TIOCSTI, TIOCLINUX */
#include "emulator/sandbox.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[64];
static char kept[80], names[80], other[80];

static void start(void) {
    snprintf(home, sizeof home, "/tmp/sandbox-XXXXXX");
    cr_assert_not_null(mkdtemp(home));
    snprintf(kept, sizeof kept, "%s/kept", home);
    snprintf(names, sizeof names, "%s/names", home);
    snprintf(other, sizeof other, "%s/other", home);
    cr_assert(mkdir(kept, 0700) == 0 && mkdir(names, 0700) == 0 && mkdir(other, 0700) == 0);
}

static void stop(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    cr_expect_eq(system(command), 0);
}

TestSuite(sandbox, .init = start, .fini = stop);

/* In `folder`; valid until the one after the next. */
static const char *at(const char *folder, const char *name) {
    static char paths[2][128];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int made(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : close(fd);
}

static int opened(const char *path, int flags) {
    int fd = open(path, flags | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : close(fd);
}

static int result(int rc) {
    return rc < 0 ? -errno : 0;
}

static int listened(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_good = bind(fd, (struct sockaddr *)&a, size) == 0 && listen(fd, 1) == 0 &&
                   getsockname(fd, (struct sockaddr *)&a, &size) == 0 &&
                   connect(caller, (struct sockaddr *)&a, size) == 0;
    return is_good ? 0 : -errno;
}

static int executed(void) {
    return result(execl("/bin/true", "true", (char *)NULL));
}

static int forked(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return result(pid);
}

/* As the shell of the terminal that it was started from would get it. */
static int injected(unsigned long request, const char *what) {
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? 0 : result(ioctl(fd, request, what));
}

#define CHECK(what, wanted)                                                                        \
    do {                                                                                           \
        int got = (what);                                                                          \
        if (got != (wanted)) {                                                                     \
            fprintf(stderr, "%s: %d instead of %d\n", #what, got, (wanted));                       \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void enter(void) {
    const struct sandbox_path paths[] = {
        {kept, SANDBOX_KEEP}, {names, SANDBOX_NAMES}, {"/nowhere/at/all", SANDBOX_KEEP}};
    char says[SANDBOX_SAYS];
    char error[SANDBOX_ERROR] = "";
    if (sandbox_enter(paths, sizeof paths / sizeof paths[0], says, error) != 0) {
        fprintf(stderr, "%s\n", error);
        _exit(2);
    }
}

static void in_a_child(void (*check)(void)) {
    int status = 0;
    fflush(stderr);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        enter();
        check();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

static void check_left(void) {
    CHECK(made(at(kept, "file")), 0);
    CHECK(opened(at(kept, "file"), O_RDWR | O_TRUNC), 0);
    CHECK(result(mkdir(at(kept, "folder"), 0700)), 0);
    CHECK(result(rename(at(kept, "file"), at(kept, "folder/file"))), 0);
    CHECK(opened(kept, O_RDONLY | O_DIRECTORY), 0);
    CHECK(result(unlink(at(kept, "folder/file"))), 0);
    CHECK(result(rmdir(at(kept, "folder"))), 0);
    CHECK(result(symlink("/dev/pts/0", at(names, "new"))), 0);
    CHECK(result(rename(at(names, "new"), at(names, "link"))), 0);
    CHECK(result(unlink(at(names, "link"))), 0);
    CHECK(opened("/dev/ptmx", O_RDWR), 0);
    CHECK(opened("/dev/null", O_RDONLY), 0);
    CHECK(opened("/etc/hosts", O_RDONLY), 0);
    CHECK(listened(), 0);
}

Test(sandbox, what_the_daemon_needs_is_left) {
    in_a_child(check_left);
}

static void check_files(void) {
    CHECK(opened("/etc/passwd", O_RDONLY), -EACCES);
    CHECK(opened("/proc/self/maps", O_RDONLY), -EACCES);
    CHECK(opened("/dev/tty", O_RDWR), -EACCES);
    CHECK(opened("/", O_RDONLY | O_DIRECTORY), -EACCES);
    CHECK(made(at(other, "file")), -EACCES);
    CHECK(made(at(names, "file")), -EACCES);
    CHECK(opened(at(kept, "../../../etc/passwd"), O_RDONLY), -EACCES);
    CHECK(result(mkdir(at(other, "folder"), 0700)), -EACCES);
    CHECK(result(symlink("/etc/passwd", at(kept, "link"))), -EACCES);
    CHECK(result(rmdir(other)), -EACCES);
    CHECK(result(rename(kept, other)), -EACCES);
}

Test(sandbox, other_files_are_out_of_reach) {
    in_a_child(check_files);
}

static void check_calls(void) {
    CHECK(executed(), -EPERM);
    CHECK(forked(), -EPERM);
    CHECK(result(kill(getppid(), 0)), -EPERM);
    CHECK(result((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL)), -EPERM);
    CHECK(result(chmod(kept, 0777)), -EPERM);
    CHECK(result(truncate(at(kept, "file"), 0)), -EPERM);
    CHECK(result(mkfifo(at(kept, "pipe"), 0600)), -EPERM);
    CHECK(result(chroot(kept)), -EPERM);
    CHECK(injected(TIOCSTI, "x"), -EPERM);
    CHECK(injected(TIOCLINUX, "\x03"), -EPERM); /* pastes what is selected */
}

Test(sandbox, other_calls_are_refused) {
    in_a_child(check_calls);
}
