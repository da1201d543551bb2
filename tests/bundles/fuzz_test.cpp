// SPDX-License-Identifier: Apache-2.0
// Random networks of every operator family, as bundles: on this machine all of them, under emulated boards a sample. Their outputs equal
// the session's in every byte.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "base/temporary_folder.h"
#include "base/thread_pool.h"
#include "boards/run.h"
#include "bundle_case.h"
#include "random_network.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kNetworks = 500;
constexpr int kVectors = 3;

// Compiles bundles quickly: one unit of all that is a bundle's own, and each kernel once for all bundles that configure it alike.
class Compiler {
 public:
  explicit Compiler(fs::path objects) : objects_(std::move(objects)) {}

  // What went wrong; empty where the test ran and found no difference.
  std::string run(const BundleCase& bundle, const fs::path& folder) {
    write_bundle(bundle, folder);
    std::string own, config;
    for (const BundleFile& file : bundle.files)
      if (file.path == "kernels/c/ht_config.h") config = file.text;
    std::vector<std::string> link = {"cc", "-o", "program", "own.o"};
    for (const BundleFile& file : bundle.files) {
      if (!file.path.ends_with(".c") || file.path.starts_with("example/")) continue;
      if (!file.path.starts_with("kernels/")) {
        own += "#include \"" + file.path + "\"\n";
        continue;
      }
      const fs::path object = objects_ / (sha256_of(config + file.path + file.text) + ".o");
      if (const std::string error = compile_once(folder, file.path, object); !error.empty()) return error;
      link.push_back(object.string());
    }
    if (!write_file(folder / "own.c", own)) return "cannot write";
    if (const std::string error = compile(folder, "own.c", "own.o"); !error.empty()) return error;
    if (const std::string error = call({link, folder}); !error.empty()) return error;
    return call({{(folder / "program").string()}, folder});
  }

 private:
  static std::string sha256_of(const std::string& text) { return sha256({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }

  static std::string call(const Command& command) {
    const auto done = run_command(command);
    if (!done) return done.error().text();
    return done->status == 0 ? std::string() : command.arguments[0] + " says\n" + done->output;
  }

  static std::string compile(const fs::path& folder, const std::string& source, const std::string& object) {
    return call({{"cc", "-std=c99", "-O1", "-ffp-contract=off", "-fno-math-errno", "-Werror", "-I.", "-c", source, "-o", object}, folder});
  }

  std::string compile_once(const fs::path& folder, const std::string& source, const fs::path& object) {
    if (fs::exists(object)) return {};
    if (const std::string error = compile(folder, source, "kernel.o"); !error.empty()) return error;
    fs::rename(folder / "kernel.o", object);  // at once, even where another thread made it meanwhile
    return {};
  }

  fs::path objects_;
};

TEST(BundleFuzz, HostEqualsTheSession) {
  if (find_program("cc").empty()) GTEST_SKIP() << "there is no compiler cc here";
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const fs::path objects = folder->path() / "objects";
  fs::create_directory(objects);
  Compiler compiler(objects);
  std::atomic<int> compared = 0;
  std::mutex mutex;
  ThreadPool(resolve_threads(0)).parallel_for(kNetworks, [&](int64_t index, int) {
    const auto seed = static_cast<uint64_t>(index);
    const auto bundle = make_bundle_case(RandomNetwork::make(seed), **find_cpu("host"), seed, kVectors);
    std::string error = bundle ? "" : bundle.error().text();
    if (bundle && bundle->has_numbers) {
      const fs::path place = folder->path() / std::to_string(seed);
      error = compiler.run(*bundle, place);
      fs::remove_all(place);
      ++compared;
    }
    const std::lock_guard lock(mutex);
    EXPECT_EQ(error, "") << "seed " << seed;
  });
  EXPECT_GT(compared, static_cast<int>(kNetworks) * 9 / 10);
}

class BundleFuzzOnBoards : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Sample, BundleFuzzOnBoards, testing::Range<uint64_t>(1000, 1020));

TEST_P(BundleFuzzOnBoards, EqualTheSession) {
  const uint64_t seed = GetParam();
  const auto board = find_board(seed % 2 == 0 ? "cortex-m4" : "cortex-m55");
  ASSERT_TRUE(board);
  if (const auto tools = check_tools(*board); !tools) GTEST_SKIP() << tools.error().text();
  const auto bundle = make_bundle_case(RandomNetwork::make(seed), *board->cpu, seed, kVectors);
  ASSERT_TRUE(bundle) << bundle.error().text();
  if (!bundle->has_numbers) GTEST_SKIP() << "this network makes a not-a-number";
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  write_bundle(*bundle, folder->path());
  const auto run = run_on_board({folder->path(), "net"}, *board);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_TRUE(run->identical) << run->output;
}

}  // namespace
}  // namespace ht
