#include "emulator/nvram_wifi.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/obj.h"
#include "emulator/model/wifi.h"
#include "emulator/nvram_text.h"

/* A member of a struct. */
struct field {
    const char *key;
    enum { FLAG, NUMBER, TEXT } type;
    size_t at, size;
};

#define FIELD(type, of, member)                                                                    \
    { #member, type, offsetof(struct of, member), MEMBER_SIZE(of, member) }
#define MEMBER_SIZE(of, member) sizeof(((struct of *)NULL)->member)

static const struct field config_fields[] = {
    FIELD(FLAG, wifi_config, is_on),      FIELD(NUMBER, wifi_config, mode),
    FIELD(NUMBER, wifi_config, selected), FIELD(TEXT, wifi_config, ssid),
    FIELD(TEXT, wifi_config, password),   FIELD(NUMBER, wifi_config, port),
    FIELD(FLAG, wifi_config, is_manual),  {0},
};
static const struct field point_fields[] = {
    FIELD(TEXT, wifi_point, ssid),
    FIELD(FLAG, wifi_point, is_told),
    FIELD(NUMBER, wifi_point, auth),
    FIELD(NUMBER, wifi_point, encrypt),
    FIELD(TEXT, wifi_point, password),
    FIELD(NUMBER, wifi_point, standard),
    FIELD(NUMBER, wifi_point, channel),
    FIELD(FLAG, wifi_point, is_isolated),
    {0},
};

static bool are_same(const struct field *f, const void *a, const void *b) {
    for (; f->key != NULL; f++) {
        const char *p = (const char *)a + f->at;
        const char *q = (const char *)b + f->at;
        if (f->type == TEXT ? strcmp(p, q) != 0 : memcmp(p, q, f->size) != 0) {
            return false;
        }
    }
    return true;
}

bool nvram_wifi_is_same(const struct wifi_config *a, const struct wifi_config *b) {
    /* Asked for each module in each turn of the loop: mostly not a byte has changed. */
    if (memcmp(a, b, sizeof *a) == 0) {
        return true;
    }
    bool is_same = are_same(config_fields, a, b);
    for (size_t i = 0; i < WIFI_POINTS; i++) {
        is_same &= are_same(point_fields, &a->points[i], &b->points[i]);
    }
    return is_same;
}

static void add_fields(cJSON *to, const struct field *f, const void *from) {
    for (; f->key != NULL; f++) {
        const char *p = (const char *)from + f->at;
        char *chars = NULL;
        int number = 0;
        switch (f->type) {
        case FLAG:
            cJSON_AddBoolToObject(to, f->key, *(const bool *)p);
            break;
        case NUMBER:
            memcpy(&number, p, sizeof number);
            cJSON_AddNumberToObject(to, f->key, number);
            break;
        case TEXT:
            chars = nvram_text_chars(p);
            cJSON_AddStringToObject(to, f->key, chars);
            free(chars);
            break;
        }
    }
}

void nvram_wifi_add(struct cJSON *tree, const struct wifi_config *cfg) {
    if (nvram_wifi_is_same(cfg, &wifi_factory)) {
        return;
    }
    cJSON *wifi = cJSON_AddObjectToObject(tree, "wifi");
    add_fields(wifi, config_fields, cfg);
    cJSON *points = cJSON_AddArrayToObject(wifi, "points");
    for (size_t i = 0; i < WIFI_POINTS; i++) {
        cJSON *point = cJSON_CreateObject();
        must(cJSON_AddItemToArray(points, point));
        add_fields(point, point_fields, &cfg->points[i]);
    }
}

static int read_text(const cJSON *item, char *to, size_t size) {
    char *bytes = cJSON_IsString(item) ? nvram_text_bytes(item->valuestring) : NULL;
    int err = bytes != NULL ? sv_copy(sv_of(bytes), to, size) : -EINVAL;
    free(bytes);
    return err;
}

static int read_field(const struct field *f, const cJSON *item, void *to) {
    char *p = (char *)to + f->at;
    bool is_number = cJSON_IsNumber(item) && item->valueint == item->valuedouble;
    switch (f->type) {
    case FLAG:
        *(bool *)p = cJSON_IsTrue(item) != 0;
        return cJSON_IsBool(item) ? 0 : -EINVAL;
    case NUMBER:
        memcpy(p, &item->valueint, sizeof item->valueint);
        return is_number ? 0 : -EINVAL;
    case TEXT:
        return read_text(item, p, f->size);
    }
    return -EINVAL;
}

static int read_fields(const cJSON *values, const struct field *f, void *to) {
    for (; f->key != NULL; f++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(values, f->key);
        if (item != NULL && read_field(f, item, to) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

int nvram_wifi_read(const struct cJSON *values, struct wifi_config *cfg) {
    memcpy(cfg, &wifi_factory, sizeof *cfg);
    int err = read_fields(values, config_fields, cfg);
    const cJSON *point = NULL;
    size_t n = 0;
    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(values, "points")) {
        if (err != 0 || n == WIFI_POINTS) {
            return -EINVAL;
        }
        err = read_fields(point, point_fields, &cfg->points[n++]);
    }
    return err;
}
