// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "command.h"

namespace app {
namespace {

using halftone::CompareResult;
using halftone::Result;
using halftone::Status;
using halftone::ValueComparison;

struct CompareFlags {
  explicit CompareFlags(CLI::App& command) {
    command.add_option("A", a, "The reference: a model, or a folder that `run --dump-values` wrote")->required();
    command.add_option("B", b, "What is held against it, likewise")->required();
    command.add_option("--image", images, "JPEG, PNG or WebP photos to run both models on")->type_name("FILE");
    command.add_option("--input", inputs, "A raw input, or all of them in one .npz; NAME= may be left out where there is only one")
        ->type_name("NAME=X.npy");
    command.add_option("--recipe", recipe, "Preprocessing of photos, instead of what the models carry");
    command.add_option("--value", values, "Only values of these names; * and ? stand for any characters")->type_name("NAME");
    command.add_option("--min-snr", min_snr, "Exit code 1 where a compared value has a lower signal-to-noise ratio")->type_name("DB")->check(finite());
    command.add_flag("--exact", exact, "Exit code 1 where a compared value is not equal in every number");
    command.footer(examples({"compare yolox_nano.onnx yolox_int8.onnx --image street.jpg",
                             "compare yolox.onnx yolox_int8.onnx --image street.jpg --value output --min-snr 20",
                             "compare net.onnx theirs.onnx --input data=x.npy", "compare values_here values_there --exact"}));
  }
  std::string a, b;
  std::vector<std::string> images;
  std::vector<std::string> inputs;
  std::string recipe;
  std::vector<std::string> values;
  std::optional<double> min_snr;
  bool exact = false;
};

std::string decibel(bool equal, const std::optional<double>& snr) {
  if (equal) return "equal";
  return snr ? fmt::format("{:.2f}", *snr) : "not finite";
}

std::string types_of(const ValueComparison& value) {
  return value.type_a == value.type_b ? value.type_a : fmt::format("{} | {}", value.type_a, value.type_b);
}

std::string rows_of(const CompareResult& result) {
  Table table({"value", "operator", "types", "signal to noise (dB)", "cosine", "largest error", "worst channel", "its dB", "of the noise"});
  for (const ValueComparison& value : result.values) {
    std::vector<std::string> row = {value.name_b.empty() ? value.name : fmt::format("{} | {}", value.name, value.name_b), value.op, types_of(value),
                                    decibel(value.equal, value.snr_db)};
    row.push_back(value.cosine ? fmt::format("{:.6f}", *value.cosine) : "");
    row.push_back(fmt::format("{:.5g}", value.max_error));
    if (const auto& worst = value.worst_channel) {
      row.push_back(std::to_string(worst->channel));
      row.push_back(worst->snr_db ? fmt::format("{:.2f}", *worst->snr_db) : "not finite");
      row.push_back(worst->noise_share ? fmt::format("{:.1f} %", 100 * *worst->noise_share) : "");
    }
    table.add(row);
  }
  return table.text();
}

// The value that is furthest from its reference; not finite ones are worse than any.
const ValueComparison* worst_of(const CompareResult& result) {
  const auto rank = [](const ValueComparison& value) { return value.equal ? INFINITY : value.snr_db.value_or(-INFINITY); };
  const ValueComparison* worst = nullptr;
  for (const ValueComparison& value : result.values)
    if (!worst || rank(value) < rank(*worst)) worst = &value;
  return worst && !worst->equal ? worst : nullptr;
}

std::string text_of(const CompareResult& result) {
  std::string text = rows_of(result);
  const auto equal = std::count_if(result.values.begin(), result.values.end(), [](const ValueComparison& value) { return value.equal; });
  text += fmt::format("\n{} values in both, {} of them equal; {} only in A, {} only in B", result.values.size(), equal, result.only_a.size(),
                      result.only_b.size());
  text += result.other_shape.empty() ? "\n" : fmt::format(", {} of another shape\n", result.other_shape.size());
  if (result.first_difference) text += fmt::format("first difference  {}\n", *result.first_difference);
  if (const ValueComparison* worst = worst_of(result)) text += fmt::format("furthest          {}, {} dB\n", worst->name, decibel(false, worst->snr_db));
  return text;
}

Result<CompareResult> compare_files(Program& shared, const CompareFlags& flags) {
  std::error_code ignored;  // what cannot be looked at is no folder; reading it will say why
  const bool folder_a = std::filesystem::is_directory(flags.a, ignored), folder_b = std::filesystem::is_directory(flags.b, ignored);
  if (folder_a != folder_b) return usage("compare two models, or two folders of values");
  halftone::CompareOptions options;
  options.values = flags.values;
  if (folder_a) {
    if (!flags.images.empty() || !flags.inputs.empty() || !flags.recipe.empty()) return usage("folders of values need no --image, --input or --recipe");
    return halftone::compare_dumps(flags.a, flags.b, options);
  }
  if (flags.images.empty() == flags.inputs.empty()) return usage("give either --image or --input");
  if (!flags.inputs.empty() && !flags.recipe.empty()) return usage("--recipe says how photos are preprocessed; raw inputs are taken as they are");
  options.images.assign(flags.images.begin(), flags.images.end());
  options.inputs = flags.inputs;
  if (!flags.recipe.empty()) {
    auto recipe = halftone::load_recipe(flags.recipe);
    if (!recipe) return recipe.error();
    options.recipe = *std::move(recipe);
  }
  return halftone::compare(flags.a, flags.b, options, shared.context);
}

// A value that was asked for by its very name must be there to be judged.
std::string missing_value(const CompareResult& result, const std::vector<std::string>& wanted) {
  for (const auto* names : {&result.only_a, &result.only_b, &result.other_shape})
    for (const std::string& name : *names)
      if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) return name;
  return "";
}

Status check_demands(const CompareResult& result, const CompareFlags& flags) {
  const auto unmet = [](std::string message) { return halftone::Error{halftone::ErrorCode::kDemandNotMet, std::move(message), {}}; };
  if (!flags.exact && !flags.min_snr) return {};
  if (const std::string name = missing_value(result, flags.values); !name.empty())
    return unmet(fmt::format("{} cannot be compared: only one side makes it, or its shape is another", name));
  if (flags.exact && result.first_difference)
    return unmet(fmt::format("{} is not equal in every number, as --exact demands", *result.first_difference));
  const ValueComparison* worst = worst_of(result);
  if (flags.min_snr && worst && !(worst->snr_db && *worst->snr_db >= *flags.min_snr))
    return unmet(fmt::format("{} has {} dB, less than the {:g} that --min-snr demands", worst->name, decibel(false, worst->snr_db), *flags.min_snr));
  return {};
}

Status compare(Program& shared, const CompareFlags& flags) {
  const auto result = compare_files(shared, flags);
  if (!result) return result.error();
  if (auto status = shared.show(halftone::to_json(*result), text_of(*result)); !status) return status;
  return check_demands(*result, flags);
}

}  // namespace

void add_compare(CLI::App& program, Program& shared) {
  add_command<CompareFlags>(program, shared, "compare", "Hold two models or two folders of values against each other, layer by layer", compare);
}

}  // namespace app
