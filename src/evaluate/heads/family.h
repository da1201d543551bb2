// SPDX-License-Identifier: Apache-2.0
// What a head is made of. A new head is one file that defines the three functions, declared below, and one row in head.cpp.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "evaluate/head.h"

namespace ht {

struct HeadRequest {
  const DetectionTask& task;
  InputSize input;
  std::span<const ModelOutput> outputs;
};

// The outputs' values in the order of HeadConfig::outputs, as large as their shapes say.
using HeadValues = std::span<const std::span<const float>>;

struct HeadFamily {
  std::string_view name;
  // All functions are null for a head that is known and not built.
  Result<HeadConfig> (*resolve)(const HeadRequest& request);
  void (*decode)(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found);
  // The usual task for outputs that fit; nothing where they fit by chance rather than by the head's habits.
  std::optional<DetectionTask> (*suggest)(const HeadConfig& config);
};

namespace yolox {
Result<HeadConfig> resolve(const HeadRequest& request);
void decode(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found);
std::optional<DetectionTask> suggest(const HeadConfig& config);
}  // namespace yolox

namespace yolov8 {
Result<HeadConfig> resolve(const HeadRequest& request);
void decode(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found);
std::optional<DetectionTask> suggest(const HeadConfig& config);
}  // namespace yolov8

namespace nanodet {
Result<HeadConfig> resolve(const HeadRequest& request);
void decode(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found);
std::optional<DetectionTask> suggest(const HeadConfig& config);
}  // namespace nanodet

namespace fastestdet {
Result<HeadConfig> resolve(const HeadRequest& request);
void decode(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found);
std::optional<DetectionTask> suggest(const HeadConfig& config);
}  // namespace fastestdet

}  // namespace ht
