#include "scenarios/verdict/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/obj.h"

/* -- bytes as text -- */

/* What stands for a character where it would have a meaning. */
struct mask {
    char c;
    const char *text;
};

static const struct mask no_masks[] = {{'\0', NULL}};
static const struct mask xml_masks[] = {
    {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\0', NULL}};
static const struct mask title_masks[] = {{'#', "\\#"}, {'\0', NULL}};
static const struct mask yaml_masks[] = {{'"', "\\\""}, {'\0', NULL}};

/* A backslash of TAP or YAML is doubled, those of the escapes too. */
static bool doubles_backslash(const struct mask *masks) {
    return masks == title_masks || masks == yaml_masks;
}

static void put_char(FILE *to, char c, const struct mask *masks) {
    if (c == '\\' && doubles_backslash(masks)) {
        fputc('\\', to);
    }
    while (masks->text != NULL && masks->c != c) {
        masks++;
    }
    if (masks->text != NULL) {
        fputs(masks->text, to);
    } else {
        fputc(c, to);
    }
}

static void put_bytes(FILE *to, struct sv text, const struct mask *masks) {
    static const char *const names[32] = {['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r"};
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        char hex[8];
        const char *out = hex;
        if (c >= ' ' && c <= '~') {
            put_char(to, (char)c, masks);
            continue;
        }
        snprintf(hex, sizeof hex, "\\x%02x", c);
        if (c < 32 && names[c] != NULL) {
            out = names[c];
        }
        for (; *out != '\0'; out++) {
            put_char(to, *out, masks);
        }
    }
}

static void put_seconds(FILE *to, clk_dur at) {
    fprintf(to, "%" PRId64 ".%03" PRId64, at.us / 1000000, at.us / 1000 % 1000);
}

static void put_line(FILE *to, const struct report_line *line, const struct mask *masks) {
    put_bytes(to, sv_of(line->from), masks);
    if (line->text.n > 0) {
        fputs(": ", to);
        put_bytes(to, line->text, masks);
    }
    if (line->note != NULL) {
        fprintf(to, " [%s]", line->note);
    }
}

static size_t count(const struct report *r, enum report_outcome outcome) {
    size_t n = 0;
    for (size_t i = 0; i < r->ncases; i++) {
        n += r->cases[i].outcome == outcome;
    }
    return n;
}

/* -- for people -- */

enum {
    INSTANT = 9, /* "12345.678" */
    LEFT = 36,   /* 2 + 9 + 2 + 36, a rule of 3, 9 + 2 + 37: 100 columns */
    RIGHT = 37,
};

struct cell {
    char *instant, *text; /* NULL: blank */
    size_t width;
};

struct page {
    FILE *to;
    const struct report *r;
    bool has_colour;
    size_t next; /* line not yet shown */
};

/* A stream into *text, which is whole after fclose. No NUL is ever put: the size is not needed. */
static FILE *open_text(char **text, size_t *n) {
    FILE *to = open_memstream(text, n);
    must(to != NULL);
    return to;
}

static char *instant_of(clk_dur at) {
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_text(&text, &n);
    put_seconds(to, at);
    must(fclose(to) == 0);
    return text;
}

static struct cell remark(const char *reason) {
    struct cell c = {.width = LEFT};
    size_t n = 0;
    FILE *to = open_text(&c.text, &n);
    put_bytes(to, sv_of(reason), no_masks);
    must(fclose(to) == 0);
    return c;
}

static size_t rows_of(const struct cell *c) {
    size_t n = c->text != NULL ? strlen(c->text) : 0;
    return (n + c->width - 1) / c->width;
}

/* The nth row of a text that is longer than its column. Returns its columns. */
static size_t put_cell(FILE *to, const struct cell *c, size_t row) {
    const char *instant = row == 0 && c->instant != NULL ? c->instant : "";
    struct sv part = {"", 0};
    if (row < rows_of(c)) {
        part = sv_slice(sv_of(c->text), row * c->width, c->width);
    }
    fprintf(to, "%*s  %.*s", INSTANT, instant, SV_ARG(part));
    return part.n;
}

static void show_row(const struct page *p, bool is_marked, struct cell left, struct cell right) {
    size_t n = rows_of(&left) > rows_of(&right) ? rows_of(&left) : rows_of(&right);
    bool is_red = is_marked && p->has_colour;
    for (size_t row = 0; row < n; row++) {
        fputs(is_red ? "\033[31m" : "", p->to);
        fputs(is_marked ? "! " : "  ", p->to);
        size_t used = put_cell(p->to, &left, row);
        fprintf(p->to, "%*s |", (int)(left.width - used), "");
        if (row < rows_of(&right)) {
            fputc(' ', p->to);
            put_cell(p->to, &right, row);
        }
        fputs(is_red ? "\033[0m\n" : "\n", p->to);
    }
    free(left.instant);
    free(left.text);
    free(right.instant);
    free(right.text);
}

static struct cell nothing(size_t width) {
    return (struct cell){.width = width};
}

static struct cell came(const struct page *p, size_t line) {
    struct cell c = {.width = RIGHT, .instant = instant_of(p->r->lines[line].at)};
    size_t n = 0;
    FILE *to = open_text(&c.text, &n);
    put_line(to, &p->r->lines[line], no_masks);
    must(fclose(to) == 0);
    return c;
}

static struct cell expected(const struct report_case *c) {
    struct cell cell = {.width = LEFT};
    size_t n = 0;
    if (c->outcome == REPORT_PASSED || c->line != REPORT_NO_LINE) {
        cell.instant = instant_of(c->at);
    }
    FILE *to = open_text(&cell.text, &n);
    if (c->name != NULL) {
        fputc('[', to);
        put_bytes(to, sv_of(c->name), no_masks);
        fputs("] ", to);
    }
    put_bytes(to, sv_of(c->expected), no_masks);
    must(fclose(to) == 0);
    return cell;
}

static void show_lines(struct page *p, size_t end) {
    for (; p->next < end; p->next++) {
        show_row(p, false, nothing(LEFT), came(p, p->next));
    }
}

/* Beside the line that decided it; what has failed or was not reached without one stands beside
 * what came instead. */
static void show_case(struct page *p, const struct report_case *c) {
    struct cell right = nothing(RIGHT);
    bool is_marked = c->outcome == REPORT_FAILED;
    if (c->line != REPORT_NO_LINE) {
        show_lines(p, c->line);
    }
    bool is_beside = c->line != REPORT_NO_LINE ? p->next == c->line : c->outcome != REPORT_PASSED;
    if (is_beside && p->next < p->r->nlines) {
        right = came(p, p->next++);
    }
    show_row(p, is_marked, expected(c), right);
    if (c->reason != NULL) {
        show_row(p, is_marked, remark(c->reason), nothing(RIGHT));
    }
}

static void show_dialogue(struct page *p) {
    fprintf(p->to, "  %*s  %-*s | %*s  came\n", INSTANT, "", LEFT, "expected", INSTANT, "");
    if (p->r->nlost > 0) {
        fprintf(p->to, "  %*s  %*s | %*s  (%zu earlier lines)\n", INSTANT, "", LEFT, "", INSTANT,
                "", p->r->nlost);
    }
    for (size_t i = 0; i < p->r->ncases; i++) {
        show_case(p, &p->r->cases[i]);
    }
    show_lines(p, p->r->nlines);
}

void report_text(FILE *to, const struct report *r) {
    struct page p = {.to = to, .r = r, .has_colour = isatty(fileno(to)) == 1};
    const char *colour = r->has_passed ? "\033[32m" : "\033[31m";
    fprintf(to, "%s%s%s ", p.has_colour ? colour : "", r->has_passed ? "PASS" : "FAIL",
            p.has_colour ? "\033[0m" : "");
    put_bytes(to, sv_of(r->name), no_masks);
    if (r->ncases > 0) {
        fprintf(to, ": %zu of %zu expectation%s, ", count(r, REPORT_PASSED), r->ncases,
                r->ncases == 1 ? "" : "s");
    } else {
        fputs(": no expectations, ", to);
    }
    put_seconds(to, r->took);
    fputs(" s\n", to);
    if (r->why != NULL) {
        fputs("! ", to);
        put_bytes(to, sv_of(r->why), no_masks);
        fputc('\n', to);
    }
    if (!r->has_passed) {
        show_dialogue(&p);
    }
}

/* -- for machines -- */

static struct sv title_of(const struct report_case *c) {
    return sv_of(c->name != NULL ? c->name : c->expected);
}

/* The case for what no expectation stands for: a run without any, and a failure besides them. */
static bool has_run_case(const struct report *r) {
    return r->ncases == 0 || r->why != NULL;
}

static void put_attribute(FILE *to, const char *name, struct sv value) {
    fprintf(to, " %s=\"", name);
    put_bytes(to, value, xml_masks);
    fputc('"', to);
}

static void put_failure(FILE *to, const char *reason) {
    fputs("><failure", to);
    put_attribute(to, "message", sv_of(reason));
    fputs(" type=\"expectation\">", to);
}

static void begin_testcase(FILE *to, const struct report *r, struct sv title, clk_dur took) {
    fputs("    <testcase", to);
    put_attribute(to, "classname", sv_of(r->name));
    put_attribute(to, "name", title);
    fputs(" time=\"", to);
    put_seconds(to, took);
    fputc('"', to);
}

static void put_testcase(FILE *to, const struct report *r, const struct report_case *c) {
    begin_testcase(to, r, title_of(c), c->took);
    if (c->outcome == REPORT_PASSED) {
        fputs("/>\n", to);
    } else if (c->outcome == REPORT_NOT_REACHED) {
        fputs("><skipped message=\"not reached\"/></testcase>\n", to);
    } else {
        put_failure(to, c->reason);
        fputs("expected ", to);
        put_bytes(to, sv_of(c->expected), xml_masks);
        if (c->got.n > 0) {
            fputs("\ngot ", to);
            put_bytes(to, c->got, xml_masks);
        }
        fputs("</failure></testcase>\n", to);
    }
}

static void put_output(FILE *to, const struct report *r) {
    fputs("    <system-out>", to);
    for (size_t i = 0; i < r->nlines; i++) {
        put_seconds(to, r->lines[i].at);
        fputc(' ', to);
        put_line(to, &r->lines[i], xml_masks);
        fputc('\n', to);
    }
    fputs("</system-out>\n", to);
}

void report_junit(FILE *to, const struct report *r) {
    bool has_run = has_run_case(r);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite", to);
    put_attribute(to, "name", sv_of(r->name));
    fprintf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"",
            r->ncases + has_run, count(r, REPORT_FAILED) + (r->why != NULL),
            count(r, REPORT_NOT_REACHED));
    put_seconds(to, r->took);
    fputs("\">\n", to);
    for (size_t i = 0; i < r->ncases; i++) {
        put_testcase(to, r, &r->cases[i]);
    }
    if (has_run) {
        begin_testcase(to, r, SV("run"), r->took);
        if (r->why != NULL) {
            put_failure(to, r->why);
            fputs("</failure></testcase>\n", to);
        } else {
            fputs("/>\n", to);
        }
    }
    put_output(to, r);
    fputs("  </testsuite>\n</testsuites>\n", to);
}

static void put_yaml(FILE *to, const char *key, struct sv text) {
    fprintf(to, "  %s: \"", key);
    put_bytes(to, text, yaml_masks);
    fputs("\"\n", to);
}

static void put_diagnostics(FILE *to, const struct report_case *c) {
    fputs("  ---\n", to);
    put_yaml(to, "message", sv_of(c->reason));
    fputs("  severity: fail\n  at: ", to);
    put_seconds(to, c->at);
    fputc('\n', to);
    put_yaml(to, "expected", sv_of(c->expected));
    if (c->got.n > 0) {
        put_yaml(to, "got", c->got);
    }
    fputs("  ...\n", to);
}

void report_tap(FILE *to, const struct report *r) {
    bool has_run = has_run_case(r);
    fprintf(to, "TAP version 13\n1..%zu\n", r->ncases + has_run);
    for (size_t i = 0; i < r->ncases; i++) {
        const struct report_case *c = &r->cases[i];
        fprintf(to, "%sok %zu - ", c->outcome == REPORT_FAILED ? "not " : "", i + 1);
        put_bytes(to, title_of(c), title_masks);
        fputs(c->outcome == REPORT_NOT_REACHED ? " # SKIP not reached\n" : "\n", to);
        if (c->outcome == REPORT_FAILED) {
            put_diagnostics(to, c);
        }
    }
    if (has_run) {
        fprintf(to, "%sok %zu - run\n", r->why != NULL ? "not " : "", r->ncases + 1);
    }
    if (r->why != NULL) {
        fputs("  ---\n", to);
        put_yaml(to, "message", sv_of(r->why));
        fputs("  severity: fail\n  ...\n", to);
    }
}
