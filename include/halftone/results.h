// SPDX-License-Identifier: Apache-2.0
// What the operations give back. Sizes are bytes, durations milliseconds or seconds as their names say, metrics fractions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "halftone/recipe.h"

namespace halftone {

struct ValueInfo {
  std::string name;
  std::string type;  // "f32", "u8", ...
  std::vector<int64_t> shape;
};

struct OperatorCount {
  std::string op;
  int64_t count = 0;
};

// Something that stays as it is, and why.
struct Refusal {
  std::string name;
  std::string op;
  std::string reason;
};

// The range of a value: as observed (statistics), as its integers can hold (quantized model), or as its numbers are (weights).
struct RangeInfo {
  std::string name;
  std::string type;      // of a quantized model's value: "s8", ...
  int64_t channels = 1;  // how many scales, or how many channels have statistics of their own
  double min = 0;
  double max = 0;
  std::optional<double> scale;        // the largest where there are several
  std::optional<int64_t> zero_point;  // where there is just one
  std::optional<double> observed_min, observed_max;  // of a quantized model's value, where statistics tell
  std::optional<double> mean, rms;                   // rms: the root of the mean square; where statistics tell
  std::optional<double> bits_used;  // log2 of how many integers lie between the least and the greatest that occur, mean over channels
};

// A layer's weights are its constants that are no indices or sizes. Bytes count each tensor that it reads or writes once, as it is stored.
struct LayerInfo {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;  // type and shape of those that are no constants, as `output`
  std::string output;               // type and shape of the first output: "f32 1x16x208x208", "s8 per channel 1x16x208x208"
  int64_t parameters = 0;
  int64_t macs = 0;
  int64_t float_bytes = 0;  // of its weights as f32
  int64_t bytes = 0;        // of its weights as they are
  int64_t moved_bytes = 0;  // of weights, inputs and outputs
  double intensity = 0;     // multiplications with accumulation for each of these bytes
  std::string kernel;       // where asked for; empty where another layer's kernel computes it too, or there is nothing to compute
  std::optional<RangeInfo> weights;  // of the largest of them
  std::optional<RangeInfo> range;    // of the first output, where the model or the statistics know it
};

struct InspectResult {
  std::string path;
  std::string kind;  // "float model", "quantized model", "statistics"
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<OperatorCount> operators;  // most frequent first
  int64_t parameters = 0;
  int64_t macs = 0;         // multiplications with accumulation for one run
  int64_t weight_bytes = 0;  // as they are; four times `parameters` as f32
  int64_t bytes = 0;        // of the file
  int64_t conversions = 0;  // changes of quantization between layers
  int64_t images = 0;       // statistics: samples seen
  std::optional<Task> task;  // the detector head that was found or is written in the model
  std::vector<LayerInfo> layers;
  std::vector<RangeInfo> ranges;
  std::vector<Refusal> unsupported;
};

// What a target's rules cost: the heads' signal-to-noise ratio on a few calibration photos, before weights are rounded by what is measured on
// more photos, in decibels.
struct TargetCost {
  double snr_db = 0;
  double native_snr_db = 0;  // of a file for `native`
};

struct QuantizeResult {
  std::string output;  // the file
  double seconds = 0;
  int64_t peak_rss_bytes = 0;
  int64_t float_bytes = 0;
  int64_t quantized_bytes = 0;
  int64_t quantized_nodes = 0;
  std::vector<Refusal> float_nodes;
  std::optional<TargetCost> target_cost;  // of targets other than native, where photos are looked at
  std::vector<std::string> notes;  // what was done about difficult values
};

struct DetectionMetrics {
  double ap = 0, ap50 = 0, ap75 = 0, ap_small = 0, ap_medium = 0, ap_large = 0;
  double ar_1 = 0, ar_10 = 0, ar_100 = 0, ar_small = 0, ar_medium = 0, ar_large = 0;  // -1: no such object in the data
};

struct ClassificationMetrics {
  double top1 = 0;
  double top5 = 0;
};

using TaskMetrics = std::variant<std::monostate, DetectionMetrics, ClassificationMetrics>;

// How far the quantized model's output is from the float model's over all samples.
struct OutputFidelity {
  std::string name;
  std::optional<double> snr_db;  // absent: not finite values; infinite: no difference
  std::optional<double> cosine;
  double max_error = 0;
};

// Where a figure lies in 95 % of resamples of the data.
struct Interval {
  double low = 0;
  double high = 0;
};

struct ValidateResult {
  int64_t images = 0;  // samples, where the data are arrays
  std::optional<TaskMetrics> float_model;
  std::optional<TaskMetrics> quantized_model;
  std::optional<double> drop;       // points (hundredths) of AP or top-1
  std::optional<double> agreement;  // classification: share of samples with the float model's class
  int64_t bootstrap = 0;            // resamples that the following are from; those without an object to find are left out
  std::optional<Interval> float_interval, quantized_interval;  // of AP or top-1, as fractions
  std::optional<Interval> drop_interval;                       // points; both models are measured on the same resamples
  std::optional<double> drop_mean;                             // points, over the resamples
  std::optional<Interval> agreement_interval;                  // as a fraction
  std::vector<OutputFidelity> outputs;
  std::optional<int64_t> float_bytes;
  std::optional<int64_t> quantized_bytes;
  double seconds = 0;
};

struct WorstChannel {
  int64_t channel = 0;                // along axis 1
  std::optional<double> snr_db;       // as below
  std::optional<double> noise_share;  // of the value's squared error; absent where that is not finite
};

// A value of model A and the one of model B under the same name, over all samples; A's is the reference.
struct ValueComparison {
  std::string name;
  std::string name_b;     // where B has another name for it, as outputs may have
  std::string layer, op;  // of the node that makes it in A; empty for inputs
  std::string type_a, type_b;  // as they are computed: "f32", "i8", ...; empty where a folder does not say
  std::vector<int64_t> shape;
  bool equal = false;            // every number is the same
  std::optional<double> snr_db;  // absent: not finite values; infinite: no difference, negatively: no signal
  std::optional<double> cosine;
  double max_error = 0;
  std::optional<WorstChannel> worst_channel;  // where some differ
};

struct CompareResult {
  int64_t samples = 0;
  std::vector<ValueComparison> values;          // in the order in which A makes them
  std::optional<std::string> first_difference;  // the first of them that is not equal
  std::vector<std::string> only_a, only_b;      // names of values that the other one does not make
  std::vector<std::string> other_shape;         // names of values that cannot be compared
};

struct Detection {
  int64_t category_id = 0;
  std::string category;
  std::array<double, 4> bbox = {};  // x, y of the left upper corner, width, height, in pixels of the photo
  double score = 0;
};

// What a command that only writes has written.
struct InitResult {
  std::string output;  // empty: no file
  std::string recipe;  // its text
};
struct RunResult {
  std::string output, values;  // folders of raw outputs and of all values; empty: not asked for
};

struct ImageDetections {
  std::string image;
  std::vector<Detection> detections;  // best first
};

struct LayerTime {
  std::string name;
  std::string op;
  double ms = 0;  // median
  int64_t macs = 0;
  std::string kernel;
  std::optional<double> peak_share;   // of the multiplications a second that this machine's cores in use can do at most
  std::optional<double> compared_ms;  // of the same layer in the model to compare with
};

struct BenchResult {
  int threads = 0;
  std::string isa;
  int64_t runs = 0;
  double median_ms = 0;
  double min_ms = 0;
  double p90_ms = 0;
  double load_ms = 0;  // from the file to a session that is ready
  double first_run_ms = 0;
  int64_t peak_rss_bytes = 0;
  int64_t arena_bytes = 0;
  int64_t macs = 0;
  int64_t conversions = 0;
  std::optional<double> compared_median_ms;  // of the model to compare with, run in turns
  std::vector<LayerTime> layers;             // steps, or nodes where there is a model to compare with
};

// An input or output of a C project.
struct CompiledTensor {
  std::string name;            // in C
  std::string value;           // in the model
  std::string type;            // "i8", "f32", ...
  std::vector<int64_t> shape;  // as it lies in memory
  bool channels_last = false;  // the model's axes with the second one behind the others
  std::vector<float> scales;   // where it is quantized: one, or one a channel
  std::vector<int32_t> zero_points;
  int64_t bytes = 0;
};

struct CompiledLayer {
  std::string name;  // of the model's node
  std::string op;
  std::string kernel;
  int64_t macs = 0;
  std::optional<int64_t> instructions;  // where they were counted
};

// What building a C project for its processor and running its test there showed.
struct CompileVerification {
  bool identical = false;  // every output of every input is the session's, byte for byte
  std::string output;      // what the test said
  // Of Cortex-M processors, on emulated boards: of the run that took most instructions, and of what the network adds to a program, as
  // arm-none-eabi-size counts it.
  std::optional<int64_t> instructions, stack_bytes, text_bytes, data_bytes, bss_bytes;
};

// A C project and what it needs where it runs, in bytes.
struct CompileResult {
  std::string output;  // the folder
  std::string name;    // of its files and functions
  std::string cpu;
  std::string policy;  // of requantization
  std::vector<CompiledTensor> inputs, outputs;
  int64_t arena_bytes = 0;
  int64_t arena_lower_bound = 0;  // no arena for these steps could be smaller
  int64_t ram_bytes = 0;          // arena, and what has no place in it: inputs and outputs, or with NAME_detect() what that needs
  int64_t weight_bytes = 0, bias_bytes = 0;  // of the model's own numbers
  int64_t constant_bytes = 0;     // multipliers, shifts, tables, and the parameters of the steps
  std::optional<int64_t> code_bytes;  // with the compiler's library, the kernels' own constants and gaps, where it was measured
  int64_t flash_bytes = 0;        // weights, biases, constants, and code where that is known
  int64_t macs = 0;               // of a run
  int64_t bands = 0;              // of rows, in which the first layers run; 0: they run as a whole
  int64_t extra_macs = 0;         // of these multiplications, that are computed again in other bands
  int64_t vectors = 0;            // of the test
  std::vector<CompiledLayer> layers;
  std::vector<std::string> notes;  // what the user should know
  std::optional<CompileVerification> verification;
};

// How many layers of a candidate have these bits.
struct BitsCount {
  std::optional<int> weights, activations;  // neither: float
  int64_t layers = 0;
};

// Bits for every layer that a search tried as a whole.
struct SearchCandidate {
  int64_t bytes = 0;             // of its file
  double bits = 0;               // of a weight of a convolution or matrix product in the mean, scales not counted; float counts 32
  std::optional<double> ms;      // latency on this machine
  std::optional<double> snr_db;  // of the heads, mean of their noise shares, on calibration photos; infinite: no difference
  std::optional<double> metric;  // AP or top-1 on [validation]
  std::optional<double> drop;    // points of it below the float model
  bool fulfils = false;          // all that was demanded
  bool chosen = false;
  std::vector<BitsCount> layers;
};

// Of the chosen candidate.
struct SearchedLayer {
  std::string name;
  std::string op;
  int64_t weights = 0;  // how many
  std::optional<int> weight_bits, activation_bits;  // neither: float
  double error = 0;  // squared, of the heads in units of their mean squares, where this layer alone has these bits
};

struct SearchResult {
  std::string output;  // the file, and the recipe that gives it; both empty where the demand is not met and nothing was written
  std::string recipe;
  bool fulfilled = false;
  bool truncated = false;  // for lack of time fewer candidates were tried
  std::optional<double> float_metric;
  std::vector<SearchCandidate> candidates;  // largest first
  std::vector<SearchedLayer> layers;
  int64_t measured = 0, remembered = 0;  // measurements that were made, and that an earlier run had made
  double seconds = 0;
  int64_t peak_rss_bytes = 0;
};

// How often the elements of a value lie where, in equal bins from `min` to `max`; of calibration's sample.
struct ValueHistogram {
  double min = 0, max = 0;
  std::vector<int64_t> counts;
};

// A value that layers read in integers. Shares are of the elements on the photos that were measured on.
struct AnalyzedValue {
  std::string name;
  std::string type;        // of its integers: "i8", ...
  int64_t scales = 1;      // one, or one a channel
  double min = 0, max = 0;  // the least and the greatest that the integers reach, of any channel
  double observed_min = 0, observed_max = 0;  // on the calibration photos
  double clipped = 0;      // share of elements beyond what the integers reach
  double unseen = 0;       // share of elements beyond all that calibration saw (of their channel, where each has a scale)
  int64_t channels = 0;    // 0: it has none
  std::vector<int64_t> dead_channels;  // one and the same number on all calibration photos
  std::optional<double> spread;        // the greatest magnitude of a channel over the channels' median
  ValueHistogram histogram;
};

// Errors of the heads are squared differences from the float network in units of the head's mean square, summed over the heads and averaged
// over the photos; points are hundredths of AP or top-1.
struct LayerHarm {
  std::string name;
  std::string op;
  std::vector<std::string> values;    // that it reads in integers
  std::optional<int64_t> weight_bits, input_bits;  // absent: that part stays float
  std::optional<double> weights_error, inputs_error;  // with that part of this layer alone in integers
  double error = 0;                                   // with this layer alone in integers
  std::optional<double> weight_spread;  // the greatest magnitude of an output's weights over the outputs' median
  std::string spared;                   // why quantize leaves it in float all the same; empty: it does not
  std::optional<double> drop_alone;     // points lost with this layer alone in integers
  std::optional<double> gain_in_float;  // points won with this layer alone in float and all others in integers
};

// A change of the recipe that was tried on the whole network.
struct Remedy {
  std::string layer;
  std::string words;    // what to do and why
  std::string recipe;   // lines of TOML
  double error = 0;     // of the heads, with it
  bool recommended = false;  // of those that help this layer, the one that costs least
};

struct AnalyzeResult {
  int64_t photos = 0;      // that errors were measured on
  bool held_out = false;   // calibration has not seen them
  std::vector<std::string> heads;  // values of the network whose error counts
  double error = 0;        // of the heads, with all layers as the recipe has them
  std::string metric;      // "AP", "top 1", or empty where it was not measured; fractions:
  std::optional<double> float_metric, quantized_metric;
  int64_t metric_images = 0;
  std::vector<LayerHarm> layers;      // the most harmful first
  std::vector<AnalyzedValue> values;  // in the network's order
  std::vector<Remedy> remedies;       // of the worst layers, in their order
  std::vector<std::string> notes;
};

struct KernelInfo {
  std::string operation;
  std::vector<std::string> variants;  // best first; those that this machine can run
  std::string chosen;                 // under the instruction set that the context allows
  std::optional<bool> equal;          // after a check: all variants gave the reference's bits
};

struct KernelsResult {
  std::string detected_isa;
  std::string allowed_isa;
  std::vector<KernelInfo> kernels;
};

}  // namespace halftone
