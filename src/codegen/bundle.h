// SPDX-License-Identifier: Apache-2.0
// A network as a C99 project that needs nothing beside it: first what it will be, with all its numbers, then its files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codegen/bundle_kernels.h"
#include "codegen/constants.h"
#include "codegen/cpu.h"
#include "codegen/detect.h"
#include "codegen/memory.h"
#include "codegen/step_table.h"
#include "plan/plan.h"

namespace ht {

struct BundleOptions {
  std::string name;   // of files and functions; bundle_name() makes it one that builds
  std::string model;  // where it comes from, for comments
  std::string version;  // of this program
  const Cpu* cpu = nullptr;
  // How large the arena may be: if it is larger, the first layers run by bands of rows. 0: as small as can be; absent: no bands.
  std::optional<int64_t> arena_bytes = {};
  bool ports_in_arena = false;  // whether the arena has room for inputs and outputs, as NAME_detect() needs
  // Where steps run by bands, the arena has room for a band's rows of the input and so many bytes for what brings them.
  std::optional<int64_t> input_window = {};
};

// An input or an output.
struct Port {
  std::string name;   // in C
  std::string title;  // in the model
  BufferId buffer;
};

// Which parts of the kernels are in use (ht_config.h).
struct KernelUse {
  uint32_t policies = 0, outputs = 0;  // bits
  uint32_t binaries = 0, pools = 0, softmaxes = 0;
  bool floats = false;
  bool nearest_resample = true;  // of integers; all of them are
  bool plain_depthwise = true;  // all of them are as ht_depthwise_walk_dsp.h says
  bool adjacent_binary = true;  // of int8; all of them are
  bool few_outputs = true;      // of convolutions: none has more than HT_MOST_EXPANDED in a group
  bool bounds = false;          // of products' outputs in bytes, other than those of a byte
};

struct Design {
  BundleOptions options;
  Plan plan;  // whose inputs and outputs are those of the bundle
  std::shared_ptr<const Plan> session_plan;  // the same, in which every step runs as a whole
  std::vector<BundleCall> calls;     // of the plan's steps
  std::vector<KernelParams> params;  // what is written for each: the step's, less what its kernel does not read
  Memory memory;
  std::vector<Port> inputs, outputs;
  std::shared_ptr<const ConstantPool> constants;
  KernelUse use;
  std::shared_ptr<const Detection> detection;  // null: the bundle has no NAME_detect()
  std::vector<size_t> parameters_of;  // of each step the first one with the same parameters
  StepTable table;                    // of those steps that need no struct
  int64_t parameter_bytes = 0;        // of structs and table on the processor
  // Of the model's own numbers, each once: weights, biases, and what the scales of steps with weights become, a multiplier a channel; the latter two as they
  // are stored.
  int64_t weight_bytes = 0, bias_bytes = 0, multiplier_bytes = 0;
  int64_t channel_bytes = 0;  // what else the arrays of steps with weights have

  const std::string& name() const { return options.name; }
  // Whether the input comes by bands, so that the arena has no room for all of it.
  bool input_by_bands() const { return plan.inputs != session_plan->inputs; }
  int64_t port_bytes() const;  // of inputs and outputs that have no place in the arena
  int64_t ram_bytes() const;   // of a call: the arena, and what has no place in it (inputs and outputs, or what NAME_detect() needs)
  int64_t constant_bytes() const;  // all arrays and parameters
};

// Of the plan that make_plan() gave, before elide_copies(). kUnsupported where inputs or outputs have a type that C bundles lack.
Result<Design> design_bundle(Plan plan, BundleOptions options);

// What a test gives the network and must get back, the bytes of each input and output in the memory's order.
struct TestVector {
  uint32_t seed = 0;  // of random inputs, which the test then makes itself; 0: they are stored
  std::vector<std::vector<uint8_t>> inputs, outputs;
};
// Inputs of such a seed, as the test of a bundle makes them.
std::vector<std::vector<uint8_t>> random_inputs(const Design& design, uint32_t seed);

struct BundleFile {
  std::string path, text;  // relative to the bundle's folder
};
// All files but the report, in the order of their paths; `frames` where there is a detection.
std::vector<BundleFile> bundle_files(const Design& design, const std::vector<TestVector>& vectors, const std::vector<FrameVector>& frames);

// Its sources that are compiled for size on a small microcontroller: the calls of the steps, and kernels of steps that multiply nothing.
std::vector<std::string> sources_for_size(const Design& design);

// What building a bundle for its processor and running it there showed; bytes.
struct Measured {
  std::string compiler;         // with its flags
  int64_t code_bytes = 0;       // instructions of the network and its kernels
  int64_t library_bytes = 0;    // of what they use of the compiler's libraries
  int64_t array_bytes = 0;      // the design's arrays, as they came out
  int64_t parameter_bytes = 0;
  int64_t constant_bytes = 0;   // of the kernels
  int64_t padding_bytes = 0;    // between all these
  int64_t data_bytes = 0, bss_bytes = 0;  // variables, initialized ones and others
  int64_t stack_bytes = 0;
  int64_t instructions = 0;     // of the run that needed most
  std::vector<int64_t> step_instructions;

  int64_t text_bytes() const { return code_bytes + library_bytes + array_bytes + parameter_bytes + constant_bytes + padding_bytes; }
};
// REPORT.md, of a bundle that was measured or not.
std::string bundle_report(const Design& design, const Measured* measured);

}  // namespace ht
