// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"

namespace app {
namespace {

using halftone::CompileResult;
using halftone::Status;

struct CompileFlags {
  explicit CompileFlags(CLI::App& command) {
    command.add_option("MODEL", model, "A quantized ONNX file")->required();
    command.add_option("-o,--output", output, "The new folder for the C99 project")->required()->type_name("DIR");
    command.add_option("--cpu", options.cpu, "host, aarch64, cortex-m3, cortex-m4, cortex-m7 or cortex-m55")->type_name("NAME")->capture_default_str();
    command.add_option("--name", options.name, "Of its files and functions (default: the model file's)")->type_name("NAME");
    command.add_option("--ram", options.ram_bytes, "How much there is: fail where arena, inputs and outputs, or NAME_detect(), need more")->type_name("BYTES")->check(positive());
    command.add_flag("--bands", options.bands, "Run the first layers by bands of rows, for the smallest arena (with --ram: only where needed)");
    command.add_option("--flash", options.flash_bytes, "How much there is: fail where weights, constants and code need more")->type_name("BYTES")->check(positive());
    command.add_option("--vectors", options.vectors, "How many random inputs its test has")->type_name("N")->capture_default_str()->check(between(1, 1000));
    command.add_option("--input", options.inputs, "One more input of the test, from files; NAME= may be left out where there is only one")->type_name("NAME=X.npy");
    command.add_option("--image", images, "Photos, each one more input of the test")->type_name("FILE");
    command.add_flag("--verify", options.verify, "Build it, run its test on the processor or an emulated board, and count instructions: fail where an output differs");
    command.footer(examples({"compile kws_int8.onnx -o kws --cpu cortex-m4", "compile street_int8.onnx -o street --cpu cortex-m7 --verify --ram 524288 --flash 1048576",
                             "compile net_int8.onnx -o net --name net --image frame.jpg"}));
  }
  std::string model;
  std::string output;
  std::vector<std::string> images;
  halftone::CompileOptions options;
};

std::string tensors_of(const std::vector<halftone::CompiledTensor>& tensors, const char* side) {
  std::string text;
  for (const auto& tensor : tensors)
    text += fmt::format("{}  {} {} {}{}\n", side, tensor.name, tensor.type, fmt::join(tensor.shape, "x"), tensor.channels_last ? ", channels last" : "");
  return text;
}

std::string text_of(const CompileResult& result) {
  std::string text = tensors_of(result.inputs, "input ") + tensors_of(result.outputs, "output");
  text += fmt::format("RAM     {} bytes: arena {} (at least {}), beside it {}\n", result.ram_bytes, result.arena_bytes, result.arena_lower_bound,
                      result.ram_bytes - result.arena_bytes);
  text += fmt::format("flash   {} bytes: weights {}, biases {}, other constants {}, {}\n", result.flash_bytes, result.weight_bytes, result.bias_bytes, result.constant_bytes,
                      result.code_bytes ? fmt::format("code {}", *result.code_bytes) : "code not measured");
  if (result.bands > 0) text += fmt::format("bands   {} in the first layers, where {} multiplications are done again\n", result.bands, human_count(result.extra_macs));
  return text + fmt::format("{}: {} for {}, {} multiplications a run, a test of {} inputs\n", result.output, result.name, result.cpu, human_count(result.macs),
                            result.vectors);
}

std::string text_of(const halftone::CompileVerification& verification, const CompileResult& result) {
  if (!verification.instructions) return verification.output;
  Table table({"step", "layer", "op", "kernel", "MACs", "instructions", "per MAC"});
  const auto add = [&](const std::string& step, const std::string& layer, const std::string& op, const std::string& kernel, int64_t macs, int64_t instructions) {
    const std::string share = macs > 0 ? fmt::format("{:.2f}", static_cast<double>(instructions) / static_cast<double>(macs)) : "";
    table.add({step, layer, op, kernel, std::to_string(macs), std::to_string(instructions), share});
  };
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const auto& layer = result.layers[i];
    add(std::to_string(i), layer.name, layer.op, layer.kernel, layer.macs, layer.instructions.value_or(0));
  }
  add("", "all", "", "", result.macs, *verification.instructions);
  return fmt::format("{}stack   {} bytes\nsize    text {}, data {}, bss {}\n{}", table.text(), *verification.stack_bytes, *verification.text_bytes,
                     *verification.data_bytes, *verification.bss_bytes, verification.output);
}

Status compile(Program& shared, const CompileFlags& flags) {
  halftone::CompileOptions options = flags.options;
  options.images = {flags.images.begin(), flags.images.end()};
  const auto result = halftone::compile(flags.model, flags.output, options, shared.context);
  if (!result) return result.error();
  const auto& verification = result->verification;
  const std::string text = text_of(*result) + (verification ? text_of(*verification, *result) : "");
  if (auto status = shared.show(halftone::to_json(*result), text); !status) return status;
  if (verification && !verification->identical)
    return halftone::Error{halftone::ErrorCode::kDemandNotMet, fmt::format("on {} the bundle computes something else than the session: {}", result->cpu, verification->output), {}};
  return {};
}

}  // namespace

void add_compile(CLI::App& program, Program& shared) {
  add_command<CompileFlags>(program, shared, "compile", "Turn an integer model into a C99 project without dependencies", compile);
}

}  // namespace app
