#include "checkpoint_hints.h"

#include <algorithm>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, const std::string& reason) {
  throw Error(ExitCode::data, path.string() + " " + reason);
}

/// Names of the checkpoints in a folder: best and last first, at most four.
std::vector<std::string> checkpoints_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".pt") names.push_back(it->path().filename().string());
  }
  const auto rank = [](const std::string& name) {
    return name == "checkpoint_best.pt" ? 0 : name == "checkpoint_last.pt" ? 1 : 2;
  };
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return std::pair(rank(a), a) < std::pair(rank(b), b);
  });
  return names;
}

std::string first_of(const fs::path& folder, const std::vector<std::string>& names) {
  constexpr std::size_t most = 4;
  return join(std::span(names).first(std::min(names.size(), most)), ", ",
              [&](const std::string& name) { return (folder / name).string(); }) +
         (names.size() > most ? ", ..." : "");
}

void refuse_folder(const fs::path& path) {
  const auto names = checkpoints_in(path);
  if (!names.empty()) refuse(path, "is a folder. Give a checkpoint in it: " + first_of(path, names) + ".");
  std::error_code ignored;
  if (fs::exists(path / "model.safetensors", ignored)) {
    refuse(path, "is a folder with model.safetensors, not a checkpoint: convert it by nopos-host convert " +
                     path.string() + " --to FILE.");
  }
  refuse(path, "is a folder, and there is no checkpoint (*.pt) in it.");
}

void refuse_missing(const fs::path& path) {
  const fs::path folder = path.parent_path();
  const auto names = checkpoints_in(folder.empty() ? "." : folder);
  const std::string near = did_you_mean(path.filename().string(), names);
  refuse(path, "cannot be opened: there is no such file" +
                   (!near.empty()    ? near
                    : !names.empty() ? "; there are " + first_of(folder, names) + "."
                                     : "."));
}

/// What a file is that begins with `bytes`; empty where it may be a checkpoint.
std::string other_kind(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("PK") || bytes.starts_with('\x80')) return "";  // zip; pickle, as before PyTorch 1.6
  if (bytes.empty()) return "it is empty";
  if (bytes.starts_with("MMIDIDX"sv) || bytes.starts_with("TNTIDX"sv))
    return "it is an index written by preprocess; the folder of such data is given as DATA";
  if (bytes.starts_with("\x1f\x8b"sv) || bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return "it is compressed";
  if (bytes.size() > 8 && bytes[8] == '{' && bytes.substr(4, 4) == "\0\0\0\0"sv)
    return "it is a safetensors file; nopos-host convert FOLDER --to FILE makes a checkpoint from it and its "
           "config.json";
  if (bytes.starts_with('{')) return "it is JSON; settings are given as --config";
  const bool text = std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
  return text ? "it is text" : "";
}

}  // namespace

const fs::path& checkpoint_path(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::directory) refuse_folder(path);
  if (status.type() == fs::file_type::not_found) refuse_missing(path);
  if (status.type() != fs::file_type::regular) return path;
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(64, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.is_open()) return path;  // whoever opens it next says why
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  if (const std::string what = other_kind(bytes); !what.empty()) {
    refuse(path,
           "is not a checkpoint: " + what + ". Give a file that training saved, such as checkpoint_best.pt.");
  }
  return path;
}

}  // namespace nopos
