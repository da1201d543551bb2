// SPDX-License-Identifier: Apache-2.0
// Models, statistics and sessions: what stays in memory between operations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halftone/context.h"
#include "halftone/recipe.h"
#include "halftone/result.h"
#include "halftone/results.h"

namespace halftone {

// A dense array, row by row, with the bytes of its element type in this machine's order.
struct Tensor {
  std::string name;  // of the model's input or output
  std::string type;  // "f32", "s8", "u8", "i32", "i64", ...
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;

  static Tensor of_floats(std::string name, std::vector<int64_t> shape, std::span<const float> values);
  std::span<const float> floats() const;  // empty where the type is another
  bool operator==(const Tensor&) const = default;
};

// NumPy's .npy format, version 1 to 3: numbers in any order of bytes and axes. kInput for anything else.
Result<Tensor> read_npy(const std::filesystem::path& path);
Status write_npy(const std::filesystem::path& path, const Tensor& tensor);
// Each as NAME.npy in the folder, which is made where it is not there. What no file should be called becomes "_"; where names would
// be the same then, a number follows.
Status write_arrays(const std::filesystem::path& folder, std::span<const Tensor> tensors);

struct LoadOptions {
  std::vector<int64_t> input_shape;          // fixes what the only input leaves open; empty: the model's own
  std::vector<std::string> input_files;      // arrays as read_inputs() takes them: what inputs leave open is as large as these
  std::vector<std::string> disabled_passes;  // names from pass_names()
  std::string dump_after;                    // a pass; `on_dump` then gets the graph's text after it
  std::function<void(std::string_view text)> on_dump;
};

// The names of the rewrites that a model passes through when it is loaded, in their order.
std::vector<std::string_view> pass_names();

class Statistics;

struct InspectOptions {
  const Statistics* statistics = nullptr;  // of this model, or of the one that it was quantized from: what they observed is shown too
  bool kernels = false;                    // choose each layer's kernel for this machine, which takes as long as to prepare a run
};

// A network that was read from a file and verified. Cheap to copy; copies share what they hold, and nobody changes it.
class Model {
 public:
  // kInput where the file is damaged, kUnsupported with operator, node, attribute and remedy where Halftone lacks something.
  static Result<Model> load(const std::filesystem::path& path, const LoadOptions& options = {}, const Context& context = {});

  const std::filesystem::path& path() const;
  bool is_quantized() const;
  std::vector<ValueInfo> inputs() const;
  std::vector<ValueInfo> outputs() const;
  // kInput where the statistics are of another model.
  Result<InspectResult> inspect(const InspectOptions& options = {}, const Context& context = {}) const;
  // The preprocessing, task and settings that `quantize` wrote into the file, with this file as the model; for other models what
  // their structure suggests, as `halftone init` does. Data sections are empty.
  Result<Recipe> recipe() const;
  // kInput where the recipe contradicts what `quantize` wrote into the file: other preprocessing, another head, other classes. Thresholds
  // may be others, which a note says.
  Status check_agreement(const Recipe& recipe, const Context& context = {}) const;

  struct Content;
  explicit Model(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  const Content& content() const { return *content_; }

 private:
  std::shared_ptr<const Content> content_;
};

// The model's inputs from files, each "NAME=X.npy", or "X.npy" for the only input, or "X.npz" with arrays that bear the inputs' names.
// Numbers of another type become the input's: floats by rounding, integers where they fit. kInput where a shape is another.
Result<std::vector<Tensor>> read_inputs(const Model& model, std::span<const std::string> files);

// What calibration saw of every value. Statistics of disjoint shards of the same data merge to exactly those of one run.
class Statistics {
 public:
  static Result<Statistics> load(const std::filesystem::path& path);
  // kInput where model, data, preprocessing or instruction set differ, or where shards overlap.
  static Result<Statistics> merge(std::span<const Statistics> parts);
  Status save(const std::filesystem::path& path) const;
  InspectResult inspect() const;

  struct Content;
  explicit Statistics(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  const Content& content() const { return *content_; }

 private:
  std::shared_ptr<const Content> content_;
};

// A value on the way from inputs to outputs.
struct TracedValue {
  std::string layer;  // the node that makes it, and its operator; empty for inputs
  std::string op;
  std::string type;                // as it is computed: "f32", "i8", ...
  Tensor real;                     // what it stands for: f32 where it is quantized
  std::optional<Tensor> integers;  // where it is quantized: real = (integers - zero_point) * scale
  std::vector<float> scales;       // one, or one for each index of `axis`
  std::vector<int32_t> zero_points;
  std::optional<int64_t> axis;
};

// A model made ready to run: quantized ones in integers, float ones in float. One run at a time a session.
class Session {
 public:
  // The context's `cancelled` must outlive the session.
  static Result<Session> create(const Model& model, const Context& context = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // The outputs in the model's order. Inputs may come in any order and are found by name; the only input may lack a name.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);
  // The same into tensors whose memory is used again: where they are those of an earlier run, nothing is allocated.
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
  // Runs and shows every value that is made on the way, inputs and outputs among them, in the order in which they are made. Values that
  // a kernel computes together with what reads them are not made.
  Status trace(std::span<const Tensor> inputs, const std::function<void(const TracedValue& value)>& show);
  // Writes those values into a folder: an array of real numbers each, one of integers beside it where it is quantized, and values.json,
  // which lists them. The folder appears whole or not at all; one that holds nothing but dumped values is replaced.
  Status dump(std::span<const Tensor> inputs, const std::filesystem::path& folder);
  // Preprocesses a JPEG, PNG or WebP photo, runs, decodes the head and suppresses, as the recipe's [preprocess] and [task] say.
  Result<std::vector<Detection>> detect(const std::filesystem::path& image, const Recipe& recipe);
  // The model's input made from a photo.
  Result<Tensor> preprocess(const std::filesystem::path& image, const Recipe& recipe) const;

  struct Content;

 private:
  explicit Session(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace halftone
