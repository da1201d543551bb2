// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
extern const int8_t tiny_weights[100];
const int8_t tiny_weights[100] = {1, 2, 3};
