// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "command.h"

namespace {

// A signal handler can reach nothing else.
std::atomic<bool> cancelled = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// A second signal does no more than the first, so that files in the making are always cleared away.
void cancel(int) { cancelled = true; }

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = cancel;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // Under nohup it is ignored, and stays so.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
  // A reader that goes away, as `head` does, and a file that grows beyond its limit are failed writes and no deaths.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

struct GlobalOptions {
  int threads = 0;
  std::string isa;
  bool quiet = false;
  bool verbose = false;
};

void add_global_options(CLI::App& program, GlobalOptions& options, app::Program& shared) {
  program.add_option("--threads", options.threads, "Number of threads (default: all cores)")->check(app::between(1, 1024));
  program.add_option("--isa", options.isa, "Best instruction set that may be used: c, avx2, avx512vnni, amx, neon, dotprod, i8mm")
      ->envname("HALFTONE_ISA");
  program.add_flag("--tune", shared.context.tune, "Time the kernels that may run each layer, once a machine and model, and run the fastest");
  program.add_flag("--json", shared.json, "Print one JSON document on standard output");
  program.add_flag("-q,--quiet", options.quiet, "No progress and no notes");
  program.add_flag("-v,--verbose", options.verbose, "Note too when each stage and all of it was done");
  program.set_version_flag("--version", fmt::format("halftone {}", halftone::version()));
}

halftone::Status prepare(const GlobalOptions& options, app::Program& shared) {
  shared.console.set_quiet(options.quiet);
  shared.console.set_verbose(options.verbose);
  shared.context.threads = options.threads;
  shared.context.cancelled = &cancelled;
  shared.context.on_progress = [&](std::string_view stage, int64_t done, int64_t total) { shared.console.progress(stage, done, total); };
  shared.context.on_note = [&](std::string_view text) { shared.console.note(text); };
  if (options.isa.empty()) return {};
  auto isa = halftone::parse_isa(options.isa);
  if (!isa) return halftone::Status(std::move(isa.error()).in("--isa"));
  shared.context.isa = *isa;
  return {};
}

std::string complaint(const CLI::App& program, const CLI::ParseError& error) {
  const auto unknown = program.remaining();
  if (!program.get_subcommands().empty() || unknown.empty()) return fmt::format("{}; see halftone --help", error.what());
  std::string known;
  for (const CLI::App* command : program.get_subcommands(nullptr))
    if (!command->get_group().empty()) known += fmt::format("{}{}", known.empty() ? "" : ", ", command->get_name());
  return fmt::format("there is no command '{}'; the commands are {}", unknown[0], known);
}

// The operations report what they expect to fail; memory can run out anywhere.
halftone::Status work(const app::Program& shared) try {
  return shared.work ? shared.work() : halftone::Status(app::usage("give a command; see halftone --help"));
} catch (const std::bad_alloc&) {
  return halftone::Error{halftone::ErrorCode::kInput, "there is not enough memory for this; use a smaller model, smaller inputs or fewer --threads", {}};
}

int finish(const halftone::Status& status, app::Program& shared) {
  shared.console.clear_bar();
  shared.console.note_time("all");
  if (status) return EXIT_SUCCESS;
  shared.console.error(status.error());
  return static_cast<int>(status.error().code);
}

}  // namespace

int main(int argc, char** argv) {
  catch_signals();
  app::Program shared;
  GlobalOptions options;
  CLI::App program{"Turns a trained float network into an integer network and proves that it is still right.", "halftone"};
  program.require_subcommand(1);
  program.fallthrough();
  program.get_formatter()->column_width(34);
  program.footer(app::examples({"init yolox_nano.onnx -o yolox.toml", "quantize yolox.toml -o yolox_int8.onnx",
                                "validate yolox.toml --model yolox_int8.onnx", "run yolox_int8.onnx --image street.jpg -o boxes.png"}));
  add_global_options(program, options, shared);
  app::add_init(program, shared);
  app::add_inspect(program, shared);
  app::add_calibrate(program, shared);
  app::add_merge(program, shared);
  app::add_quantize(program, shared);
  app::add_analyze(program, shared);
  app::add_validate(program, shared);
  app::add_run(program, shared);
  app::add_compare(program, shared);
  app::add_bench(program, shared);
  app::add_kernels(program, shared);
  app::add_compile(program, shared);
  app::add_search(program, shared);
  app::add_planned(program, shared);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    return finish(app::usage(complaint(program, error)), shared);
  }
  if (auto status = prepare(options, shared); !status) return finish(status, shared);
  return finish(work(shared), shared);
}
