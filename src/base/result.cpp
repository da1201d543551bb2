// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

namespace ht {

Error make_error(ErrorCode code, fmt::string_view format, fmt::format_args args) { return {code, fmt::vformat(format, args), {}}; }

}  // namespace ht
