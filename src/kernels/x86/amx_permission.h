// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ht {

// Whether this process may use AMX tiles and their products of bytes. Linux gives their registers to a process that asks for
// them; this asks once.
bool amx_permitted();

}  // namespace ht
