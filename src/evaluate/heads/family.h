// SPDX-License-Identifier: Apache-2.0
// What a head is made of. A new head is one file that defines its family, declared below, and one row in head.cpp.
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

struct HeadParts;

struct HeadFamily {
  std::string_view name;
  Result<HeadConfig> (*resolve)(const HeadRequest& request);
  // What its decoding is made of.
  HeadParts (*parts)(const HeadConfig& config);
  // The usual task for outputs that fit; nothing where they fit by chance rather than by the head's habits.
  std::optional<DetectionTask> (*suggest)(const HeadRequest& request, const HeadConfig& config);
  // The numbers of classes that a dimension of an output may stand for, the likeliest first.
  std::vector<int64_t> (*class_counts)(int64_t dimension);
  bool reads_softmax = false;  // scores may be the values that softmax takes
};

namespace yolox {
extern const HeadFamily kFamily;
}
namespace yolov5 {
extern const HeadFamily kFamily;
}
namespace yolov8 {
extern const HeadFamily kFamily;
}
namespace nanodet {
extern const HeadFamily kFamily;
}
namespace ssd {
extern const HeadFamily kFamily;
}
namespace fastestdet {
extern const HeadFamily kFamily;
}
namespace yolo_fastestv2 {
extern const HeadFamily kFamily;
}
namespace boxes {
extern const HeadFamily kFamily;
}

// Null where there is none of that name.
const HeadFamily* find_family(std::string_view name);

}  // namespace ht
