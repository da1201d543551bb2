// SPDX-License-Identifier: Apache-2.0
#include "evaluate/coco.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/file.h"
#include "evaluate/json_records.h"

namespace ht {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{1} << 30;
constexpr std::array<std::string_view, 3> kRecordLists = {"images", "annotations", "categories"};
constexpr std::array<std::string_view, 10> kKeys = {"id",          "file_name", "width", "height",  "image_id",
                                                    "category_id", "bbox",      "area",  "iscrowd", "name"};
constexpr std::array<std::string_view, 4> kDetectionKeys = {"image_id", "category_id", "bbox", "score"};

std::string_view as_text(std::span<const uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// A name from the file may not lead out of the folder of the images.
Status check_file_name(const std::string& name) {
  const std::filesystem::path path(name);
  const bool climbs = std::find(path.begin(), path.end(), "..") != path.end();
  if (name.empty() || path.is_absolute() || climbs || name.find('\0') != std::string::npos) {
    return input_error("'file_name' \"{}\" must be a path inside the folder of the images", name);
  }
  return {};
}

Result<CocoImage> to_image(const JsonRecord& record) {
  CocoImage image;
  HT_ASSIGN(image.id, record.integer("id"));
  HT_ASSIGN(image.file_name, record.text("file_name"));
  HT_TRY(check_file_name(image.file_name));
  HT_ASSIGN(image.width, record.integer("width"));
  HT_ASSIGN(image.height, record.integer("height"));
  if (image.width < 1 || image.height < 1) return input_error("'width' and 'height' must be positive");
  return image;
}

Result<CocoAnnotation> to_annotation(const JsonRecord& record) {
  CocoAnnotation annotation;
  HT_ASSIGN(annotation.id, record.integer("id"));
  HT_ASSIGN(annotation.image_id, record.integer("image_id"));
  HT_ASSIGN(annotation.category_id, record.integer("category_id"));
  HT_ASSIGN(annotation.box, record.box("bbox"));
  HT_ASSIGN(annotation.area, record.number("area"));
  if (record.has("iscrowd")) {
    HT_ASSIGN(const int64_t crowd, record.integer("iscrowd"));
    annotation.crowd = crowd != 0;
  }
  if (!all_finite(annotation.box) || !std::isfinite(annotation.area)) return input_error("'bbox' and 'area' must be finite");
  return annotation;
}

Result<CocoCategory> to_category(const JsonRecord& record) {
  CocoCategory category;
  HT_ASSIGN(category.id, record.integer("id"));
  HT_ASSIGN(category.name, record.text("name"));
  return category;
}

Result<CocoDetection> to_detection(const JsonRecord& record) {
  CocoDetection detection;
  HT_ASSIGN(detection.image_id, record.integer("image_id"));
  HT_ASSIGN(detection.category_id, record.integer("category_id"));
  HT_ASSIGN(detection.box, record.box("bbox"));
  HT_ASSIGN(detection.score, record.number("score"));
  return detection;
}

template <class Entry>
Result<std::unordered_set<int64_t>> unique_ids(std::span<const Entry> entries, std::string_view list) {
  std::unordered_set<int64_t> ids;
  ids.reserve(entries.size());
  for (const Entry& entry : entries) {
    if (!ids.insert(entry.id).second) return input_error("two entries of '{}' have the id {}", list, entry.id);
  }
  return ids;
}

Status check_references(const CocoDataset& dataset) {
  HT_ASSIGN(const auto images, unique_ids<CocoImage>(dataset.images, "images"));
  HT_ASSIGN(const auto categories, unique_ids<CocoCategory>(dataset.categories, "categories"));
  HT_TRY(unique_ids<CocoAnnotation>(dataset.annotations, "annotations"));
  for (const CocoAnnotation& annotation : dataset.annotations) {
    if (!images.contains(annotation.image_id)) {
      return input_error("annotation {} is of image {}, which 'images' does not have", annotation.id, annotation.image_id);
    }
    if (!categories.contains(annotation.category_id)) {
      return input_error("annotation {} is of category {}, which 'categories' does not have", annotation.id,
                         annotation.category_id);
    }
  }
  return {};
}

}  // namespace

Result<CocoDataset> parse_coco(std::string_view json) {
  CocoDataset dataset;
  HT_TRY(read_records(json, kRecordLists, kKeys, [&](size_t list, const JsonRecord& record) -> Status {
    if (list == 0) {
      HT_ASSIGN(CocoImage image, to_image(record));
      dataset.images.push_back(std::move(image));
    } else if (list == 1) {
      HT_ASSIGN(CocoAnnotation annotation, to_annotation(record));
      dataset.annotations.push_back(annotation);
    } else {
      HT_ASSIGN(CocoCategory category, to_category(record));
      dataset.categories.push_back(std::move(category));
    }
    return {};
  }));
  HT_TRY(check_references(dataset));
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(dataset.images.begin(), dataset.images.end(), by_id);
  std::sort(dataset.categories.begin(), dataset.categories.end(), by_id);
  return dataset;
}

Result<CocoDataset> read_coco(const std::filesystem::path& path) {
  HT_ASSIGN(const auto bytes, read_file(path, kMaxFileBytes));
  auto dataset = parse_coco(as_text(bytes));
  if (!dataset) return std::move(dataset.error()).in(path.string());
  return dataset;
}

void keep_first_images(CocoDataset& dataset, int64_t count) {
  if (count < 0 || static_cast<size_t>(count) >= dataset.images.size()) return;
  dataset.images.resize(static_cast<size_t>(count));
  std::unordered_set<int64_t> kept;
  for (const CocoImage& image : dataset.images) kept.insert(image.id);
  std::erase_if(dataset.annotations, [&](const CocoAnnotation& annotation) { return !kept.contains(annotation.image_id); });
}

std::string format_detections(std::span<const CocoDetection> detections) {
  std::string text = "[";
  for (const CocoDetection& detection : detections) {
    const nlohmann::ordered_json entry = {{"image_id", detection.image_id},
                                          {"category_id", detection.category_id},
                                          {"bbox", detection.box},
                                          {"score", detection.score}};
    text += text.size() > 1 ? ",\n" : "\n";
    text += entry.dump();
  }
  return text + "\n]\n";
}

Result<std::vector<CocoDetection>> parse_detections(std::string_view json) {
  std::vector<CocoDetection> detections;
  HT_TRY(read_records(json, {}, kDetectionKeys, [&](size_t, const JsonRecord& record) -> Status {
    HT_ASSIGN(const CocoDetection detection, to_detection(record));
    detections.push_back(detection);
    return {};
  }));
  return detections;
}

Result<std::vector<CocoDetection>> read_detections(const std::filesystem::path& path) {
  HT_ASSIGN(const auto bytes, read_file(path, kMaxFileBytes));
  auto detections = parse_detections(as_text(bytes));
  if (!detections) return std::move(detections.error()).in(path.string());
  return detections;
}

}  // namespace ht
