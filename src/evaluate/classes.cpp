// SPDX-License-Identifier: Apache-2.0
#include "evaluate/classes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

namespace ht {
namespace {

struct Named {
  int id;
  std::string_view name;
};

constexpr std::array<Named, 80> kCoco80 = {{
    {1, "person"},         {2, "bicycle"},       {3, "car"},
    {4, "motorbike"},      {5, "aeroplane"},     {6, "bus"},
    {7, "train"},          {8, "truck"},         {9, "boat"},
    {10, "traffic light"}, {11, "fire hydrant"}, {13, "stop sign"},
    {14, "parking meter"}, {15, "bench"},        {16, "bird"},
    {17, "cat"},           {18, "dog"},          {19, "horse"},
    {20, "sheep"},         {21, "cow"},          {22, "elephant"},
    {23, "bear"},          {24, "zebra"},        {25, "giraffe"},
    {27, "backpack"},      {28, "umbrella"},     {31, "handbag"},
    {32, "tie"},           {33, "suitcase"},     {34, "frisbee"},
    {35, "skis"},          {36, "snowboard"},    {37, "sports ball"},
    {38, "kite"},          {39, "baseball bat"}, {40, "baseball glove"},
    {41, "skateboard"},    {42, "surfboard"},    {43, "tennis racket"},
    {44, "bottle"},        {46, "wine glass"},   {47, "cup"},
    {48, "fork"},          {49, "knife"},        {50, "spoon"},
    {51, "bowl"},          {52, "banana"},       {53, "apple"},
    {54, "sandwich"},      {55, "orange"},       {56, "broccoli"},
    {57, "carrot"},        {58, "hot dog"},      {59, "pizza"},
    {60, "donut"},         {61, "cake"},         {62, "chair"},
    {63, "sofa"},          {64, "pottedplant"},  {65, "bed"},
    {67, "diningtable"},   {70, "toilet"},       {72, "tvmonitor"},
    {73, "laptop"},        {74, "mouse"},        {75, "remote"},
    {76, "keyboard"},      {77, "cell phone"},   {78, "microwave"},
    {79, "oven"},          {80, "toaster"},      {81, "sink"},
    {82, "refrigerator"},  {84, "book"},         {85, "clock"},
    {86, "vase"},          {87, "scissors"},     {88, "teddy bear"},
    {89, "hair drier"},    {90, "toothbrush"},
}};

struct ClassList {
  std::string_view name;
  int class_count;
  bool has_gaps;
  int first_number;
};
constexpr std::array<ClassList, 3> kLists = {{{"coco80", 80, false, 1}, {"coco90", 90, true, 1}, {"coco91", 91, true, 0}}};

double to_thousandths(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

Result<std::vector<ClassLabel>> class_list(std::string_view name) {
  const auto list = std::ranges::find(kLists, name, &ClassList::name);
  if (list == kLists.end()) {
    return input_error("there is no class list \"{}\"; use \"coco80\", \"coco90\", \"coco91\" or a list of names such as "
                       "[\"person\", \"car\"]",
                       name);
  }
  std::vector<ClassLabel> classes;
  for (const Named& entry : kCoco80) {
    const auto skipped = [&] { return list->first_number + static_cast<int>(classes.size()); };
    while (list->has_gaps && skipped() < entry.id) classes.push_back({skipped(), ""});
    classes.push_back({entry.id, std::string(entry.name)});
  }
  return classes;
}

std::string_view class_list_of(int class_count) {
  const auto list = std::ranges::find(kLists, class_count, &ClassList::class_count);
  return list == kLists.end() ? std::string_view() : list->name;
}

Result<std::vector<ClassLabel>> class_list(std::span<const std::string> names) {
  if (names.empty()) return input_error("the list of classes is empty; name at least one");
  std::vector<ClassLabel> classes;
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) return input_error("the class \"{}\" stands twice in the list of classes", name);
    classes.push_back({static_cast<int64_t>(classes.size()) + 1, name});
  }
  return classes;
}

Status check_classes(std::span<const ClassLabel> classes, const CocoDataset& dataset) {
  std::unordered_set<int64_t> ids;
  std::unordered_map<std::string_view, int64_t> by_name;
  for (const CocoCategory& category : dataset.categories) {
    ids.insert(category.id);
    by_name.emplace(category.name, category.id);
  }
  for (const ClassLabel& label : classes) {
    if (!label.is_named()) continue;
    const auto same_name = by_name.find(label.name);
    if (same_name != by_name.end() && same_name->second != label.id) {
      return input_error(
          "class \"{}\" has the id {} here and {} in the annotations; put the classes in the order of the annotations",
          label.name, label.id, same_name->second);
    }
    if (!ids.contains(label.id)) {
      return input_error("class \"{}\" has the id {}, which is no category of the annotations", label.name, label.id);
    }
  }
  return {};
}

CocoDetection to_coco(const Candidate& candidate, int64_t image_id, std::span<const ClassLabel> classes) {
  const Box& box = candidate.box;
  const double x = box.x0, y = box.y0, width = box.x1 - x, height = box.y1 - y;
  CocoDetection detection;
  detection.image_id = image_id;
  detection.category_id = classes[static_cast<size_t>(candidate.class_index)].id;
  detection.box = {to_thousandths(x), to_thousandths(y), to_thousandths(width), to_thousandths(height)};
  detection.score = candidate.score;
  return detection;
}

}  // namespace ht
