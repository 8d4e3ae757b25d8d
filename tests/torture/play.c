#define _GNU_SOURCE /* memmem, prlimit */
#include "tests/torture/play.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/obj.h"
#include "tests/torture/sim7x00_main.h"

#ifdef __SANITIZE_ADDRESS__
int __lsan_do_recoverable_leak_check(void);
void __lsan_disable(void);
void __lsan_enable(void);
#else
static void __lsan_disable(void) {
}
static void __lsan_enable(void) {
}
static int __lsan_do_recoverable_leak_check(void) {
    return 0;
}
#endif

enum {
    REST_MS = 15000,     /* of the host: it has not come to rest */
    PROBING_MS = 300000, /* the same where each allocation is a process */
    LOG_SHOWN = 4000,
    TEXT_MAX = 1 << 20, /* of a file that is judged; the rest of it is not read */
    OPTIONS = 12,
    SECOND_US = 1000000,
    ORIGIN_S = 1000, /* the clock at the start */
    ENDED_LEAKING = 90,
    ENDED_OPEN = 91,
    REFUSED = 3, /* the exit status that says so */
};

struct job {
    const struct play_plan *plan;
    struct fault_page *page;
    struct play_result *out;
    char folder[32], log[48], nvram[48], trace[48], control[48], files[48];
    const char *options[OPTIONS];
    pid_t pid;
    int pidfd;
    int status; /* waitpid's */
    bool has_begun, is_dead, is_stuck, is_lifted;
};

__attribute__((format(printf, 2, 3))) static void object(struct job *j, const char *fmt, ...) {
    if (j->out->why[0] == '\0') { /* the first is what led to the others */
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(j->out->why, PLAY_WHY, fmt, ap);
        va_end(ap);
    }
}

/* -- in the child -- */

/* How many descriptors are open; the last one's name, for who asks why. */
static int count_open(int *last) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            n++;
            *last = fd;
        }
    }
    return n;
}

static void tell_open(int fd) {
    char path[64];
    char name[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, name, sizeof name - 1);
    fprintf(stderr, "left open: %d: %.*s\n", fd, n > 0 ? (int)n : 0, name);
}

static void keep_only(int a, int b) {
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++) {
        if (fd != a && fd != b) {
            close(fd);
        }
    }
}

_Noreturn static void be_the_program(struct job *j, char **args, int out) {
    int argc = 0;
    int last = 0;
    while (args[argc] != NULL) {
        argc++;
    }
    dup2(out, STDOUT_FILENO);
    int log = open(j->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDERR_FILENO);
    keep_only(j->page->wake_fd, j->page->idle_fd);
    signal(SIGPIPE, SIG_DFL);
    optind = 0; /* getopt begins anew */
    int before = count_open(&last);
    fault_attach(j->page);
    int code = sim7x00_main(argc, args);
    fault_detach();
    fflush(stdout);
    uv_library_shutdown(); /* its pipe for signals */
    if (__lsan_do_recoverable_leak_check() != 0) {
        code = ENDED_LEAKING;
    } else if (code != REFUSED && count_open(&last) != before) { /* libuv's, if its loop failed */
        tell_open(last);
        code = ENDED_OPEN;
    }
    _exit(code);
}

/* -- the runner -- */

static pid_t start(void *ctx, char **args, int out) {
    struct job *j = ctx;
    struct fault_page *p = j->page;
    const struct play_plan *plan = j->plan;
    p->is_virtual = true;
    atomic_store(&p->now, ORIGIN_S * INT64_C(1000000000));
    atomic_store(&p->granted, atomic_load(&p->now));
    p->kind = (int)plan->kind;
    p->from = plan->n > 0 ? plan->n : UINT64_MAX;
    p->to = plan->is_ever ? UINT64_MAX : plan->n;
    p->is_limited = plan->is_ever && !plan->is_startup; /* at the start it is raised */
    p->is_probing = plan->is_probing;
    p->probe_every = plan->probe_every;
    atomic_store(&p->is_armed, plan->is_startup);
    fflush(NULL);
    __lsan_disable(); /* what backtrace loads is loaded once, here, and stays */
    backtrace(p->site, FAULT_SITE);
    __lsan_enable();
    j->pid = fork();
    if (j->pid == 0) {
        be_the_program(j, args, out);
    }
    j->pidfd = j->pid > 0 ? (int)syscall(SYS_pidfd_open, j->pid, 0) : -1;
    must(j->pidfd >= 0);
    return j->pid;
}

static int64_t now_us(void *ctx) {
    const struct job *j = ctx;
    return atomic_load(&j->page->now) / 1000;
}

static int wait_for(struct job *j, struct pollfd *fds, nfds_t n, int64_t until_us) {
    struct pollfd all[FAULT_FDS];
    must(n < FAULT_FDS);
    if (j->is_dead || j->is_stuck) {
        return -1;
    }
    if (n > 0) {
        memcpy(all, fds, n * sizeof *fds);
    }
    all[n] = (struct pollfd){.fd = j->pidfd, .events = POLLIN};
    int limit_ms = j->plan->is_probing ? PROBING_MS : REST_MS;
    int ready = fault_poll(j->page, all, n + 1, until_us * 1000, limit_ms);
    if (n > 0) {
        memcpy(fds, all, n * sizeof *fds);
    }
    if (ready < 0) {
        j->is_stuck = true;
    } else if (all[n].revents != 0) {
        j->is_dead = true;
        ready--;
    }
    return ready;
}

static int poll_it(void *ctx, struct pollfd *fds, nfds_t n, int64_t until_us) {
    struct job *j = ctx;
    if (!j->has_begun) {
        j->has_begun = true;
        wait_for(j, NULL, 0, now_us(j)); /* the opening of the tty */
        atomic_store(&j->page->is_armed, true);
    }
    return wait_for(j, fds, n, until_us);
}

/* -- whether it answers -- */

static void say(const struct transcript_driver *d, const char *text) {
    d->send(d->ctx, (const uint8_t *)text, strlen(text));
}

static bool is_answered(const struct transcript_driver *d, const char *text, int64_t for_us) {
    struct buf got;
    buf_init(&got, TRANSCRIPT_MAX);
    say(d, text);
    int64_t until_us = d->now_us(d->ctx) + for_us;
    bool is_met = false;
    while (!is_met && d->turn(d->ctx, until_us, &got)) {
        is_met = buf_len(&got) > 0 && memmem(buf_data(&got), buf_len(&got), "OK\r\n", 4) != NULL;
    }
    buf_fini(&got);
    return is_met;
}

static bool is_there(const struct transcript_driver *d) {
    return is_answered(d, "ATQ0V1\r", 2 * SECOND_US);
}

static void pass(const struct transcript_driver *d, int64_t us) {
    struct buf got;
    buf_init(&got, TRANSCRIPT_MAX);
    int64_t until_us = d->now_us(d->ctx) + us;
    while (d->turn(d->ctx, until_us, &got)) {
        buf_clear(&got);
    }
    buf_fini(&got);
}

static void reopen(const struct transcript_driver *d) {
    d->act(d->ctx, &(struct transcript_step){.kind = TRANSCRIPT_DTE, .number = 0});
    pass(d, 2 * SECOND_US);
    d->act(d->ctx, &(struct transcript_step){.kind = TRANSCRIPT_DTE, .number = 1});
}

/* What a driver does that has lost its way: it asks; it leaves a prompt, data mode, the port; it
 * waits until what runs has ended; it gives a prompt all it may want. */
static bool comes_back(const struct transcript_driver *d) {
    static char much[5000];
    memset(much, 'x', sizeof much - 1);
    if (is_there(d)) {
        return true;
    }
    say(d, "\x1b");
    if (is_there(d)) {
        return true;
    }
    pass(d, 2 * SECOND_US);
    say(d, "+++");
    pass(d, 2 * SECOND_US);
    if (is_there(d)) {
        return true;
    }
    reopen(d);
    if (is_there(d)) {
        return true;
    }
    pass(d, 300 * SECOND_US);
    if (is_there(d)) {
        return true;
    }
    say(d, much);
    return is_answered(d, "\r", SECOND_US) || is_there(d);
}

static void after(void *ctx, const struct transcript_driver *d) {
    struct job *j = ctx;
    struct fault_page *p = j->page;
    atomic_store(&p->is_armed, false);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        prlimit(j->pid, RLIMIT_NOFILE, &limit, NULL);
    }
    memcpy(j->out->counts, p->counts, sizeof p->counts);
    j->out->has_answered = !j->is_dead && !j->is_stuck && comes_back(d);
    atomic_store(&p->is_armed, !j->plan->is_ever);
}

static int reap(void *ctx, pid_t pid) {
    struct job *j = ctx;
    kill(pid, SIGTERM);
    while (!j->is_dead && !j->is_stuck) {
        wait_for(j, NULL, 0, now_us(j) + SECOND_US);
    }
    if (!j->is_dead) {
        kill(pid, SIGKILL);
    }
    must(waitpid(pid, &j->status, 0) == pid);
    return j->status;
}

/* -- what may not be -- */

static char *read_text(const char *path) {
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return NULL;
    }
    char *text = xmalloc(TEXT_MAX);
    text[fread(text, 1, TEXT_MAX - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void judge_nvram(struct job *j) {
    char path[80];
    snprintf(path, sizeof path, "%s/nvram.json.tmp", j->nvram);
    if (access(path, F_OK) == 0) {
        object(j, "nvram.json.tmp is left over");
    }
    snprintf(path, sizeof path, "%s/nvram.json", j->nvram);
    char *text = read_text(path);
    if (text == NULL) {
        return;
    }
    cJSON *tree = cJSON_ParseWithOpts(text, NULL, true);
    if (cJSON_GetObjectItemCaseSensitive(tree, "settings") == NULL ||
        cJSON_GetObjectItemCaseSensitive(tree, "version") == NULL ||
        text[strlen(text) - 1] != '\n') {
        object(j, "nvram.json is torn: %.200s", text);
    }
    cJSON_Delete(tree);
    free(text);
}

static void judge_left_overs(struct job *j) {
    char path[80];
    snprintf(path, sizeof path, "%s/modem", j->folder);
    if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        object(j, "the link is left over");
    }
    if (access(j->control, F_OK) == 0) {
        object(j, "the control socket is left over");
    }
}

/* Its last words are the ones of base/obj.c. */
static bool has_said_why(const struct job *j) {
    char *text = read_text(j->log);
    const char *last = text != NULL ? strstr(text, "sim7x00: no memory for ") : NULL;
    const char *end = last != NULL ? strchr(last, '\n') : NULL;
    bool is_said = end != NULL && end[1] == '\0';
    free(text);
    return is_said;
}

static bool has_said_nothing(const struct job *j) {
    struct stat st;
    return stat(j->log, &st) == 0 && st.st_size == 0;
}

/* The program's own `must`, or a sanitizer: they end with the same signal as libuv, which says
 * nothing. */
static bool has_said_bug(const struct job *j) {
    char *text = read_text(j->log);
    bool is_said = text != NULL &&
                   (strstr(text, ": cannot happen: ") != NULL || strstr(text, "Sanitizer") != NULL);
    free(text);
    return is_said;
}

static void judge_end(struct job *j) {
    const struct play_plan *plan = j->plan;
    int code = WIFEXITED(j->status) ? WEXITSTATUS(j->status) : -1;
    /* libuv gives up where epoll does not take a descriptor, or it has no pipe to begin with. */
    bool may_abort = (plan->kind == FAULT_EPOLL && !has_said_bug(j)) ||
                     (plan->kind == FAULT_DESCRIPTOR && plan->is_startup && has_said_nothing(j));
    if (WIFSIGNALED(j->status) && WTERMSIG(j->status) == SIGABRT && may_abort) {
        return;
    }
    if (WIFSIGNALED(j->status)) {
        object(j, "signal %d (%s)", WTERMSIG(j->status), strsignal(WTERMSIG(j->status)));
    } else if (code == ENDED_LEAKING) {
        object(j, "a leak");
    } else if (code == ENDED_OPEN) {
        object(j, "a descriptor is left open");
    } else if (code == FAULT_NO_MEMORY) {
        if (plan->kind != FAULT_ALLOC || plan->n == 0 || !has_said_why(j)) {
            object(j, "status %d, and not the line that explains it", code);
        }
    } else if (code != 0 && !(code == REFUSED && plan->is_startup && plan->n > 0)) {
        object(j, "status %d", code);
    }
}

static void judge(struct job *j, bool must_answer) {
    const struct fault_page *p = j->page;
    bool has_ended_early = !WIFEXITED(j->status) || WEXITSTATUS(j->status) != 0;
    /* Once, and then there is nobody to do it again. */
    bool may_leave = j->plan->kind == FAULT_FILE_SYSTEM && j->out->hits > 0 && !j->plan->is_ever;
    if (j->is_stuck) {
        object(j, "it does not come to rest");
    }
    judge_end(j);
    if (p->bad_probe != 0) {
        object(j, "allocation %llu: status %#x: %.300s", (unsigned long long)p->bad_probe,
               (unsigned)p->bad_status, p->bad_text);
    }
    if (must_answer && !has_ended_early && !j->out->has_answered) {
        object(j, "AT is not answered");
    }
    judge_nvram(j);
    if (!has_ended_early && !may_leave) {
        judge_left_overs(j);
    }
}

static void show(const struct job *j) {
    char *text = read_text(j->log);
    size_t n = text != NULL ? strlen(text) : 0;
    if (j->page->site_depth > 0) {
        fprintf(stderr, "the call that failed:\n");
        backtrace_symbols_fd(j->page->site, j->page->site_depth, STDERR_FILENO);
    }
    fprintf(stderr, "it said:\n%s\n",
            text != NULL ? text + (n > LOG_SHOWN && !j->plan->is_shown ? n - LOG_SHOWN : 0) : "");
    free(text);
}

/* -- the whole -- */

static void prepare(struct job *j) {
    snprintf(j->folder, sizeof j->folder, "/tmp/torture-XXXXXX");
    must(mkdtemp(j->folder) != NULL);
    snprintf(j->log, sizeof j->log, "%s/log", j->folder);
    snprintf(j->nvram, sizeof j->nvram, "%s/nvram", j->folder);
    snprintf(j->trace, sizeof j->trace, "%s/trace", j->folder);
    snprintf(j->control, sizeof j->control, "%s/control", j->folder);
    snprintf(j->files, sizeof j->files, "%s/files", j->folder);
    const char *options[] = {
        "--nvram",  j->nvram,  "--trace", j->trace, "--control",
        j->control, "--files", j->files,  "--log",  j->plan->is_shown ? "debug" : "error",
        NULL};
    memcpy(j->options, options, sizeof options);
}

static void remove_all(const char *path) {
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char child[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(child, sizeof child, "%.200s/%.255s", path, entry->d_name);
        remove_all(child);
    }
    if (dir != NULL) {
        closedir(dir);
        rmdir(path);
    } else {
        unlink(path);
    }
}

void play(const struct transcript *t, const struct play_plan *plan, bool must_answer,
          struct play_result *out) {
    struct job j = {.plan = plan, .page = fault_page_new(), .out = out, .pidfd = -1};
    memset(out, 0, sizeof *out);
    prepare(&j);
    const struct transcript_runner run = {
        .ctx = &j,
        .folder = j.folder,
        .options = j.options,
        .is_lenient = plan->n > 0,
        .start = start,
        .now_us = now_us,
        .poll = poll_it,
        .after = after,
        .reap = reap,
    };
    char *text = NULL;
    size_t size = 0;
    FILE *report = open_memstream(&text, &size);
    must(report != NULL);
    fault_watch(j.page);
    out->passed_over = transcript_play_by(t, &run, report);
    fault_watch(NULL);
    fclose(report);
    if (plan->n == 0 && out->passed_over != 0) {
        object(&j, "the dialogue goes otherwise although nothing fails");
    }
    memcpy(out->counts_with_end, j.page->counts, sizeof out->counts_with_end);
    out->hits = j.page->hits;
    out->probes = j.page->probes;
    out->nsurvivors = j.page->nsurvivors;
    memcpy(out->survivors, j.page->survivors, sizeof out->survivors);
    judge(&j, must_answer);
    if (out->why[0] != '\0' || plan->is_shown) {
        fprintf(stderr, "%s", text);
        show(&j);
    }
    free(text);
    close(j.pidfd);
    fault_page_free(j.page);
    remove_all(j.folder);
}
