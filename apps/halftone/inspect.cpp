// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"

namespace app {
namespace {

using halftone::InspectResult;
using halftone::Status;

struct InspectOptions {
  explicit InspectOptions(CLI::App& command) : load(command) {
    command.add_option("FILE", file, "An ONNX model, or statistics from `calibrate`")->required();
    command.add_flag("--per-layer", per_layer, "A row for every layer");
    command.footer(examples({"inspect yolox_nano.onnx", "inspect yolox_int8.onnx --per-layer", "inspect yolox.stats --json",
                             "inspect yolov5n.onnx --input-shape 1,3,640,640"}));
  }
  std::string file;
  bool per_layer = false;
  LoadFlags load;
};

std::string shape_text(const std::vector<int64_t>& shape) { return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x")); }

std::string summary_of(const InspectResult& result) {
  std::string text = fmt::format("{}: {}, {}\n", result.path, result.kind, human_bytes(result.bytes));
  if (result.kind == "statistics") return text + fmt::format("{} samples\n", result.images);
  for (const auto& input : result.inputs) text += fmt::format("input   {} {} {}\n", input.name, input.type, shape_text(input.shape));
  for (const auto& output : result.outputs) text += fmt::format("output  {} {} {}\n", output.name, output.type, shape_text(output.shape));
  text += fmt::format("{} parameters, {} multiplications a run, {} conversions\n", human_count(result.parameters), human_count(result.macs),
                      result.conversions);
  if (!result.task || result.task->head.empty()) return text + "head    none found\n";
  text += fmt::format("head    {}", result.task->head);
  if (!result.task->strides.empty()) text += fmt::format(", strides {}", fmt::join(result.task->strides, ", "));
  text += '\n';
  return text;
}

std::string operators_of(const InspectResult& result) {
  Table table({"operator", "count"});
  for (const auto& row : result.operators) table.add({row.op, std::to_string(row.count)});
  return table.empty() ? "" : "\n" + table.text();
}

std::string layers_of(const InspectResult& result) {
  Table table({"layer", "operator", "output", "parameters", "MACs"});
  for (const auto& layer : result.layers)
    table.add({layer.name, layer.op, layer.output, std::to_string(layer.parameters), std::to_string(layer.macs)});
  return table.empty() ? "" : "\n" + table.text();
}

std::string ranges_of(const InspectResult& result) {
  Table table({"value", "type", "channels", "min", "max", "scale", "zero point"});
  for (const auto& range : result.ranges)
    table.add({range.name, range.type, std::to_string(range.channels), fmt::format("{:.5g}", range.min), fmt::format("{:.5g}", range.max),
               range.scale ? fmt::format("{:.5g}", *range.scale) : "", range.zero_point ? std::to_string(*range.zero_point) : ""});
  return table.empty() ? "" : "\n" + table.text();
}

std::string refusals_of(const InspectResult& result) {
  Table table({"not supported", "operator", "reason"});
  for (const auto& refusal : result.unsupported) table.add({refusal.name, refusal.op, refusal.reason});
  return table.empty() ? "" : "\n" + table.text();
}

halftone::Result<InspectResult> inspect_file(Program& shared, const InspectOptions& options) {
  if (!is_model_file(options.file)) {
    auto statistics = halftone::Statistics::load(options.file);
    if (!statistics) return statistics.error();
    return statistics->inspect();
  }
  auto model = halftone::Model::load(options.file, options.load.options(), shared.context);
  if (!model) return model.error();
  return model->inspect();
}

Status inspect(Program& shared, const InspectOptions& options) {
  const auto result = inspect_file(shared, options);
  if (!result) return result.error();
  std::string text = summary_of(*result) + operators_of(*result);
  if (options.per_layer) text += layers_of(*result);
  return shared.show(halftone::to_json(*result), text + ranges_of(*result) + refusals_of(*result));
}

}  // namespace

void add_inspect(CLI::App& program, Program& shared) {
  add_command<InspectOptions>(program, shared, "inspect", "Show what a model or a file of statistics holds", inspect);
}

}  // namespace app
