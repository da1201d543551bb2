// SPDX-License-Identifier: Apache-2.0
// Einsum as transposes, sums and matrix products, operand after operand.
#include <algorithm>
#include <cctype>
#include <map>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

// Letters, and for the axes of an ellipsis numbers that count from its end.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = -1;
constexpr Label ellipsis_axis(size_t from_end) { return -2 - static_cast<Label>(from_end); }

struct Term {
  Labels labels;
  ValueId value;
};

bool contains(const Labels& labels, Label label) { return std::ranges::find(labels, label) != labels.end(); }

Result<Labels> parse_term(std::string_view text) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      labels.push_back(text[i]);
    } else if (text.substr(i, 3) == "..." && !contains(labels, kEllipsis)) {
      labels.push_back(kEllipsis);
      i += 2;
    } else {
      return input_error("the attribute 'equation' has the term '{}', which is not one", text);
    }
  }
  return labels;
}

class Einsum {
 public:
  explicit Einsum(ImportNode& node) : node_(node) {}

  Status run() {
    HT_TRY(parse());
    for (Term& term : terms_) HT_TRY(spread(term));
    Term product = terms_.front();
    HT_TRY(sum_unneeded(product, 1));
    for (size_t i = 1; i < terms_.size(); ++i) {
      Term next = terms_[i];
      HT_TRY(sum_unneeded(next, i + 1, &product.labels));
      HT_TRY(multiply(product, next, i + 1));
    }
    Ints order;
    for (Label label : output_) order.push_back(std::ranges::find(product.labels, label) - product.labels.begin());
    return node_.emit(Transpose{std::move(order)}, {product.value});
  }

 private:
  Status parse() {
    std::string equation = node_.text("equation", "");
    std::erase(equation, ' ');
    const size_t arrow = equation.find("->");
    std::string_view left = std::string_view(equation).substr(0, arrow);
    for (size_t i = 0; i < node_.input_count(); ++i) {
      const size_t comma = left.find(',');
      if (i + 1 < node_.input_count() && comma == std::string_view::npos)
        return node_.wrong_attribute("equation", fmt::format("is '{}', which has too few terms", equation));
      HT_ASSIGN(Labels labels, parse_term(left.substr(0, comma)));
      terms_.push_back({std::move(labels), node_.input(i)});
      left = comma == std::string_view::npos ? std::string_view() : left.substr(comma + 1);
    }
    if (!left.empty()) return node_.wrong_attribute("equation", fmt::format("is '{}', which has too many terms", equation));
    for (Term& term : terms_) HT_TRY(name_axes(term));
    if (arrow != std::string::npos) {
      HT_ASSIGN(output_, parse_term(std::string_view(equation).substr(arrow + 2)));
      const auto at = std::ranges::find(output_, kEllipsis);
      if (at != output_.end()) {
        auto place = output_.erase(at);
        for (size_t i = 0; i < ellipsis_; ++i) place = output_.insert(place, ellipsis_axis(i));
      }
    } else {
      imply_output();
    }
    for (Label label : output_)
      if (!sizes_.contains(label) || std::ranges::count(output_, label) != 1)
        return node_.wrong_attribute("equation", fmt::format("is '{}', whose result is not made of its terms", equation));
    return {};
  }

  // Replaces the ellipsis by its axes and notes the size of each label.
  Status name_axes(Term& term) {
    const Shape& shape = shape_of(term);
    const auto at = std::ranges::find(term.labels, kEllipsis);
    if (at != term.labels.end()) {
      const size_t others = term.labels.size() - 1;
      if (shape.size() < others) return mismatch(shape);
      const size_t count = shape.size() - others;
      ellipsis_ = std::max(ellipsis_, count);
      auto place = term.labels.erase(at);
      for (size_t i = 0; i < count; ++i) place = term.labels.insert(place, ellipsis_axis(i));
    }
    if (term.labels.size() != shape.size()) return mismatch(shape);
    for (size_t i = 0; i < shape.size(); ++i) {
      if (std::ranges::count(term.labels, term.labels[i]) != 1)
        return unsupported("its attribute 'equation' names an axis twice in one term (a diagonal), which is not supported");
      int64_t& size = sizes_.emplace(term.labels[i], shape[i]).first->second;
      if (size == 1) size = shape[i];
      if (size != shape[i] && shape[i] != 1)
        return input_error("its inputs disagree in the size of an axis: {} and {}", size, shape[i]);
    }
    return {};
  }

  Error mismatch(const Shape& shape) const {
    return input_error("the attribute 'equation' has a term that does not fit the input of shape {}", shape_text(shape));
  }

  // Without an arrow: the ellipsis, then what occurs once, in alphabetical order.
  void imply_output() {
    for (size_t i = ellipsis_; i-- > 0;) output_.push_back(ellipsis_axis(i));
    for (const auto& [label, size] : sizes_) {
      int64_t count = 0;
      for (const Term& term : terms_) count += std::ranges::count(term.labels, label);
      if (label >= 0 && count == 1) output_.push_back(label);
    }
  }

  // Broadcasts axes of size 1.
  Status spread(Term& term) {
    Shape shape;
    for (Label label : term.labels) shape.push_back(sizes_.at(label));
    if (shape == shape_of(term)) return {};
    HT_ASSIGN(term.value, node_.intermediate(Expand{std::move(shape)}, {term.value}, "spread"));
    return {};
  }

  bool is_needed(Label label, size_t next) const {
    if (contains(output_, label)) return true;
    return std::any_of(terms_.begin() + static_cast<std::ptrdiff_t>(next), terms_.end(),
                       [&](const Term& term) { return contains(term.labels, label); });
  }

  // Sums over the labels that neither the result nor a later term nor `partner` has.
  Status sum_unneeded(Term& term, size_t next, const Labels* partner = nullptr) {
    Ints axes;
    Labels kept;
    for (size_t i = 0; i < term.labels.size(); ++i) {
      const Label label = term.labels[i];
      if (is_needed(label, next) || (partner && contains(*partner, label)))
        kept.push_back(label);
      else
        axes.push_back(static_cast<int64_t>(i));
    }
    if (axes.empty()) return {};
    HT_ASSIGN(term.value, node_.intermediate(Reduce{ReduceKind::kSum, axes, false}, {term.value}, "sum"));
    term.labels = std::move(kept);
    return {};
  }

  int64_t size_of(const Labels& labels) const {
    int64_t size = 1;
    for (Label label : labels) size *= sizes_.at(label);
    return size;
  }

  // The term with its axes in this order, as a tensor [a, b, c] of the three groups' sizes.
  Result<ValueId> arranged(const Term& term, const Labels& a, const Labels& b, const Labels& c) {
    Ints order;
    for (const Labels* group : {&a, &b, &c})
      for (Label label : *group) order.push_back(std::ranges::find(term.labels, label) - term.labels.begin());
    ValueId value = term.value;
    if (!std::ranges::is_sorted(order)) {
      HT_ASSIGN(value, node_.intermediate(Transpose{std::move(order)}, {value}, "arranged"));
    }
    return reshape_step(node_, value, {size_of(a), size_of(b), size_of(c)}, "matrices");
  }

  Status multiply(Term& product, const Term& other, size_t next) {
    Labels batch, summed, left, right;
    for (Label label : product.labels) {
      if (!contains(other.labels, label))
        left.push_back(label);
      else
        (is_needed(label, next) ? batch : summed).push_back(label);
    }
    for (Label label : other.labels)
      if (!contains(product.labels, label)) right.push_back(label);
    HT_ASSIGN(const ValueId a, arranged(product, batch, left, summed));
    HT_ASSIGN(const ValueId b, arranged(other, batch, summed, right));
    HT_ASSIGN(const ValueId matrices, node_.intermediate(MatMul{}, {a, b}, "product"));
    product.labels = batch;
    product.labels.insert(product.labels.end(), left.begin(), left.end());
    product.labels.insert(product.labels.end(), right.begin(), right.end());
    Shape shape;
    for (Label label : product.labels) shape.push_back(sizes_.at(label));
    HT_ASSIGN(product.value, reshape_step(node_, matrices, std::move(shape), "shaped"));
    // What is left of this product alone is summed before the next.
    return sum_unneeded(product, next);
  }

  const Shape& shape_of(const Term& term) const { return node_.builder().value(term.value).type.shape; }

  ImportNode& node_;
  std::vector<Term> terms_;
  Labels output_;
  std::map<Label, int64_t> sizes_;
  size_t ellipsis_ = 0;  // axes that the longest ellipsis stands for
};

}  // namespace

Status import_einsum(ImportNode& node) {
  for (size_t i = 0; i < node.input_count(); ++i)
    if (!node.has_input(i)) return input_error("its input {} is missing", i);
  return Einsum(node).run();
}

}  // namespace ht
