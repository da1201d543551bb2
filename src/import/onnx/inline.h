// SPDX-License-Identifier: Apache-2.0
// Graphs inside of graphs: functions of the file, and branches.
#pragma once

#include <functional>

#include "import/onnx/model.h"

namespace ht {

// Replaces nodes that call a function of the file by the function's nodes.
Status inline_functions(OnnxModel& model);

// Names that the node reads from the graphs around it: its inputs and what its subgraphs read.
std::vector<std::string> names_read(const OnnxNode& node);

// Gives every name in the node, its subgraphs' too, the name that `rename` has for it. Empty names stay empty.
OnnxNode renamed(const OnnxNode& node, const std::function<std::string(const std::string&)>& rename);

}  // namespace ht
