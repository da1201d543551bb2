// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"

namespace app {
namespace {

using halftone::InspectResult;
using halftone::RangeInfo;
using halftone::Status;

struct InspectOptions {
  explicit InspectOptions(CLI::App& command) : load(command) {
    command.add_option("FILE", file, "An ONNX model, or statistics from `calibrate`")->required();
    command.add_flag("--per-layer", per_layer, "A row for every layer: shapes, work, bytes as float and as they are, ranges, kernels");
    command.add_option("--stats", statistics, "Show too what calibration saw of each value")->type_name("STATS");
    csv_option = command.add_option("--csv", csv, "Write a row for every layer, or value of statistics, into FILE or instead of all else")
                     ->type_name("FILE")
                     ->expected(0, 1);
    command.footer(examples({"inspect yolox_nano.onnx", "inspect yolox_int8.onnx --per-layer --stats yolox.stats", "inspect yolox.stats --json",
                             "inspect yolox_int8.onnx --csv layers.csv"}));
  }
  std::string file;
  bool per_layer = false;
  std::string statistics;
  std::string csv;
  CLI::Option* csv_option = nullptr;
  LoadFlags load;
};

std::string shape_text(const std::vector<int64_t>& shape) { return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x")); }

std::string summary_of(const InspectResult& result) {
  std::string text = fmt::format("{}: {}, {}\n", result.path, result.kind, human_bytes(result.bytes));
  if (result.kind == "statistics") return text + fmt::format("{} samples\n", result.images);
  for (const auto& input : result.inputs) text += fmt::format("input   {} {} {}\n", input.name, input.type, shape_text(input.shape));
  for (const auto& output : result.outputs) text += fmt::format("output  {} {} {}\n", output.name, output.type, shape_text(output.shape));
  text += fmt::format("{} parameters, {} as f32, {} here; {} multiplications a run, {} conversions\n", human_count(result.parameters),
                      human_bytes(4 * result.parameters), human_bytes(result.weight_bytes), human_count(result.macs), result.conversions);
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

std::string short_text(const std::optional<double>& number) { return number ? fmt::format("{:.4g}", *number) : ""; }

std::string range_text(const std::optional<double>& least, const std::optional<double>& greatest) {
  return least && greatest ? fmt::format("{:.4g} .. {:.4g}", *least, *greatest) : "";
}

std::string layers_of(const InspectResult& result) {
  Table table({"layer", "operator", "output", "parameters", "bytes f32", "bytes", "MACs", "MACs/byte", "weights", "bits", "range", "seen", "bits", "kernel"});
  for (const auto& layer : result.layers) {
    const auto weights = layer.weights.value_or(RangeInfo()), range = layer.range.value_or(RangeInfo());
    table.add({layer.name, layer.op, layer.output, std::to_string(layer.parameters), std::to_string(layer.float_bytes), std::to_string(layer.bytes),
               std::to_string(layer.macs), fmt::format("{:.1f}", layer.intensity), layer.weights ? range_text(weights.min, weights.max) : "",
               short_text(weights.bits_used), layer.range ? range_text(range.min, range.max) : "", range_text(range.observed_min, range.observed_max),
               short_text(range.bits_used), layer.kernel});
  }
  return table.empty() ? "" : "\n" + table.text();
}

std::string ranges_of(const InspectResult& result) {
  Table table({"value", "type", "channels", "min", "max", "scale", "zero point", "seen", "mean", "rms", "bits used"});
  for (const auto& range : result.ranges)
    table.add({range.name, range.type, std::to_string(range.channels), fmt::format("{:.5g}", range.min), fmt::format("{:.5g}", range.max),
               range.scale ? fmt::format("{:.5g}", *range.scale) : "", range.zero_point ? std::to_string(*range.zero_point) : "",
               range_text(range.observed_min, range.observed_max), short_text(range.mean), short_text(range.rms), short_text(range.bits_used)});
  return table.empty() ? "" : "\n" + table.text();
}

std::string refusals_of(const InspectResult& result) {
  Table table({"not supported", "operator", "reason"});
  for (const auto& refusal : result.unsupported) table.add({refusal.name, refusal.op, refusal.reason});
  return table.empty() ? "" : "\n" + table.text();
}

halftone::Result<InspectResult> inspect_model(Program& shared, const InspectOptions& options) {
  auto model = halftone::Model::load(options.file, options.load.options(), shared.context);
  if (!model) return model.error();
  halftone::InspectOptions how;
  how.kernels = options.per_layer || options.csv_option->count() > 0;
  if (options.statistics.empty()) return model->inspect(how, shared.context);
  const auto statistics = halftone::Statistics::load(options.statistics);
  if (!statistics) return statistics.error();
  how.statistics = &*statistics;
  return model->inspect(how, shared.context);
}

halftone::Result<InspectResult> inspect_file(Program& shared, const InspectOptions& options) {
  if (is_model_file(options.file)) return inspect_model(shared, options);
  if (!options.statistics.empty()) return usage("--stats goes with a model");
  auto statistics = halftone::Statistics::load(options.file);
  if (!statistics) return statistics.error();
  return statistics->inspect();
}

Status inspect(Program& shared, const InspectOptions& options) {
  if (shared.json && options.csv_option->count() > 0 && options.csv.empty())
    return usage("--csv without a name prints rows in place of the JSON document; name a FILE for them");
  if (auto status = check_output("--csv", options.csv, {options.file, options.statistics}); !status) return status;
  const auto result = inspect_file(shared, options);
  if (!result) return result.error();
  if (options.csv_option->count() > 0) {
    const std::string csv = halftone::to_csv(*result);
    if (options.csv.empty()) return print(csv);
    if (auto status = halftone::write_text(options.csv, csv); !status) return status;
  }
  std::string text = summary_of(*result) + operators_of(*result);
  if (options.per_layer) text += layers_of(*result);
  return shared.show(halftone::to_json(*result), text + ranges_of(*result) + refusals_of(*result));
}

}  // namespace

void add_inspect(CLI::App& program, Program& shared) {
  add_command<InspectOptions>(program, shared, "inspect", "Show what a model or a file of statistics holds", inspect);
}

}  // namespace app
