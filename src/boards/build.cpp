// SPDX-License-Identifier: Apache-2.0
#include "boards/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/process.h"
#include "base/thread_pool.h"
#include "boards/link_map.h"
#include "boards/support_files.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

constexpr double kCompilerSeconds = 300;
constexpr int64_t kMaxMapBytes = 64 << 20;

void append(std::vector<std::string>& to, const std::vector<std::string>& more) { to.insert(to.end(), more.begin(), more.end()); }

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

// C sources of the folder and of those in it, in the order of their names.
Result<std::vector<fs::path>> c_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".c") files.push_back(entry->path());
  if (error) return input_error("cannot be read: {}", error.message()).in(folder.string());
  std::ranges::sort(files);
  return files;
}

std::string library_of(const std::string& name) { return "lib" + name + ".a"; }

// Variables that a program's file holds no values of; the linker's script may align the end of those that are empty.
constexpr std::array<std::string_view, 3> kZeroed = {".bss", ".persistent", ".noinit"};

void count(const MapEntry& entry, const std::string& name, Footprint& footprint) {
  const auto target = [&]() -> int64_t& {
    if (entry.section == ".data") return footprint.data;
    if (std::ranges::find(kZeroed, entry.section) != kZeroed.end()) return footprint.bss;
    if (entry.file.empty()) return footprint.padding;
    if (!entry.file.starts_with(library_of(name))) return footprint.library;
    if (!entry.input.starts_with(".rodata")) return footprint.code;
    if (entry.file.ends_with("(" + name + "_weights.o)")) return footprint.arrays;
    return entry.file.ends_with("(" + name + ".o)") ? footprint.parameters : footprint.constants;
  };
  target() += entry.bytes;
}

}  // namespace

Result<BoardBuild> BoardBuild::make(const Bundle& bundle, const Board& board, const Context& context) {
  HT_TRY(check_tools(board));
  HT_ASSIGN(TemporaryFolder folder, TemporaryFolder::make());
  std::error_code failure;
  fs::path home = fs::absolute(bundle.folder, failure);
  if (failure) return input_error("cannot find the folder: {}", failure.message()).in(bundle.folder.string());
  BoardBuild build({std::move(home), bundle.name, bundle.for_size}, board, context, std::move(folder));
  HT_TRY(build.write_support());
  HT_ASSIGN(const std::vector<Source> sources, build.sources());
  HT_TRY(build.compile(sources));
  return build;
}

Status BoardBuild::write_support() const {
  for (const EmbeddedFile& file : kSupportFiles) HT_TRY(write_file(folder_.path() / file.path, file.text));
  for (const char* name : {"network", "measured", "test", "board"}) {
    std::error_code error;
    fs::create_directory(folder_.path() / name, error);
    if (error) return input_error("cannot make a folder: {}", error.message()).in(folder_.path().string());
  }
  return {};
}

Result<std::vector<BoardBuild::Source>> BoardBuild::sources() {
  std::vector<Source> sources;
  const auto add = [&](const fs::path& file, std::string_view folder, std::vector<std::string> flags) {
    if (std::ranges::find(bundle_.for_size, file.lexically_relative(bundle_.folder).generic_string()) != bundle_.for_size.end())
      flags.insert(flags.end(), kSizeFlags.begin(), kSizeFlags.end());
    sources.push_back({file, fmt::format("{}/{}.o", folder, file.stem().string()), std::move(flags)});
    return sources.back().object;
  };
  HT_ASSIGN(const std::vector<fs::path> kernels, c_files(bundle_.folder / "kernels"));
  const fs::path program = bundle_.folder / (bundle_.name + ".c");
  std::vector<fs::path> network = {program, bundle_.folder / (bundle_.name + "_weights.c")};  // in the order of the bundle's Makefile
  network.insert(network.end(), kernels.begin(), kernels.end());
  for (const fs::path& file : network) network_.push_back(add(file, "network", {}));
  test_ = network_;
  if (board_.is_bare())  // which needs the file in which the steps are called again, with calls of the board's hook
    test_.front() = add(program, "measured", {"-I" + folder_.path().string(), "-include", "board.h", "-DHT_STEP=ht_board_step"});
  HT_ASSIGN(const std::vector<fs::path> tests, c_files(bundle_.folder / "test"));
  for (const fs::path& file : tests) test_.push_back(add(file, "test", {}));
  if (!board_.is_bare()) return sources;
  const std::vector<std::string> flags = {fmt::format("-DBOARD_FPGAIO={}", board_.fpgaio), fmt::format("-DBOARD_CLOCK_MHZ={}u", board_.clock_mhz),
                                          fmt::format("-DBOARD_REAL_RUN=__real_{}_run", bundle_.name),
                                          fmt::format("-DBOARD_WRAPPED_RUN=__wrap_{}_run", bundle_.name)};
  for (const char* name : {"startup.c", "measure.c"}) test_.push_back(add(folder_.path() / name, "board", flags));
  return sources;
}

Status BoardBuild::compile(const std::vector<Source>& sources) const {
  ThreadPool pool(resolve_threads(context_.threads));
  std::vector<Status> results(sources.size());
  std::atomic<bool> failed = false;
  pool.parallel_for(static_cast<int64_t>(sources.size()), [&](int64_t i, int) {
    if (failed) return;
    const Source& source = sources[static_cast<size_t>(i)];
    std::vector<std::string> arguments(kBundleFlags.begin(), kBundleFlags.end());
    append(arguments, source.flags);
    append(arguments, {"-I" + bundle_.folder.string(), "-c", source.file.string(), "-o", source.object});
    results[static_cast<size_t>(i)] = call_compiler(std::move(arguments));
    if (!results[static_cast<size_t>(i)]) failed = true;
  });
  for (Status& result : results) HT_TRY(std::move(result));
  return {};
}

Status BoardBuild::call_compiler(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), std::string(board_.cpu->compiler));
  const std::vector<std::string> flags = words(board_.cpu->flags);
  arguments.insert(arguments.begin() + 1, flags.begin(), flags.end());
  return call(std::move(arguments));
}

Status BoardBuild::call(std::vector<std::string> arguments) const {
  const std::string program = arguments.front();
  HT_ASSIGN(const Finished finished, run_command({std::move(arguments), folder_.path(), kCompilerSeconds}, context_));
  if (finished.status == 0) return {};
  return input_error("cannot be built for {}: {} says\n{}", board_.cpu->name, program, finished.output).in(bundle_.folder.string());
}

Result<Footprint> BoardBuild::footprint() const {
  const std::string library = library_of(bundle_.name);
  std::vector<std::string> archive = {archiver_of(*board_.cpu), "rcs", library};
  append(archive, network_);
  HT_TRY(call(std::move(archive)));
  // The linker's own script, as in any program that has none of its own.
  HT_TRY(call_compiler({"-nostartfiles", fmt::format("-Wl,--gc-sections,-e,{0}_run,-u,{0}_run,-Map=footprint.map", bundle_.name), library, "-o", "footprint.elf"}));
  HT_ASSIGN(const std::vector<uint8_t> map, read_file(folder_.path() / "footprint.map", kMaxMapBytes));
  HT_ASSIGN(const std::vector<MapEntry> entries, read_link_map({reinterpret_cast<const char*>(map.data()), map.size()}));
  Footprint footprint;
  for (const MapEntry& entry : entries) count(entry, bundle_.name, footprint);
  return footprint;
}

Result<fs::path> BoardBuild::test_program() const {
  std::vector<std::string> arguments = {"-o", "test.elf"};
  if (board_.is_bare())
    append(arguments, {"--specs=rdimon.specs", "-nostartfiles", fmt::format("-Wl,--gc-sections,--wrap={}_run", bundle_.name), "-T",
                       fmt::format("{}.ld", board_.machine)});
  else if (!board_.emulator.empty())
    append(arguments, {"-static"});  // the emulator has no libraries for the processor
  append(arguments, test_);
  HT_TRY(call_compiler(std::move(arguments)));
  return folder_.path() / "test.elf";
}

}  // namespace ht
