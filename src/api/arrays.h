// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs of a network from NumPy's files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "halftone/model.h"
#include "import/onnx/import.h"
#include "ir/graph.h"

namespace ht {

// The arrays of a .npy file (one, without a name) or of a .npz archive (those that `wanted` names; all where it is empty). An archive
// may not unpack to more than `max_bytes`. Errors about what the file holds do not
// name it; see in_file().
Result<std::vector<halftone::Tensor>> read_arrays(const std::filesystem::path& path, const std::vector<std::string>& wanted = {},
                                                  int64_t max_bytes = int64_t{1} << 30);

// One array an input of the graph, in its order, from a .npz archive whose arrays bear the inputs' names, or, for the only input, from a
// .npy file. Elements are those of the inputs; shapes are as stored. Errors as
// above.
Result<std::vector<Tensor>> read_input_file(const Graph& graph, const std::string& file);

// The given array for one of the graph's inputs, which the only one may lack the name of.
Result<const halftone::Tensor*> given_for(const Graph& graph, ValueId input, std::span<const halftone::Tensor> given);

// The graph's outputs, in its order and with its shapes and elements, from a .npz archive whose arrays bear the outputs' names. Errors name the file.
Result<std::vector<Tensor>> read_output_file(const Graph& graph, const std::string& file);

// The shapes that arrays give those inputs that leave some of their own open, by the inputs' names. Files as read_inputs() takes them.
Result<std::map<std::string, Shape>> open_shapes(const std::vector<OnnxPort>& inputs, std::span<const std::string> files);

// The error with its file as place, where it does not begin with that already.
Error in_file(Error error, const std::string& file);

// The same numbers as another type has them. Numbers become floats by rounding; what an integer type cannot hold is an error, and so
// is any float for an integer type.
Result<Tensor> convert_elements(const Tensor& tensor, DType wanted);

}  // namespace ht
