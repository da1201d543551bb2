// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/onnx/model.h"

namespace ht {

// The version of ONNX's own operators that the model declares, if it is one that Halftone knows.
Result<int64_t> supported_opset(const OnnxModelInfo& info);
std::vector<OnnxUnsupported> unsupported_nodes(const OnnxModel& model);
// Names all nodes with unknown operators at once.
Status refuse_unsupported(const OnnxModel& model);

}  // namespace ht
