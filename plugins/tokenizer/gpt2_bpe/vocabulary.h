#pragma once
/// GPT-2's two files. `encoder.json` maps tokens to ids; `vocab.bpe` lists the pairs that are merged, the
/// most important first, "left right" a line below a line "#version: 0.2". In both, each byte of a token is
/// written as a character: itself where it is printable Latin-1, else U+0100 and following in the order of
/// the bytes.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nopos::gpt2 {

struct Merge {
  std::uint32_t left, right, merged;  ///< ids
};

struct Vocabulary {
  std::vector<std::string> tokens;   ///< bytes by id; empty where no token has the id
  std::vector<std::uint32_t> bytes;  ///< the ids of the 256 bytes
  std::vector<Merge> merges;         ///< most important first; no pair twice
};

constexpr std::uint32_t max_tokens = 1u << 20, max_merges = 1u << 23;

/// Reads the contents of the two files; the paths stand in messages.
/// \throws Error (data) with file, line or byte, what was found and what was expected.
Vocabulary read_vocabulary(std::string_view encoder_json, const std::filesystem::path& encoder_path,
                           std::string_view vocab_bpe, const std::filesystem::path& merges_path);

/// Ids in the order of a dictionary, one a line; `size` of them, from 0 on, each once.
/// \throws Error (data) with file and line
std::vector<std::uint32_t> read_order(std::string_view text, const std::filesystem::path& path,
                                      std::size_t size);

}  // namespace nopos::gpt2
