// SPDX-License-Identifier: Apache-2.0
// Functions whose body is assembly and nothing else, in which compilers see no use of the parameters. They save what they change.
#ifndef HT_NAKED_H
#define HT_NAKED_H

#define HT_NAKED __attribute__((naked, noinline)) static
#define HT_BEGIN_NAKED _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wunused-parameter\"")
#define HT_END_NAKED _Pragma("GCC diagnostic pop")

#endif
