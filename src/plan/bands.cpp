// SPDX-License-Identifier: Apache-2.0
#include "plan/bands.h"

#include <fmt/format.h>

#include <algorithm>

namespace ht {
namespace {

constexpr RowRange kNoRows{INT64_MAX, INT64_MIN};

void widen(RowRange& range, const RowRange& by) {
  range.first = std::min(range.first, by.first);
  range.last = std::max(range.last, by.last);
}

// Which rows of what are made and needed in each band.
class Schedule {
 public:
  Schedule(const Plan& plan, const BandChoice& choice) : plan_(plan), choice_(choice), is_whole_(plan.buffers.size(), false) {
    find_whole_values();
    for (bool is_last = false; !is_last;) is_last = add_band();
    find_lowest_rows();
  }

  bool is_possible() const { return is_possible_; }
  size_t bands() const { return made_.size(); }
  // Not by bands: constants, the graph's inputs, and what other steps or the caller read.
  bool is_whole(BufferId root) const { return is_whole_[root.index]; }
  bool is_repeated(BufferId root) const { return !choice_.repeat.empty() && choice_.repeat[root.index]; }
  RowRange made(size_t band, size_t step) const { return made_[band][step]; }
  RowRange needed(size_t band, BufferId root) const { return needed_[band][root.index]; }
  // The rows of a value by bands that are in memory in this band; none where it is not touched.
  RowRange present(size_t band, BufferId root) const { return present_[band][root.index]; }
  // The first row that later bands need; INT64_MAX where they need none.
  int64_t kept_from(size_t band, BufferId root) const { return band + 1 < bands() ? lowest_[band + 1][root.index] : INT64_MAX; }

 private:
  const Step& step(size_t i) const { return plan_.steps[i]; }

  void find_whole_values() {
    std::vector<bool> is_made(plan_.buffers.size(), false);
    for (size_t i = 0; i < choice_.steps; ++i) is_made[plan_.root(step(i).output).index] = true;
    for (size_t i = 0; i < plan_.buffers.size(); ++i) is_whole_[i] = plan_.buffers[i].constant || !is_made[i];
    const auto keep = [&](BufferId id) { is_whole_[plan_.root(id).index] = true; };
    std::ranges::for_each(plan_.inputs, keep);
    std::ranges::for_each(plan_.outputs, keep);
    for (size_t i = choice_.steps; i < plan_.steps.size(); ++i) {
      std::ranges::for_each(plan_.steps[i].inputs, keep);
      keep(plan_.steps[i].output);
    }
    for (size_t i = 0; i < choice_.steps; ++i)
      if (is_whole(plan_.root(step(i).output))) tallest_ = std::max(tallest_, rows_of(step(i).output));
  }

  int64_t rows_of(BufferId id) const { return row_layout(plan_.buffer(plan_.root(id)))->rows; }

  // Walks back through the steps from what the band shall have made in the end. Says whether that is all.
  bool add_band() {
    const int64_t end = std::min(tallest_, static_cast<int64_t>(bands() + 1) * choice_.rows);
    const bool is_last = end == tallest_;
    std::vector<RowRange> needed(plan_.buffers.size(), kNoRows), made(choice_.steps);
    std::vector<int64_t> progress = progress_.empty() ? std::vector<int64_t>(choice_.steps, 0) : progress_;
    for (size_t i = choice_.steps; i-- > 0;) {
      const BufferId output = plan_.root(step(i).output);
      const int64_t rows = rows_of(output);
      RowRange& range = made[i];
      if (is_whole(output)) {
        const int64_t share = (end * rows + tallest_ - 1) / tallest_;
        range = {progress[i], std::max({progress[i], share, needed[output.index].last})};
      } else if (is_repeated(output)) {
        range = needed[output.index];
      } else {
        range = {progress[i], std::max(progress[i], needed[output.index].last)};
      }
      if (range.empty()) continue;
      progress[i] = range.last;
      for (size_t k = 0; k < step(i).inputs.size(); ++k) {
        const auto read = rows_needed(plan_, step(i), k, range);
        if (!read) {
          is_possible_ = false;
          return true;
        }
        widen(needed[plan_.root(step(i).inputs[k]).index], *read);
      }
    }
    progress_ = std::move(progress);
    made_.push_back(std::move(made));
    needed_.push_back(std::move(needed));
    return is_last;
  }

  void find_lowest_rows() {
    lowest_.assign(bands(), std::vector<int64_t>(plan_.buffers.size(), INT64_MAX));
    present_.assign(bands(), std::vector<RowRange>(plan_.buffers.size(), kNoRows));
    for (size_t band = bands(); band-- > 0;) {
      auto touch = [&](BufferId root, const RowRange& rows) {
        widen(present_[band][root.index], rows);
        if (!is_repeated(root)) lowest_[band][root.index] = std::min(lowest_[band][root.index], rows.first);
      };
      if (band + 1 < bands()) lowest_[band] = lowest_[band + 1];
      for (size_t i = 0; i < choice_.steps; ++i)
        if (!made_[band][i].empty()) touch(plan_.root(step(i).output), made_[band][i]);
      for (size_t i = 0; i < plan_.buffers.size(); ++i)
        if (!needed_[band][i].empty()) touch(BufferId(i), needed_[band][i]);
    }
    // Rows that are there already stay together with those of this band.
    std::vector<int64_t> reached(plan_.buffers.size(), 0);
    for (auto& present : present_)
      for (size_t i = 0; i < present.size(); ++i) {
        if (present[i].empty() || is_repeated(BufferId(i))) continue;
        present[i].last = reached[i] = std::max(reached[i], present[i].last);
      }
  }

  const Plan& plan_;
  const BandChoice& choice_;
  bool is_possible_ = true;
  int64_t tallest_ = 1;  // rows of the tallest value that is left behind
  std::vector<bool> is_whole_;
  std::vector<int64_t> progress_;  // rows of its output that each step has made
  std::vector<std::vector<RowRange>> made_, needed_, present_;
  std::vector<std::vector<int64_t>> lowest_;  // needed in this band or a later one
};

class Writer {
 public:
  Writer(const Plan& plan, const BandChoice& choice, const Schedule& schedule)
      : plan_(plan), choice_(choice), schedule_(schedule), here_(plan.buffers.size()), kept_(plan.buffers.size()), last_touch_(plan.buffers.size()) {
    result_.plan = plan;
    result_.plan.steps.clear();
    for (Buffer& buffer : result_.plan.buffers)
      if (const BufferId id(static_cast<size_t>(&buffer - result_.plan.buffers.data())); !schedule.is_whole(plan.root(id))) buffer.value = {};
  }

  BandedPlan run() {
    for (size_t band = 0; band < schedule_.bands(); ++band) write_band(band);
    for (size_t i = choice_.steps; i < plan_.steps.size(); ++i) result_.plan.steps.push_back(plan_.steps[i]);
    for (const Step& step : result_.plan.steps) result_.extra_macs += step.macs;
    for (const Step& step : plan_.steps) result_.extra_macs -= step.macs;
    return std::move(result_);
  }

 private:
  // Some rows of a root in a buffer of their own.
  struct Part {
    BufferId buffer;
    RowRange rows;
  };

  RowLayout layout_of(BufferId root) const { return *row_layout(plan_.buffer(root)); }

  void write_band(size_t band) {
    Band written{result_.plan.steps.size(), 0, {}};
    for (BufferId input : plan_.inputs) {
      const RowRange rows = schedule_.needed(band, plan_.root(input));
      written.input_rows.push_back(rows.empty() ? RowRange{} : rows);
    }
    std::ranges::fill(here_, Part{});
    for (size_t i = 0; i < choice_.steps; ++i) {
      if (schedule_.made(band, i).empty()) continue;
      last_touch_[plan_.root(plan_.steps[i].output).index] = i;
      for (BufferId input : plan_.steps[i].inputs) last_touch_[plan_.root(input).index] = i;
    }
    for (size_t i = 0; i < choice_.steps; ++i) {
      if (schedule_.made(band, i).empty()) continue;
      write_step(band, i);
      keep_rows(band, i, plan_.root(plan_.steps[i].output));
      for (BufferId input : plan_.steps[i].inputs) keep_rows(band, i, plan_.root(input));
    }
    written.last_step = result_.plan.steps.size();
    result_.bands.push_back(std::move(written));
  }

  void write_step(size_t band, size_t index) {
    const RowRange made = schedule_.made(band, index);
    Step step = plan_.steps[index];
    std::vector<RowView> views;
    std::vector<BufferId> inputs;
    for (size_t k = 0; k < step.inputs.size(); ++k) {
      views.push_back({*rows_needed(plan_, step, k, made), 0});
      inputs.push_back(view(band, step.inputs[k], views.back()));
    }
    RowView output_view{made, 0};
    const BufferId output = view(band, step.output, output_view);
    take_rows(plan_, step, views, output_view);
    step.macs = step.macs * made.count() / layout_of(plan_.root(step.output)).rows;
    step.inputs = std::move(inputs);
    step.output = output;
    result_.plan.steps.push_back(std::move(step));
  }

  // Some rows of a value as a buffer, which lies in the whole value's memory or in this band's part of it.
  BufferId view(size_t band, BufferId id, RowView& view) {
    const BufferId root = plan_.root(id);
    const RowRange all{0, layout_of(root).rows};
    const Part part = schedule_.is_whole(root) ? Part{root, all} : present(band, root);
    if (part.buffer == root && view.rows.count() == all.count()) {
      view.plane_elements = all.count() * layout_of(root).elements;
      return id;
    }
    return rows_of_part(id, part, view);
  }

  BufferId rows_of_part(BufferId id, const Part& part, RowView& view) {
    const RowLayout layout = layout_of(plan_.root(id));
    view.plane_elements = part.rows.count() * layout.elements;
    Buffer buffer = plan_.buffer(id);
    buffer.alias_of = part.buffer;
    buffer.value = {};
    buffer.constant = nullptr;
    buffer.shape[2] = view.rows.count();
    buffer.region.offset += (view.rows.first - part.rows.first) * layout.elements;
    if (layout.planes > 1) buffer.region = {buffer.region.offset, view.rows.count() * layout.elements, view.plane_elements};
    return add(std::move(buffer));
  }

  // This band's part of a value. Rows of earlier bands are copied into it from where they were kept.
  Part present(size_t band, BufferId root) {
    Part& part = here_[root.index];
    if (part.buffer.valid()) return part;
    const RowRange rows = schedule_.present(band, root);
    const Part kept = kept_[root.index];
    if (kept.buffer.valid() && kept.rows.first <= rows.first && kept.rows.last >= rows.last) return part = kept;
    part = make_part(root, rows);
    if (kept.buffer.valid() && kept.rows.last > rows.first) copy_rows(root, kept, part, {rows.first, kept.rows.last});
    return part;
  }

  // After the last step that touches a value: keeps what later bands need.
  void keep_rows(size_t band, size_t index, BufferId root) {
    const Part part = here_[root.index];
    if (last_touch_[root.index] != index || !part.buffer.valid() || schedule_.is_repeated(root)) return;
    here_[root.index] = {};
    const RowRange rows{std::max(schedule_.kept_from(band, root), part.rows.first), part.rows.last};
    kept_[root.index] = {};
    if (rows.empty()) return;
    kept_[root.index] = part;
    if (rows.first == part.rows.first) return;
    kept_[root.index] = make_part(root, rows);
    copy_rows(root, part, kept_[root.index], rows);
  }

  Part make_part(BufferId root, const RowRange& rows) {
    Buffer buffer = plan_.buffer(root);
    buffer.name += fmt::format(" [{}, {})", rows.first, rows.last);
    buffer.shape[2] = rows.count();
    buffer.value = {};
    return {add(std::move(buffer)), rows};
  }

  void copy_rows(BufferId root, const Part& from, const Part& to, const RowRange& rows) {
    const RowLayout layout = layout_of(root);
    RowView input_view{rows, 0}, output_view{rows, 0};
    const BufferId input = rows_of_part(root, from, input_view), output = rows_of_part(root, to, output_view);
    ht_copy_params copy{};
    copy.element_bytes = static_cast<int32_t>(dtype_size(plan_.buffer(root).dtype));
    copy.rank = 3;
    const int64_t shape[] = {layout.planes, rows.count(), layout.elements};
    const int64_t from_stride[] = {input_view.plane_elements, layout.elements, 1}, to_stride[] = {output_view.plane_elements, layout.elements, 1};
    for (size_t i = 0; i < 3; ++i) {
      copy.shape[i] = static_cast<int32_t>(shape[i]);
      copy.input_stride[i] = static_cast<int32_t>(from_stride[i]);
      copy.output_stride[i] = static_cast<int32_t>(to_stride[i]);
    }
    result_.kept_bytes += layout.planes * rows.count() * layout.elements * copy.element_bytes;
    result_.plan.steps.push_back({plan_.buffer(root).name, "Rows", KernelId::k_copy, copy, {}, {input}, output, 0, false});
  }

  BufferId add(Buffer buffer) {
    result_.plan.buffers.push_back(std::move(buffer));
    return BufferId(result_.plan.buffers.size() - 1);
  }

  const Plan& plan_;
  const BandChoice& choice_;
  const Schedule& schedule_;
  BandedPlan result_;
  std::vector<Part> here_, kept_;  // of each root: in this band, and from earlier ones
  std::vector<size_t> last_touch_;
};

}  // namespace

size_t steps_by_rows(const Plan& plan) {
  const auto has_rows = [&](BufferId id) {
    const Buffer& root = plan.buffer(plan.root(id));
    return row_layout(root) && lies_in_rows(plan.buffer(id), root);
  };
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (!has_rows(step.output) || !std::ranges::all_of(step.inputs, has_rows)) return i;
    for (size_t k = 0; k < step.inputs.size(); ++k)
      if (!rows_needed(plan, step, k, {0, 1})) return i;
  }
  return plan.steps.size();
}

std::optional<BandedPlan> cut_into_bands(const Plan& plan, const BandChoice& choice) {
  if (choice.steps > steps_by_rows(plan) || choice.rows < 1) return std::nullopt;
  const Schedule schedule(plan, choice);
  if (!schedule.is_possible()) return std::nullopt;
  return Writer(plan, choice, schedule).run();
}

}  // namespace ht
