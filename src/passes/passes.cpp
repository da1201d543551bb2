// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"

#include <algorithm>

#include "ops/ops.h"

namespace ht {
namespace {

constexpr Pass kPasses[] = {
    {"constant-folding", constant_folding},
    {"dead-code", dead_code},
    {"movement-cleanup", movement_cleanup},
    {"batch-norm-folding", batch_norm_folding},
    {"activation-recognition", activation_recognition},
    {"pad-fusion", pad_fusion},
};

Status check_name(std::string_view name) {
  if (std::ranges::find(kPasses, name, &Pass::name) != std::end(kPasses)) return {};
  std::string known;
  for (const Pass& pass : kPasses) known += fmt::format("{}{}", known.empty() ? "" : ", ", pass.name);
  return usage_error("there is no pass '{}'; the passes are {}", name, known);
}

}  // namespace

std::span<const Pass> passes() { return kPasses; }

Status run_passes(Graph& graph, const PassOptions& options) {
  for (const std::string& name : options.disabled) HT_TRY(check_name(name));
  if (!options.dump_after.empty()) HT_TRY(check_name(options.dump_after));
  for (const Pass& pass : kPasses) {
    if (options.cancelled && options.cancelled->load(std::memory_order_relaxed)) return interrupted();
    if (!options.disabled.contains(std::string(pass.name))) {
      const auto changed = pass.run(graph);
      if (!changed) return Error(changed.error()).in(fmt::format("pass {}", pass.name));
      if (auto status = *changed ? verify(graph) : Status(); !status)
        return std::move(status.error()).in(fmt::format("after pass {}", pass.name));
    }
    if (options.on_dump && options.dump_after == pass.name) options.on_dump(pass.name, graph);
  }
  return {};
}

}  // namespace ht
