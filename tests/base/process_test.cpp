// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "base/temporary_folder.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

TEST(Process, GivesOutputAndStatus) {
  const auto done = run_command({{"sh", "-c", "echo out; echo error >&2; exit 7"}});
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->output, "out\nerror\n");
  EXPECT_EQ(done->status, 7);
}

TEST(Process, ArgumentsAreNoShellWords) {
  const auto done = run_command({{"printf", "%s|", "a b", "$HOME;", "*"}});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->output, "a b|$HOME;|*|");
}

TEST(Process, RunsInItsFolderWithEmptyInput) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const auto done = run_command({{"sh", "-c", "cat; pwd"}, folder->path()});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->output, fs::canonical(folder->path()).string() + "\n");
}

TEST(Process, NamesASignal) {
  const auto done = run_command({{"sh", "-c", "kill -SEGV $$"}});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, 128 + SIGSEGV);
}

TEST(Process, SignalsAreAsUsualThere) {
  signal(SIGPIPE, SIG_IGN);
  const auto done = run_command({{"sh", "-c", "kill -PIPE $$; echo survived"}});
  signal(SIGPIPE, SIG_DFL);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, 128 + SIGPIPE);
}

TEST(Process, MissingProgramIsAnError) {
  const auto done = run_command({{"no-such-program-anywhere"}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInput);
  EXPECT_EQ(done.error().place, "no-such-program-anywhere");
  EXPECT_TRUE(find_program("no-such-program-anywhere").empty());
  EXPECT_EQ(find_program("sh").filename(), "sh");
}

// It writes its id, starts another one that writes its own, and both wait.
constexpr const char* kTwo = "echo $$ >a; sh -c 'echo $$ >b; sleep 600' & sleep 600; wait";

bool is_gone(const fs::path& file) {
  const auto id = run_command({{"cat", file.string()}});
  if (!id || id->output.empty()) return false;
  for (int i = 0; i < 100; ++i) {
    if (kill(std::atoi(id->output.c_str()), 0) != 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

TEST(Process, IsStoppedWithWhatItStarted) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const auto done = run_command({{"sh", "-c", kTwo}, folder->path(), 0.5});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInput);
  EXPECT_TRUE(is_gone(folder->path() / "a"));
  EXPECT_TRUE(is_gone(folder->path() / "b"));
}

TEST(Process, CanBeCancelled) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  std::atomic<bool> cancelled = false;
  Context context;
  context.cancelled = &cancelled;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    cancelled = true;
  });
  const auto done = run_command({{"sh", "-c", kTwo}, folder->path()}, context);
  later.join();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInterrupted);
  EXPECT_TRUE(is_gone(folder->path() / "a"));
  EXPECT_TRUE(is_gone(folder->path() / "b"));
}

TEST(Process, TimeCountsBehindTheOutputToo) {
  EXPECT_FALSE(run_command({{"sh", "-c", "exec >&- 2>&-; sleep 600"}, {}, 0.3}));
}

TEST(Process, EndlessOutputIsStopped) { EXPECT_FALSE(run_command({{"yes"}, {}, 600, 1 << 20})); }

TEST(TemporaryFolder, GoesWithWhatItHolds) {
  fs::path path;
  {
    const auto folder = TemporaryFolder::make();
    ASSERT_TRUE(folder);
    path = folder->path();
    fs::create_directories(path / "a" / "b");
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace ht
