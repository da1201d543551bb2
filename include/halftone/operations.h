// SPDX-License-Identifier: Apache-2.0
// The operations of the command line. All can be cancelled through the context and then fail with kInterrupted; files are
// written whole or not at all; results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halftone/context.h"
#include "halftone/model.h"
#include "halftone/recipe.h"
#include "halftone/result.h"
#include "halftone/results.h"

namespace halftone {

std::string_view version();  // "0.1.0"
// The instruction set of that name, as in "avx2"; an error lists the names. kBest is "best".
Result<Isa> parse_isa(std::string_view name);

struct CalibrateOptions {
  int shard = 1;  // this run takes the samples of shard 1..shards
  int shards = 1;
  bool skip_bad = false;  // note unreadable images and go on instead of failing
};
Result<Statistics> calibrate(const Recipe& recipe, const CalibrateOptions& options = {}, const Context& context = {});

// Quantizes recipe.model as recipe.quantize says and writes a Q/DQ ONNX file to `output`. Calibrates where no statistics are
// given; refuses statistics of another model, other data or other preprocessing with kInput.
struct QuantizeOptions {
  std::optional<Statistics> statistics = {};
  bool skip_bad = false;
};
Result<QuantizeResult> quantize(const Recipe& recipe, const std::filesystem::path& output, const QuantizeOptions& options = {},
                                const Context& context = {});

// Which layers of recipe.model harm its heads when they compute as recipe.quantize says, why, and what helps. Layers are measured on photos
// of [calibration] behind `count`, where there are any, else on those that calibration sees. Measurements are kept in a folder as soon as they
// are made, so a run that was ended goes on where it was and gives the same result. kUsage where nothing would compute in integers.
struct AnalyzeOptions {
  std::optional<Statistics> statistics;  // as for quantize()
  bool skip_bad = false;
  int64_t photos = 8;                             // to measure on, at most
  bool metric = false;                            // measure AP or top-1 on [validation] too: two validations a layer
  std::optional<int64_t> limit;                   // of it, the first so many images by id
  std::optional<std::filesystem::path> folder;    // of measurements; absent: in $XDG_CACHE_HOME/halftone or ~/.cache/halftone
};
Result<AnalyzeResult> analyze(const Recipe& recipe, const AnalyzeOptions& options = {}, const Context& context = {});

// The task's metric of recipe.model and, with `model`, of that one beside it. Where recipe.model is quantized and `model` is
// absent, the result is its own. With `record`, count, data hash and metric are written into the quantized model.
struct ValidateOptions {
  std::filesystem::path model = {};
  std::optional<int64_t> limit = {};      // the first so many images by id
  std::filesystem::path detections = {};  // where to write a result list as pycocotools reads it
  std::filesystem::path outputs = {};     // in place of `model`: a folder of what another engine computed, as docs/INTERFACE.md says
  bool record = false;
  int64_t bootstrap = 0;  // so many resamples of the images, drawn by recipe.quantize.seed, give intervals of AP or top-1 and of the drop
};
Result<ValidateResult> validate(const Recipe& recipe, const ValidateOptions& options = {}, const Context& context = {});

// Two models on the same samples, value by value. Values are matched by their names, which rewriting and quantization keep, and outputs
// also by their order. A float model runs in float, a quantized one in integers; either may be A, the reference.
struct CompareOptions {
  std::vector<std::filesystem::path> images;  // photos, each a sample; or
  std::vector<std::string> inputs;            // files of arrays, one sample, as read_inputs() takes them
  std::optional<Recipe> recipe;               // preprocessing of both; absent: what each carries, else what the other one carries
  std::vector<std::string> values;            // only those of these names; * and ? stand for any characters
};
Result<CompareResult> compare(const std::filesystem::path& a, const std::filesystem::path& b, const CompareOptions& options,
                              const Context& context = {});
// The same of two folders that Session::dump() wrote, or of any .npy files, whose names are then those of the values. Of the options
// only `values` counts.
Result<CompareResult> compare_dumps(const std::filesystem::path& a, const std::filesystem::path& b, const CompareOptions& options = {});

struct BenchOptions {
  int64_t runs = 0;  // 0: as many as fit into about two seconds, at least 20
  bool per_layer = false;
  std::vector<int64_t> input_shape;  // fixes what the only input leaves open; empty: the model's own
  std::filesystem::path compare;  // another model, usually the float one: its layers are timed beside these
};
Result<BenchResult> bench(const std::filesystem::path& model, const BenchOptions& options = {}, const Context& context = {});

// Writes a quantized model as a C99 project without dependencies, which computes exactly what the model's session does, into a new
// folder, which appears whole or not at all; one that holds nothing but an earlier project of this kind is replaced. kUnsupported for
// float models and what C projects lack, kDemandNotMet where it does not fit into the memory given. To verify needs a compiler and an
// emulator for the processor: kInput, with what to install, where they are not on PATH. What differs there is part of the result.
struct CompileOptions {
  std::string cpu = "host";  // what it is made for; an error lists the names
  std::string name;          // of its files and functions; empty: the model file's
  std::optional<int64_t> ram_bytes, flash_bytes;  // that there are for it; with too little RAM the first layers run by bands of rows
  bool bands = false;                             // the first layers run by bands of rows, whatever RAM there is
  int64_t vectors = 10;                       // how many random inputs its test has
  std::vector<std::string> inputs;            // files of arrays, one more input of the test, as read_inputs() takes them
  std::vector<std::filesystem::path> images;  // photos, each one more input of the test
  bool verify = false;                        // build it, run its test on the processor or an emulator, and measure
};
Result<CompileResult> compile(const std::filesystem::path& model, const std::filesystem::path& folder, const CompileOptions& options = {},
                              const Context& context = {});

// Finds bits of weights (4 or 8) and of what layers read (8 or 16), or float, for each convolution and matrix product, such that the model
// keeps what is demanded: at least one of the four limits. Of what fulfils all, with a limit of bytes, latency or bits the candidate with the
// least error at the heads is chosen, with `max_drop` alone the smallest. Writes it to `output`, and beside it the recipe that quantize()
// makes the same bytes of; nothing where the demand is not met. All measurements are kept: a run that was ended goes on where it was,
// and the same measurements give the same answer. kUsage where nothing is demanded, or what cannot be measured.
struct SearchOptions {
  std::optional<double> max_drop;     // points of the task's metric on [validation], against the float model
  std::optional<int64_t> max_bytes;   // of the file
  std::optional<double> max_ms;       // latency on this machine; absent: a tenth more than with the recipe's activations everywhere
  std::optional<double> max_bits;     // of a weight, in the mean over convolutions and matrix products
  std::optional<double> minutes;      // after which no further candidate is tried
  std::optional<int64_t> limit;       // of [validation] the first so many images by id
  std::filesystem::path recipe;       // where to write it; empty: see recipe_beside()
  std::filesystem::path cache;        // folder of measurements; empty: "search" in the folder of things that can be found again
  bool skip_bad = false;
};
// Where the recipe goes that nobody names a file for: `output` with the ending .toml.
std::filesystem::path recipe_beside(const std::filesystem::path& output);
Result<SearchResult> search(const Recipe& recipe, const std::filesystem::path& output, const SearchOptions& options, const Context& context = {});

struct KernelsOptions {
  bool check = false;  // run every variant against the reference
};
Result<KernelsResult> kernels(const KernelsOptions& options = {}, const Context& context = {});

// Writes the photo with boxes over it; the format is `output`'s ending (.png, .jpg).
Status draw_detections(const std::filesystem::path& image, std::span<const Detection> detections, const std::filesystem::path& output);

// The same photo under several captions from left to right, each with its own boxes.
struct CaptionedDetections {
  std::string caption;
  std::vector<Detection> detections;
};
Status draw_side_by_side(const std::filesystem::path& image, std::span<const CaptionedDetections> panels,
                         const std::filesystem::path& output);

}  // namespace halftone
