/*
 * Structs that grow with the library must have no padding: a new member would land in it, unseen
 * by sizeof, and old callers would pass garbage there.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <zkcoord/zkcoord.h>

#include <stdio.h>

struct member {
    const char *name;
    size_t offset, size;
};

#define MEMBER(type, name) #name, offsetof(type, name), sizeof(((type *)NULL)->name)
#define CHECK(type, ...) \
    check(#type, sizeof(type), (const struct member[]){__VA_ARGS__, {NULL, 0, 0}})

/* The members, listed in order, must cover the struct without a gap. */
static int check(const char *type, size_t size, const struct member *member)
{
    size_t end = 0;

    for (; member->name && member->offset == end; member++)
        end += member->size;
    if (!member->name && end == size)
        return 0;
    printf("%s: byte %zu of %zu belongs to no member listed here%s%s\n", type, end, size,
           member->name ? "; the next is " : "", member->name ? member->name : "");
    return 1;
}

int main(void)
{
    int failed = 0;

#define M(name) {MEMBER(zkc_acl, name)}
    failed += CHECK(zkc_acl, M(permissions), M(scheme), M(id));
#undef M
#define M(name) {MEMBER(zkc_options, name)}
    failed += CHECK(zkc_options, M(size), M(nodes), M(name_space), M(service), M(auth_scheme),
                    M(auth), M(acl), M(acl_count), M(session_timeout_ms), M(connect_timeout_ms),
                    M(log), M(log_arg), M(log_level));
#undef M
#define M(name) {MEMBER(zkc_lock_options, name)}
    failed += CHECK(zkc_lock_options, M(size), M(path), M(ttl_ms), M(wait_ms), M(data),
                    M(data_length), M(dialect), M(shared));
#undef M
#define M(name) {MEMBER(zkc_leader_options, name)}
    failed +=
        CHECK(zkc_leader_options, M(size), M(path), M(ttl_ms), M(data), M(data_length), M(dialect));
#undef M
#define M(name) {MEMBER(zkc_pair, name)}
    failed += CHECK(zkc_pair, M(key), M(value));
#undef M
#define M(name) {MEMBER(zkc_node, name)}
    failed += CHECK(zkc_node, M(size), M(id), M(address), M(port), M(metadata), M(metadata_count));
#undef M
#define M(name) {MEMBER(zkc_service, name)}
    failed += CHECK(zkc_service, M(size), M(name), M(version), M(metadata), M(metadata_count),
                    M(nodes), M(node_count));
#undef M
#define M(name) {MEMBER(zkc_contender, name)}
    failed += CHECK(zkc_contender, M(size), M(path), M(token), M(session), M(since_ms), M(position),
                    M(data), M(data_length), M(node), M(shared), M(holds));
#undef M
    return failed > 0;
}
