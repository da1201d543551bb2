// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "command.h"

namespace app {
namespace {

using halftone::ClassificationMetrics;
using halftone::DetectionMetrics;
using halftone::Recipe;
using halftone::Result;
using halftone::Status;
using halftone::TaskMetrics;
using halftone::ValidateResult;

struct ValidateFlags {
  explicit ValidateFlags(CLI::App& command) {
    command.add_option("RECIPE_OR_MODEL", source, "A recipe, or a model that `quantize` wrote")->required();
    command.add_option("--model", model, "The quantized model to measure beside the recipe's")->type_name("OUT.onnx");
    command.add_option("--outputs", outputs, "In place of --model: arrays that another engine computed")->type_name("DIR");
    command.add_option("--images", images, "The photos or arrays, instead of the recipe's")->type_name("DIR");
    command.add_option("--annotations", annotations, "COCO instances or a CSV file,label, instead of the recipe's")->type_name("FILE");
    command.add_option("--limit", limit, "Only the first N photos by id")->type_name("N")->check(positive());
    command.add_option("--detections", detections, "Write the detections as pycocotools reads them")->type_name("FILE");
    command.add_option("--max-drop", max_drop, "Exit code 1 where more points than that are lost")->type_name("X")->check(finite());
    command.add_option("--bootstrap", bootstrap, "Intervals of 95 % from N resamples of the photos")->type_name("N")->check(positive());
    command.add_option("--seed", seed, "Of the resamples, instead of the recipe's")->type_name("N")->check(not_negative());
    command.add_flag("--record", record, "Write metric, count and data hash into the quantized model");
    command.footer(examples({"validate yolox.toml --model yolox_int8.onnx --max-drop 0.4",
                             "validate yolox.toml --model yolox_int8.onnx --bootstrap 1000",
                             "validate yolox_int8.onnx --images coco/val --annotations coco/instances.json"}));
  }
  std::string source;
  std::string model;
  std::string outputs;
  std::string images;
  std::string annotations;
  std::optional<int64_t> limit;
  std::string detections;
  std::optional<double> max_drop;
  int64_t bootstrap = 0;
  std::optional<uint64_t> seed;
  bool record = false;
};

std::vector<std::pair<std::string, double>> named(const TaskMetrics& metrics) {
  if (const auto* d = std::get_if<DetectionMetrics>(&metrics))
    return {{"AP", d->ap}, {"AP50", d->ap50}, {"AP75", d->ap75}, {"AP small", d->ap_small}, {"AP medium", d->ap_medium}, {"AP large", d->ap_large},
            {"AR 1", d->ar_1}, {"AR 10", d->ar_10}, {"AR 100", d->ar_100}, {"AR small", d->ar_small}, {"AR medium", d->ar_medium}, {"AR large", d->ar_large}};
  if (const auto* c = std::get_if<ClassificationMetrics>(&metrics)) return {{"top 1", c->top1}, {"top 5", c->top5}};
  return {};
}

std::string bracketed(const std::optional<halftone::Interval>& interval, double times = 1, int digits = 2) {
  return interval ? fmt::format(" [{:.{}f}, {:.{}f}]", times * interval->low, digits, times * interval->high, digits) : "";
}

std::string metrics_of(const ValidateResult& result) {
  std::vector<std::string> heading = {"metric"};
  std::vector<std::vector<std::pair<std::string, double>>> columns;
  std::vector<std::string> intervals;  // of the first metric
  if (result.float_model) {
    heading.push_back("float");
    columns.push_back(named(*result.float_model));
    intervals.push_back(bracketed(result.float_interval, 1, 4));
  }
  if (result.quantized_model) {
    heading.push_back("quantized");
    columns.push_back(named(*result.quantized_model));
    intervals.push_back(bracketed(result.quantized_interval, 1, 4));
  }
  Table table(heading);
  for (size_t row = 0; !columns.empty() && row < columns[0].size(); ++row) {
    std::vector<std::string> cells = {columns[0][row].first};
    for (size_t i = 0; i < columns.size(); ++i) cells.push_back(fmt::format("{:.4f}{}", columns[i][row].second, row == 0 ? intervals[i] : ""));
    table.add(cells);
  }
  return table.empty() ? "" : table.text();
}

std::string outputs_of(const ValidateResult& result) {
  Table table({"output", "signal to noise (dB)", "cosine", "largest error"});
  for (const auto& output : result.outputs)
    table.add({output.name, output.snr_db ? fmt::format("{:.2f}", *output.snr_db) : "", output.cosine ? fmt::format("{:.6f}", *output.cosine) : "",
               fmt::format("{:.5g}", output.max_error)});
  return table.empty() ? "" : table.text();
}

std::string text_of(const ValidateResult& result) {
  std::string text = metrics_of(result) + outputs_of(result);
  if (result.drop) text += fmt::format("drop {:.2f}{} points\n", *result.drop, bracketed(result.drop_interval));
  if (result.agreement)
    text += fmt::format("same class as float {:.2f}{} %\n", 100 * *result.agreement, bracketed(result.agreement_interval, 100));
  if (result.float_bytes) text += fmt::format("float     {}\n", human_bytes(*result.float_bytes));
  if (result.quantized_bytes) text += fmt::format("quantized {}\n", human_bytes(*result.quantized_bytes));
  if (result.bootstrap) text += fmt::format("[intervals of 95 % from {} resamples]\n", result.bootstrap);
  return text + fmt::format("{} images in {:.1f} s\n", result.images, result.seconds);
}

Result<Recipe> recipe_of(Program& shared, const ValidateFlags& flags) {
  if (!is_model_file(flags.source)) return halftone::load_recipe(flags.source);
  auto model = halftone::Model::load(flags.source, {}, shared.context);
  if (!model) return model.error();
  return model->recipe();
}

Status replace_data(const ValidateFlags& flags, Recipe& recipe) {
  if (flags.images.empty() && flags.annotations.empty()) return {};
  if (!flags.annotations.empty() && recipe.task.type == halftone::TaskType::kNone)
    return usage("--annotations label photos for a metric, but [task] type = \"none\" compares outputs; leave them out, or say the task");
  auto& data = recipe.validation ? *recipe.validation : recipe.validation.emplace();
  if (!flags.images.empty()) {
    data.images = flags.images;
    data.arrays.clear();
  }
  if (!flags.annotations.empty()) data.annotations = flags.annotations;
  return {};
}

Status validate(Program& shared, const ValidateFlags& flags) {
  auto recipe = recipe_of(shared, flags);
  if (!recipe) return recipe.error();
  if (auto status = replace_data(flags, *recipe); !status) return status;
  if (auto status = check_output("--detections", flags.detections, inputs_of(*recipe, {flags.source, flags.model})); !status) return status;
  halftone::ValidateOptions options;
  options.model = flags.model;
  options.outputs = flags.outputs;
  options.limit = flags.limit;
  options.detections = flags.detections;
  options.record = flags.record;
  options.bootstrap = flags.bootstrap;
  if (flags.seed) recipe->quantize.seed = *flags.seed;
  const auto result = halftone::validate(*recipe, options, shared.context);
  if (!result) return result.error();
  if (flags.max_drop && !result->drop) return usage("--max-drop compares two models: give a recipe of the float one and --model");
  if (auto status = shared.show(halftone::to_json(*result), text_of(*result)); !status) return status;
  // A drop that is not a number is no drop that was kept.
  if (flags.max_drop && !(*result->drop <= *flags.max_drop))
    return halftone::Error{halftone::ErrorCode::kDemandNotMet,
                           fmt::format("{:.2f} points are lost, more than the {:g} that --max-drop allows", *result->drop, *flags.max_drop), {}};
  return {};
}

}  // namespace

void add_validate(CLI::App& program, Program& shared) {
  add_command<ValidateFlags>(program, shared, "validate", "Measure the task's metric of the float and the quantized model", validate);
}

}  // namespace app
