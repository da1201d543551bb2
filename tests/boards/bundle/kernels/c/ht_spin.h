// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

void ht_spin(uint32_t times);
void ht_use_stack(void);
