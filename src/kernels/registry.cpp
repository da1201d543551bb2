// SPDX-License-Identifier: Apache-2.0
#include "kernels/registry.h"

#include <array>

#include "kernels/kernel_table.h"
#include "kernels/rows.h"
#if defined(__x86_64__)
#include "kernels/rows_x86.h"
#elif defined(__aarch64__)
#include "kernels/rows_arm.h"
#endif

namespace ht {
namespace {

using rows::add_variants;
using rows::Rows;
using rows::specialize;

// `fill` adds to a row what it takes from one instruction set's table.
template <class Params, class Fill>
Rows<Params> compiled(const std::array<std::string_view, 3>& names, Fill fill) {
  Rows<Params> rows{
#if defined(__x86_64__)
    fill(Kernel<Params>{.isa = Isa::kAvx512Vnni, .name = names[0], .run = nullptr}, ht_kernel_table_avx512vnni),
        fill(Kernel<Params>{.isa = Isa::kAvx2, .name = names[1], .run = nullptr}, ht_kernel_table_avx2),
#endif
        fill(Kernel<Params>{.isa = Isa::kC, .name = names[2], .run = nullptr}, ht_kernel_table_c)
  };
  add_variants(rows);
  return rows;
}

// Instruction sets of one family include those before them.
enum class Family { kNone, kX86, kArm };
Family family(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
    case Isa::kAvx512Vnni:
    case Isa::kAmx:
      return Family::kX86;
    case Isa::kNeon:
    case Isa::kDotprod:
    case Isa::kI8mm:
      return Family::kArm;
    case Isa::kC:
    case Isa::kBest:
      break;
  }
  return Family::kNone;
}

}  // namespace

#define HT_NAMES(name) \
  { name ".avx512vnni", name ".avx2", name ".c" }

#define HT_DEFINE(name, params)                                                                                          \
  std::span<const Kernel<params>> name##_kernels() {                                                                     \
    static const auto rows = compiled<params>(HT_NAMES(#name), [](Kernel<params> kernel, const ht_kernel_table& table) { \
      kernel.run = table.name;                                                                                           \
      specialize(kernel);                                                                                                \
      return kernel;                                                                                                     \
    });                                                                                                                  \
    return rows;                                                                                                         \
  }
HT_PLAIN_KERNELS(HT_DEFINE)
#undef HT_DEFINE

#define HT_DEFINE(name, params)                                                                                          \
  std::span<const Kernel<params>> name##_kernels() {                                                                     \
    static const auto rows = compiled<params>(HT_NAMES(#name), [](Kernel<params> kernel, const ht_kernel_table& table) { \
      kernel.run = table.name;                                                                                           \
      kernel.scratch = table.name##_scratch;                                                                             \
      specialize(kernel);                                                                                                \
      return kernel;                                                                                                     \
    });                                                                                                                  \
    return rows;                                                                                                         \
  }
HT_SCRATCH_KERNELS(HT_DEFINE)
#undef HT_DEFINE
#undef HT_NAMES

Isa detect_isa() {
#if defined(__x86_64__) || defined(__aarch64__)
  return rows::detect();
#else
  return Isa::kC;
#endif
}

bool isa_usable(Isa isa, Isa allowed) {
  if (isa == Isa::kC) return true;
  const auto has = [isa](Isa best) { return family(isa) == family(best) && isa <= best; };
  return has(detect_isa()) && (allowed == Isa::kBest || has(allowed));
}

Isa best_usable_isa(Isa allowed) {
  for (const Isa isa : {detect_isa(), allowed})
    if (isa != Isa::kBest && isa_usable(isa, allowed)) return isa;
  return Isa::kC;
}

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kC:
      return "c";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512Vnni:
      return "avx512vnni";
    case Isa::kAmx:
      return "amx";
    case Isa::kNeon:
      return "neon";
    case Isa::kDotprod:
      return "dotprod";
    case Isa::kI8mm:
      return "i8mm";
    case Isa::kBest:
      return "best";
  }
  return "c";
}

}  // namespace ht
