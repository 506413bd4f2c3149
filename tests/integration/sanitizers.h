/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this is built with a sanitizer, gcc's or clang's: WITH_ASAN and WITH_TSAN are 1 or 0. */
#ifndef ZKC_TESTS_SANITIZERS_H
#define ZKC_TESTS_SANITIZERS_H

#ifndef __has_feature
#define __has_feature(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WITH_ASAN 1
#else
#define WITH_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#else
#define WITH_TSAN 0
#endif

#endif
