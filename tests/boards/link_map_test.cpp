// SPDX-License-Identifier: Apache-2.0
#include "boards/link_map.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

// As the linker writes it, shortened.
constexpr std::string_view kMap = R"(Archive member included to satisfy reference by file (symbol)

 .text          0x00000000       0x99 in_the_wrong_part.o

Discarded input sections

 .text.unused   0x00000000       0x20 network/a.o

Linker script and memory map

LOAD network/a.o

.text           0x00000000      0x1ec
 *(.text .text.*)
 .text.run      0x00000000       0x74 network/a.o
                0x00000000                tiny_run
 .text.a_function_with_a_long_name
                0x00000074        0xe network/my file.o
                0x00000074                a_function_with_a_long_name
 *fill*         0x00000082        0x2 
 .text          0x00000084      0x168 /usr/lib/libgcc.a(_arm_mulsf3.o)
                0x000000e8                __mulsf3
 .rodata        0x000001ec        0x0 network/a.o

.glue_7         0x0000106c        0x0
 .glue_7        0x0000106c        0x0 linker stubs

.data           0x00001074        0x4
 .data.x        0x00001074        0x4 network/a.o

.bss            0x00001079        0x3
                0x0000107c                . = ALIGN ((. != 0x0)?0x4:0x1)

.comment        0x00000000       0x26
 .comment       0x00000000       0x26 network/a.o
                                 0x27 (size before relaxing)

.ARM.attributes
                0x00000000       0x2c
 .ARM.attributes
                0x00000000       0x2e network/a.o
)";

TEST(LinkMap, ListsWhatTheProgramHolds) {
  const auto entries = read_link_map(kMap);
  ASSERT_TRUE(entries);
  std::string found;
  for (const MapEntry& entry : *entries) found += fmt::format("{} {} {} {}\n", entry.section, entry.input, entry.file, entry.bytes);
  EXPECT_EQ(found,
            ".text .text.run network/a.o 116\n"
            ".text .text.a_function_with_a_long_name network/my file.o 14\n"
            ".text *fill*  2\n"
            ".text .text /usr/lib/libgcc.a(_arm_mulsf3.o) 360\n"
            ".data .data.x network/a.o 4\n"
            ".bss *fill*  3\n");
}

TEST(LinkMap, RefusesOtherTexts) {
  EXPECT_FALSE(read_link_map("no map"));
  EXPECT_TRUE(read_link_map("Linker script and memory map")->empty());
}

}  // namespace
}  // namespace ht
