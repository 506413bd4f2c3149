/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character at text, 0 if it is malformed. Never reads past a NUL. */
static size_t utf8_decode(const char *text, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text;
    uint32_t code = byte[0];
    size_t length;

    if (code < 0x80) {
        *ret_code = code;
        return 1;
    }
    if (code < 0xc0 || code >= 0xf8)
        return 0;
    length = code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
    code &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return length;
}

bool path_utf8_valid(const char *text)
{
    uint32_t code;

    while (*text != '\0') {
        size_t length = utf8_decode(text, &code);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

/* As org.apache.zookeeper.common.PathUtils, which looks at UTF-16 units: hence none above U+FFFF.
 */
static bool refused_by_server(uint32_t code)
{
    return code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) ||
           code >= 0xfff0;
}

static bool is_dots(const char *text, size_t length)
{
    return (length == 1 || length == 2) && memcmp(text, "..", length) == 0;
}

static bool component_valid(const char *text, size_t length)
{
    const char *end = text + length;
    uint32_t code;

    if (length == 0 || is_dots(text, length))
        return false;
    while (text < end) {
        size_t step = utf8_decode(text, &code);
        if (step == 0 || refused_by_server(code))
            return false;
        text += step;
    }
    return true;
}

static bool belongs_to_server(const char *path)
{
    static const char own[] = "/zookeeper";
    size_t length = sizeof own - 1;

    return strncmp(path, own, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

bool path_valid(const char *path)
{
    if (path[0] != '/' || strlen(path) > PATH_MAX_BYTES || belongs_to_server(path))
        return false;
    if (path[1] == '\0')
        return true;
    while (*path == '/') {
        size_t length = strcspn(++path, "/");
        if (!component_valid(path, length))
            return false;
        path += length;
    }
    return true;
}

static char *append(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    return out + length;
}

static char *append_escaped(char *out, const char *text, size_t length)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < length; i++) {
        unsigned byte = (unsigned char)text[i];
        *out++ = '%';
        *out++ = hex[byte >> 4];
        *out++ = hex[byte & 0x0f];
    }
    return out;
}

static char *append_encoded(char *out, const char *id)
{
    bool dots = is_dots(id, strlen(id));
    uint32_t code = 0;

    while (*id != '\0') {
        size_t length = utf8_decode(id, &code);
        if (length == 0)
            out = append_escaped(out, id, length = 1);
        else if (dots || code == '%' || code == '/' || refused_by_server(code))
            out = append_escaped(out, id, length);
        else
            out = append(out, id, length);
        id += length;
    }
    return out;
}

char *path_join(const char *name_space, const char *kind, const char *id)
{
    size_t space_length = strcmp(name_space, "/") == 0 ? 0 : strlen(name_space);
    size_t kind_length = strlen(kind);
    char *path = mem_alloc(space_length + 1 + kind_length + 1 + 3 * strlen(id) + 1);
    char *end;

    if (path == NULL)
        return NULL;
    end = append(path, name_space, space_length);
    *end++ = '/';
    end = append(end, kind, kind_length);
    *end++ = '/';
    end = append_encoded(end, id);
    *end = '\0';
    return path;
}

bool path_id_valid(const char *id)
{
    return id[0] != '\0' && strlen(id) <= PATH_ID_MAX && path_utf8_valid(id);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that an escape stands for; NUL if it is none of ours, for no id has a NUL. */
static char escaped_byte(const char *text)
{
    int high, low;

    if (text[0] != '%')
        return '\0';
    high = hex_value(text[1]);
    if (high < 0)
        return '\0';
    low = hex_value(text[2]);
    return (char)(low < 0 ? 0 : high << 4 | low);
}

static void decode(char *out, const char *component)
{
    while (*component != '\0') {
        char byte = escaped_byte(component);
        if (byte == '\0')
            byte = *component;
        else
            component += 2;
        component++;
        *out++ = byte;
    }
    *out = '\0';
}

char *path_decode_id(const char *component)
{
    size_t size = strlen(component) + 1;
    char *id = mem_alloc(size);

    if (id == NULL)
        return NULL;
    decode(id, component);
    if (!path_utf8_valid(id))
        memcpy(id, component, size);
    return id;
}

bool path_names_id(const char *component, const char *id)
{
    char encoded[3 * PATH_ID_MAX + 1];

    if (!path_id_valid(id))
        return false;
    *append_encoded(encoded, id) = '\0';
    return strcmp(encoded, component) == 0;
}

size_t path_parent_length(const char *path)
{
    return (size_t)(strrchr(path, '/') - path);
}

char *path_child(const char *parent, const char *name)
{
    size_t size = strlen(parent) + strlen(name) + 2;
    char *path = mem_alloc(size);

    if (path != NULL)
        snprintf(path, size, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
    return path;
}

char *path_under(const char *chroot, const char *path)
{
    size_t size;
    char *whole;

    if (chroot == NULL || path[1] == '\0')
        return mem_strdup(chroot == NULL ? path : chroot);
    size = strlen(chroot) + strlen(path) + 1;
    whole = mem_alloc(size);
    if (whole != NULL)
        snprintf(whole, size, "%s%s", chroot, path);
    return whole;
}
