// SPDX-License-Identifier: Apache-2.0
// The test of a bundle: what the host computed, and a program that compares.
#include <fmt/format.h>

#include <cstring>

#include "codegen/kernel_sources.h"
#include "codegen/parts.h"

namespace ht {
namespace {

// next_random() of templates/test_main.c.in.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}
  uint32_t next() {
    state_ = state_ * 1664525u + 1013904223u;
    return state_ >> 8;  // 24 bits
  }

 private:
  uint32_t state_;
};

// How the C program makes an element, and how this one does.
std::string random_element(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "(float)((int32_t)next_random(state) - 8388608) / 8388608.0f";
    case DType::kInt8:
      return "(int8_t)((int32_t)(next_random(state) >> 16) - 128)";
    case DType::kInt16:
      return "(int16_t)((int32_t)(next_random(state) >> 8) - 32768)";
    case DType::kBool:
      return "(uint8_t)(next_random(state) >> 23)";
    default:
      return fmt::format("({})(next_random(state) >> 17)", c_type(dtype)->name);
  }
}

template <class T>
void put(std::vector<uint8_t>& bytes, T value) {
  const size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

void put_random(DType dtype, Random& random, std::vector<uint8_t>& bytes) {
  const uint32_t bits = random.next();
  switch (dtype) {
    case DType::kFloat32:
      return put(bytes, static_cast<float>(static_cast<int32_t>(bits) - 8388608) / 8388608.0f);
    case DType::kInt8:
      return put(bytes, static_cast<int8_t>(static_cast<int32_t>(bits >> 16) - 128));
    case DType::kInt16:
      return put(bytes, static_cast<int16_t>(static_cast<int32_t>(bits >> 8) - 32768));
    case DType::kBool:
      return put(bytes, static_cast<uint8_t>(bits >> 23));
    case DType::kUint8:
      return put(bytes, static_cast<uint8_t>(bits >> 17));
    case DType::kUint16:
      return put(bytes, static_cast<uint16_t>(bits >> 17));
    case DType::kInt64:
      return put(bytes, static_cast<int64_t>(bits >> 17));
    default:
      return put(bytes, static_cast<int32_t>(bits >> 17));
  }
}

class TestWriter {
 public:
  TestWriter(const Design& design, const std::vector<TestVector>& vectors) : design_(design), vectors_(vectors) {}

  BundleFile header() const {
    const std::pair<std::string_view, std::string> values[] = {{"MADE_BY", made_by("What the test compares.")},
                                                               {"NAME", design_.name()},
                                                               {"UPPER", upper_case(design_.name())},
                                                               {"COUNT", std::to_string(vectors_.size())},
                                                               {"INPUTS", members(design_.inputs, "input")},
                                                               {"OUTPUTS", members(design_.outputs, "output")}};
    return {"test/vectors.h", filled(template_text("vectors.h.in"), values)};
  }

  BundleFile source() const {
    std::string arrays, rows;
    for (size_t i = 0; i < vectors_.size(); ++i) {
      const TestVector& vector = vectors_[i];
      rows += fmt::format("    {{{}u", vector.seed);
      add_arrays(design_.inputs, "input", i, vector.inputs, vector.seed != 0, arrays, rows);
      add_arrays(design_.outputs, "output", i, vector.outputs, false, arrays, rows);
      rows += "},\n";
    }
    return {"test/vectors.c", made_by("What the test compares.") + fmt::format("#include \"vectors.h\"\n{}\nconst {}_vector {}_vectors[{}_VECTORS] = {{\n{}}};\n", arrays, design_.name(),
                                                                              design_.name(), upper_case(design_.name()), rows)};
  }

  BundleFile program() const {
    std::string buffers, fills, inputs, outputs, comparisons, refused_inputs, refused_outputs;
    for (const Port& port : design_.inputs) {
      buffers += buffer(port, "input");
      fills += fill(port);
      inputs += fmt::format("  if (v->input_{0} == NULL) {{\n    fill_{0}(&state);\n    in.{0} = input_{0};\n  }} else {{\n    in.{0} = v->input_{0};\n  }}\n", port.name);
      refused_inputs += fmt::format("  in.{0} = input_{0};\n", port.name);
    }
    for (const Port& port : design_.outputs) {
      buffers += buffer(port, "output");
      outputs += fmt::format("  out.{0} = output_{0};\n", port.name);
      comparisons += fmt::format("  differ |= compare(vector, \"{0}\", output_{0}, v->output_{0}, {1}_COUNT, sizeof output_{0}[0]);\n", port.name, macro(port));
      refused_outputs += fmt::format("  out.{0} = output_{0};\n", port.name);
    }
    const std::pair<std::string_view, std::string> values[] = {
        {"MADE_BY", made_by("Runs the network on what the host ran it on, and compares every byte of its outputs.")},
        {"NAME", design_.name()}, {"UPPER", upper_case(design_.name())}, {"BUFFERS", buffers}, {"FILLS", fills}, {"INPUTS", inputs}, {"OUTPUTS", outputs},
        {"COMPARISONS", comparisons}, {"REFUSED_INPUTS", refused_inputs}, {"REFUSED_OUTPUTS", refused_outputs}, {"FIRST_INPUT", design_.inputs[0].name},
        {"DETECT_HEADER", design_.detection ? "#include \"detections.h\"\n" : ""}, {"DETECT_CHECK", design_.detection ? "  failed |= check_detections();\n" : ""}};
    return {"test/main.c", filled(template_text("test_main.c.in"), values)};
  }

 private:
  std::string made_by(std::string_view what) const { return ht::made_by(design_, what); }
  DType dtype(const Port& port) const { return design_.plan.buffer(port.buffer).dtype; }
  const char* type(const Port& port) const { return c_type(dtype(port))->name; }
  std::string macro(const Port& port) const { return upper_case(design_.name() + "_" + port.name); }
  std::string buffer(const Port& port, const char* side) const { return fmt::format("static {} {}_{}[{}_COUNT];\n", type(port), side, port.name, macro(port)); }
  std::string fill(const Port& port) const {
    return fmt::format("\nstatic void fill_{0}(uint32_t *state) {{\n  size_t i;\n  for (i = 0; i < {1}_COUNT; ++i) input_{0}[i] = {2};\n}}\n", port.name, macro(port),
                       random_element(dtype(port)));
  }
  std::string members(const std::vector<Port>& ports, const char* side) const {
    std::string text;
    for (const Port& port : ports) text += fmt::format("  const {} *{}_{};\n", type(port), side, port.name);
    return text;
  }
  void add_arrays(const std::vector<Port>& ports, const char* side, size_t index, const std::vector<std::vector<uint8_t>>& bytes, bool is_random,
                  std::string& arrays, std::string& rows) const {
    for (size_t i = 0; i < ports.size(); ++i) {
      if (is_random) {
        rows += ", NULL";
        continue;
      }
      const std::string name = fmt::format("{}_{}_{}", side, ports[i].name, index);
      arrays += fmt::format("\nstatic const {} {}[] = {};\n", type(ports[i]), name, c_type(dtype(ports[i]))->elements(bytes[i]));
      rows += ", " + name;
    }
  }

  const Design& design_;
  const std::vector<TestVector>& vectors_;
};

}  // namespace

std::vector<std::vector<uint8_t>> random_inputs(const Design& design, uint32_t seed) {
  Random random(seed);
  std::vector<std::vector<uint8_t>> inputs;
  for (const Port& port : design.inputs) {
    const Buffer& buffer = design.plan.buffer(port.buffer);
    std::vector<uint8_t> bytes;
    for (int64_t i = 0; i < element_count(buffer.shape); ++i) put_random(buffer.dtype, random, bytes);
    inputs.push_back(std::move(bytes));
  }
  return inputs;
}

std::vector<BundleFile> test_files(const Design& design, const std::vector<TestVector>& vectors, const std::vector<FrameVector>& frames) {
  const TestWriter writer(design, vectors);
  std::vector<BundleFile> files = {writer.program(), writer.source(), writer.header()};
  for (BundleFile& file : detect_test_files(design, frames)) files.push_back(std::move(file));
  return files;
}

}  // namespace ht
