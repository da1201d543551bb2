// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include "command.h"

namespace app {

void add_planned(CLI::App& program, Program& shared) {
  for (const char* name : {"export"}) {
    CLI::App* command = program.add_subcommand(name, "Not built yet")->group("")->allow_extras()->fallthrough(false);
    command->callback([&shared, name] {
      shared.work = [name]() -> halftone::Status {
        return halftone::Error{halftone::ErrorCode::kUnsupported, fmt::format("the command '{}' is not built yet", name), {}};
      };
    });
  }
}

}  // namespace app
