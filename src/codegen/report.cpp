// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "codegen/bundle.h"
#include "codegen/parts.h"

namespace ht {
namespace {

std::string row(std::string_view what, int64_t bytes) { return fmt::format("| {} | {} |\n", what, bytes); }

constexpr std::string_view kNotMeasured = "`halftone compile --verify` measures the rest on an emulated board.";

std::string ram_text(const Design& design, const Measured* measured) {
  std::string text = "## RAM, bytes\n\n| | bytes |\n|---|---|\n";
  text += row("arena", design.memory.arena_bytes);
  if (design.detection) text += row(fmt::format("beside it for {}_detect(), which resizes frames and collects candidates", design.name()), design.ram_bytes() - design.memory.arena_bytes);
  const char* whose = design.memory.with_ports ? ", may lie in the arena" : ", the caller's";
  const std::string by_bands = fmt::format(", whose rows {}_detect() brings into the arena by bands", design.name());
  for (const Port& port : design.inputs) text += row("input " + port.name + (design.input_by_bands() ? by_bands : whose), design.plan.buffer(port.buffer).bytes());
  for (const Port& port : design.outputs) text += row("output " + port.name + whose, design.plan.buffer(port.buffer).bytes());
  if (measured) {
    text += row("variables (data and bss)", measured->data_bytes + measured->bss_bytes);
    text += row("stack, the most that a run used", measured->stack_bytes);
  } else {
    text += fmt::format("\n{}\n", kNotMeasured);
  }
  const Memory& memory = design.memory;
  text += fmt::format("\nNo arena for these steps in this order could be smaller than {} bytes", memory.lower_bound);
  if (memory.lower_bound > 0)
    text += fmt::format("; this one is {:.1f} % larger", 100.0 * static_cast<double>(memory.arena_bytes - memory.lower_bound) / static_cast<double>(memory.lower_bound));
  text += ".\n";
  if (memory.bands.bands > 0)
    text += fmt::format("\nThe first {} steps run in {} bands of rows, one after the other, so that no whole feature map of theirs is in memory; rows at the borders are computed "
                        "again, {} multiplications in all.\n",
                        memory.bands.steps, memory.bands.bands, memory.bands.extra_macs);
  return text;
}

std::string flash_text(const Design& design, const Measured* measured) {
  std::string text = "\n## Flash, bytes\n\n| | bytes |\n|---|---|\n";
  text += row("weights", design.weight_bytes);
  text += row("biases", design.bias_bytes);
  text += row("channels' multipliers", design.multiplier_bytes);
  text += row("channels' shifts, zero points and bounds, filling", design.channel_bytes);
  text += row("arrays and tables of steps without weights",
              (measured ? measured->array_bytes : design.constants->bytes()) - design.weight_bytes - design.bias_bytes - design.multiplier_bytes - design.channel_bytes);
  text += row("parameters of the steps", measured ? measured->parameter_bytes : design.parameter_bytes);
  if (!measured) return text + fmt::format("\n{}\n", kNotMeasured);
  text += row("code of the network and its kernels", measured->code_bytes);
  text += row("constants of the kernels", measured->constant_bytes);
  text += row("the compiler's library", measured->library_bytes);
  text += row("gaps", measured->padding_bytes);
  text += row("initial values of variables (data)", measured->data_bytes);
  text += row("all (text and data)", measured->text_bytes() + measured->data_bytes);
  const int64_t beside_weights = measured->text_bytes() + measured->data_bytes - design.weight_bytes;
  text += fmt::format("\nBeside the model's weights that is {} bytes, beside its weights and biases {} bytes, beside its weights, biases and multipliers {} bytes.\n", beside_weights,
                      beside_weights - design.bias_bytes, beside_weights - design.bias_bytes - design.multiplier_bytes);
  const char* for_size = sources_for_size(design).empty()
                             ? ""
                             : ", and `-Os -fno-tree-loop-distribute-patterns` for what does not multiply, as in the Makefile";
  return text + fmt::format("\nThis is what the network adds to a program that calls it and leaves out what is not called (`--gc-sections`), built with `{}`{}. `arm-none-eabi-size` "
                            "gives text {}, data {}, bss {} for the library of the Makefile linked alone.\n",
                            measured->compiler, for_size, measured->text_bytes(), measured->data_bytes, measured->bss_bytes);
}

// Instructions, and how many of them a multiplication takes; empty cells where they are not known.
std::string instructions_text(int64_t instructions, int64_t macs) {
  return macs > 0 ? fmt::format(" {} | {:.2f} |", instructions, static_cast<double>(instructions) / static_cast<double>(macs)) : fmt::format(" {} | |", instructions);
}

std::string layers_text(const Design& design, const Measured* measured) {
  std::string text = "\n## Steps\n\n| step | operator | layer | output | kernel | multiplications |";
  text += measured ? " instructions | a multiplication |\n|---|---|---|---|---|---|---|---|\n" : "\n|---|---|---|---|---|---|\n";
  int64_t macs = 0;
  for (size_t i = 0; i < design.plan.steps.size(); ++i) {
    const Step& step = design.plan.steps[i];
    text += fmt::format("| {} | {} | {} | {} | {} | {} |", i, comment_text(step.op), comment_text(step.node), type_text(design.plan.buffer(step.output)),
                        design.calls[i].kernel, step.macs);
    if (measured) text += instructions_text(measured->step_instructions[i], step.macs);
    text += "\n";
    macs += step.macs;
  }
  text += fmt::format("| | | | | all | {} |", macs);
  return measured ? text + instructions_text(measured->instructions, macs) + "\n\nInstructions are those of the test's input that took most, counted on an emulated board; they are not cycles.\n"
                  : text + "\n";
}

}  // namespace

std::string bundle_report(const Design& design, const Measured* measured) {
  std::string made = made_by(design, "");
  return fmt::format("# {}\n\n{}\n\n", design.name(), made.substr(4, made.size() - 8)) + ram_text(design, measured) + flash_text(design, measured) + layers_text(design, measured);
}

}  // namespace ht
