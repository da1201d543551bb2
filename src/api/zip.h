// SPDX-License-Identifier: Apache-2.0
// ZIP archives as NumPy's .npz files are: members stored or deflated, also with sizes of 64 bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ht {

class ZipArchive {
 public:
  struct Member {
    std::string name;
    uint64_t size = 0;  // as the archive claims

    uint64_t offset = 0;  // of its local header
    uint64_t stored = 0;  // bytes in the archive
    uint32_t checksum = 0;
    uint16_t method = 0, flags = 0;
  };

  // Reads the table of members. What it says of each is believed only when that one is read.
  static Result<ZipArchive> open(std::vector<uint8_t> bytes);

  const std::vector<Member>& members() const { return members_; }
  // The member's bytes. An error where they are more than `max_bytes`, not as many as claimed, damaged, or encrypted; never is more
  // than that allocated, nor more than so many stored bytes can give.
  Result<std::vector<uint8_t>> read(const Member& member, uint64_t max_bytes) const;

 private:
  std::vector<uint8_t> bytes_;
  std::vector<Member> members_;
};

}  // namespace ht
