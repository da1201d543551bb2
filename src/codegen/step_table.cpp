// SPDX-License-Identifier: Apache-2.0
#include "codegen/step_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <type_traits>

#include "codegen/bundle.h"
#include "codegen/fields.h"
#include "codegen/parts.h"

namespace ht {
namespace {

// A member of a parameter struct: a number, or the array that it points to.
struct Member {
  std::string name;
  std::string cast;  // to its type; empty for int32_t and void pointers
  bool is_array = false;
  int32_t number = 0;
  std::string array;  // empty: NULL

  bool is_zero() const { return number == 0 && array.empty(); }
  bool same_value(const Member& other) const { return number == other.number && array == other.array; }
};

class Members {
 public:
  Members(const Design& design, const BundleCall& call) : design_(design), call_(call) {}

  std::vector<Member> list;
  bool is_all = true;  // there is nothing else in the struct

  template <class T>
  void number(const char* name, const T& value) {
    if constexpr (std::is_integral_v<T> && sizeof(T) == 4) {
      list.push_back({prefix_ + name, std::is_signed_v<T> ? "" : "(uint32_t)", false, static_cast<int32_t>(value), {}});
    } else {
      is_all = false;
    }
  }
  template <class T, size_t N>
  void numbers(const char* name, const T (&values)[N]) {
    for (size_t i = 0; i < N; ++i) number(fmt::format("{}[{}]", name, i).c_str(), values[i]);
  }
  template <class T, size_t N, size_t M>
  void numbers(const char*, const T (&)[N][M]) {
    is_all = false;
  }
  template <class T>
  void array(const char* name, const T* pointer, int64_t count) {
    add(name, fmt::format("(const {} *)", CTypeOf<T>::kType.name), CTypeOf<T>::kType, pointer,
        count * static_cast<int64_t>(sizeof(T)));
  }
  void elements(const char* name, const void* pointer, int32_t bytes, int64_t count) {
    add(name, "", c_type_of_bytes(bytes), pointer, count * bytes);
  }
  void packed(const void* pointer) {
    add("packed", "", CTypeOf<uint32_t>::kType, pointer, pointer ? static_cast<int64_t>(call_.packed->size()) : 0);
  }
  template <class S, class Inside>
  void group(const char* name, const S&, Inside inside) {
    const std::string outer = prefix_;
    prefix_ += fmt::format("{}.", name);
    inside(*this);
    prefix_ = outer;
  }

 private:
  void add(const char* name, const std::string& cast, const CType& type, const void* pointer, int64_t bytes) {
    const bool is_null = !pointer || bytes <= 0;
    list.push_back(
        {prefix_ + name, cast, true, 0,
         is_null ? "" : design_.constants->name_of(type, {static_cast<const uint8_t*>(pointer), static_cast<size_t>(bytes)})});
  }

  const Design& design_;
  const BundleCall& call_;
  std::string prefix_;
};

// Where a value is: an input, then the outputs, or bytes of the arena.
struct Place {
  std::optional<size_t> port;
  int64_t offset = 0;

  bool operator==(const Place&) const = default;
};

std::optional<Place> place_of(const Design& design, BufferId id) {
  const Buffer& buffer = design.plan.buffer(id);
  const ValuePlace& place = design.memory.places[design.plan.root(id).index];
  const bool is_arena = place.kind == ValuePlace::Kind::kArena;
  if (place.kind == ValuePlace::Kind::kConstant || (!is_arena && buffer.region.offset > 0)) return {};
  if (is_arena) return Place{{}, place.offset + buffer.region.offset * dtype_size(buffer.dtype)};
  return Place{place.port + (place.kind == ValuePlace::Kind::kOutput ? design.inputs.size() : 0)};
}

struct TabledStep {
  size_t index;
  std::vector<Member> members;
  std::vector<Place> inputs;
  Place output;
  std::optional<Place> scratch;
};

std::optional<TabledStep> tabled_step(const Design& design, size_t index) {
  const Step& step = design.plan.steps[index];
  const BundleCall& call = design.calls[index];
  if (call.units <= 0 || step.inputs.empty()) return {};
  Members members(design, call);
  std::visit([&](const auto& p) { fields(p, members); }, design.params[index]);
  if (!members.is_all) return {};
  TabledStep made{index, std::move(members.list), {}, {}, {}};
  for (BufferId input : step.inputs) {
    const auto place = place_of(design, input);
    if (!place) return {};
    made.inputs.push_back(*place);
  }
  const auto output = place_of(design, step.output);
  if (!output) return {};
  made.output = *output;
  if (call.scratch_bytes > 0) made.scratch = Place{{}, design.memory.scratch[index]};
  return made;
}

// Steps of a kernel, and what they have in common.
class TabledKernel {
 public:
  TabledKernel(const Design& design, std::vector<TabledStep> steps) : design_(&design), steps_(std::move(steps)) {
    const std::vector<Member>& members = steps_[0].members;
    leading_ = static_cast<size_t>(std::ranges::find(members, true, &Member::is_array) - members.begin());
    for (size_t i = 0; i < leading_; ++i) usual_.push_back(usual(i));
    has_scratch_ = std::ranges::any_of(steps_, [](const TabledStep& step) { return step.scratch.has_value(); });
  }

  const std::vector<TabledStep>& steps() const { return steps_; }
  const std::string& function() const { return design_->calls[steps_[0].index].function; }
  std::string runner() const { return "run_" + function(); }
  bool has_scratch() const { return has_scratch_; }
  size_t leading() const { return leading_; }

  // Whether the function reads the member, as it differs between steps.
  bool is_read(size_t member) const {
    return std::ranges::any_of(
        steps_, [&](const TabledStep& step) { return !step.members[member].same_value(steps_[0].members[member]); });
  }
  // By how many bytes a program with rows of so many is smaller than one with structs and calls, roughly.
  int64_t saved_bytes(int64_t row_bytes) const {
    constexpr int64_t kCall = 24, kFunction = 60, kReading = 10, kMember = 4;
    std::set<size_t> structs;
    for (const TabledStep& step : steps_) structs.insert(design_->parameters_of[step.index]);
    int64_t saved = static_cast<int64_t>(steps_.size()) * kCall +
                    static_cast<int64_t>(structs.size() * steps_[0].members.size()) * kMember - kFunction - row_bytes;
    for (size_t i = leading_; i < steps_[0].members.size(); ++i) saved -= is_read(i) ? kReading : 0;
    return saved;
  }

  // A step's leading numbers: of every seven a byte that says which of them follow, the lowest bit first, and these. The highest
  // bit says that there is another such byte.
  std::vector<uint8_t> numbers(const TabledStep& step) const {
    constexpr size_t kTogether = 7;
    std::vector<uint8_t> bytes = {0};
    size_t mask = 0, first = 0;
    for (size_t i = 0; i < leading_; ++i) {
      if (meets(step, i, usual_[i])) continue;
      for (; i >= first + kTogether; first += kTogether) {
        bytes[mask] |= 1u << kTogether;
        mask = bytes.size();
        bytes.push_back(0);
      }
      bytes[mask] = static_cast<uint8_t>(bytes[mask] | 1u << (i - first));
      append_number(step.members[i].number, bytes);
    }
    return bytes;
  }

  std::string code() const {
    const std::string name = function(), type = struct_name(design_->plan.steps[steps_[0].index]);
    std::string text =
        fmt::format("\nstatic const int8_t usual_{}[] = {{{}}};\nstatic void {}(reader *r, ht_arguments *a) {{\n  {} p;\n", name,
                    fmt::join(usual_, ", "), runner(), type);
    for (size_t i = 1; i < steps_[0].inputs.size(); ++i) text += fmt::format("  a->inputs[{}] = next_place(r);\n", i);
    if (has_scratch_) text += "  a->scratch = next_place(r);\n";
    text += fmt::format("  read_struct(r, usual_{}, {}, &p, sizeof p);\n", name, leading_);
    for (size_t i = leading_; i < steps_[0].members.size(); ++i)
      if (is_read(i) || !steps_[0].members[i].is_zero())
        text += fmt::format("  p.{} = {};\n", steps_[0].members[i].name, value(i));
    return text + fmt::format("  HT_FN({})(&p, a, 0, ht_{}_units(&p));\n}}\n", name,
                              kernel_name(design_->plan.steps[steps_[0].index].kernel));
  }

 private:
  static bool meets(const TabledStep& step, size_t member, int usual) {
    if (usual >= 0) return step.members[member].number == usual;
    return step.members[member].number == step.members[member - static_cast<size_t>(-usual)].number;
  }

  // What most steps have: a small number, or below zero how many numbers before it the same one is.
  int usual(size_t member) const {
    std::vector<int> candidates;
    for (size_t before = 1; before <= member; ++before) candidates.push_back(-static_cast<int>(before));
    for (const TabledStep& step : steps_)
      if (const int32_t number = step.members[member].number; number >= 0 && number <= INT8_MAX) candidates.push_back(number);
    int best = 0;
    int64_t most = -1;
    for (const int candidate : candidates) {
      const int64_t count = std::ranges::count_if(steps_, [&](const TabledStep& step) { return meets(step, member, candidate); });
      if (count > most) best = candidate, most = count;
    }
    return best;
  }

  std::string value(size_t member) const {
    const Member& first = steps_[0].members[member];
    if (is_read(member)) return first.cast + (first.is_array ? "next_array(r)" : "next_number(r)");
    return first.is_array ? first.array : c_literal(first.number);
  }

  const Design* design_;
  std::vector<TabledStep> steps_;
  size_t leading_ = 0;
  std::vector<int> usual_;
  bool has_scratch_ = false;
};

// Added to a kernel's number.
constexpr size_t kFromLast = 128;

// Whether the step is the first one of a function that runs some (program.cpp).
bool starts_function(const Design& design, size_t index) {
  const std::vector<Band>& bands = design.memory.bands.list;
  return !bands.empty() && (index == bands.back().last_step || std::ranges::find(bands, index, &Band::first_step) != bands.end());
}

// The rows of some kernels' steps.
class Rows {
 public:
  Rows(const Design& design, const std::vector<TabledKernel>& kernels) : design_(design) {
    ports_ = static_cast<int64_t>(design.inputs.size() + design.outputs.size());
    for (const TabledKernel& kernel : kernels)
      for (const TabledStep& step : kernel.steps()) {
        for (const Place& input : step.inputs) divide(input);
        divide(step.output);
        if (step.scratch) divide(*step.scratch);
        outputs_.emplace(step.index, step.output);
      }
    unit_ = std::max<int64_t>(unit_, 1);
  }

  int64_t unit() const { return unit_; }
  const std::vector<std::string>& arrays() const { return arrays_; }
  int64_t bytes() const { return bytes_; }

  std::string row(const TabledKernel& kernel, size_t kernel_number, const TabledStep& step) {
    std::string text = "  ";
    const bool goes_on = reads_last_output(step);
    add(text, goes_on ? "kernel, from the last output" : "kernel",
        {static_cast<uint8_t>(kernel_number + (goes_on ? kFromLast : 0))});
    if (!goes_on) add(text, "from", places({step.inputs[0]}));
    add(text, "to", places({step.output}));
    if (step.inputs.size() > 1) add(text, "and from", places({step.inputs.begin() + 1, step.inputs.end()}));
    if (kernel.has_scratch()) add(text, "scratch", places({step.scratch.value_or(Place{})}));
    add(text, "numbers", kernel.numbers(step));
    std::vector<uint8_t> others;
    for (size_t i = kernel.leading(); i < step.members.size(); ++i)
      if (kernel.is_read(i))
        append_number(step.members[i].is_array ? array_number(step.members[i].array) : step.members[i].number, others);
    if (!others.empty()) add(text, "arrays", others);
    text.back() = '\n';
    return text;
  }

 private:
  // Whether the step's first input is what the one before it in a function made.
  bool reads_last_output(const TabledStep& step) const {
    const auto last = step.index == 0 || starts_function(design_, step.index) ? outputs_.end() : outputs_.find(step.index - 1);
    return last != outputs_.end() && last->second == step.inputs[0];
  }
  void divide(const Place& place) {
    if (!place.port) unit_ = std::gcd(unit_, place.offset);
  }
  std::vector<uint8_t> places(const std::vector<Place>& list) const {
    std::vector<uint8_t> bytes;
    for (const Place& place : list)
      append_number(static_cast<int32_t>(place.port ? static_cast<int64_t>(*place.port) : ports_ + place.offset / unit_), bytes);
    return bytes;
  }
  int32_t array_number(const std::string& array) {
    if (array.empty()) return 0;
    const auto [known, is_new] = numbers_.emplace(array, arrays_.size() + 1);
    if (is_new) {
      arrays_.push_back(array);
      bytes_ += design_.options.cpu->pointer_bytes;
    }
    return static_cast<int32_t>(known->second);
  }
  void add(std::string& text, const char* what, const std::vector<uint8_t>& bytes) {
    text += fmt::format("/* {} */ {}, ", what, fmt::join(bytes, ", "));
    bytes_ += static_cast<int64_t>(bytes.size());
  }

  const Design& design_;
  int64_t ports_ = 0, unit_ = 0, bytes_ = 0;
  std::map<size_t, Place> outputs_;  // of steps
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> arrays_;
};

std::vector<TabledKernel> kernels_of(const Design& design) {
  std::map<std::string, std::vector<TabledStep>> steps;
  for (size_t i = 0; i < design.plan.steps.size(); ++i)
    if (auto step = tabled_step(design, i))
      steps[fmt::format("{} {}", design.calls[i].function, step->inputs.size())].push_back(std::move(*step));
  std::vector<TabledKernel> kernels;
  std::set<std::string> known;
  for (auto& [key, list] : steps)
    if (list.size() > 1 && known.insert(design.calls[list[0].index].function).second)
      kernels.emplace_back(design, std::move(list));
  return kernels;
}

// Keeps the kernels whose steps are smaller so; says how many bytes that saves.
int64_t keep_smaller(const Design& design, std::vector<TabledKernel>& kernels) {
  int64_t saved = 0;
  Rows rows(design, kernels);
  std::erase_if(kernels, [&](const TabledKernel& kernel) {
    const int64_t before = rows.bytes();
    for (const TabledStep& step : kernel.steps()) rows.row(kernel, 0, step);
    const int64_t bytes = kernel.saved_bytes(rows.bytes() - before);
    if (bytes > 0) saved += bytes;
    return bytes <= 0;
  });
  return saved;
}

std::string reading_code(const Rows& rows, size_t ports) {
  std::string text = R"(
/* Steps are rows of numbers: which kernel, where its inputs and its output are, what it reads of its parameters. A number has seven
   bits a byte, the lowest first; bit 7 says that there is more. */
typedef struct reader {
  const uint8_t *at;
  unsigned char *const *places;
  unsigned char *memory;
} reader;

static int32_t next_number(reader *r) {
  uint32_t number = 0, byte;
  unsigned bits = 0;
  do {
    byte = *r->at++;
    number |= (byte & 127u) << bits;
    bits += 7;
  } while (byte > 127u);
  return (int32_t)number;
}
)";
  text += fmt::format(R"(
/* The caller's inputs and outputs, then the arena's places. */
static unsigned char *next_place(reader *r) {{
  const int32_t number = next_number(r);
  return number < {0} ? r->places[number] : r->memory + {1} * (number - {0});
}}
)",
                      ports, rows.unit());
  text += R"(
/* A struct, zeros but for what it begins with, `count` members of 32 bits. Of every seven a byte says which ones follow, the lowest bit first, and by its
   highest bit whether there is such a byte of the next seven; the others are as usual: the number there, or where it is -n as the nth
   before. */
static void read_struct(reader *r, const int8_t *usual, int count, void *to, size_t bytes) {
  int32_t *numbers = (int32_t *)to;
  unsigned char *rest = (unsigned char *)(numbers + count), *const end = (unsigned char *)to + bytes;
  unsigned following = 1;
  int i, left = 0;
  while (rest < end) *rest++ = 0;
  for (i = 0; i < count; ++i, --left, following >>= 1) {
    const int value = usual[i];
    if (left == 0) {
      following = following & 1u ? *r->at++ : 0;
      left = 7;
    }
    numbers[i] = following & 1u ? next_number(r) : (value < 0 ? numbers[i + value] : value);
  }
}
)";
  if (rows.arrays().empty()) return text;
  return text + fmt::format(
                    "\nstatic const void *const arrays[] = {{\n  NULL,\n  {},\n}};\nstatic const void *next_array(reader *r) {{ "
                    "return arrays[next_number(r)]; }}\n",
                    fmt::join(rows.arrays(), ",\n  "));
}

std::string running_code(const std::vector<TabledKernel>& kernels) {
  std::string cases;
  for (size_t i = 0; i < kernels.size(); ++i)
    cases += fmt::format("      {}:\n        {}(&r, &a);\n        break;\n",
                         i + 1 < kernels.size() ? fmt::format("case {}", i) : "default", kernels[i].runner());
  return fmt::format(R"(
/* Runs the steps from `first` on up to `end`. */
static void run_steps(const uint8_t *rows, int first, int end, unsigned char *const *places, unsigned char *memory) {{
  reader r = {{rows, places, memory}};
  ht_arguments a;
  a.output = NULL;
  for (; first < end; ++first) {{
    const int kernel = *r.at++;
    HT_STEP(first);
    a.inputs[0] = kernel >= {1} ? a.output : next_place(&r);
    a.inputs[1] = a.inputs[2] = NULL;
    a.scratch = NULL;
    a.output = next_place(&r);
    switch (kernel % {1}) {{
{0}    }}
  }}
}}
)",
                     cases, kFromLast);
}

}  // namespace

void append_number(int32_t number, std::vector<uint8_t>& bytes) {
  auto rest = static_cast<uint32_t>(number);
  for (; rest > 127; rest >>= 7) bytes.push_back(static_cast<uint8_t>(rest | 128));
  bytes.push_back(static_cast<uint8_t>(rest));
}

StepTable step_table(const Design& design) {
  constexpr int64_t kReading = 280;  // bytes of what reads rows
  StepTable table;
  table.rows.resize(design.plan.steps.size());
  if (!design.options.cpu->cortex_m) return table;
  std::vector<TabledKernel> kernels = kernels_of(design);
  if (keep_smaller(design, kernels) < kReading) return table;
  Rows rows(design, kernels);
  std::string runners;
  for (size_t i = 0; i < kernels.size(); ++i) {
    for (const TabledStep& step : kernels[i].steps()) table.rows[step.index] = rows.row(kernels[i], i, step);
    runners += kernels[i].code();
    table.bytes += static_cast<int64_t>(kernels[i].leading());
  }
  table.code = reading_code(rows, design.inputs.size() + design.outputs.size()) + runners + running_code(kernels);
  table.bytes += rows.bytes() + (rows.arrays().empty() ? 0 : design.options.cpu->pointer_bytes);
  return table;
}

std::string table_places(const Design& design, const std::string& input) {
  std::string text;
  const auto add = [&](const std::string& place) {
    text += (text.empty() ? "(unsigned char *)" : ", (unsigned char *)") + place;
  };
  for (const Port& port : design.inputs) add(input.empty() ? "in->" + port.name : input);
  for (const Port& port : design.outputs) add("out->" + port.name);
  return "{" + text + "}";
}

}  // namespace ht
