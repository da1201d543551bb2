// SPDX-License-Identifier: Apache-2.0
// From photos to a model's input, as [preprocess] says.
#pragma once

#include "halftone/recipe.h"
#include "image/preprocess.h"
#include "ir/graph.h"

namespace ht {

class PhotoInput {
 public:
  // kInput where the model's input does not fit the preprocessing.
  static Result<PhotoInput> make(const Graph& graph, const halftone::Preprocess& preprocess);

  const Preprocess& preprocess() const { return preprocess_; }
  PixelLayout layout() const { return layout_; }
  // A quantized input holds the real numbers that [preprocess] makes in its own integers.
  Result<Tensor> convert(const Image& photo) const;

 private:
  Preprocess preprocess_;
  PixelLayout layout_ = PixelLayout::kNchw;
  TensorType type_;
};

}  // namespace ht
