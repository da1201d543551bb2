// SPDX-License-Identifier: Apache-2.0
#include "plan/lives.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "plan/overlap.h"

namespace ht {
namespace {

int64_t align(int64_t bytes, int64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

// What a step must wait for: writers of what it reads, and readers and writers of what it writes.
std::vector<std::vector<size_t>> dependencies(const Plan& plan) {
  struct Touch {
    size_t step;
    BufferId buffer;
  };
  struct Touches {
    std::vector<Touch> reads, writes;
  };
  std::vector<Touches> touches(plan.buffers.size());  // of each root
  std::vector<std::vector<size_t>> result;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    std::set<size_t> after;
    const auto touch = [&](BufferId id, bool writes) {
      auto& earlier = touches[plan.root(id).index];
      const auto wait_for = [&](const std::vector<Touch>& others) {
        for (const Touch& other : others)
          if (other.step != i && may_overlap(plan.buffer(id), plan.buffer(other.buffer))) after.insert(other.step);
      };
      wait_for(earlier.writes);
      if (writes) wait_for(earlier.reads);
      (writes ? earlier.writes : earlier.reads).push_back({i, id});
    };
    for (BufferId input : plan.steps[i].inputs)
      if (!plan.buffer(plan.root(input)).constant) touch(input, false);
    touch(plan.steps[i].output, true);
    result.emplace_back(after.begin(), after.end());
  }
  return result;
}

// How many bytes two values share at most, where one may lie over the other.
int64_t shared_bytes(int64_t output, int64_t input, int64_t clearance) { return output + input - std::max(output, clearance + input); }

// A value that the output of its last step may lie over, and the bytes of that step if it does not.
struct Link {
  size_t output = LiveStep::kNone;
  int64_t clearance = 0, apart = 0;
};

// Outputs lie before the inputs that they overwrite, so that each of several such steps in a row moves on by its clearance. Either all of
// them do, or one of them keeps its output apart.
int64_t longest_chain(const std::vector<int64_t>& bytes, const std::vector<Link>& links) {
  int64_t longest = 0;
  for (size_t first = 0; first < links.size(); ++first) {
    int64_t reach = bytes[first], apart = INT64_MAX;
    for (size_t value = first; links[value].output != LiveStep::kNone; value = links[value].output) {
      reach = std::max(reach + links[value].clearance, bytes[links[value].output]);
      apart = std::min(apart, links[value].apart);
      if (apart <= longest) break;
      longest = std::max(longest, std::min(reach, apart));
    }
  }
  return longest;
}

// Orders grow step by step, the best few of each length at a time.
class OrderSearch {
 public:
  explicit OrderSearch(const Lives& lives) : lives_(lives), touches_(lives.bytes.size(), 0) {
    for (const LiveStep& step : lives.steps)
      for (size_t value : step.values) ++touches_[value];
  }

  // Empty where there are too many steps and values to look for one.
  std::vector<size_t> run(size_t fixed) {
    State first{{}, std::vector<bool>(lives_.steps.size()), touches_, std::vector<bool>(lives_.bytes.size()), 0, 0};
    for (size_t value = 0; value < lives_.bytes.size(); ++value)
      if (lives_.from_beginning[value]) first.begin(value, lives_);
    for (size_t step = 0; step < fixed; ++step) first = extended(first, step);
    first.peak = 0;
    std::vector<State> states = {first};
    for (size_t length = fixed; length < lives_.steps.size(); ++length) {
      std::vector<State> next;
      const int64_t before = entries_left_;
      for (const State& state : states)
        for (size_t step = 0; step < lives_.steps.size(); ++step)
          if (is_ready(state, step) && is_affordable(before)) next.push_back(extended(state, step));
      if (!is_affordable(before)) return {};
      std::ranges::stable_sort(next, [](const State& a, const State& b) { return std::pair(a.peak, a.live) < std::pair(b.peak, b.live); });
      states.clear();
      for (State& state : next) {
        if (states.size() == kWidth) break;
        if (std::ranges::find(states, state.done, &State::done) == states.end()) states.push_back(std::move(state));
      }
    }
    return states.front().order;
  }

 private:
  static constexpr size_t kWidth = 24;
  // Of states: altogether, and for one length.
  static constexpr int64_t kMostEntries = int64_t{1} << 34, kMostEntriesAtOnce = int64_t{1} << 26;

  struct State {
    std::vector<size_t> order;
    std::vector<bool> done;
    std::vector<int> left;     // steps that will touch each value
    std::vector<bool> begun;   // values
    int64_t live, peak;

    void begin(size_t value, const Lives& lives) {
      if (!begun[value]) live += lives.bytes[value];
      begun[value] = true;
    }
  };

  // Takes one more state from what is left.
  bool is_affordable(int64_t before) {
    entries_left_ -= static_cast<int64_t>(lives_.steps.size() + lives_.bytes.size());
    return entries_left_ >= 0 && before - entries_left_ <= kMostEntriesAtOnce;
  }

  bool is_ready(const State& state, size_t step) const {
    return !state.done[step] && std::ranges::all_of(lives_.steps[step].after, [&](size_t other) { return state.done[other]; });
  }

  State extended(const State& from, size_t index) const {
    const LiveStep& step = lives_.steps[index];
    State state = from;
    state.order.push_back(index);
    state.done[index] = true;
    const bool is_born = step.output != LiveStep::kNone && !state.begun[step.output];
    for (size_t value : step.values) {
      state.begin(value, lives_);
      --state.left[value];
    }
    const auto dies = [&](size_t value) { return state.left[value] == 0 && !lives_.to_end[value]; };
    int64_t shared = 0;
    for (const auto& overlay : step.overlays)
      if (is_born && dies(overlay.value)) shared += shared_bytes(lives_.bytes[step.output], lives_.bytes[overlay.value], overlay.clearance);
    if (is_born) shared = std::min(shared, lives_.bytes[step.output]);
    state.peak = std::max(state.peak, state.live + step.scratch - shared);
    for (size_t value : step.values)
      if (dies(value)) state.live -= lives_.bytes[value];
    return state;
  }

  const Lives& lives_;
  std::vector<int> touches_;
  int64_t entries_left_ = kMostEntries;
};

}  // namespace

Lives Lives::of(const Plan& plan, const ArenaOptions& options) {
  Lives lives;
  const size_t count = plan.buffers.size();
  std::vector<bool> elsewhere(count);
  for (size_t i = 0; i < count; ++i) elsewhere[i] = plan.buffers[i].constant != nullptr;
  for (BufferId id : plan.inputs)
    if (!options.own_inputs) elsewhere[plan.root(id).index] = true;
  for (BufferId id : plan.outputs)
    if (!options.own_outputs) elsewhere[plan.root(id).index] = true;
  const auto lies_here = [&](BufferId root) { return !elsewhere[root.index]; };
  lives.from_beginning.resize(count);
  lives.to_end.resize(count);
  for (BufferId id : plan.inputs) lives.from_beginning[plan.root(id).index] = lies_here(plan.root(id));
  for (BufferId id : plan.outputs) lives.to_end[plan.root(id).index] = lies_here(plan.root(id));
  for (const Buffer& buffer : plan.buffers) lives.bytes.push_back(align(buffer.bytes(), options.alignment));
  const auto after = dependencies(plan);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    LiveStep live;
    const BufferId output = plan.root(step.output);
    if (lies_here(output)) live.values = {live.output = output.index};
    for (BufferId id : step.inputs) {
      const BufferId root = plan.root(id);
      if (!lies_here(root) || std::ranges::find(live.values, root.index) != live.values.end()) continue;
      live.values.push_back(root.index);
      if (!options.overlap || live.output == LiveStep::kNone) continue;
      if (const auto needed = clearance(plan, step, root)) {
        const int64_t aligned = align(*needed, options.alignment);
        if (aligned < lives.bytes[output.index]) live.overlays.push_back({root.index, aligned});
      }
    }
    if (options.scratch_bytes) live.scratch = align(options.scratch_bytes(step), options.alignment);
    live.after = after[i];
    lives.steps.push_back(std::move(live));
  }
  return lives;
}

std::vector<LiveSpan> Lives::spans(const std::vector<size_t>& order) const {
  std::vector<LiveSpan> spans(bytes.size());
  const auto touch = [&](size_t value, size_t at) {
    if (spans[value].first == SIZE_MAX) spans[value].first = at;
    spans[value].last = at;
  };
  for (size_t value = 0; value < bytes.size(); ++value)
    if (from_beginning[value]) touch(value, 0);
  for (size_t at = 0; at < order.size(); ++at)
    for (size_t value : steps[order[at]].values) touch(value, at);
  for (size_t value = 0; value < bytes.size(); ++value)
    if (to_end[value]) touch(value, order.size());
  return spans;
}

int64_t Lives::fullest(const std::vector<size_t>& order, const std::vector<LiveSpan>& spans, size_t from) const {
  std::vector<int64_t> change(order.size() + 2, 0);
  for (size_t value = 0; value < spans.size(); ++value) {
    if (spans[value].first == SIZE_MAX) continue;
    change[spans[value].first] += bytes[value];
    change[spans[value].last + 1] -= bytes[value];
  }
  std::vector<Link> links(bytes.size());  // by the value that is overwritten
  int64_t live = 0, most = 0;
  for (size_t at = 0; at < order.size(); ++at) {
    const LiveStep& step = steps[order[at]];
    live += change[at];
    int64_t shared = 0;
    std::vector<size_t> dying;
    for (const auto& overlay : step.overlays) {
      if (spans[overlay.value].last != at || spans[step.output].first != at) continue;
      shared += shared_bytes(bytes[step.output], bytes[overlay.value], overlay.clearance);
      links[overlay.value] = {step.output, overlay.clearance, live + step.scratch};
      dying.push_back(overlay.value);
    }
    if (dying.size() > 1)  // apart from one input, the output may still lie over another one
      for (size_t value : dying) links[value].apart -= bytes[step.output];
    if (shared > 0) shared = std::min(shared, bytes[step.output]);
    if (at >= from) most = std::max(most, live + step.scratch - shared);
  }
  most = std::max(most, live + change[order.size()]);
  return from == 0 ? std::max(most, longest_chain(bytes, links)) : most;
}

std::vector<size_t> Lives::best_order(size_t fixed) const {
  std::vector<size_t> own(steps.size());
  std::iota(own.begin(), own.end(), size_t{0});
  std::vector<size_t> found = OrderSearch(*this).run(fixed);
  if (found.size() != own.size()) return own;
  return fullest(found, spans(found), fixed) < fullest(own, spans(own), fixed) ? found : own;
}

}  // namespace ht
