// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "codegen/bundle.h"
#include "codegen/parts.h"

namespace ht {
namespace {

std::string row(std::string_view what, int64_t bytes) { return fmt::format("| {} | {} |\n", what, bytes); }

std::string ram_text(const Design& design, const CodeSize* measured) {
  std::string text = "## RAM, bytes\n\n| | bytes |\n|---|---|\n";
  text += row("arena", design.memory.arena_bytes);
  for (const Port& port : design.inputs) text += row("input " + port.name + ", the caller's", design.plan.buffer(port.buffer).bytes());
  for (const Port& port : design.outputs) text += row("output " + port.name + ", the caller's", design.plan.buffer(port.buffer).bytes());
  text += row("static data", measured ? measured->static_ram_bytes : 0);
  if (measured) text += row("stack, of the deepest function and those above it", measured->stack_bytes);
  if (!measured) text += "\nThe stack was not measured, for want of a compiler for this processor.\n";
  const Memory& memory = design.memory;
  text += fmt::format("\nNo arena for these steps in this order could be smaller than {} bytes", memory.lower_bound);
  if (memory.lower_bound > 0)
    text += fmt::format("; this one is {:.1f} % larger", 100.0 * static_cast<double>(memory.arena_bytes - memory.lower_bound) / static_cast<double>(memory.lower_bound));
  return text + ".\n";
}

std::string flash_text(const Design& design, const CodeSize* measured) {
  std::string text = "\n## Flash, bytes\n\n| | bytes |\n|---|---|\n";
  text += row("weights", design.constants->bytes(ConstantKind::kWeights));
  text += row("biases, multipliers, tables", design.constants->bytes(ConstantKind::kOther));
  text += row("parameters of the steps", design.parameter_bytes);
  if (!measured) return text + "\nThe code was not measured, for want of a compiler for this processor.\n";
  text += row("constants that the compiler added, and gaps", measured->constant_bytes - design.constant_bytes());
  text += row("code", measured->code_bytes);
  text += row("all", measured->constant_bytes + measured->code_bytes);
  return text + fmt::format("\nMeasured with `{}`.\n", measured->compiler);
}

std::string layers_text(const Design& design) {
  std::string text = "\n## Steps\n\n| step | operator | layer | output | kernel | multiplications |\n|---|---|---|---|---|---|\n";
  int64_t macs = 0;
  for (size_t i = 0; i < design.plan.steps.size(); ++i) {
    const Step& step = design.plan.steps[i];
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", i, comment_text(step.op), comment_text(step.node), type_text(design.plan.buffer(step.output)),
                        design.calls[i].kernel, step.macs);
    macs += step.macs;
  }
  return text + fmt::format("| | | | | all | {} |\n", macs);
}

}  // namespace

std::string bundle_report(const Design& design, const CodeSize* measured) {
  std::string made = made_by(design, "");
  return fmt::format("# {}\n\n{}\n\n", design.name(), made.substr(4, made.size() - 8)) + ram_text(design, measured) + flash_text(design, measured) + layers_text(design);
}

}  // namespace ht
