// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/checked.h"
#include "ir/text.h"
#include "ir/text_names.h"
#include "ir/text_scanner.h"

namespace ht {
namespace {

using text::Named;
using text::names_of;
using text::parse_hex;
using text::Scanner;

// Calls use(T()) for the operator of that name.
template <size_t index = 0, class Use>
Status with_op(std::string_view name, Use use) {
  if constexpr (index == std::variant_size_v<Op>) {
    return input_error("there is no operator {}", name);
  } else {
    using T = std::variant_alternative_t<index, Op>;
    return name == T::kName ? use(T()) : with_op<index + 1>(name, use);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : in_(text) {}

  Result<Graph> parse() {
    if (auto status = parse_graph(); !status) return std::move(status.error()).in(fmt::format("line {}", in_.line()));
    HT_TRY(verify_structure(graph_));
    return std::move(graph_);
  }

 private:
  Status parse_graph() {
    HT_TRY(in_.expect("graph"));
    HT_ASSIGN(graph_.name, in_.quoted());
    HT_TRY(in_.expect("{"));
    while (!in_.accept("}")) HT_TRY(parse_line());
    if (!in_.at_end()) return input_error("there is more text after the graph");
    return {};
  }

  Status parse_line() {
    if (in_.peek() == '%' || in_.peek() == '=') return parse_node();
    const std::string_view keyword = in_.word();
    if (keyword == "metadata") {
      HT_ASSIGN(std::string key, in_.quoted());
      HT_TRY(in_.expect("="));
      HT_ASSIGN(std::string value, in_.quoted());
      if (!graph_.metadata.emplace(std::move(key), std::move(value)).second)
        return input_error("two metadata entries have this key");
      return {};
    }
    if (keyword == "output") {
      HT_ASSIGN(const ValueId id, known_value());
      graph_.outputs.push_back(id);
      return {};
    }
    if (keyword != "input" && keyword != "const" && keyword != "value")
      return input_error("expected metadata, input, const, value, output, a node or }}, not '{}'", keyword);
    HT_ASSIGN(const ValueId id, new_value());
    if (keyword == "input") graph_.inputs.push_back(id);
    if (keyword == "const") return parse_constant(graph_.value(id));
    return {};
  }

  Status parse_constant(Value& value) {
    HT_TRY(in_.expect("="));
    const DType dtype = value.type.dtype;
    if (in_.accept("elided")) return input_error("the constant {} was left out when the text was printed", value.name);
    if (in_.accept("hex")) {
      HT_ASSIGN(const std::string digits, in_.quoted());
      HT_ASSIGN(std::vector<uint8_t> bytes, parse_hex(digits));
      HT_ASSIGN(value.constant, Tensor::make(dtype, value.type.shape, std::move(bytes)));
      return {};
    }
    switch (dtype) {
      case DType::kFloat32:
        return parse_elements<float, float>(value);
      case DType::kFloat64:
        return parse_elements<double, double>(value);
      case DType::kFloat16:
        return parse_elements<float, uint16_t>(value);
      case DType::kInt4:
      case DType::kInt8:
        return parse_elements<int64_t, int8_t>(value);
      case DType::kUint4:
      case DType::kUint8:
      case DType::kBool:
        return parse_elements<int64_t, uint8_t>(value);
      case DType::kInt16:
        return parse_elements<int64_t, int16_t>(value);
      case DType::kUint16:
        return parse_elements<int64_t, uint16_t>(value);
      case DType::kInt32:
        return parse_elements<int64_t, int32_t>(value);
      case DType::kInt64:
        return parse_elements<int64_t, int64_t>(value);
    }
    return {};
  }

  // A list of numbers written as Text, stored as Stored.
  template <class Text, class Stored>
  Status parse_elements(Value& value) {
    std::vector<Text> list;
    HT_TRY(get(list));
    if (static_cast<int64_t>(list.size()) != element_count(value.type.shape))
      return input_error("{} elements for the shape {}", list.size(), shape_text(value.type.shape));
    std::vector<Stored> elements;
    for (Text x : list) {
      if constexpr (std::is_floating_point_v<Text>) {
        elements.push_back(std::is_same_v<Stored, uint16_t> ? static_cast<Stored>(float_to_half(static_cast<float>(x)))
                                                            : static_cast<Stored>(x));
      } else {
        const IntegerRange range = integer_range(value.type.dtype);
        if (x < range.min || x > range.max) return input_error("{} does not fit into {}", x, dtype_name(value.type.dtype));
        elements.push_back(static_cast<Stored>(x));
      }
    }
    value.constant = Tensor::of<Stored>(value.type.dtype, value.type.shape, elements);
    return {};
  }

  Status parse_node() {
    Node node;
    std::vector<Value> made;
    while (!in_.accept("=")) {
      if (!made.empty()) HT_TRY(in_.expect(","));
      HT_ASSIGN(made.emplace_back(), typed_value());
    }
    auto use_op = [&](auto op) -> Status {
      HT_TRY(parse_inputs(node));
      HT_TRY(parse_fields(op));
      node.op = std::move(op);
      return {};
    };
    HT_TRY(with_op(in_.word(), use_op));
    HT_TRY(in_.expect("@"));
    HT_ASSIGN(node.name, in_.quoted());
    for (Value& value : made) {
      HT_ASSIGN(const ValueId id, add(std::move(value)));
      node.outputs.push_back(id);
    }
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  Status parse_inputs(Node& node) {
    HT_TRY(in_.expect("("));
    while (!in_.accept(")")) {
      if (!node.inputs.empty()) HT_TRY(in_.expect(","));
      if (in_.accept("_")) {
        node.inputs.emplace_back();
        continue;
      }
      HT_ASSIGN(const ValueId id, known_value());
      node.inputs.push_back(id);
    }
    return {};
  }

  template <class T>
  Status parse_fields(T& op) {
    if (!in_.accept("{")) return {};
    do {
      const std::string_view name = in_.word();
      HT_TRY(in_.expect("="));
      bool is_known = false;
      Status status;
      auto try_field = [&](const auto& field) {
        if (field.name != name) return;
        is_known = true;
        status = get(op.*field.member);
      };
      std::apply([&](const auto&... fields) { (try_field(fields), ...); }, T::kFields);
      if (!is_known) return input_error("{} has no attribute '{}'", T::kName, name);
      HT_TRY(std::move(status));
    } while (in_.accept(","));
    return in_.expect("}");
  }

  Result<Value> typed_value() {
    Value value;
    HT_ASSIGN(value.name, value_name());
    HT_TRY(in_.expect(":"));
    HT_TRY(get(value.type.dtype));
    HT_TRY(in_.expect("["));
    if (!in_.accept("]")) {
      do {
        HT_TRY(get(value.type.shape.emplace_back()));
      } while (in_.accept("x"));
      HT_TRY(in_.expect("]"));
    }
    HT_TRY(checked_element_count(value.type.shape));
    if (in_.starts_with("affine")) HT_TRY(get(value.type.affine));
    return value;
  }

  Result<ValueId> add(Value value) {
    if (!ids_.emplace(value.name, ValueId(graph_.values.size())).second)
      return input_error("two values are named '{}'", value.name);
    return graph_.add_value(std::move(value));
  }

  Result<ValueId> new_value() {
    HT_ASSIGN(Value value, typed_value());
    return add(std::move(value));
  }

  Result<ValueId> known_value() {
    HT_ASSIGN(const std::string name, value_name());
    const auto found = ids_.find(name);
    if (found == ids_.end()) return input_error("the value '{}' has not been made before", name);
    return found->second;
  }

  Result<std::string> value_name() {
    HT_TRY(in_.expect("%"));
    if (in_.peek() == '"') return in_.quoted();
    const std::string_view name = in_.word();
    if (name.empty()) return input_error("a value's name is missing after %");
    return std::string(name);
  }

  Status get(bool& x) {
    const std::string_view name = in_.word();
    if (name != "true" && name != "false") return input_error("expected true or false, not '{}'", name);
    x = name == "true";
    return {};
  }
  Status get(int64_t& x) { return in_.number(x); }
  Status get(int32_t& x) { return in_.number(x); }
  Status get(float& x) { return in_.number(x); }
  Status get(double& x) { return in_.number(x); }

  Status get(DType& dtype) {
    const std::string_view name = in_.word();
    const auto found = dtype_from_name(name);
    if (!found) return input_error("there is no element type '{}'", name);
    dtype = *found;
    return {};
  }

  template <Named E>
  Status get(E& value) {
    const std::string_view name = in_.word();
    const auto names = names_of(value);
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return input_error("'{}' is none of {}", name, fmt::join(names, ", "));
    value = static_cast<E>(found - names.begin());
    return {};
  }

  template <class T>
  Status get(std::vector<T>& list) {
    list.clear();
    HT_TRY(in_.expect("["));
    if (in_.accept("]")) return {};
    do {
      HT_TRY(get(list.emplace_back()));
    } while (in_.accept(","));
    return in_.expect("]");
  }

  Status get(std::optional<Affine>& affine) {
    if (in_.accept("none")) return {};
    Shape shape;
    std::vector<float> scales;
    std::vector<int32_t> zero_points;
    HT_TRY(in_.expect("affine"));
    HT_TRY(in_.expect("("));
    HT_TRY(get(shape));
    HT_TRY(in_.expect(","));
    HT_TRY(get(scales));
    HT_TRY(in_.expect(","));
    HT_TRY(get(zero_points));
    int64_t block = 0;
    if (in_.accept(",")) HT_TRY(get(block));
    HT_TRY(in_.expect(")"));
    HT_ASSIGN(affine, Affine::make(std::move(shape), std::move(scales), std::move(zero_points), block));
    return {};
  }

  Scanner in_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> ids_;
};

}  // namespace

Result<Graph> parse(std::string_view text) { return Parser(text).parse(); }

}  // namespace ht
