// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "command.h"

namespace app {
namespace {

using halftone::BenchResult;
using halftone::Status;

struct BenchFlags {
  explicit BenchFlags(CLI::App& command) {
    command.add_option("MODEL", model, "A float or quantized ONNX file")->required();
    command.add_option("--runs", runs, "How many runs are timed")->type_name("N")->check(positive());
    command.add_flag("--per-layer", per_layer, "A row for every layer");
    command.add_option("--compare", compare, "Time another model in turns, usually the float one, and show each layer's time in both")->type_name("MODEL");
    add_input_shape(command, input_shape);
    command.footer(examples({"bench yolox_int8.onnx", "bench yolox_int8.onnx --threads 1 --per-layer --runs 100",
                             "bench yolox_int8.onnx --compare yolox.onnx"}));
  }
  std::string model;
  int64_t runs = 0;
  bool per_layer = false;
  std::vector<int64_t> input_shape;
  std::string compare;
};

std::string percent(const std::optional<double>& share) { return share ? fmt::format("{:.0f} %", *share * 100) : ""; }

std::string layers_of(const BenchResult& result) {
  Table table({"layer", "operator", "ms", "MACs", "of peak", "kernel"});
  for (const auto& layer : result.layers)
    table.add({layer.name, layer.op, fmt::format("{:.4f}", layer.ms), std::to_string(layer.macs), percent(layer.peak_share), layer.kernel});
  return table.empty() ? "" : table.text() + "\n";
}

std::string compared_layers_of(const BenchResult& result) {
  Table table({"layer", "operator", "ms", "compared", "", "MACs", "of peak", "kernel"});
  double lost = 0;
  int64_t slower = 0;
  for (const auto& layer : result.layers) {
    const double other = layer.compared_ms.value_or(0), more = layer.ms - other;
    table.add({layer.name, layer.op, fmt::format("{:.4f}", layer.ms), fmt::format("{:.4f}", other), more > 0 ? "slower" : "", std::to_string(layer.macs),
               percent(layer.peak_share), layer.kernel});
    if (more <= 0) continue;
    lost += more;
    ++slower;
  }
  return fmt::format("{}\n{} of {} layers are slower than in the model compared, by {:.3f} ms together; that model takes {:.3f} ms\n", table.text(), slower,
                     result.layers.size(), lost, *result.compared_median_ms);
}

std::string text_of(const BenchResult& result) {
  std::string text = result.compared_median_ms ? compared_layers_of(result) : layers_of(result);
  text += fmt::format("median {:.3f} ms, fastest {:.3f} ms, 90 % within {:.3f} ms ({} runs, {} thread{}, {})\n", result.median_ms, result.min_ms,
                      result.p90_ms, result.runs, result.threads, result.threads == 1 ? "" : "s", result.isa);
  text += fmt::format("load {:.1f} ms, first run {:.1f} ms, arena {}, peak memory {}\n", result.load_ms, result.first_run_ms, human_bytes(result.arena_bytes), human_bytes(result.peak_rss_bytes));
  text += fmt::format("{} multiplications a run, {} conversions\n", human_count(result.macs), result.conversions);
  return text;
}

Status bench(Program& shared, const BenchFlags& flags) {
  const auto result = halftone::bench(flags.model, {flags.runs, flags.per_layer, flags.input_shape, flags.compare}, shared.context);
  if (!result) return result.error();
  return shared.show(halftone::to_json(*result), text_of(*result));
}

}  // namespace

void add_bench(CLI::App& program, Program& shared) {
  add_command<BenchFlags>(program, shared, "bench", "Measure latency, memory and the time of each layer", bench);
}

}  // namespace app
