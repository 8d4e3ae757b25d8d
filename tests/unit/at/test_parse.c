#include "emulator/at/parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char text[8192];

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *format, ...) {
    size_t n = strlen(text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text + n, sizeof text - n, format, ap);
    va_end(ap);
}

/* "NAME?", "NAME=?", "NAME=arguments": ~ left out, as typed, 'quoted'. */
static void put_command(const struct parsed *p) {
    static const char *const suffix[] = {
        [AT_EXEC] = "", [AT_READ] = "?", [AT_TEST] = "=?", [AT_WRITE] = "="};
    put("%s%s", p->name, suffix[p->form]);
    for (size_t i = 0; i < p->nargs; i++) {
        const struct at_arg *a = &p->args[i];
        const char *quote = a->kind == AT_ARG_QUOTED ? "'" : "";
        put("%s", i > 0 ? "," : "");
        if (a->kind == AT_ARG_NONE) {
            put("~");
            cr_assert_eq(a->text.n, 0);
        } else {
            put("%s%.*s%s", quote, SV_ARG(a->text), quote);
        }
    }
}

/* All commands of a line, " | " between, "!" where it cannot be read. */
static const char *parse(struct sv line) {
    struct parsed p;
    size_t pos = 0;
    text[0] = '\0';
    for (;;) {
        size_t before = pos;
        enum parse_result r = parse_next(line, &pos, &p);
        cr_assert_leq(pos, line.n);
        if (r == PARSE_END) {
            return text;
        }
        put("%s", text[0] != '\0' ? " | " : "");
        if (r == PARSE_BAD) {
            put("!");
            return text;
        }
        cr_assert_gt(pos, before);
        put_command(&p);
    }
}

struct example {
    const char *line, *want;
};

static void check(const struct example *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *got = parse(sv_of(x[i].line));
        cr_assert_str_eq(got, x[i].want, "'%s' is '%s'", x[i].line, got);
    }
}

#define CHECK(examples) check((examples), sizeof(examples) / sizeof *(examples))

Test(parse, nothing_is_no_command) {
    static const struct example examples[] = {{"", ""}, {"   ", ""}, {";", ""}, {" ; ;; ", ""}};
    CHECK(examples);
}

Test(parse, four_forms_of_an_extended_command) {
    static const struct example examples[] = {
        {"+CREG", "+CREG"},
        {"+CREG?", "+CREG?"},
        {"+CREG=?", "+CREG=?"},
        {"+CREG=1", "+CREG=1"},
        {"+creg=1", "+CREG=1"},
        {"+Creg?", "+CREG?"},
        {" +CREG ? ", "+CREG?"},
        {"+CREG =?", "+CREG=?"},
        {"+CREG= ?", "+CREG=?"},
        {"+CREG=? ", "+CREG=?"},
        {"+CREG = 1", "+CREG=1"},
        {"+CREG=", "+CREG=~"},
        {"$QCPDPP=1", "$QCPDPP=1"},
        {"^SYSINFO", "^SYSINFO"},
        {"*PSRDBS?", "*PSRDBS?"},
        {"#X", "#X"},
        {"%X=1", "%X=1"},
        {"+A-B.C/D:E_F%G!", "+A-B.C/D:E_F%G!"},
        {"+C1", "+C1"},
    };
    CHECK(examples);
}

Test(parse, question_mark_with_text_behind_it_is_an_argument) {
    static const struct example examples[] = {
        {"+X=?a", "+X=?a"}, {"+X=?,1", "+X=?,1"},     {"+X=??", "+X=??"},
        {"+X=1?", "+X=1?"}, {"+X=?;+Y", "+X=? | +Y"}, {"+X=? ;+Y", "+X=? | +Y"},
    };
    CHECK(examples);
    struct parsed p;
    size_t pos = 0;
    cr_assert_eq(parse_next(SV("+X=?"), &pos, &p), PARSE_COMMAND);
    cr_assert_eq(p.form, AT_TEST);
    pos = 0;
    cr_assert_eq(parse_next(SV("+X=?a"), &pos, &p), PARSE_COMMAND);
    cr_assert_eq(p.form, AT_WRITE);
}

Test(parse, what_is_behind_a_whole_extended_command_makes_it_bad) {
    static const struct example examples[] = {
        {"+CREG?a", "!"},  {"+CREG??", "!"},    {"+CREG?E0", "!"},   {"+CREG E0", "!"},
        {"+CREG?=1", "!"}, {"+CREG+CREG", "!"}, {"+", "!"},          {"+=1", "!"},
        {"+ CREG", "!"},   {"+?", "!"},         {"+CREG\"1\"", "!"},
    };
    CHECK(examples);
}

Test(parse, arguments_are_cut_at_commas_and_lose_their_outer_blanks) {
    static const struct example examples[] = {
        {"+X=1,2,3", "+X=1,2,3"},
        {"+X=1, 2 ,  3", "+X=1,2,3"},
        {"+X= 1 ,2 ", "+X=1,2"},
        {"+X=a b,c", "+X=a b,c"},
        {"+X=-1", "+X=-1"},
        {"+X=1=2", "+X=1=2"},
        {"+X=\"a\", \"b\"", "+X='a','b'"},
        {"+X= \"a\" , \"b\" ", "+X='a','b'"},
    };
    CHECK(examples);
}

Test(parse, arguments_may_be_left_out_anywhere) {
    static const struct example examples[] = {
        {"+X=,", "+X=~,~"},          {"+X=1,", "+X=1,~"},     {"+X=,1", "+X=~,1"},
        {"+X=1,,2", "+X=1,~,2"},     {"+X= , ,", "+X=~,~,~"}, {"+X=;+Y", "+X=~ | +Y"},
        {"+X=1,;+Y", "+X=1,~ | +Y"}, {"+X=\"\"", "+X=''"},    {"+X=\"\",,\"\"", "+X='',~,''"},
    };
    CHECK(examples);
}

Test(parse, quotes_hide_separators_and_blanks) {
    static const struct example examples[] = {
        {"+X=\"a;b\"", "+X='a;b'"},         {"+X=\"a,b\",c", "+X='a,b',c"},
        {"+X=\" a \"", "+X=' a '"},         {"+X=\"=?\"", "+X='=?'"},
        {"+X=\";+Y\";+Y", "+X=';+Y' | +Y"}, {"+X=\"a\\b\"", "+X='a\\b'"},
        {"+X=\"it's\"", "+X='it's'"},
    };
    CHECK(examples);
}

Test(parse, quotes_that_are_not_a_whole_argument_are_bad) {
    static const struct example examples[] = {
        {"+X=\"a", "!"},        {"+X=\"", "!"},         {"+X=1,\"a", "!"},       {"+X=\"a\"b", "!"},
        {"+X=\"a\" b", "!"},    {"+X=\"a\"\"b\"", "!"}, {"+X=a\"b\"", "!"},      {"+X=a\"", "!"},
        {"+X=\"a\\\"b\"", "!"}, {"+X=\"a;+Y", "!"},     {"+Y;+X=\"a", "+Y | !"},
    };
    CHECK(examples);
}

Test(parse, a_quoted_string_may_have_a_mark_in_front) {
    static const struct example examples[] = {
        {"+X={non-ascii}\"41\"", "+X={non-ascii}\"41\""},
        {"+X=1, {m}\"a,;b\" ,2", "+X=1,{m}\"a,;b\",2"},
        {"+X={m}\"\";+Y", "+X={m}\"\" | +Y"},
        {"+X={}\"a\"", "+X={}\"a\""},
        {"+X={m}", "+X={m}"},
        {"+X={m}a", "+X={m}a"},
        {"+X={", "+X={"},
        {"+X={m}\"", "!"},
        {"+X={m}\"a", "!"},
        {"+X={m}\"a\"b", "!"},
        {"+X={m}\"a\"\"b\"", "!"},
        {"+X={m} \"a\"", "!"},
        {"+X=x{m}\"a\"", "!"},
    };
    CHECK(examples);
}

Test(parse, basic_commands_follow_each_other_with_or_without_blanks) {
    static const struct example examples[] = {
        {"E0", "E=0"},
        {"e", "E"},
        {"E0V1", "E=0 | V=1"},
        {"EV", "E | V"},
        {"E0 V1  Q0", "E=0 | V=1 | Q=0"},
        {"&F", "&F"},
        {"&F0&W", "&F=0 | &W"},
        {"&c1", "&C=1"},
        {"\\V1", "\\V=1"},
        {"I3", "I=3"},
        {"H", "H"},
        {"Z0", "Z=0"},
        {"X123", "X=123"},
        {"Q0 V1 E1 S0=0 &C1 &D2 +FCLASS=0", "Q=0 | V=1 | E=1 | S0=0 | &C=1 | &D=2 | +FCLASS=0"},
    };
    CHECK(examples);
}

Test(parse, extended_command_stands_right_behind_basic_ones) {
    static const struct example examples[] = {
        {"E0V1+CMEE=2;+CREG?", "E=0 | V=1 | +CMEE=2 | +CREG?"},
        {"E0+CSQ", "E=0 | +CSQ"},
        {"Z+CSQ", "Z | +CSQ"},
        {"S0=0+CSQ", "S0=0 | +CSQ"},
        {"&F+CSQ", "&F | +CSQ"},
    };
    CHECK(examples);
}

Test(parse, semicolons_may_lead_trail_and_repeat) {
    static const struct example examples[] = {
        {"+A;+B", "+A | +B"},
        {"+A;", "+A"},
        {"+A;;+B", "+A | +B"},
        {";+A", "+A"},
        {"+A; ; +B;", "+A | +B"},
        {"E0;V1", "E=0 | V=1"},
        {"E0;+A", "E=0 | +A"},
        {"+A;E0", "+A | E=0"},
        {"+A=1;E0V1", "+A=1 | E=0 | V=1"},
        {"+CMEE=1;+CREG=2", "+CMEE=1 | +CREG=2"},
    };
    CHECK(examples);
}

Test(parse, s_parameters_are_named_with_their_number) {
    static const struct example examples[] = {
        {"S0=0", "S0=0"},
        {"s3?", "S3?"},
        {"S10=15", "S10=15"},
        {"S007=1", "S7=1"},
        {"S00?", "S0?"},
        {"S3=?", "S3=?"},
        {"S3", "S3"},
        {"S0 = 3", "S0=3"},
        {"S0=", "S0=~"},
        {"S3?S4?", "S3? | S4?"},
        {"S0=1S7=2", "S0=1 | S7=2"},
        {"S255=1", "S255=1"},
        {"S", "!"},
        {"S=1", "!"},
        {"S1234=1", "!"},
        {"S?", "!"},
    };
    CHECK(examples);
}

Test(parse, dial_string_runs_to_its_semicolon_or_the_end) {
    static const struct example examples[] = {
        {"DT*99#", "D=T*99#"},
        {"D*99***1#", "D=*99***1#"},
        {"dT123;", "D=T123;"},
        {"D123;+CSQ", "D=123; | +CSQ"},
        {"D123;;+CSQ", "D=123; | +CSQ"},
        {"D>\"a;b\";H", "D=>\"a;b\"; | H"},
        {"D", "D"},
        {"D ", "D"},
        {"E0D1", "E=0 | D=1"},
        {"D+49 30 1,2", "D=+49 30 1,2"},
        {"&D2", "&D=2"},
    };
    CHECK(examples);
}

Test(parse, what_begins_no_command_is_bad) {
    static const struct example examples[] = {
        {"1", "!"},       {"?", "!"},          {"=1", "!"},     {"\"", "!"},   {",", "!"},
        {"&", "!"},       {"\\", "!"},         {"&1", "!"},     {"&+", "!"},   {"@X", "!"},
        {"E=0", "E | !"}, {"E0,1", "E=0 | !"}, {"E?", "E | !"}, {"\xff", "!"},
    };
    CHECK(examples);
}

Test(parse, name_has_a_limit) {
    cr_assert_str_eq(parse(SV("+ABCDEFGHIJKLMNOPQRSTUV")), "+ABCDEFGHIJKLMNOPQRSTUV");
    cr_assert_str_eq(parse(SV("+ABCDEFGHIJKLMNOPQRSTUVW")), "!");
}

/* "+X=1,1,...": n arguments. */
static struct sv many_arguments(size_t n) {
    static char line[512];
    size_t at = (size_t)snprintf(line, sizeof line, "+X=1");
    for (size_t i = 1; i < n; i++) {
        at += (size_t)snprintf(line + at, sizeof line - at, ",1");
    }
    return sv_of(line);
}

Test(parse, arguments_have_a_limit) {
    struct parsed p;
    size_t pos = 0;
    cr_assert_eq(parse_next(many_arguments(LIMIT_ARGS), &pos, &p), PARSE_COMMAND);
    cr_assert_eq(p.nargs, LIMIT_ARGS);
    pos = 0;
    cr_assert_eq(parse_next(many_arguments(LIMIT_ARGS + 1), &pos, &p), PARSE_BAD);
}

Test(parse, commands_are_counted_up_to_the_first_bad_one) {
    cr_assert_eq(parse_count(SV("")), 0);
    cr_assert_eq(parse_count(SV("E0V1+A;+B=\"x;y\";;+C")), 5);
    cr_assert_eq(parse_count(SV("E0V1+A?x;+B")), 2);
    char line[64];
    memset(line, 'E', sizeof line);
    cr_assert_eq(parse_count((struct sv){line, 39}), 39);
    cr_assert_eq(parse_count((struct sv){line, 40}), 40);
}

Test(parse, reads_nothing_behind_the_line) {
    static const char all[] = "+X=\"ab\",c;E0";
    cr_assert_str_eq(parse((struct sv){all, 3}), "+X=~");
    cr_assert_str_eq(parse((struct sv){all, 6}), "!");
    cr_assert_str_eq(parse((struct sv){all, 7}), "+X='ab'");
    cr_assert_str_eq(parse((struct sv){all, 11}), "+X='ab',c | E");
}
