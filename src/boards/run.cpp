// SPDX-License-Identifier: Apache-2.0
#include "boards/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "boards/build.h"

namespace ht {
namespace {

constexpr double kTestSeconds = 1800;
constexpr std::string_view kFigure = "board: ";
constexpr size_t kMaxSteps = 2048;  // as board.h says

// Takes the text from the front of the line, where it stands there.
bool skip(std::string_view& line, std::string_view text) {
  if (!line.starts_with(text)) return false;
  line.remove_prefix(text.size());
  return true;
}

bool take_number(std::string_view& line, int64_t& number) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error != std::errc() || number < 0) return false;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  return true;
}

// "step 3 instructions 51", "run instructions 8620", "run stack 564".
bool take_figure(std::string_view line, BoardRun& run) {
  int64_t step = 0;
  if (skip(line, "run stack ")) return take_number(line, run.stack_bytes);
  if (skip(line, "run instructions ")) return take_number(line, run.instructions);
  if (!skip(line, "step ") || !take_number(line, step) || !skip(line, " instructions ")) return false;
  if (static_cast<size_t>(step) >= kMaxSteps) return false;
  run.step_instructions.resize(std::max(run.step_instructions.size(), static_cast<size_t>(step) + 1));
  return take_number(line, run.step_instructions[static_cast<size_t>(step)]);
}

void read_output(std::string_view output, BoardRun& run) {
  while (!output.empty()) {
    const size_t end = std::min(output.find('\n'), output.size());
    std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (skip(line, kFigure) && take_figure(line, run)) continue;
    run.output.append(line).append("\n");
  }
}

}  // namespace

Command board_command(const Board& board, const std::filesystem::path& program) {
  Command command{.arguments = {}, .seconds = kTestSeconds};
  if (!board.emulator.empty()) command.arguments.emplace_back(board.emulator);
  if (board.is_bare())
    for (const char* word : {"-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-icount", "shift=7", "-M"})
      command.arguments.emplace_back(word);
  if (board.is_bare())
    for (std::string_view word : {board.machine, std::string_view("-kernel")}) command.arguments.emplace_back(word);
  command.arguments.push_back(program.string());
  return command;
}

Result<BoardRun> run_on_board(const Bundle& bundle, const Board& board, const Context& context) {
  HT_ASSIGN(const BoardBuild build, BoardBuild::make(bundle, board, context));
  BoardRun run;
  if (board.is_bare()) {
    HT_ASSIGN(run.footprint, build.footprint());
  }
  HT_ASSIGN(const std::filesystem::path program, build.test_program());
  HT_ASSIGN(const Finished finished, run_command(board_command(board, program), context));
  read_output(finished.output, run);
  run.identical = finished.status == 0;
  return run;
}

}  // namespace ht
