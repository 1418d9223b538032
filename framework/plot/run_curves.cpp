#include "run_curves.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/json.h"
#include "nopos/printable.h"

namespace nopos::plot {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t most_values = 10000;  // of a line

/// One line of the file, and how to complain about it.
class Line {
 public:
  Line(const std::string& path, std::int64_t number, std::string_view text)
      : where_(path + ", line " + std::to_string(number) + ": ") {
    try {
      object_ = parse_json(text, {.depth = 2, .values = most_values});
    } catch (const JsonError&) {
      // no object then
    }
    if (!object_.is_object()) fail("found '" + printable(text, 60) + "'");
    tag = value("tag", &Json::is_string).get<std::string>();
    num_updates = value("num_updates", &Json::is_number).get<double>();
  }

  std::string tag;
  double num_updates = 0;

  /// Calls `visit(name, value)` for what is drawn: everything but what tells where the line belongs.
  template <class Visit>
  void for_each_figure(Visit visit) const {
    for (const auto& [name, value] : object_.items()) {
      if (name == "tag" || name == "num_updates" || name == "time" || name == "epoch") continue;
      visit(name, number(name, value));
    }
  }

 private:
  double number(const std::string& name, const Json& value) const {
    if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!value.is_number())
      fail(std::string("'").append(printable(name, 60)).append("' is neither a number nor null"));
    return value.get<double>();
  }

  const Json& value(const char* key, bool (Json::*is_right)() const noexcept) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !((*found).*is_right)()) {
      fail(found == object_.end() ? std::string("there is no '") + key + "'"
                                  : std::string("'") + key + "' is of the wrong type");
    }
    return *found;
  }

  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(ExitCode::data, where_ + fault +
                                    R"(; expected a line of metrics.jsonl, such as {"tag": "train_inner", )" +
                                    R"("num_updates": 100, "loss": 7.844})");
  }

  std::string where_;
  Json object_;
};

void forget_after(RunCurves& run, double num_updates) {
  for (auto& [tag, figures] : run.curves) {
    for (auto& [name, curve] : figures) {
      std::erase_if(curve, [&](const Sample& sample) { return sample.num_updates > num_updates; });
    }
  }
}

void add(const Line& line, RunCurves& run) {
  if (line.tag == "run") return forget_after(run, line.num_updates);
  std::vector<std::pair<std::string, double>> read;  // all of it, before a part is taken
  line.for_each_figure([&](const std::string& name, double value) { read.emplace_back(name, value); });
  auto& figures = run.curves[line.tag];
  for (const auto& [name, value] : read) figures[name].push_back({line.num_updates, value});
}

/// Name and path of "nopos=checkpoints/a", or of "checkpoints/a".
std::pair<std::string, fs::path> named(const std::string& run) {
  const std::size_t equals = run.find('=');
  const bool has_name = equals != std::string::npos && equals > 0 && !fs::exists(run);
  fs::path path = has_name ? run.substr(equals + 1) : run;
  if (fs::is_directory(path)) path /= "metrics.jsonl";
  if (has_name) return {run.substr(0, equals), path};
  return {fs::absolute(path).lexically_normal().parent_path().filename().string(), path};
}

}  // namespace

const Curve* RunCurves::find(const std::string& tag, const std::string& figure) const {
  const auto figures = curves.find(tag);
  if (figures == curves.end()) return nullptr;
  const auto curve = figures->second.find(figure);
  return curve == figures->second.end() ? nullptr : &curve->second;
}

RunCurves read_run(const std::string& run) {
  RunCurves result;
  const auto [name, path] = named(run);
  result.name = name;
  result.path = path.string();
  if (!fs::exists(path)) {
    throw Error(
        ExitCode::data,
        "there is no " + result.path +
            ": give the save-dir of a run, where train writes metrics.jsonl unless --no-save, or that file");
  }
  const MappedFile file(path);
  std::string_view rest = file.bytes();
  std::int64_t number = 0;
  constexpr std::size_t longest = std::size_t{1} << 20;  // a line; what has none is no such file
  for (std::size_t end; (end = rest.substr(0, longest).find('\n')) != std::string_view::npos;
       rest.remove_prefix(end + 1)) {
    try {
      add(Line(result.path, ++number, rest.substr(0, end)), result);
    } catch (const Error& error) {
      if (result.left_out++ == 0) result.fault = error.what();
    }
  }
  if (rest.size() >= longest) Line(result.path, ++number, rest.substr(0, longest));
  if (result.curves.empty() && result.left_out > 0) throw Error(ExitCode::data, result.fault);
  if (result.curves.empty()) {
    throw Error(ExitCode::data, result.path + " has no metrics yet (" + std::to_string(number) +
                                    " lines); training writes them every --log-interval updates");
  }
  return result;
}

bool is_stray(const std::string& run) {
  const fs::path path = run;
  if (fs::is_directory(path)) return !fs::exists(path / "metrics.jsonl");
  if (!fs::is_regular_file(path) || path.filename() == "metrics.jsonl") return false;
  const MappedFile file(path);
  const std::string_view line = file.bytes().substr(0, file.bytes().find('\n'));
  try {
    const Json first = parse_json(line);
    return !first.is_object() || !first.contains("tag");
  } catch (const JsonError&) {
    return true;
  }
}

}  // namespace nopos::plot
