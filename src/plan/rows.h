// SPDX-License-Identifier: Apache-2.0
// Steps that can make some rows of an image at a time.
#pragma once

#include <optional>

#include "plan/plan.h"

namespace ht {

// How the rows of one image lie in memory: [planes][rows][elements]. With the channels last there is one plane.
struct RowLayout {
  int64_t planes = 1, rows = 0, elements = 0;
};
// Nothing for what is not one image of rows.
std::optional<RowLayout> row_layout(const Buffer& root);
// Whether row i of a value lies in row i of the memory that it lies in.
bool lies_in_rows(const Buffer& value, const Buffer& root);

struct RowRange {
  int64_t first = 0, last = 0;  // the row behind the last one
  bool empty() const { return first >= last; }
  int64_t count() const { return last - first; }
};

// The rows of an input from which a step makes these rows of its output (at least one); nothing where the step cannot make some rows alone.
std::optional<RowRange> rows_needed(const Plan& plan, const Step& step, size_t operand, const RowRange& made);

// Some rows of an operand: the step will be given a pointer to the first of them.
struct RowView {
  RowRange rows;
  int64_t plane_elements = 0;  // from one plane to the next
};
// Lets a step make only these rows of its output, from the rows of its inputs that rows_needed() gives for them.
void take_rows(const Plan& plan, Step& step, const std::vector<RowView>& inputs, const RowView& output);

}  // namespace ht
