// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"
#include "ht_math.h"

float HT_FN(ht_head_sigmoid)(float value) { return ht_sigmoid(value); }
