// SPDX-License-Identifier: Apache-2.0
// The compiler's work on a bundle, in a temporary folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/temporary_folder.h"
#include "boards/run.h"

namespace ht {

class BoardBuild {
 public:
  // Compiles the network, its test and what the board needs.
  static Result<BoardBuild> make(const Bundle& bundle, const Board& board, const Context& context);

  // Links the network alone and reads from the linker's map what it consists of. Bare processors only.
  Result<Footprint> footprint() const;
  // Links the test program; its path.
  Result<std::filesystem::path> test_program() const;

 private:
  struct Source {
    std::filesystem::path file;
    std::string object;              // where it goes in the folder: "network/ht_conv.o"
    std::vector<std::string> flags;  // beside those of all
  };

  BoardBuild(const Bundle& bundle, const Board& board, const Context& context, TemporaryFolder folder)
      : bundle_(bundle), board_(board), context_(context), folder_(std::move(folder)) {}
  Status write_support() const;
  Result<std::vector<Source>> sources();
  Status compile(const std::vector<Source>& sources) const;
  Status call_compiler(std::vector<std::string> arguments) const;

  Bundle bundle_;
  Board board_;
  Context context_;
  TemporaryFolder folder_;
  std::vector<std::string> network_, test_;  // objects of the network alone, and of its test with the network that it measures
};

}  // namespace ht
