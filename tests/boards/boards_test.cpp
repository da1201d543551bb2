// SPDX-License-Identifier: Apache-2.0
// A bundle whose instructions can be counted by hand, on every processor whose tools are installed here.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/temporary_folder.h"
#include "boards/build.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

const Bundle kTiny{"tests/boards/bundle", "tiny"};

class Boards : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    board_ = *find_board(GetParam());
    if (const auto tools = check_tools(board_); !tools) GTEST_SKIP() << tools.error().text();
  }
  Board board_;
};

INSTANTIATE_TEST_SUITE_P(All, Boards, testing::Values("host", "aarch64", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m55"),
                         [](const testing::TestParamInfo<std::string>& cpu) {
                           std::string name = cpu.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(Boards, CountInstructionsOfEachStep) {
  const auto run = run_on_board(kTiny, board_);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_TRUE(run->identical);
  EXPECT_EQ(run->output, "all vectors are identical\n");
  if (!board_.is_bare()) {
    EXPECT_TRUE(run->step_instructions.empty());
    return;
  }
  ASSERT_EQ(run->step_instructions.size(), 4u);
  // One instruction loads the number of times, one calls, one returns.
  EXPECT_EQ(run->step_instructions[0], 2 * 1000000 + 3);
  EXPECT_EQ(run->step_instructions[1], 2 * 1 + 3);
  int64_t steps = 0;
  for (int64_t step : run->step_instructions) steps += step;
  EXPECT_GT(run->instructions, steps);
  EXPECT_LT(run->instructions, steps + 20);  // the function's beginning, and what it leaves behind the last step
  EXPECT_GE(run->stack_bytes, 400);
  EXPECT_LT(run->stack_bytes, 460);
}

TEST_P(Boards, FootprintIsOfTheNetworkAlone) {
  if (!board_.is_bare()) return;
  const auto run = run_on_board(kTiny, board_);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->footprint.arrays, 100);
  EXPECT_EQ(run->footprint.parameters, 0);
  EXPECT_EQ(run->footprint.constants, 0);
  EXPECT_EQ(run->footprint.library, 0);
  EXPECT_EQ(run->footprint.data, 0);
  EXPECT_EQ(run->footprint.bss, 0);
  EXPECT_GT(run->footprint.code, 60);
  EXPECT_LT(run->footprint.code, 200);
}

// Numbers behind a word that begins a line.
std::vector<int64_t> numbers(const std::string& text, const std::string& word) {
  std::vector<int64_t> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(word + " ")) found.push_back(std::stoll(line.substr(word.size() + 1)));
  return found;
}

// The address of a variable or function, hexadecimal.
std::string address(const fs::path& program, const std::string& name) {
  const auto names = run_command({{"arm-none-eabi-nm", program.string()}});
  if (!names) return {};
  std::istringstream lines(names->output);
  for (std::string line; std::getline(lines, line);)
    if (line.ends_with(" " + name)) return line.substr(0, line.find(' '));
  return {};
}

// An emulator that counts by itself agrees with the clock. It counts from where a hook's call reads the clock last, and stores it, to where
// the next call begins; from the step without instructions that finds the overhead it has the same constant in it as all others.
TEST_P(Boards, TheClockCountsAsThePluginDoes) {
  if (!board_.is_bare()) return;
  const auto build = BoardBuild::make(kTiny, board_, {});
  ASSERT_TRUE(build) << build.error().text();
  const auto program = build->test_program();
  ASSERT_TRUE(program) << program.error().text();
  const auto plugin = TemporaryFolder::make();
  ASSERT_TRUE(plugin);
  const std::string library = (plugin->path() / "libcount.so").string();
  const auto compiled = run_command({{"cc", "-O1", "-shared", "-fPIC", "tests/boards/count_instructions.c", "-o", library}});
  ASSERT_TRUE(compiled && compiled->status == 0) << (compiled ? compiled->output : compiled.error().text());

  Command command = board_command(board_, *program);
  const std::string at = address(*program, "ht_board_step"), written = address(*program, "started");
  command.arguments.insert(command.arguments.end(), {"-plugin", library + ",at=" + at + ",written=" + written});
  const auto counted = run_command(command);
  ASSERT_TRUE(counted) << counted.error().text();
  if (counted->output.find("Could not load plugin") != std::string::npos) GTEST_SKIP() << counted->output;
  auto readings = numbers(counted->output, "executed");
  ASSERT_FALSE(readings.empty());
  readings.erase(readings.begin());  // the start-up clears the variable
  const auto run = run_on_board(kTiny, board_);
  ASSERT_TRUE(run);
  // Two calls find the overhead; each run has six: its beginning, four steps, its end.
  ASSERT_EQ(readings.size(), 2u * (2 + 10 * 6));
  const auto interval = [&](size_t call) { return readings[2 * call] - readings[2 * call - 1]; };
  for (size_t step = 0; step < 4; ++step) EXPECT_EQ(run->step_instructions[step], interval(2 + step + 2) - interval(1)) << step;
}

// A copy of the bundle with a line before one of its files.
TemporaryFolder changed(const fs::path& file, const std::string& line) {
  auto folder = TemporaryFolder::make();
  fs::copy(kTiny.folder, folder->path(), fs::copy_options::recursive);
  std::ifstream original(kTiny.folder / file);
  std::ofstream(folder->path() / file) << line << "\n" << original.rdbuf();
  return *std::move(folder);
}

TEST_P(Boards, ADifferenceIsSaid) {
  const TemporaryFolder folder = changed("test/test.c", "#define EXPECTED 5");
  const auto run = run_on_board({folder.path(), "tiny"}, board_);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_FALSE(run->identical);
  EXPECT_EQ(run->output, "vector 1: 6 and not 5\n");
}

TEST_P(Boards, ACrashIsNotIdentical) {
  const TemporaryFolder folder = changed("tiny.c", "#define HT_STEP(number) __builtin_trap()");
  const auto run = run_on_board({folder.path(), "tiny"}, board_);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_FALSE(run->identical);
  EXPECT_EQ(run->output.find("the processor stopped at a fault") != std::string::npos, board_.is_bare()) << run->output;
}

TEST_P(Boards, ErrorsOfTheCompilerAreShown) {
  const TemporaryFolder folder = changed("tiny.c", "#error this cannot be compiled");
  const auto run = run_on_board({folder.path(), "tiny"}, board_);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::kInput);
  EXPECT_NE(run.error().message.find("this cannot be compiled"), std::string::npos);
}

TEST_P(Boards, ANetworkTooLargeForTheBoardIsAnError) {
  if (!board_.is_bare()) return;
  const TemporaryFolder folder = changed("tiny.c", "static const char large[5 << 20] = {1};\n#define HT_STEP(number) (void)*(const volatile char *)large");
  const auto run = run_on_board({folder.path(), "tiny"}, board_);
  ASSERT_FALSE(run);
  EXPECT_NE(run.error().message.find("FLASH"), std::string::npos) << run.error().text();
}

TEST(BoardTools, MissingOnesAreNamedWithTheirPackages) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  const auto tools = check_tools(*find_board("cortex-m4"));
  setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(tools);
  EXPECT_NE(tools.error().message.find("arm-none-eabi-gcc"), std::string::npos);
  EXPECT_NE(tools.error().message.find("libnewlib-arm-none-eabi"), std::string::npos);
}

TEST(BoardTools, UnknownProcessorsAreRefusedWithTheKnown) {
  const auto board = find_board("z80");
  ASSERT_FALSE(board);
  EXPECT_EQ(board.error().code, ErrorCode::kUsage);
  EXPECT_NE(board.error().message.find("cortex-m55"), std::string::npos);
}

}  // namespace
}  // namespace ht
