// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "command.h"

namespace app {
namespace {

using halftone::QuantizeResult;
using halftone::Status;

struct QuantizeOptions {
  explicit QuantizeOptions(CLI::App& command) : settings(command) {
    command.add_option("RECIPE", recipe, "Names the model, the preprocessing, the photos and the settings")->required();
    command.add_option("-o,--output", output, "The Q/DQ ONNX file to write")->required()->type_name("OUT.onnx");
    command.add_option("--stats", statistics, "Statistics from `calibrate` or `merge` (default: calibrates first)");
    command.add_flag("--skip-bad", skip_bad, "Leave out photos that cannot be read, with a note");
    command.footer(examples({"quantize yolox.toml -o yolox_int8.onnx", "quantize yolox.toml -o yolox_ort.onnx --target onnxruntime",
                             "quantize yolox.toml --stats yolox.stats -o yolox_int8.onnx --keep-float 'head*'"}));
  }
  std::string recipe;
  std::string output;
  std::string statistics;
  bool skip_bad = false;
  QuantizeFlags settings;
};

// A line a node, or one for all where very many stay in float for one reason.
std::string text_of(const QuantizeResult& result) {
  constexpr int64_t kMostAlike = 40;
  std::map<std::string, int64_t> alike;
  for (const auto& node : result.float_nodes) ++alike[node.reason];
  std::string text;
  Table table({"left in float", "operator", "reason"});
  for (const auto& node : result.float_nodes)
    if (alike[node.reason] <= kMostAlike) table.add({node.name, node.op, node.reason});
  for (const auto& [reason, count] : alike)
    if (count > kMostAlike) table.add({fmt::format("{} nodes", count), "", reason});
  if (!table.empty()) text += table.text() + "\n";
  for (const std::string& note : result.notes) text += note + "\n";
  const double share = result.float_bytes > 0 ? 100.0 * static_cast<double>(result.quantized_bytes) / static_cast<double>(result.float_bytes) : 0;
  text += fmt::format("{}: {} nodes in integers, {} in float\n", result.output, result.quantized_nodes, result.float_nodes.size());
  text += fmt::format("{} became {} ({:.0f} %), in {:.1f} s with {} of memory\n", human_bytes(result.float_bytes),
                      human_bytes(result.quantized_bytes), share, result.seconds, human_bytes(result.peak_rss_bytes));
  return text;
}

Status quantize(Program& shared, const QuantizeOptions& options) {
  auto recipe = halftone::load_recipe(options.recipe);
  if (!recipe) return recipe.error();
  if (auto status = options.settings.apply(recipe->quantize); !status) return status;
  if (auto status = check_output("-o", options.output, inputs_of(*recipe, {options.recipe, options.statistics})); !status) return status;
  halftone::QuantizeOptions how;
  how.skip_bad = options.skip_bad;
  auto statistics = statistics_in(options.statistics);
  if (!statistics) return statistics.error();
  how.statistics = *std::move(statistics);
  const auto result = halftone::quantize(*recipe, options.output, how, shared.context);
  if (!result) return result.error();
  return shared.show(halftone::to_json(*result), text_of(*result));
}

}  // namespace

void add_quantize(CLI::App& program, Program& shared) {
  add_command<QuantizeOptions>(program, shared, "quantize", "Turn a float model into an integer model", quantize);
}

}  // namespace app
