// SPDX-License-Identifier: Apache-2.0
// The whole public interface.
//
//   auto recipe = halftone::load_recipe("yolox.toml");
//   auto result = halftone::quantize(*recipe, "yolox_int8.onnx");
//   auto model = halftone::Model::load("yolox_int8.onnx");
//   auto session = halftone::Session::create(*model);
//   auto boxes = session->detect("street.jpg", *model->recipe());
//
// Every function that can fail gives a Result; nothing throws, prints or ends the program.
#pragma once

#include "halftone/context.h"
#include "halftone/json.h"
#include "halftone/model.h"
#include "halftone/operations.h"
#include "halftone/recipe.h"
#include "halftone/result.h"
#include "halftone/results.h"
