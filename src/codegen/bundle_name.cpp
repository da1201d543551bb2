// SPDX-License-Identifier: Apache-2.0
#include "codegen/bundle_name.h"

#include <algorithm>
#include <array>

#include "codegen/c_text.h"

namespace ht {
namespace {

// The bundle's folder is searched before those of the compiler.
constexpr std::array kHeaders = {
    // C
    "ASSERT", "COMPLEX", "CTYPE", "ERRNO", "FENV", "FLOAT", "INTTYPES", "ISO646", "LIMITS", "LOCALE", "MATH", "SETJMP", "SIGNAL", "STDALIGN", "STDARG", "STDATOMIC",
    "STDBIT", "STDBOOL", "STDCKDINT", "STDDEF", "STDINT", "STDIO", "STDLIB", "STDNORETURN", "STRING", "TGMATH", "THREADS", "TIME", "UCHAR", "WCHAR", "WCTYPE",
    // what its libraries and compilers include for them
    "ALLOCA", "AVAILABILITY", "AVAILABILITYMACROS", "ENDIAN", "FCNTL", "FEATURES", "MALLOC", "MEMORY", "NEWLIB", "POLL", "PTHREAD", "REENT", "RUNETYPE", "SCHED",
    "STRINGS", "SYSLIMITS", "TARGETCONDITIONALS", "UCONTEXT", "UNISTD", "XLOCALE",
    // processors
    "ARM_ACLE", "ARM_BF16", "ARM_CMSE", "ARM_FP16", "ARM_MVE", "ARM_MVE_TYPES", "ARM_NEON", "ARM_SVE", "ARM_VECTOR_TYPES"};
constexpr std::array kTargets = {"ALL", "ALL_BUILD", "CLEAN", "DEPEND", "EDIT_CACHE", "HELP", "INSTALL", "LIST_INSTALL_COMPONENTS", "PACKAGE", "PACKAGE_SOURCE",
                                 "PREINSTALL", "REBUILD_CACHE", "RUN_TESTS", "TEST", "ZERO_CHECK"};

bool is_taken(std::string_view upper) {
  return upper == "HT" || upper.starts_with("HT_") || std::ranges::find(kHeaders, upper) != kHeaders.end() || std::ranges::find(kTargets, upper) != kTargets.end();
}

}  // namespace

std::string bundle_name(std::string_view wish) {
  const std::string name = c_identifier(wish);
  return is_taken(upper_case(name)) ? name + "_net" : name;
}

}  // namespace ht
