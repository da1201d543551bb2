// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "import/onnx/model.h"

namespace ht {

bool is_utf8(std::string_view text);
// Every name and other text in the model is UTF-8, as protobuf demands; messages, reports and written files rely on it.
Status check_text(const OnnxModel& model);

}  // namespace ht
