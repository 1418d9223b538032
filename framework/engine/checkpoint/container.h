#pragma once
/// Names of the entries in a checkpoint's archive.

#include <string>

namespace nopos::engine::container {

inline constexpr const char* pickle = "archive/data.pkl";
inline constexpr const char* version = "archive/version";
inline constexpr const char* version_text = "3\n";
inline std::string storage(const std::string& key) { return "archive/data/" + key; }

/// Of the entry `nopos`; grows with every change that an older program cannot read.
inline constexpr int format = 1;

}  // namespace nopos::engine::container
