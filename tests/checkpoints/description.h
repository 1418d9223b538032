#pragma once
/// A checkpoint as lines of text, in the form of describe.py.

#include <filesystem>
#include <string>

namespace nopos::engine::test {

/// Every value of the checkpoint below `path` (all of it: ""), one a line.
std::string describe(const std::filesystem::path& file, const std::string& below = "");

}  // namespace nopos::engine::test
