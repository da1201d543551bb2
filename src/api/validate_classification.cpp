// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "api/arrays.h"
#include "api/content.h"
#include "api/detector.h"
#include "api/intervals.h"
#include "api/validation.h"
#include "base/file.h"
#include "calibrate/provenance.h"
#include "evaluate/labels.h"

namespace ht {
namespace {

using halftone::ClassificationMetrics;
using halftone::Recipe;
using halftone::ValidationData;

struct LabeledSet {
  Samples samples;
  std::vector<int64_t> index;  // of each labelled sample among the samples
  std::vector<int> labels;
};

Result<std::vector<LabeledSample>> read_labeled(const Recipe& recipe, std::span<const std::string> classes, int class_count) {
  const ValidationData& data = *recipe.validation;
  if (!data.annotations.empty()) return read_labels(data.annotations, classes, class_count);
  if (!arrays_named(data.images, data.arrays).empty()) return usage_error("arrays need labels: 'annotations' in [validation], a CSV file of lines index,label");
  if (recipe.preprocess) return labels_from_folders(data.images, classes, class_count, kPhotoEndings);
  return labels_from_folders(data.images, classes, class_count, kArrayEndings);
}

Result<int64_t> array_index(const std::string& name, int64_t count) {
  int64_t index = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size() || index < 0 || index >= count)
    return input_error("'{}' is no index of a sample; the arrays have {}", name, count);
  return index;
}

// Labels of arrays name rows by index; where they name something else, one line a row in the same order.
Status assign_rows(const std::vector<LabeledSample>& labeled, const std::filesystem::path& annotations, LabeledSet& set) {
  const bool by_index = !labeled.empty() && array_index(labeled[0].name, set.samples.size());
  if (!by_index && static_cast<int64_t>(labeled.size()) != set.samples.size())
    return input_error("has {} lines, but the arrays have {} samples", labeled.size(), set.samples.size()).in(annotations.string());
  for (size_t i = 0; i < labeled.size(); ++i) {
    int64_t index = static_cast<int64_t>(i);
    if (by_index) {
      HT_ASSIGN(index, array_index(labeled[i].name, set.samples.size()));
    }
    set.index.push_back(index);
    set.labels.push_back(labeled[i].label);
  }
  return {};
}

Result<LabeledSet> open_set(const Subjects& subjects, const Recipe& recipe, std::optional<int64_t> limit) {
  const ValidationData& data = *recipe.validation;
  const Graph& graph = subjects.any().graph();
  const auto class_count = static_cast<int>(element_count(graph.value(graph.outputs[0]).type.shape));
  HT_ASSIGN(const auto names, labels_of(recipe.task));
  std::vector<std::string> classes;
  for (const ClassLabel& label : names) classes.push_back(label.name);
  HT_ASSIGN(auto labeled, read_labeled(recipe, classes, class_count));
  const auto count = static_cast<size_t>(std::min<int64_t>(limit.value_or(INT64_MAX), static_cast<int64_t>(labeled.size())));
  LabeledSet set;
  if (const auto arrays = arrays_named(data.images, data.arrays); !arrays.empty()) {
    HT_ASSIGN(set.samples, Samples::of_arrays(graph, arrays));
    HT_TRY(assign_rows(labeled, data.annotations, set));
    set.index.resize(count);
    set.labels.resize(count);
    return set;
  }
  labeled.resize(count);
  std::vector<std::filesystem::path> files;
  for (const LabeledSample& sample : labeled) {
    files.push_back(std::filesystem::path(data.images) / sample.name);
    set.index.push_back(static_cast<int64_t>(set.index.size()));
    set.labels.push_back(sample.label);
  }
  HT_ASSIGN(set.samples, Samples::of_paths(graph, recipe.preprocess, std::move(files)));
  return set;
}

struct Tallies {
  ClassificationTally real, quantized;
  std::vector<OutputError> errors;
  std::string hash;
};

Status judge(const Lanes::Outputs& outputs, int label, Tallies& tallies) {
  std::vector<float> reference;
  if (!outputs.real.empty()) {
    reference = outputs.real[0].to_floats();
    HT_TRY(tallies.real.add(reference, label));
  }
  if (!outputs.quantized.empty()) HT_TRY(tallies.quantized.add(outputs.quantized[0].to_floats(), label, reference));
  HT_ASSIGN(tallies.errors, compare_outputs(outputs));
  return {};
}

// Those of each sample as often as `copies` says.
Figures figures_of(const std::vector<Tallies>& tallies, std::span<const int32_t> copies, const Subjects& subjects) {
  ClassificationTally real, quantized;
  for (size_t i = 0; i < tallies.size(); ++i) {
    real.merge(tallies[i].real, copies[i]);
    quantized.merge(tallies[i].quantized, copies[i]);
  }
  Figures figures;
  if (subjects.real) figures.real = real.top1();
  if (subjects.quantized) figures.quantized = quantized.top1();
  if (subjects.real && subjects.quantized) figures.agreement = quantized.agreement();
  return figures;
}

ClassificationMetrics metrics_of(const ClassificationTally& tally) { return {tally.top1(), tally.top5()}; }

}  // namespace

Result<Validation> validate_classification(const Subjects& subjects, const Recipe& recipe, const halftone::ValidateOptions& options,
                                           const Context& context) {
  if (!options.detections.empty()) return usage_error("a classifier makes no list of detections");
  HT_ASSIGN(const LabeledSet set, open_set(subjects, recipe, options.limit));
  Lanes lanes(subjects, context);
  std::vector<Tallies> tallies(set.labels.size());
  HT_TRY(for_each_sample(context, "validate", static_cast<int64_t>(tallies.size()), lanes.count(), [&](int64_t index, int lane) -> Status {
    const auto at = static_cast<size_t>(index);
    auto sample = set.samples.read(set.index[at]);
    if (!sample) return in_file(std::move(sample.error()), set.samples.names()[static_cast<size_t>(set.index[at])]);
    tallies[at].hash = sample->hash;
    HT_ASSIGN(const Lanes::Outputs outputs, lanes.run(lane, sample->inputs, index));
    return judge(outputs, set.labels[at], tallies[at]);
  }));

  ClassificationTally real, quantized;
  std::vector<std::vector<OutputError>> errors;
  DataHash hash;
  for (size_t i = 0; i < tallies.size(); ++i) {
    real.merge(tallies[i].real);
    quantized.merge(tallies[i].quantized);
    errors.push_back(tallies[i].errors);
    const std::string labeled = fmt::format("{} {}", tallies[i].hash, set.labels[i]);
    HT_TRY(hash.add(sha256({reinterpret_cast<const uint8_t*>(labeled.data()), labeled.size()})));
  }
  Validation validation;
  validation.data_hash = hash.hex();
  validation.result.images = static_cast<int64_t>(tallies.size());
  if (subjects.real) validation.result.float_model = metrics_of(real);
  if (subjects.quantized) validation.result.quantized_model = metrics_of(quantized);
  if (subjects.real && subjects.quantized) {
    validation.result.drop = kPoints * (real.top1() - quantized.top1());
    validation.result.agreement = quantized.agreement();
    validation.result.outputs = summarize(subjects.real->graph(), errors);
  }
  HT_TRY(add_intervals(options.bootstrap, recipe.quantize.seed, lanes.count(), context,
                       [&](std::span<const int32_t> copies) { return figures_of(tallies, copies, subjects); }, validation.result));
  return validation;
}

}  // namespace ht
