// SPDX-License-Identifier: Apache-2.0
#include "kernels/self_check.h"

#include "kernels/self_check_pieces.h"

namespace ht {

bool variants_agree(std::string_view kernel) {
  constexpr uint64_t kRounds = 40;
  struct Check {
    std::string_view kernel;
    bool (*run)(self_check::Random&);
  };
#define HT_CHECK(name, params) {#name, self_check::check_##name},
  static constexpr Check kChecks[] = {HT_KERNELS(HT_CHECK)};
#undef HT_CHECK
  for (const Check& check : kChecks) {
    if (check.kernel != kernel) continue;
    for (uint64_t seed = 0; seed < kRounds; ++seed) {
      self_check::Random random(seed);
      if (!check.run(random)) return false;
    }
    return true;
  }
  return false;
}

}  // namespace ht
