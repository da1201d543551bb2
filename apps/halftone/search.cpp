// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "command.h"

namespace app {
namespace {

using halftone::BitsCount;
using halftone::SearchCandidate;
using halftone::SearchResult;
using halftone::Status;

struct SearchFlags {
  explicit SearchFlags(CLI::App& command) {
    const std::string demands = "What the model must keep";
    command.add_option("RECIPE", recipe, "Names the model, the preprocessing, the photos and the settings to start from")->required();
    command.add_option("-o,--output", output, "The Q/DQ ONNX file to write")->required()->type_name("OUT.onnx");
    command.add_option("--max-drop", options.max_drop, "Points of AP or top-1 that may be lost on [validation]")->type_name("X")->check(finite())->group(demands);
    command.add_option("--max-bytes", options.max_bytes, "Of the file")->type_name("N")->check(positive())->group(demands);
    command.add_option("--max-ms", options.max_ms, "Latency on this machine (default: a tenth more than with the recipe's activations)")
        ->type_name("T")->check(positive())->group(demands);
    command.add_option("--max-bits", options.max_bits, "Of a weight of convolutions and matrix products, in the mean")
        ->type_name("B")->check(positive())->group(demands);
    command.add_option("--recipe-out", options.recipe, "Where to write the recipe that gives OUT.onnx (default: OUT.toml)")->type_name("FILE");
    command.add_option("--minutes", options.minutes, "Try no further candidates after that time")->type_name("M")->check(not_negative());
    command.add_option("--limit", options.limit, "Only the first N photos of [validation] by id")->type_name("N")->check(positive());
    command.add_option("--cache", options.cache, "Where measurements are kept, so that a run goes on where one was ended")->type_name("DIR");
    command.add_flag("--skip-bad", options.skip_bad, "Leave out photos that cannot be read, with a note");
    command.footer(examples({"search yolox.toml -o yolox_mixed.onnx --max-drop 0.3", "search yolox.toml -o yolox_5bit.onnx --max-bits 5",
                             "search yolox.toml -o yolox_mixed.onnx --max-bytes 800000 --max-ms 20 --minutes 30"}));
  }
  std::string recipe;
  std::string output;
  halftone::SearchOptions options;
};

std::string bits_text(const std::optional<int>& weights, const std::optional<int>& activations) {
  if (!weights) return "float";
  return activations ? fmt::format("{}/{}", *weights, *activations) : fmt::format("{}/float", *weights);
}

std::string layers_text(const std::vector<BitsCount>& layers) {
  std::string text;
  for (const BitsCount& count : layers)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.layers, bits_text(count.weights, count.activations));
  return text;
}

template <class Number>
std::string optional_text(const std::optional<Number>& number, int digits) {
  return number ? fmt::format("{:.{}f}", *number, digits) : "";
}

std::string text_of(const SearchResult& result) {
  Table table({"bytes", "bits", "ms", "SNR dB", "metric", "drop", "", "layers (weights/activations)"});
  for (const SearchCandidate& candidate : result.candidates)
    table.add({std::to_string(candidate.bytes), fmt::format("{:.2f}", candidate.bits), optional_text(candidate.ms, 3), optional_text(candidate.snr_db, 2),
               optional_text(candidate.metric, 4), optional_text(candidate.drop, 2), candidate.chosen ? (candidate.fulfils ? "chosen" : "nearest") : candidate.fulfils ? "" : "no",
               layers_text(candidate.layers)});
  std::string text = table.text() + "\n";
  if (result.float_metric) text += fmt::format("the float model's metric is {:.4f}\n", *result.float_metric);
  if (result.truncated) text += "truncated: the time was over before all candidates were tried\n";
  if (result.fulfilled) text += fmt::format("{}, and {}, which gives the same file\n", result.output, result.recipe);
  return text + fmt::format("{} measurements, {} more from earlier runs, in {:.1f} s with {} of memory\n", result.measured, result.remembered, result.seconds,
                            human_bytes(result.peak_rss_bytes));
}

// Where the recipe is written that gives the output.
std::filesystem::path recipe_file(const SearchFlags& flags) {
  return flags.options.recipe.empty() ? halftone::recipe_beside(flags.output) : flags.options.recipe;
}

Status search(Program& shared, const SearchFlags& flags) {
  auto recipe = halftone::load_recipe(flags.recipe);
  if (!recipe) return recipe.error();
  const auto inputs = inputs_of(*recipe, {flags.recipe});
  if (auto status = check_output("-o", flags.output, inputs); !status) return status;
  if (auto status = check_output("--recipe-out (by default OUT.toml)", recipe_file(flags), inputs); !status) return status;
  const auto result = halftone::search(*recipe, flags.output, flags.options, shared.context);
  if (!result) return result.error();
  if (auto status = shared.show(halftone::to_json(*result), text_of(*result)); !status) return status;
  if (result->fulfilled) return {};
  return halftone::Error{halftone::ErrorCode::kDemandNotMet,
                         fmt::format("none of {} candidates keeps what is demanded, so nothing is written; the table tells the nearest{}", result->candidates.size(),
                                     result->truncated ? ", and more time may find a better one" : ""), {}};
}

}  // namespace

void add_search(CLI::App& program, Program& shared) {
  add_command<SearchFlags>(program, shared, "search", "Find bits for each layer that keep a budget of accuracy, bytes or latency", search);
}

}  // namespace app
