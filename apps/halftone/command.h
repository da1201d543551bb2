// SPDX-License-Identifier: Apache-2.0
// What all commands share. A command's file adds itself to the program with one function and does its work in another.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "halftone/halftone.h"
#include "terminal.h"

namespace app {

// Global options and what the operations are told through them.
struct Program {
  Console console;
  halftone::Context context;
  bool json = false;

  // The command that was given; runs after the whole line was understood.
  std::function<halftone::Status()> work;

  // Prints the JSON document or the text, as the user asked for.
  halftone::Status show(const std::string& json_text, const std::string& text) const;
};

// Prefixes an example with the program's name, one a line, for the end of a command's help.
std::string examples(std::initializer_list<std::string_view> lines);

// One flag a key of [quantize]; what was given is applied over a recipe's settings by apply().
class QuantizeFlags {
 public:
  explicit QuantizeFlags(CLI::App& command);
  halftone::Status apply(halftone::QuantizeSettings& settings) const;

 private:
  struct Flag {
    std::string key;
    std::string value;
    CLI::Option* option;
  };
  std::vector<Flag> flags_;
};

// --input-shape, for models that leave sizes open.
void add_input_shape(CLI::App& command, std::vector<int64_t>& shape);

// Flags that say how models are loaded: --input-shape, --disable-pass, --dump-after.
struct LoadFlags {
  explicit LoadFlags(CLI::App& command);
  halftone::LoadOptions options() const;

  std::vector<int64_t> input_shape;
  std::vector<std::string> disabled_passes;
  std::string dump_after;
};

// Adds a command whose options declare themselves in their constructor; `run` is called after the whole line was understood.
template <class Options>
void add_command(CLI::App& program, Program& shared, const std::string& name, const std::string& description,
                 halftone::Status (*run)(Program&, const Options&)) {
  CLI::App* command = program.add_subcommand(name, description);
  auto options = std::make_shared<const Options>(*command);
  command->callback([&shared, options, run] { shared.work = [&shared, options, run] { return run(shared, *options); }; });
}

// What an option's number must be, beside finite.
CLI::Validator finite();
CLI::Validator positive();
CLI::Validator not_negative();
CLI::Validator between(double least, double most);

std::string ending_of(const std::string& path);  // with its dot, in lower case
bool is_model_file(const std::string& path);     // by its ending: .onnx

halftone::Error usage(std::string message);

// What the recipe names, behind the files that the command line names.
std::vector<std::filesystem::path> inputs_of(const halftone::Recipe& recipe, std::vector<std::filesystem::path> named);
// kUsage where the file that `option` names to be written is one of those that the command reads; an empty one is none.
halftone::Status check_output(std::string_view option, const std::filesystem::path& output, const std::vector<std::filesystem::path>& inputs);

// The statistics in a file that --stats names; none where it names none.
halftone::Result<std::optional<halftone::Statistics>> statistics_in(const std::string& path);

void add_init(CLI::App& program, Program& shared);
void add_inspect(CLI::App& program, Program& shared);
void add_calibrate(CLI::App& program, Program& shared);
void add_merge(CLI::App& program, Program& shared);
void add_quantize(CLI::App& program, Program& shared);
void add_analyze(CLI::App& program, Program& shared);
void add_validate(CLI::App& program, Program& shared);
void add_run(CLI::App& program, Program& shared);
void add_compare(CLI::App& program, Program& shared);
void add_bench(CLI::App& program, Program& shared);
void add_kernels(CLI::App& program, Program& shared);
void add_compile(CLI::App& program, Program& shared);
void add_search(CLI::App& program, Program& shared);
void add_planned(CLI::App& program, Program& shared);  // commands that this version names and refuses

}  // namespace app
