// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/epilogue.h"

namespace ht {

// The second-degree pieces of a function that has_activation_form, leaky ReLU excepted.
ht_activation activation_pieces(const ActivationFunction& function);

}  // namespace ht
