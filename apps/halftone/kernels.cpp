// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "command.h"

namespace app {
namespace {

using halftone::KernelsResult;
using halftone::Status;

struct KernelsFlags {
  explicit KernelsFlags(CLI::App& command) {
    command.add_flag("--check", check, "Compare every variant with the reference, bit for bit");
    command.footer(examples({"kernels", "kernels --check --isa avx2"}));
  }
  bool check = false;
};

std::string text_of(const KernelsResult& result, bool checked) {
  Table table(checked ? std::vector<std::string>{"operation", "chosen", "variants", "equal"}
                      : std::vector<std::string>{"operation", "chosen", "variants"});
  for (const auto& kernel : result.kernels) {
    std::vector<std::string> row = {kernel.operation, kernel.chosen, fmt::format("{}", fmt::join(kernel.variants, ", "))};
    if (checked) row.push_back(kernel.equal == true ? "yes" : "NO");
    table.add(row);
  }
  return fmt::format("this machine has {}, {} is used\n\n", result.detected_isa, result.allowed_isa) + table.text();
}

Status kernels(Program& shared, const KernelsFlags& flags) {
  const auto result = halftone::kernels({flags.check}, shared.context);
  if (!result) return result.error();
  if (auto status = shared.show(halftone::to_json(*result), text_of(*result, flags.check)); !status) return status;
  const bool differs =
      std::any_of(result->kernels.begin(), result->kernels.end(), [](const auto& kernel) { return kernel.equal == false; });
  if (differs) return halftone::Error{halftone::ErrorCode::kDemandNotMet, "a kernel differs from its reference", {}};
  return {};
}

}  // namespace

void add_kernels(CLI::App& program, Program& shared) {
  add_command<KernelsFlags>(program, shared, "kernels", "Show the instruction sets and which variant serves each operation",
                            kernels);
}

}  // namespace app
