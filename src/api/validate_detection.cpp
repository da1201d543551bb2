// SPDX-License-Identifier: Apache-2.0
#include "api/arrays.h"
#include "api/content.h"
#include "api/detector.h"
#include "api/intervals.h"
#include "api/validation.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "calibrate/provenance.h"
#include "evaluate/coco_matches.h"
#include "image/decode.h"

namespace ht {
namespace {

using halftone::DetectionMetrics;

DetectionMetrics to_public(const CocoMetrics& metrics) {
  const auto& v = metrics.values;
  return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11]};
}

// What one photo gives.
struct Finding {
  std::vector<CocoDetection> real, quantized;
  std::vector<OutputError> errors;
  std::string hash;
};

// What all threads read.
struct Setting {
  PhotoInput input;
  std::optional<Detector> real, quantized;
  const CocoDataset& dataset;
  std::filesystem::path folder;
};

Result<std::vector<CocoDetection>> find_boxes(const Detector& detector, const PhotoInput& input, const std::vector<Tensor>& outputs,
                                              const Image& photo, int64_t image_id) {
  HT_ASSIGN(const auto candidates, detector.detect(outputs, input.preprocess(), photo.width, photo.height));
  std::vector<CocoDetection> found;
  for (const Candidate& candidate : candidates) found.push_back(to_coco(candidate, image_id, detector.labels()));
  return found;
}

Result<Finding> look_at(const CocoImage& image, const Setting& setting, Lanes& lanes, int lane) {
  Finding finding;
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(setting.folder / image.file_name, DecodeLimits{}.max_file_bytes));
  HT_ASSIGN(const Image photo, decode_image(bytes));
  finding.hash = sha256(bytes);
  if (photo.width != image.width || photo.height != image.height)
    return input_error("is {} x {}, but the annotations say {} x {}", photo.width, photo.height, image.width, image.height);
  HT_ASSIGN(Tensor input, setting.input.convert(photo));
  HT_ASSIGN(const Lanes::Outputs outputs, lanes.run(lane, {&input, 1}, image.id));
  if (setting.real) {
    HT_ASSIGN(finding.real, find_boxes(*setting.real, setting.input, outputs.real, photo, image.id));
  }
  if (setting.quantized) {
    HT_ASSIGN(finding.quantized, find_boxes(*setting.quantized, setting.input, outputs.quantized, photo, image.id));
  }
  HT_ASSIGN(finding.errors, compare_outputs(outputs));
  return finding;
}

Result<Setting> make_setting(const Subjects& subjects, const halftone::Recipe& recipe, const CocoDataset& dataset) {
  if (!recipe.preprocess) return usage_error("detection needs [preprocess] in the recipe");
  HT_ASSIGN(PhotoInput input, PhotoInput::make(subjects.any().graph(), *recipe.preprocess));
  Setting setting{std::move(input), {}, {}, dataset, recipe.validation->images};
  if (subjects.real) {
    HT_ASSIGN(setting.real, Detector::make(subjects.real->graph(), recipe));
  }
  if (subjects.quantized) {
    // The float model's structure says best how its outputs are meant; quantization does not change that.
    halftone::Recipe settled = recipe;
    if (setting.real) setting.real->settle(settled.task);
    HT_ASSIGN(setting.quantized, Detector::make(subjects.quantized->graph(), settled));
  }
  const Detector& detector = setting.real ? *setting.real : *setting.quantized;
  HT_TRY(check_classes(detector.labels(), dataset));
  return setting;
}

Result<CocoDataset> read_dataset(const halftone::ValidationData& data, const halftone::ValidateOptions& options) {
  if (data.annotations.empty() || data.images.empty())
    return usage_error("detection is validated with photos and COCO annotations: 'images' and 'annotations' in [validation], or --images and --annotations");
  HT_ASSIGN(CocoDataset dataset, read_coco(data.annotations));
  if (options.limit) keep_first_images(dataset, *options.limit);
  if (dataset.images.empty()) return input_error("names no images").in(data.annotations.string());
  return dataset;
}

// Nothing where there is no model or no object to find.
std::optional<double> ap_of(const std::optional<CocoMatches>& matches, std::span<const int32_t> copies) {
  const double ap = matches ? matches->ap(copies) : -1;
  return ap < 0 ? std::nullopt : std::optional(ap);
}

Result<std::string> hash_of_data(const std::vector<Finding>& findings, const std::filesystem::path& annotations) {
  DataHash hash;
  HT_ASSIGN(const std::vector<uint8_t> labels, read_file(annotations));
  HT_TRY(hash.add(sha256(labels)));
  for (const Finding& finding : findings) HT_TRY(hash.add(finding.hash));
  return hash.hex();
}

}  // namespace

Result<Validation> validate_detection(const Subjects& subjects, const halftone::Recipe& recipe, const halftone::ValidateOptions& options,
                                      const Context& context) {
  HT_ASSIGN(const CocoDataset dataset, read_dataset(*recipe.validation, options));
  HT_ASSIGN(const Setting setting, make_setting(subjects, recipe, dataset));
  Lanes lanes(subjects, context);
  std::vector<Finding> findings(dataset.images.size());
  HT_TRY(for_each_sample(context, "validate", static_cast<int64_t>(findings.size()), lanes.count(), [&](int64_t index, int lane) -> Status {
    const CocoImage& image = dataset.images[static_cast<size_t>(index)];
    auto finding = look_at(image, setting, lanes, lane);
    if (!finding) return in_file(std::move(finding.error()), (setting.folder / image.file_name).string());
    findings[static_cast<size_t>(index)] = *std::move(finding);
    return {};
  }));

  std::vector<CocoDetection> real, quantized;
  std::vector<std::vector<OutputError>> errors;
  for (const Finding& finding : findings) {
    real.insert(real.end(), finding.real.begin(), finding.real.end());
    quantized.insert(quantized.end(), finding.quantized.begin(), finding.quantized.end());
    errors.push_back(finding.errors);
  }
  Validation validation;
  validation.result.images = static_cast<int64_t>(findings.size());
  ThreadPool pool(lanes.count());
  std::optional<CocoMatches> real_matches, quantized_matches;
  if (subjects.real) {
    HT_ASSIGN(real_matches, CocoMatches::make(dataset, real, pool));
    validation.result.float_model = to_public(real_matches->metrics(pool));
  }
  if (subjects.quantized) {
    HT_ASSIGN(quantized_matches, CocoMatches::make(dataset, quantized, pool));
    validation.result.quantized_model = to_public(quantized_matches->metrics(pool));
  }
  if (subjects.real && subjects.quantized) {
    validation.result.drop = kPoints * (std::get<DetectionMetrics>(*validation.result.float_model).ap -
                                        std::get<DetectionMetrics>(*validation.result.quantized_model).ap);
    validation.result.outputs = summarize(subjects.real->graph(), errors);
  }
  HT_TRY(add_intervals(options.bootstrap, recipe.quantize.seed, lanes.count(), context, [&](std::span<const int32_t> copies) {
    return Figures{ap_of(real_matches, copies), ap_of(quantized_matches, copies), {}};
  }, validation.result));
  HT_ASSIGN(validation.data_hash, hash_of_data(findings, recipe.validation->annotations));
  if (!options.detections.empty()) HT_TRY(write_file(options.detections, format_detections(subjects.quantized ? quantized : real)));
  return validation;
}

}  // namespace ht
