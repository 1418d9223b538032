#include "checkpoint_fields.h"

#include <algorithm>
#include <string_view>

#include "checkpoint_file.h"
#include "nopos/error.h"
#include "nopos/options.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

constexpr double counts = 9007199254740991;  // up to here a double holds every integer
constexpr double positions = max_positions_in_file;

struct Field {
  /// Keys from the root: "*" is every value or item.
  std::string_view path;
  bool whole;
  double min, max;
  bool optional = false;  ///< None is a value too
};

constexpr Field fields[] = {
    {"extra_state/train_iterator/version", true, 1, 2},
    {"extra_state/train_iterator/epoch", true, 0, 2147483647},
    {"extra_state/train_iterator/iterations_in_epoch", true, 0, counts},
    {"extra_state/previous_training_time", false, 0, 1e12},
    {"extra_state/metrics/*/*/0", true, -2147483648.0, 2147483647},
    {"extra_state/metrics/*/*/3/round", true, 0, 100, true},
    {"extra_state/metrics/*/*/3/n", false, 0, counts},
    {"optimizer_history/*/num_updates", true, 0, counts},
    {"last_optimizer_state/loss_scale", false, 1e-300, 1e300},
    // where older files of fairseq keep their place
    {"extra_state/epoch", true, 0, 2147483647},
    {"extra_state/batch_offset", true, 0, counts},
    {"epoch", true, 0, 2147483647},
    {"batch_offset", true, 0, counts},
    // settings of the model that are no options of the architecture
    {"cfg/model/tokens_per_sample", true, 1, positions, true},
    {"cfg/model/max_target_positions", true, 1, positions, true},
    {"args/tokens_per_sample", true, 1, positions, true},
    {"args/max_target_positions", true, 1, positions, true},
    {"nopos/components/*/options/tokens-per-sample/0", true, 1, positions, true},
    {"nopos/components/*/options/max-target-positions/0", true, 1, positions, true},
    // ours
    {"nopos/format", true, 1, 2147483647},
    {"nopos/dictionary/size", true, 0, 2147483647},
    {"nopos/parameters/*/1", true, 0, counts},
    {"nopos/epoch_iterations", true, 0, counts},
    {"nopos/ema_updates", true, 0, counts},
    {"nopos/loss_scale/*", false, -counts, 1e300},
};

std::string dotted(std::string path) {
  for (char& c : path) c = c == '/' ? '.' : c;
  return path;
}

[[noreturn]] void refuse(const Field& field, const std::string& path, const std::string& found,
                         const std::string& file) {
  const auto bound = [&](double value) {
    return field.whole ? std::to_string(static_cast<std::int64_t>(value)) : to_text(value);
  };
  throw Error(ExitCode::data, file + ": " + dotted(path) + " is " + found + ", but must be " +
                                  (field.whole ? "an integer" : "a number") + " between " + bound(field.min) +
                                  " and " + bound(field.max) +
                                  ": the file is damaged or was modified. Use an earlier checkpoint, or a "
                                  "complete copy of the file.");
}

void check(const Field& field, const PickleNode& node, const std::string& path, const std::string& file) {
  if (field.optional && node.is(Type::none)) return;
  const bool whole = node.is(Type::integer), number = node.is(Type::number);
  if (!whole && (field.whole || !number)) {
    if (!field.whole && is_tensor(node)) return;  // fairseq keeps some figures so
    refuse(field, path, number ? to_text(node.number) : "not a number", file);
  }
  const double value = whole ? static_cast<double>(node.integer) : node.number;
  if (value >= field.min && value <= field.max) return;
  refuse(field, path, whole ? std::to_string(node.integer) : to_text(node.number), file);
}

/// A stream can name one list any number of times; a checkpoint has some thousand fields.
constexpr std::size_t max_steps = std::size_t{1} << 24;

/// Follows `rest` from `node`, which lies at `path`. What has another shape than the path is left to whoever
/// reads it.
void follow(const Field& field, const PickleNode& node, std::string_view rest, const std::string& path,
            const std::string& file, std::size_t& steps) {
  if (++steps > max_steps) {
    throw Error(ExitCode::data,
                file + ": " + dotted(path) +
                    " has more values than a checkpoint: the file was not written by training.");
  }
  if (rest.empty()) return check(field, node, path, file);
  const std::string_view key = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(key.size() + 1, rest.size()));
  const auto step = [&](const PickleNode& next, const std::string& name) {
    follow(field, next, rest, path.empty() ? name : path + '/' + name, file, steps);
  };
  if (const PickleNode* named = attributes_of(&node); named != nullptr) {
    if (key != "*") {
      if (const PickleNode* next = named->get(key)) step(*next, std::string(key));
      return;
    }
    for (std::size_t i = 0; i + 1 < named->items.size(); i += 2) {
      step(*named->items[i + 1], named->items[i]->is(Type::text) ? named->items[i]->text : "*");
    }
  } else if (node.is(Type::list) || node.is(Type::tuple)) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (key == "*" || key == std::to_string(i)) step(*node.items[i], std::to_string(i));
    }
  }
}

}  // namespace

void check_fields(const PickleNode& root, const std::string& file) {
  std::size_t steps = 0;
  for (const Field& field : fields) follow(field, root, field.path, {}, file, steps);
}

}  // namespace nopos
