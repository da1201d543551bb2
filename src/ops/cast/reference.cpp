// SPDX-License-Identifier: Apache-2.0
#include "ops/cast/cast.h"
#include "ops/common.h"

namespace ht {

Status reference(const Cast&, InputTensors inputs, OutputTensors outputs) {
  if (is_float(inputs[0]->dtype()))
    store(outputs[0], inputs[0]->to_doubles());
  else
    store(outputs[0], inputs[0]->to_int64s());
  return {};
}

}  // namespace ht
