// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "ir/text.h"
#include "ir/text_names.h"

namespace ht {
namespace {

using text::Named;
using text::names_of;

class Printer {
 public:
  Printer(const Graph& graph, const PrintOptions& options) : graph_(graph), options_(options) {}

  std::string print() {
    out_ += "graph ";
    quoted(graph_.name);
    out_ += " {\n";
    for (const auto& [key, value] : graph_.metadata) {
      out_ += "  metadata ";
      quoted(key);
      out_ += " = ";
      quoted(value);
      out_ += '\n';
    }
    for (ValueId input : graph_.inputs) declare("input", input);
    print_values();
    for (const Node& node : graph_.nodes) print_node(node);
    for (ValueId output : graph_.outputs) {
      out_ += "  output ";
      name(output);
      out_ += '\n';
    }
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  // Constants, and values that nothing makes.
  void print_values() {
    std::vector<bool> is_made(graph_.values.size(), false);
    for (ValueId input : graph_.inputs) is_made[input.index] = true;
    for (const Node& node : graph_.nodes)
      for (ValueId output : node.outputs) is_made[output.index] = true;
    for (size_t i = 0; i < graph_.values.size(); ++i)
      if (!is_made[i]) declare(graph_.values[i].constant ? "const" : "value", ValueId(i));
  }

  void declare(std::string_view keyword, ValueId id) {
    out_ += "  ";
    out_ += keyword;
    out_ += ' ';
    name(id);
    out_ += " : ";
    type(graph_.value(id).type);
    if (const auto& constant = graph_.value(id).constant) {
      out_ += " = ";
      elements(*constant);
    }
    out_ += '\n';
  }

  void print_node(const Node& node) {
    out_ += "  ";
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (i) out_ += ", ";
      name(node.outputs[i]);
      out_ += " : ";
      type(graph_.value(node.outputs[i]).type);
    }
    out_ += node.outputs.empty() ? "= " : " = ";
    std::visit([&](const auto& op) { print_op(op, node.inputs); }, node.op);
    out_ += " @";
    quoted(node.name);
    out_ += '\n';
  }

  template <class T>
  void print_op(const T& op, const std::vector<ValueId>& inputs) {
    out_ += T::kName;
    out_ += '(';
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (i) out_ += ", ";
      inputs[i].valid() ? name(inputs[i]) : void(out_ += '_');
    }
    out_ += ')';
    const T defaults;
    std::string_view separator = " {";
    auto print_field = [&](const auto& field) {
      if (op.*field.member == defaults.*field.member) return;
      out_ += separator;
      out_ += field.name;
      out_ += " = ";
      put(op.*field.member);
      separator = ", ";
    };
    std::apply([&](const auto&... fields) { (print_field(fields), ...); }, T::kFields);
    if (separator == ", ") out_ += '}';
  }

  void name(ValueId id) {
    const std::string& value_name = graph_.value(id).name;
    out_ += '%';
    if (!value_name.empty() && std::ranges::all_of(value_name, text::is_plain))
      out_ += value_name;
    else
      quoted(value_name);
  }

  void quoted(std::string_view bytes) {
    out_ += '"';
    for (char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\')
        (out_ += '\\') += c;
      else if (byte < 0x20 || byte >= 0x7f)
        out_ += fmt::format("\\x{:02x}", byte);
      else
        out_ += c;
    }
    out_ += '"';
  }

  void type(const TensorType& type) {
    out_ += dtype_name(type.dtype);
    out_ += fmt::format("[{}]", fmt::join(type.shape, "x"));
    if (!type.affine) return;
    out_ += ' ';
    put(type.affine);
  }

  void elements(const Tensor& tensor) {
    const bool is_short = tensor.size() <= text::kFewElements;
    const std::vector<double> doubles = is_short ? tensor.to_doubles() : std::vector<double>();
    if (is_short && is_float(tensor.dtype()) && std::ranges::none_of(doubles, [](double x) { return std::isnan(x); })) {
      tensor.dtype() == DType::kFloat64 ? put(doubles) : put(tensor.to_floats());
    } else if (is_short && !is_float(tensor.dtype()) && fits_range(tensor)) {
      put(tensor.to_int64s());
    } else if (options_.elide_large_constants) {
      out_ += "elided";
    } else {
      out_ += fmt::format("hex \"{:02x}\"", fmt::join(tensor.bytes(), ""));
    }
  }

  // A byte that stands for a 4-bit integer or a truth value can hold more than those.
  static bool fits_range(const Tensor& tensor) {
    const IntegerRange range = integer_range(tensor.dtype());
    return std::ranges::all_of(tensor.to_int64s(), [&](int64_t x) { return x >= range.min && x <= range.max; });
  }

  void put(bool x) { out_ += x ? "true" : "false"; }
  void put(int64_t x) { out_ += fmt::format("{}", x); }
  void put(int32_t x) { out_ += fmt::format("{}", x); }
  void put(float x) { put_shortest(x); }
  void put(double x) { put_shortest(x); }
  void put(DType x) { out_ += dtype_name(x); }
  void put(Named auto x) { out_ += names_of(x)[static_cast<size_t>(x)]; }

  template <class T>
  void put(const std::vector<T>& list) {
    out_ += '[';
    for (size_t i = 0; i < list.size(); ++i) {
      if (i) out_ += ", ";
      put(list[i]);
    }
    out_ += ']';
  }

  void put(const std::optional<Affine>& affine) {
    if (!affine) return void(out_ += "none");
    out_ += "affine(";
    put(affine->shape());
    out_ += ", ";
    put(affine->scales());
    out_ += ", ";
    put(affine->zero_points());
    if (affine->block() != 0) out_ += fmt::format(", {}", affine->block());
    out_ += ')';
  }

  void put_shortest(auto x) {
    char buffer[32];
    out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr);
  }

  const Graph& graph_;
  const PrintOptions& options_;
  std::string out_;
};

}  // namespace

std::string print(const Graph& graph, const PrintOptions& options) { return Printer(graph, options).print(); }

}  // namespace ht
