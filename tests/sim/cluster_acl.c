/*
 * ACLs of the schemes world, auth and digest.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster_parts.h"

#include <stdio.h>
#include <string.h>

static const struct acl_entry everybody = {0x1f, "world", "anyone"};
const struct acl acl_open = {1, &everybody};

/* ---- SHA-1 of one short text, for digest identities ---- */

#define SHA1_MAX 119 /* fits in two blocks */

static uint32_t turn(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round / 20) {
    case 0:
        return ((b & c) | (~b & d)) + 0x5a827999u;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1u;
    case 2:
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    default:
        return (b ^ c ^ d) + 0xca62c1d6u;
    }
}

static void sha1_block(uint32_t state[5], const unsigned char block[64])
{
    uint32_t words[80];
    uint32_t s[5];

    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        words[i] = turn(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = turn(s[0], 5) + mix(i, s[1], s[2], s[3]) + s[4] + words[i];
        s[4] = s[3];
        s[3] = s[2];
        s[2] = turn(s[1], 30);
        s[1] = s[0];
        s[0] = next;
    }
    for (unsigned i = 0; i < 5; i++)
        state[i] += s[i];
}

static void sha1(const char *text, unsigned char digest[20])
{
    uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    unsigned char blocks[128] = {0};
    size_t length = strnlen(text, SHA1_MAX);
    size_t end = length < 56 ? 64 : 128;

    memcpy(blocks, text, length);
    blocks[length] = 0x80;
    blocks[end - 2] = (unsigned char)(length * 8 >> 8);
    blocks[end - 1] = (unsigned char)(length * 8);
    for (size_t at = 0; at < end; at += 64)
        sha1_block(state, blocks + at);
    for (unsigned i = 0; i < 20; i++)
        digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const unsigned char bytes[20], char text[29])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, count = 0;
    int at = 0;

    for (int i = 0; i < 20; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            text[at++] = letters[bits >> (count - 6) & 63];
    }
    text[at++] = letters[bits << (6 - count) & 63];
    text[at++] = '=';
    text[at] = '\0';
}

const char *acl_digest(const char *user_and_password)
{
    unsigned char digest[20];
    char hash[29], text[SHA1_MAX + 32];
    size_t user = strcspn(user_and_password, ":");

    sha1(user_and_password, digest);
    base64(digest, hash);
    snprintf(text, sizeof text, "%.*s:%s", (int)user, user_and_password, hash);
    return arena_copy(text, (int)strlen(text));
}

/* ---- who may ---- */

static bool is_any_of(const struct acl_entry *entry, const struct identity *identities)
{
    for (; identities != NULL; identities = identities->next)
        if (strcmp(entry->scheme, identities->scheme) == 0 &&
            strcmp(entry->id, identities->id) == 0)
            return true;
    return false;
}

bool acl_allows(const struct acl *acl, int permission, const struct identity *identities)
{
    if (acl == &acl_open)
        return true;
    for (int i = 0; i < acl->count; i++) {
        const struct acl_entry *entry = &acl->at[i];
        if ((entry->permissions & permission) == 0)
            continue;
        if (strcmp(entry->scheme, "world") == 0 || is_any_of(entry, identities))
            return true;
    }
    return false;
}

static int count_digests(const struct identity *identities)
{
    int count = 0;

    for (; identities != NULL; identities = identities->next)
        count++;
    return count;
}

const struct acl *acl_resolve(const struct acl *acl, const struct identity *identities)
{
    int most = acl->count * (1 + count_digests(identities));
    struct acl_entry *at;
    struct acl *resolved;

    if (acl == &acl_open)
        return acl;
    at = arena_alloc((size_t)most * sizeof *at);
    resolved = arena_alloc(sizeof *resolved);
    resolved->at = at;
    for (int i = 0; i < acl->count; i++) {
        if (strcmp(acl->at[i].scheme, "auth") != 0) {
            at[resolved->count++] = acl->at[i];
            continue;
        }
        for (const struct identity *who = identities; who != NULL; who = who->next) {
            at[resolved->count].permissions = acl->at[i].permissions;
            at[resolved->count].scheme = who->scheme;
            at[resolved->count++].id = who->id;
        }
    }
    return resolved->count > 0 ? resolved : NULL;
}

static bool is_open(const struct ACL_vector *vector)
{
    return vector->count == 1 && vector->data[0].perms == 0x1f &&
           strcmp(vector->data[0].id.scheme, "world") == 0;
}

const struct acl *acl_of(const struct ACL_vector *vector)
{
    struct acl_entry *at;
    struct acl *acl;

    if (vector == NULL || is_open(vector))
        return &acl_open;
    acl = arena_alloc(sizeof *acl);
    at = arena_alloc((size_t)vector->count * sizeof *at);
    acl->at = at;
    acl->count = vector->count;
    for (int i = 0; i < vector->count; i++) {
        const struct ACL *from = &vector->data[i];
        at[i].permissions = from->perms;
        at[i].scheme = arena_copy(from->id.scheme, (int)strlen(from->id.scheme));
        at[i].id = arena_copy(from->id.id, (int)strlen(from->id.id));
    }
    return acl;
}
