/* log.h: what the program says about itself, on stderr and in a small ring.
 *
 * Lines carry the modem's time (log_set_clock), a category, a level and the
 * name of the object. The newest lines are kept in memory whatever the level,
 * so that a failed `must` can show what led to it.
 *
 * Borrows: the clock given to log_set_clock, until it is set to NULL.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct clk;

/* One category a folder or subsystem; the name is what the log line shows. */
#define LOG_CATEGORIES(X)                                                                          \
    X(LOG_MAIN, "main")                                                                            \
    X(LOG_PTY, "pty")                                                                              \
    X(LOG_AT, "at")                                                                                \
    X(LOG_NET, "net")                                                                              \
    X(LOG_MODEL, "model")                                                                          \
    X(LOG_CMD, "cmd")                                                                              \
    X(LOG_PEER, "peer")                                                                            \
    X(LOG_STAGE, "stage")                                                                          \
    X(LOG_CONTROL, "control")

enum log_category {
#define X(id, name) id,
    LOG_CATEGORIES(X)
#undef X
};

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* Most detailed level that reaches stderr; LOG_WARN at the start. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

/* Level by name ("error" ... "trace"). -EINVAL: no such level. */
int log_level_parse(const char *name, enum log_level *out);

/* JSON lines instead of text. */
void log_set_json(bool on);
void log_set_clock(const struct clk *clk);

/* What acts on a terminal is spelt out ("\x1b"): a line may quote a driver or a peer. */
void log_write(enum log_category cat, enum log_level level, const char *obj, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Bytes as text with escapes, at LOG_TRACE only. `dir` is "<" or ">". */
void log_bytes(enum log_category cat, const char *obj, const char *dir, const void *p, size_t n);

/* As a JSON string, with its quotes. */
void log_json_string(FILE *to, const char *s);

/* The newest lines of any level, oldest first. */
void log_dump_recent(FILE *to);

#define LOG(cat, level, obj, ...) log_write((cat), (level), (obj), __VA_ARGS__)

#endif
