// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "command.h"

namespace app {
namespace {

using halftone::AnalyzedValue;
using halftone::AnalyzeResult;
using halftone::LayerHarm;
using halftone::Remedy;
using halftone::Status;

struct AnalyzeFlags {
  explicit AnalyzeFlags(CLI::App& command) : settings(command) {
    command.add_option("RECIPE", recipe, "Names the model, the preprocessing, the photos and the settings")->required();
    command.add_option("--stats", statistics, "Statistics from `calibrate` or `merge` (default: calibrates first)");
    command.add_flag("--skip-bad", skip_bad, "Leave out photos that cannot be read, with a note");
    command.add_option("--photos", photos, "How many photos of [calibration] to measure on, at most (default: 8)")->type_name("N")->check(positive());
    command.add_option("--cache", cache, "Where measurements are kept (default: halftone/measurements in the user's cache)")->type_name("DIR");
    command.add_flag("--ap", metric, "Measure AP or top-1 on [validation] too, twice a layer: takes long");
    command.add_option("--limit", limit, "Only the first N photos of [validation] by id")->type_name("N")->check(positive());
    command.add_option("--csv", csv, "Write a row for each layer")->type_name("FILE");
    command.add_option("--top", top, "How many layers the table shows (default: 15)")->type_name("N")->check(positive());
    command.footer(examples({"analyze yolox.toml", "analyze yolox.toml --weights 4 --csv layers.csv", "analyze yolox.toml --ap --limit 100 --json"}));
  }
  std::string recipe;
  std::string statistics;
  bool skip_bad = false;
  int64_t photos = 8;
  std::string cache;
  bool metric = false;
  std::optional<int64_t> limit;
  std::string csv;
  size_t top = 15;
  QuantizeFlags settings;
};

std::string number(const std::optional<double>& value) { return value ? fmt::format("{:.3g}", *value) : ""; }
std::string points(const std::optional<double>& value) { return value ? fmt::format("{:+.2f}", *value) : ""; }
std::string bits(const std::optional<int64_t>& value) { return value ? fmt::format("{}", *value) : "float"; }

const AnalyzedValue* value_of(const AnalyzeResult& result, const LayerHarm& layer) {
  for (const AnalyzedValue& value : result.values)
    if (!layer.values.empty() && value.name == layer.values.front()) return &value;
  return nullptr;
}

std::string rows_of(const AnalyzeResult& result, size_t top) {
  std::vector<std::string> heading = {"layer", "operator", "bits", "error alone", "by weights", "by input", "input's range", "seen", "clipped", "dead", "spread"};
  if (!result.metric.empty()) heading.insert(heading.end(), {"points lost alone", "won in float"});
  Table table(heading);
  for (const LayerHarm& layer : result.layers) {
    if (top-- == 0) break;
    std::vector<std::string> row = {layer.spared.empty() ? layer.name : layer.name + " *", layer.op, fmt::format("{} x {}", bits(layer.weight_bits), bits(layer.input_bits)),
                                    number(layer.error), number(layer.weights_error), number(layer.inputs_error)};
    if (const AnalyzedValue* value = value_of(result, layer)) {
      row.insert(row.end(), {fmt::format("{:.3g} to {:.3g}{}", value->min, value->max, value->scales > 1 ? ", a channel" : ""),
                             fmt::format("{:.3g} to {:.3g}", value->observed_min, value->observed_max), fmt::format("{:.2g} %", 100 * value->clipped),
                             fmt::format("{}", value->dead_channels.size()), number(value->spread)});
    } else {
      row.resize(11);
    }
    if (!result.metric.empty()) row.insert(row.end(), {points(layer.drop_alone), points(layer.gain_in_float)});
    table.add(row);
  }
  return table.text();
}

std::string indented(const std::string& lines) {
  std::string text = "      ";
  for (char c : lines) text += c == '\n' ? std::string("\n      ") : std::string(1, c);
  return text + "\n";
}

std::string remedies_of(const AnalyzeResult& result) {
  std::string text;
  const std::string* layer = nullptr;
  for (const Remedy& remedy : result.remedies) {
    if (!layer || *layer != remedy.layer) text += fmt::format("\n{}\n", remedy.layer);
    layer = &remedy.layer;
    text += fmt::format("  {} {}: the network's error becomes {:.3g}\n", remedy.recommended ? "->" : "  ", remedy.words, remedy.error);
    if (remedy.recommended) text += indented(remedy.recipe);
  }
  return text;
}

std::string text_of(const AnalyzeResult& result, size_t top) {
  std::string text = rows_of(result, top);
  const size_t shown = std::min(top, result.layers.size());
  text += fmt::format("\n{} of {} layers, the most harmful first; an error is that of the heads, squared, in units of their mean square\n", shown, result.layers.size());
  if (std::ranges::any_of(result.layers, [](const LayerHarm& layer) { return !layer.spared.empty(); })) text += "* quantize leaves it in float by itself\n";
  text += fmt::format("all layers together, as the recipe has them: {:.3g}\n", result.error);
  if (result.float_metric)
    text += fmt::format("{} on {} images: {:.4f} in float, {:.4f} in integers\n", result.metric, result.metric_images, *result.float_metric, *result.quantized_metric);
  for (const std::string& note : result.notes) text += note + "\n";
  return text + remedies_of(result);
}

Status analyze(Program& shared, const AnalyzeFlags& flags) {
  auto recipe = halftone::load_recipe(flags.recipe);
  if (!recipe) return recipe.error();
  if (auto status = flags.settings.apply(recipe->quantize); !status) return status;
  if (auto status = check_output("--csv", flags.csv, inputs_of(*recipe, {flags.recipe, flags.statistics})); !status) return status;
  halftone::AnalyzeOptions options;
  options.skip_bad = flags.skip_bad;
  options.photos = flags.photos;
  options.metric = flags.metric;
  options.limit = flags.limit;
  if (!flags.cache.empty()) options.folder = flags.cache;
  auto statistics = statistics_in(flags.statistics);
  if (!statistics) return statistics.error();
  options.statistics = *std::move(statistics);
  const auto result = halftone::analyze(*recipe, options, shared.context);
  if (!result) return result.error();
  if (!flags.csv.empty())
    if (auto status = halftone::write_text(flags.csv, halftone::to_csv(*result)); !status) return status;
  return shared.show(halftone::to_json(*result), text_of(*result, flags.top));
}

}  // namespace

void add_analyze(CLI::App& program, Program& shared) {
  add_command<AnalyzeFlags>(program, shared, "analyze", "Find the layers that harm most in integers, why, and what helps", analyze);
}

}  // namespace app
