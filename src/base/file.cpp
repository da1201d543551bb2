// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace ht {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

Error system_error(const std::filesystem::path& path, const char* what) {
  return Error{ErrorCode::kInput, fmt::format("cannot {}: {}", what, std::strerror(errno)), path.string()};
}

Result<std::vector<uint8_t>> read_range(const std::filesystem::path& path, int64_t offset, int64_t length, int64_t max_bytes) {
  // Opening a named pipe would wait for its writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(path, "open the file");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error(path, "read the file's size");
  if (!S_ISREG(info.st_mode)) return input_error("is not a regular file").in(path.string());
  if (length < 0) length = info.st_size - offset;
  if (offset < 0 || length < 0 || offset > info.st_size || length > info.st_size - offset)
    return input_error("has {} bytes, but {} bytes from {} on are needed; the file is truncated", info.st_size, length, offset)
        .in(path.string());
  if (length > max_bytes) return input_error("has {} bytes, more than the {} allowed here", length, max_bytes).in(path.string());
  std::vector<uint8_t> bytes(static_cast<size_t>(length));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(file.get(), bytes.data() + done, bytes.size() - done, offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "read the file");
    if (n == 0) return input_error("became shorter while it was read").in(path.string());
    done += static_cast<size_t>(n);
  }
  return bytes;
}

// The file that a link names, which stays a link; anything else is that itself.
std::filesystem::path behind_links(const std::filesystem::path& path) {
  constexpr int kMostLinks = 40;  // as Linux follows
  std::filesystem::path file = path;
  std::error_code failure;
  for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(file, failure); ++i) {
    const auto next = std::filesystem::read_symlink(file, failure);
    if (failure) return path;
    file = file.parent_path() / next;  // which is `next` where that is absolute
  }
  return file;
}

// The permissions of the file that is replaced, or those of a new one.
mode_t mode_for(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return info.st_mode & 0777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

Result<std::vector<uint8_t>> read_file(const std::filesystem::path& path, int64_t max_bytes) { return read_range(path, 0, -1, max_bytes); }

Result<std::vector<uint8_t>> read_file_range(const std::filesystem::path& path, int64_t offset, int64_t length) {
  if (length < 0) return input_error("a negative number of bytes was asked for").in(path.string());
  return read_range(path, offset, length, INT64_MAX);
}

Status write_file(const std::filesystem::path& name, std::span<const uint8_t> bytes) {
  const std::filesystem::path path = behind_links(name);
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::string temporary = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
  Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) return system_error(path, "write the file");
  auto fail = [&](const char* what) -> Error {
    Error error = system_error(path, what);
    ::unlink(temporary.c_str());
    return error;
  };
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("write the file");
    done += static_cast<size_t>(n);
  }
  if (::fchmod(file.get(), mode_for(path)) != 0 || ::fsync(file.get()) != 0 || !file.close()) return fail("write the file");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("rename the finished file");
  return {};
}

Status check_writable(const std::filesystem::path& path) {
  std::error_code failure;
  if (std::filesystem::is_directory(path, failure)) return input_error("cannot write the file: it is a folder").in(path.string());
  const auto file = behind_links(path);
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  return ::access(folder.c_str(), W_OK | X_OK) == 0 ? Status() : system_error(path, "write the file");
}

Status write_file(const std::filesystem::path& path, std::string_view text) {
  return write_file(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

std::string ending_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return ending;
}

struct Sha256::State {
  sha256_ctx context;
};

Sha256::Sha256() : state_(new State) { sha256_init(&state_->context); }
Sha256::~Sha256() { delete state_; }
void Sha256::update(std::span<const uint8_t> bytes) { sha256_update(&state_->context, bytes.size(), bytes.data()); }
void Sha256::update(std::string_view text) { update(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size())); }

std::string Sha256::hex() {
  std::array<uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_digest(&state_->context, digest.size(), digest.data());
  std::string text;
  for (uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256(std::span<const uint8_t> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256(std::string_view text) { return sha256(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size())); }

}  // namespace ht
