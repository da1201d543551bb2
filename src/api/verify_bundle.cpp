// SPDX-License-Identifier: Apache-2.0
#include "api/verify_bundle.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "boards/run.h"

namespace ht {
namespace {

Measured measured(const Board& board, const BoardRun& run, size_t steps) {
  const Footprint& footprint = run.footprint;
  Measured result;
  result.compiler = fmt::format("{} {} {}", board.cpu->compiler, board.cpu->flags, fmt::join(kBundleFlags, " "));
  result.code_bytes = footprint.code;
  result.library_bytes = footprint.library;
  result.array_bytes = footprint.arrays;
  result.parameter_bytes = footprint.parameters;
  result.constant_bytes = footprint.constants;
  result.padding_bytes = footprint.padding;
  result.data_bytes = footprint.data;
  result.bss_bytes = footprint.bss;
  result.stack_bytes = run.stack_bytes;
  result.instructions = run.instructions;
  result.step_instructions = run.step_instructions;
  result.step_instructions.resize(steps);  // the last ones may have no kernel to call
  return result;
}

void add(const Measured& measured, halftone::CompileResult& result) {
  auto& verification = *result.verification;
  verification.instructions = measured.instructions;
  verification.stack_bytes = measured.stack_bytes;
  verification.text_bytes = measured.text_bytes();
  verification.data_bytes = measured.data_bytes;
  verification.bss_bytes = measured.bss_bytes;
  for (size_t i = 0; i < result.layers.size(); ++i) result.layers[i].instructions = measured.step_instructions[i];
  result.flash_bytes = measured.text_bytes() + measured.data_bytes;
  result.constant_bytes = measured.array_bytes + measured.parameter_bytes - result.weight_bytes - result.bias_bytes;
  result.code_bytes = result.flash_bytes - result.constant_bytes - result.weight_bytes - result.bias_bytes;
  result.ram_bytes += measured.data_bytes + measured.bss_bytes;
}

}  // namespace

Status can_verify(const Design& design) {
  HT_ASSIGN(const Board board, find_board(design.options.cpu->name));
  return check_tools(board);
}

Status verify_bundle(const Design& design, const std::filesystem::path& folder, const std::filesystem::path& report, halftone::CompileResult& result,
                     const Context& context) {
  HT_ASSIGN(const Board board, find_board(design.options.cpu->name));
  HT_ASSIGN(const BoardRun run, run_on_board({folder, design.name(), sources_for_size(design)}, board, context));
  result.verification = halftone::CompileVerification{run.identical, run.output, {}, {}, {}, {}, {}};
  if (!board.is_bare() || !run.identical) return {};
  const Measured figures = measured(board, run, design.plan.steps.size());
  add(figures, result);
  return write_file(report, bundle_report(design, &figures));
}

}  // namespace ht
