// SPDX-License-Identifier: Apache-2.0
// Reads every #include line of the sources and holds it against the arrows of docs/ARCHITECTURE.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

// What the files of a folder may include besides each other: whole folders ("ir/") or single headers.
const std::map<std::string, std::vector<std::string>, std::less<>> kArrows = {
    {"include/halftone", {}},
    // The public vocabulary is the internal one too.
    {"base", {"halftone/result.h", "halftone/context.h"}},
    {"boards/support", {}},  // C for a board, which the program carries along
    {"boards", {"codegen/cpu.h", "base/"}},
    {"kernels/c", {}},
    {"kernels/x86", {"kernels/c/"}},
    {"kernels/arm", {"kernels/c/"}},
    {"kernels/cortex_m", {"kernels/c/", "kernels/registry.h"}},
    {"kernels", {"kernels/c/", "kernels/x86/", "kernels/arm/", "base/"}},
    {"ir", {"base/"}},
    // Parameter structs and the builders of epilogues and tables; never the registry, for a plan is the same for every device.
    {"plan", {"ir/", "base/", "kernels/c/", "kernels/kernel_list.h", "kernels/epilogue.h", "kernels/tables.h"}},
    {"ops", {"plan/", "ir/", "base/", "kernels/c/", "kernels/epilogue.h", "kernels/tables.h"}},
    {"import/onnx", {"ops/", "ir/", "base/"}},
    {"export/onnx", {"ops/", "ir/", "base/"}},
    {"passes", {"ops/", "ir/", "base/"}},
    {"runtime", {"ops/", "plan/", "kernels/", "ir/", "base/"}},
    // A session over a float plan, whose convolutions oneDNN computes.
    {"executor", {"runtime/", "ops/", "plan/", "ir/", "base/"}},
    {"calibrate", {"ir/", "base/", "halftone/context.h"}},
    {"quantize", {"ops/", "calibrate/", "passes/", "plan/", "ir/", "base/", "halftone/context.h"}},
    {"codegen", {"plan/", "kernels/", "kernels/c/", "kernels/cortex_m/", "ir/", "base/"}},
    {"image", {"kernels/c/", "base/"}},
    {"evaluate", {"image/", "runtime/", "executor/", "ir/", "base/", "kernels/c/", "halftone/context.h"}},
    {"report", {"base/", "halftone/"}},
    {"api",
     {"halftone/", "base/", "ir/", "plan/", "ops/", "kernels/", "import/onnx/", "export/onnx/", "passes/", "runtime/", "executor/",
      "calibrate/", "quantize/", "codegen/", "boards/", "image/", "evaluate/", "report/"}},
    {"apps/halftone", {"halftone/"}},
};

// Parts of others whose types stay where they are; what no row names may be included anywhere but in kernels/c.
struct ForeignPart {
  std::string_view header;
  std::set<std::string, std::less<>> folders;
};
const ForeignPart kForeignParts[] = {
    {"onnx.pb.h", {"import/onnx", "export/onnx"}},
    {"google/protobuf/", {"import/onnx", "export/onnx"}},
    {"oneapi/", {"executor"}},
    {"jpeglib.h", {"image"}},
    {"png.h", {"image"}},
    {"webp/", {"image"}},
    {"cairo", {"image"}},
    {"nettle/", {"base"}},
    {"zlib.h", {"api"}},
    {"toml++/", {"quantize", "api"}},
    {"nlohmann/", {"evaluate", "report", "api"}},
    {"CLI/", {"apps/halftone"}},
};
// C bundles have no other headers than these, which every freestanding C99 compiler has.
const std::set<std::string, std::less<>> kFreestanding = {"float.h", "iso646.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h"};

bool allows(const std::vector<std::string>& arrows, std::string_view header) {
  return std::any_of(arrows.begin(), arrows.end(), [&](const std::string& arrow) {
    return arrow.ends_with('/') ? header.starts_with(arrow) && header.find('/', arrow.size()) == std::string_view::npos : header == arrow;
  });
}

// The deepest row of kArrows that the path lies under: "src/kernels/c/ht_conv.c" is "kernels/c".
std::string folder_of(std::string_view path) {
  if (path.starts_with("src/")) path.remove_prefix(4);
  for (size_t end = path.rfind('/'); end != std::string_view::npos && end > 0; end = path.rfind('/', end - 1))
    if (kArrows.contains(path.substr(0, end))) return std::string(path.substr(0, end));
  return {};
}

struct Include {
  std::string header;
  bool quoted = false;  // "header" and not <header>
};

std::optional<Include> parse_include(std::string_view line) {
  const auto skip_spaces = [&] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  skip_spaces();
  if (!line.starts_with('#')) return {};
  line.remove_prefix(1);
  skip_spaces();
  if (!line.starts_with("include")) return {};
  line.remove_prefix(7);
  skip_spaces();
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return {};
  const bool quoted = line[0] == '"';
  const size_t end = line.find(quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) return {};
  return Include{std::string(line.substr(1, end - 1)), quoted};
}

bool may_include_foreign(const std::string& folder, const std::string& header) {
  if (folder == "kernels/c") return kFreestanding.contains(header);
  return std::all_of(std::begin(kForeignParts), std::end(kForeignParts),
                     [&](const ForeignPart& part) { return !header.starts_with(part.header) || part.folders.contains(folder); });
}

// `neighbour`: the header is a file beside the one that includes it.
bool may_include(const std::string& path, const Include& include, bool neighbour) {
  const std::string folder = folder_of(path);
  if (!include.quoted) return may_include_foreign(folder, include.header);
  if (neighbour) return true;
  if (path.starts_with("src/") && folder_of("src/" + include.header) == folder) return true;
  if (folder == "include/halftone") return include.header.starts_with("halftone/");
  // Operators are folders below one that is a row: "ops/conv/conv.h".
  const std::string target = folder_of("src/" + include.header);
  const std::string direct = target.empty() ? include.header : target + "/" + include.header.substr(include.header.rfind('/') + 1);
  const auto& arrows = kArrows.at(folder);
  return allows(arrows, include.header) || allows(arrows, direct);
}

std::vector<fs::path> files_below(std::initializer_list<const char*> roots, const std::set<std::string>& endings) {
  std::vector<fs::path> files;
  for (const char* root : roots) {
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root))
      if (entry.is_regular_file() && endings.contains(entry.path().extension().string())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

const std::set<std::string> kCode = {".h", ".c", ".cpp"};

TEST(Architecture, EveryFolderHasItsArrows) {
  for (const fs::path& path : files_below({"src", "apps", "include"}, kCode))
    EXPECT_FALSE(folder_of(path.generic_string()).empty()) << path << " lies in a folder without a row in kArrows";
}

TEST(Architecture, IncludesFollowTheArrows) {
  const auto files = files_below({"src", "apps", "include"}, kCode);
  ASSERT_GT(files.size(), 100u) << "run this from the repository's root";
  for (const fs::path& path : files) {
    if (folder_of(path.generic_string()).empty()) continue;
    const auto lines = lines_of(path);
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto include = parse_include(lines[i]);
      if (!include) continue;
      const bool neighbour = include->quoted && fs::exists(path.parent_path() / include->header);
      EXPECT_TRUE(may_include(path.generic_string(), *include, neighbour))
          << path.generic_string() << ":" << i + 1 << ": " << include->header << " is not among what " << folder_of(path.generic_string())
          << " may include";
    }
  }
}

// The test above would be worth nothing if it let everything pass.
TEST(Architecture, ForbiddenArrowsAreSeen) {
  const auto allowed = [](const char* path, const char* line) {
    const auto include = parse_include(line);
    return include && may_include(path, *include, false);
  };
  EXPECT_TRUE(allowed("src/ir/graph.h", "#include \"base/result.h\""));
  EXPECT_FALSE(allowed("src/base/result.h", "#include \"ir/graph.h\""));
  EXPECT_FALSE(allowed("src/base/file.cpp", "#include \"halftone/results.h\""));
  EXPECT_TRUE(allowed("src/passes/rewrite.cpp", "#include \"ops/unary/unary.h\""));
  EXPECT_FALSE(allowed("src/plan/plan.h", "#include \"kernels/registry.h\""));
  EXPECT_FALSE(allowed("src/kernels/c/ht_conv.c", "  #  include \"kernels/registry.h\""));
  EXPECT_FALSE(allowed("src/kernels/c/ht_conv.c", "#include <math.h>"));
  EXPECT_FALSE(allowed("src/image/decode.cpp", "#include \"kernels/registry.h\""));
  EXPECT_FALSE(allowed("src/calibrate/scan.cpp", "#include \"ops/ops.h\""));
  EXPECT_FALSE(allowed("src/evaluate/head.cpp", "#include \"quantize/quantize.h\""));
  EXPECT_FALSE(allowed("src/ops/ops.cpp", "#include <onnx.pb.h>"));
  EXPECT_FALSE(allowed("src/runtime/session.cpp", "#include <oneapi/dnnl/dnnl.hpp>"));
  EXPECT_FALSE(allowed("apps/halftone/main.cpp", "#include \"api/content.h\""));
  EXPECT_FALSE(allowed("include/halftone/model.h", "#include \"base/file.h\""));
}

TEST(Architecture, EveryFileNamesItsLicence) {
  const std::set<std::string> endings = {".h", ".c", ".cpp", ".py", ".sh", ".toml", ".cmake", ".txt"};
  for (const fs::path& path : files_below({"src", "apps", "include", "tests", "examples", "bench", "fuzz", "scripts", "cmake"}, endings)) {
    const auto lines = lines_of(path);
    const size_t first = !lines.empty() && lines[0].starts_with("#!") ? 1 : 0;
    ASSERT_GT(lines.size(), first) << path << " is empty";
    const bool hash = lines[first][0] == '#';
    EXPECT_EQ(lines[first], std::string(hash ? "#" : "//") + " SPDX-License-Identifier: Apache-2.0") << path;
  }
}

}  // namespace
