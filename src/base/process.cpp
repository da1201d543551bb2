// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

extern char** environ;

namespace ht {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// One end of a pipe.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int number() const { return number_; }

 private:
  int number_;
};

// How the child starts: in a group of its own, so that it can be stopped with all that it starts and a terminal's Ctrl-C comes to us
// alone, and with the signals that this program catches or ignores as they are usually.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
  }
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int spawn(const Command& command, int output, pid_t& child) {
    sigset_t usual;
    sigemptyset(&usual);
    for (int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) sigaddset(&usual, signal);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    if (int error = posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) return error;
    for (int standard : {STDOUT_FILENO, STDERR_FILENO})
      if (int error = posix_spawn_file_actions_adddup2(&actions_, output, standard)) return error;
    if (!command.folder.empty())
      if (int error = posix_spawn_file_actions_addchdir_np(&actions_, command.folder.c_str())) return error;
    std::vector<char*> arguments;
    for (const std::string& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    return posix_spawnp(&child, arguments[0], &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

// A started program, which is stopped where it has not ended.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ == 0) return;
    ::kill(-id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // Whether it has ended, and then with what.
  bool ended(int& exit_status) {
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) != id_) return false;
    id_ = 0;
    exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }

 private:
  pid_t id_;
};

// Appends what can be read now, waiting a moment for it. False at the end of the output.
Result<bool> read_some(int from, std::string& output) {
  pollfd state{from, POLLIN, 0};
  const int ready = ::poll(&state, 1, 50);
  if (ready == 0 || (ready < 0 && errno == EINTR)) return true;
  char bytes[1 << 14];
  const ssize_t count = ::read(from, bytes, sizeof bytes);
  if (count < 0 && errno == EINTR) return true;
  if (count < 0) return input_error("cannot read the program's output: {}", std::strerror(errno));
  output.append(bytes, static_cast<size_t>(count));
  return count > 0;
}

}  // namespace

fs::path find_program(std::string_view name) {
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable ? variable : "/usr/bin:/bin";
  while (!folders.empty()) {
    const size_t end = std::min(folders.find(':'), folders.size());
    const fs::path path = fs::path(folders.substr(0, end)) / name;
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0) return path;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return {};
}

Result<Finished> run_command(const Command& command, const Context& context) {
  const std::string& program = command.arguments.front();
  const auto failed = [&](std::string_view what) { return input_error("{}", what).in(program); };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed(fmt::format("cannot be started: {}", std::strerror(errno)));
  Descriptor reading(ends[0]), writing(ends[1]);
  pid_t id = 0;
  if (int error = SpawnPlan().spawn(command, writing.number(), id)) return failed(fmt::format("cannot be started: {}", std::strerror(error)));
  Child child(id);
  writing.close();

  const auto end = Clock::now() + std::chrono::duration<double>(command.seconds);
  Finished finished;
  bool writes = true;
  while (writes || !child.ended(finished.status)) {
    if (writes) {
      HT_ASSIGN(writes, read_some(reading.number(), finished.output));
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (context.is_cancelled()) return interrupted();
    if (Clock::now() > end) return failed(fmt::format("was stopped after {} s", command.seconds));
    if (static_cast<int64_t>(finished.output.size()) > command.max_output) return failed("was stopped, as it writes without end");
  }
  return finished;
}

}  // namespace ht
