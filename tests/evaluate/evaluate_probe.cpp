// SPDX-License-Identifier: Apache-2.0
// evaluate_probe coco INSTANCES RESULTS THREADS: the twelve figures as a JSON object.
// evaluate_probe copies INSTANCES RESULTS COPIES: AP with each image as often as a list in the JSON file says, for each of its lists.
// evaluate_probe resample SEED INDEX SAMPLES: how often each sample is drawn.
// evaluate_probe heads SPEC: the detections of each image of the specification, as test_heads.py writes it.
// Prints an error's text to standard error and exits with its code.
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "evaluate/bootstrap.h"
#include "evaluate/classes.h"
#include "evaluate/coco_matches.h"
#include "evaluate/head.h"

namespace {

using Json = nlohmann::json;
using namespace ht;

Result<std::string> coco(const char* instances, const char* results, int threads) {
  HT_ASSIGN(const CocoDataset dataset, read_coco(instances));
  HT_ASSIGN(const auto detections, read_detections(results));
  ThreadPool pool(threads);
  HT_ASSIGN(const CocoMetrics metrics, evaluate_coco(dataset, detections, pool));
  Json json;
  for (size_t i = 0; i < metrics.values.size(); ++i) json[std::string(CocoMetrics::kNames[i])] = metrics.values[i];
  return json.dump();
}

Result<std::string> copies(const char* instances, const char* results, const char* lists) {
  HT_ASSIGN(const CocoDataset dataset, read_coco(instances));
  HT_ASSIGN(const auto detections, read_detections(results));
  HT_ASSIGN(const auto bytes, read_file(lists));
  ThreadPool pool(2);
  HT_ASSIGN(const CocoMatches matches, CocoMatches::make(dataset, detections, pool));
  Json json = Json::array();
  for (const std::vector<int32_t> list : Json::parse(bytes)) json.push_back(matches.ap(list));
  return json.dump();
}

std::string resampled(uint64_t seed, uint32_t index, uint32_t samples) { return Json(resample(seed, index, samples)).dump(); }

Result<std::vector<float>> read_floats(const std::string& path) {
  HT_ASSIGN(const auto bytes, read_file(path));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

DetectionTask to_task(const Json& json) {
  DetectionTask task;
  task.head = json.at("head");
  task.class_count = json.at("class_count");
  task.strides = json.value("strides", std::vector<int>());
  if (json.contains("center_offset")) task.center_offset = json.at("center_offset").get<float>();
  for (const auto& level : json.value("anchors", std::vector<std::vector<std::array<float, 2>>>())) {
    auto& anchors = task.anchors.emplace_back();
    for (const auto& [width, height] : level) anchors.push_back({width, height});
  }
  for (const auto& [x, y, width, height] : json.value("priors", std::vector<std::array<float, 4>>())) {
    task.priors.push_back({x, y, width, height});
  }
  task.sizes = json.value("sizes", task.sizes);
  task.ratios = json.value("ratios", task.ratios);
  task.steps = json.value("steps", task.steps);
  task.variances = json.value("variances", task.variances);
  if (json.contains("boxes")) task.boxes = parse_box_form(json.at("boxes").get<std::string>());
  if (json.contains("scores")) task.scores = parse_score_form(json.at("scores").get<std::string>());
  if (json.contains("background")) task.background = static_cast<Background>(json.at("background").get<int>());
  if (json.contains("order")) task.order = static_cast<BoxOrder>(json.at("order").get<int>());
  if (json.contains("first_class")) task.first_class = json.at("first_class").get<int>();
  task.score_threshold = json.value("score_threshold", task.score_threshold);
  task.nms_threshold = json.value("nms_threshold", task.nms_threshold);
  task.max_detections = json.value("max_detections", task.max_detections);
  task.multi_label = json.value("multi_label", task.multi_label);
  return task;
}

Result<std::vector<std::vector<float>>> read_values(const Json& image) {
  std::vector<std::vector<float>> values;
  for (const std::string file : image.at("files")) {
    HT_ASSIGN(auto floats, read_floats(file));
    values.push_back(std::move(floats));
  }
  return values;
}

Result<HeadConfig> resolve(const Json& spec, const std::vector<std::vector<float>>& first) {
  std::vector<ModelOutput> outputs;
  for (const Json& json : spec.at("outputs")) {
    ModelOutput output{json.at("name"), json.at("shape"), {}, {}, {}};
    if (json.contains("scores")) output.scores = parse_score_form(json.at("scores").get<std::string>());
    if (json.contains("boxes")) output.boxes = parse_box_form(json.at("boxes").get<std::string>());
    output.integers = json.value("integers", false);
    output.sigmoid_box = json.value("sigmoid_box", false);
    if (spec.value("sample", false)) output.sample = first[outputs.size()];
    outputs.push_back(std::move(output));
  }
  const std::vector<int> size = spec.at("input");
  return resolve_head(to_task(spec.at("task")), {size[0], size[1]}, outputs);
}

Result<std::string> heads(const char* path) {
  HT_ASSIGN(const auto bytes, read_file(path));
  const Json spec = Json::parse(bytes);
  HT_ASSIGN(const auto classes, class_list("coco80"));
  std::optional<HeadConfig> config;
  std::vector<CocoDetection> results;
  Json found = Json::array();
  for (const Json& image : spec.at("images")) {
    HT_ASSIGN(const auto values, read_values(image));
    if (!config) {
      HT_ASSIGN(config, resolve(spec, values));
    }
    std::vector<HeadOutput> outputs;
    for (const Json& json : spec.at("outputs")) {
      outputs.push_back({json.at("name"), json.at("shape"), values[outputs.size()]});
    }
    const std::vector<double> p = image.at("placement");
    const std::vector<int> photo = image.at("photo");
    HT_ASSIGN(const auto candidates, detect(*config, outputs, {p[0], p[1], p[2], p[3]}, photo[1], photo[0]));
    Json list = Json::array();
    for (const Candidate& c : candidates) {
      list.push_back({c.box.x0, c.box.y0, c.box.x1, c.box.y1, c.score, c.class_index});
      if (spec.value("coco", false)) results.push_back(to_coco(c, image.at("id"), classes));
    }
    found.push_back(std::move(list));
  }
  return spec.value("coco", false) ? format_detections(results) : found.dump();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  Result<std::string> answer = usage_error("evaluate_probe coco INSTANCES RESULTS THREADS | copies INSTANCES RESULTS COPIES | resample SEED INDEX SAMPLES | heads SPEC");
  if (command == "coco" && argc == 5) answer = coco(argv[2], argv[3], std::atoi(argv[4]));
  if (command == "copies" && argc == 5) answer = copies(argv[2], argv[3], argv[4]);
  if (command == "resample" && argc == 5)
    answer = resampled(std::stoull(argv[2]), static_cast<uint32_t>(std::stoul(argv[3])), static_cast<uint32_t>(std::stoul(argv[4])));
  if (command == "heads" && argc == 3) answer = heads(argv[2]);
  if (!answer) {
    std::cerr << answer.error().text() << "\n";
    return static_cast<int>(answer.error().code);
  }
  std::cout << *answer << "\n";
}
