// SPDX-License-Identifier: Apache-2.0
#include "api/validation.h"

#include <fmt/format.h>

#include "api/arrays.h"
#include "api/content.h"
#include "api/tensor.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "calibrate/provenance.h"

namespace ht {

double figure_of(const halftone::TaskMetrics& metrics) {
  if (const auto* detection = std::get_if<halftone::DetectionMetrics>(&metrics)) return detection->ap;
  return std::get<halftone::ClassificationMetrics>(metrics).top1;
}

const Graph& Subject::graph() const { return model.content().graph; }

Lanes::Lanes(const Subjects& subjects, const Context& context)
    : subjects_(subjects), lanes_(static_cast<size_t>(resolve_threads(context.threads))) {}

Result<Lanes::Outputs> Lanes::run(int lane, std::span<const Tensor> inputs, int64_t sample) {
  Lane& own = lanes_[static_cast<size_t>(lane)];
  Outputs outputs;
  if (subjects_.real) {
    if (!own.real) own.real.emplace(*subjects_.real->network);
    HT_ASSIGN(outputs.real, own.real->run(inputs));
  }
  if (!subjects_.outputs.empty()) {
    HT_ASSIGN(outputs.quantized, read_output_file(subjects_.real->graph(), (subjects_.outputs / fmt::format("{}.npz", sample)).string()));
  } else if (subjects_.quantized) {
    if (!own.quantized) own.quantized.emplace(*subjects_.quantized->network);
    const Graph& graph = subjects_.quantized->graph();
    HT_ASSIGN(auto made, own.quantized->run(as_inputs(graph, inputs)));
    outputs.quantized = as_real(graph, std::move(made));
  }
  return outputs;
}

Result<std::vector<OutputError>> compare_outputs(const Lanes::Outputs& outputs) {
  std::vector<OutputError> errors(std::min(outputs.real.size(), outputs.quantized.size()));
  for (size_t i = 0; i < errors.size(); ++i) HT_TRY(errors[i].add(outputs.real[i].to_floats(), outputs.quantized[i].to_floats()));
  return errors;
}

std::vector<halftone::OutputFidelity> summarize(const Graph& graph, const std::vector<std::vector<OutputError>>& samples) {
  if (samples.empty()) return {};
  std::vector<OutputError> total(samples[0].size());
  for (const auto& errors : samples)
    for (size_t i = 0; i < total.size(); ++i) total[i].merge(errors[i]);
  std::vector<halftone::OutputFidelity> result;
  for (size_t i = 0; i < total.size(); ++i)
    result.push_back({graph.value(graph.outputs[i]).name, total[i].snr_db(), total[i].cosine(), total[i].max_error});
  return result;
}

Result<Validation> validate_outputs(const Subjects& subjects, const halftone::Recipe& recipe, const halftone::ValidateOptions& options,
                                    const Context& context) {
  if (!subjects.real || !subjects.quantized)
    return usage_error("[task] type = \"none\" compares outputs: give a recipe of the float model and --model, the quantized one, or --outputs");
  if (!options.detections.empty()) return usage_error("[task] type = \"none\" makes no list of detections");
  if (options.bootstrap) return usage_error("[task] type = \"none\" has no metric whose interval could be found");
  const halftone::ValidationData& data = *recipe.validation;
  HT_ASSIGN(Samples samples, Samples::open(subjects.real->graph(), recipe.preprocess, data.images, data.arrays));
  if (options.limit) samples.keep_first(*options.limit);
  Lanes lanes(subjects, context);
  std::vector<std::vector<OutputError>> errors(static_cast<size_t>(samples.size()));
  std::vector<std::string> hashes(errors.size());
  HT_TRY(for_each_sample(context, "validate", samples.size(), lanes.count(), [&](int64_t index, int lane) -> Status {
    const auto at = static_cast<size_t>(index);
    auto sample = samples.read(index);
    if (!sample) return in_file(std::move(sample.error()), samples.names()[at]);
    hashes[at] = sample->hash;
    HT_ASSIGN(const Lanes::Outputs outputs, lanes.run(lane, sample->inputs, index));
    HT_ASSIGN(errors[at], compare_outputs(outputs));
    return {};
  }));
  Validation validation;
  validation.result.images = samples.size();
  validation.result.outputs = summarize(subjects.real->graph(), errors);
  DataHash hash;
  for (const std::string& one : hashes) HT_TRY(hash.add(one));
  validation.data_hash = hash.hex();
  return validation;
}

}  // namespace ht
