#pragma once
/// Names of the entries in a checkpoint's archive.

#include <string>

namespace nopos::container {

// Below the archive's root folder: "archive/" here, other programs name it after the file.
inline constexpr const char* root = "archive/";
inline constexpr const char* pickle = "data.pkl";
inline constexpr const char* version = "version";
inline constexpr const char* version_text = "3\n";
inline std::string storage(const std::string& key) { return "data/" + key; }

/// Of the entry `nopos`; grows with every change that an older program cannot read.
inline constexpr int format = 2;
/// What is written where the layers have the same encodings, without labels: all programs read that.
inline constexpr int format_of_one_stack = 1;

}  // namespace nopos::container
