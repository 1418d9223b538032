#include "encoding_record.h"

#include <map>
#include <set>

#include "checkpoint_keys.h"
#include "nopos/error.h"
#include "nopos/kinds.h"
#include "nopos/printable.h"

namespace nopos {
namespace {

constexpr const char* list_key = "positional_encoding";

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  throw Error(ExitCode::data, file + ": nopos." + keys::encoding_layers + ": " + what +
                                  ": the file is damaged or was modified. Use an earlier checkpoint, or a "
                                  "complete copy of the file.");
}

std::string quoted(const std::string& name) {
  return std::string("'").append(printable(name, 200)).append("'");
}

/// A stream can name one list any number of times; nobody writes as many encodings.
const std::vector<const PickleNode*>& few(const std::vector<const PickleNode*>& list,
                                          const std::string& file) {
  constexpr std::size_t most = 1000;
  if (list.size() > most) refuse(file, std::to_string(list.size()) + " entries in one list");
  return list;
}

EncodingPlan::Group recorded_group(const PickleNode& node, const std::string& file) {
  const std::string what = std::string(keys::encoding_layers) + " in " + file;
  EncodingPlan::Group group;
  group.repeat = node.at(keys::repeat, what).as_integer("repeat of " + what);
  group.window = node.at(keys::window, what).as_integer("window of " + what);
  for (const PickleNode* use : few(node.at(keys::use, what).as_sequence("use of " + what), file)) {
    group.use.push_back(use->as_text("an item of " + what));
  }
  if (std::set<std::string_view>(group.use.begin(), group.use.end()).size() != group.use.size())
    refuse(file, "an encoding twice in one group");
  if (group.repeat < 1) refuse(file, "a group of " + std::to_string(group.repeat) + " layers");
  if (group.window < 0) refuse(file, "a window of " + std::to_string(group.window));
  return group;
}

}  // namespace

Pickle::Node pickled_plan(Pickle& pickle, const EncodingPlan& plan) {
  std::vector<Pickle::Node> groups;
  for (const EncodingPlan::Group& group : plan.groups) {
    std::vector<Pickle::Node> use;
    for (const std::string& one : group.use) use.push_back(pickle.text(one));
    groups.push_back(pickle.dict({{keys::repeat, pickle.integer(group.repeat)},
                                  {keys::use, pickle.list(std::move(use))},
                                  {keys::window, pickle.integer(group.window)}}));
  }
  return pickle.list(std::move(groups));
}

namespace of_entry {

std::vector<WrittenEncoding> encodings(const PickleNode& own, const std::string& file) {
  std::vector<WrittenEncoding> encodings;
  for (const PickleNode* node : few(own.at(list_key, "'nopos'").as_sequence(list_key), file)) {
    const PickleNode* const label = node->get(keys::label);
    encodings.push_back({label == nullptr ? "" : label->as_text("label of an encoding"),
                         node->at(keys::name, "a component").as_text("name of a component")});
    if (label != nullptr && !is_encoding_label(label->text))
      refuse(file, quoted(label->text) + " is no label");
  }
  return encodings;
}

EncodingPlan plan(const PickleNode& own, const std::string& file) {
  EncodingPlan plan;
  const std::vector<WrittenEncoding> listed = encodings(own, file);
  const PickleNode* const list = own.get(keys::encoding_layers);
  if (list == nullptr) return plan;
  for (const PickleNode* node : few(list->as_sequence(keys::encoding_layers), file)) {
    plan.groups.push_back(recorded_group(*node, file));
  }
  std::map<std::string, std::size_t, std::less<>> groups_with;
  for (const WrittenEncoding& one : listed) {
    if (!groups_with.emplace(one.used_as(), 0).second) refuse(file, "two encodings " + quoted(one.used_as()));
  }
  for (const EncodingPlan::Group& group : plan.groups) {
    for (const std::string& one : group.use) {
      const auto found = groups_with.find(one);
      if (found == groups_with.end()) refuse(file, "no encoding is " + quoted(one));
      ++found->second;
    }
  }
  for (const auto& [name, groups] : groups_with) {
    if (groups == 0) refuse(file, "no layer has " + quoted(name));
  }
  return plan;
}

std::string encoding_text(const PickleNode& own, const std::string& file) {
  return to_text(plan(own, file), encodings(own, file));
}

}  // namespace of_entry

std::vector<WrittenEncoding> recorded_encodings(const CheckpointFile& file) {
  return file.own() == nullptr ? std::vector<WrittenEncoding>()
                               : of_entry::encodings(*file.own(), file.name());
}

EncodingPlan recorded_plan(const CheckpointFile& file) {
  return file.own() == nullptr ? EncodingPlan() : of_entry::plan(*file.own(), file.name());
}

std::string recorded_encoding_text(const CheckpointFile& file) {
  return to_text(recorded_plan(file), recorded_encodings(file));
}

}  // namespace nopos
