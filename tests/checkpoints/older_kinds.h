#pragma once
/// A checkpoint as older versions of fairseq and PyTorch would have written it.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint_file.h"

namespace nopos::test {

/// Makes older files of one checkpoint: its model, its settings and, where it is there, its optimizer's
/// state.
class OlderFile {
 public:
  /// Of a file of fairseq, or of ours, of which nothing is taken that fairseq does not have.
  /// `with_own`: it stays one of ours.
  explicit OlderFile(const std::filesystem::path& file, bool with_own = false);

  using Node = const PickleNode*;
  Pickle arena;
  Node root;

  Node get(Node dict, const std::string& key) const { return &dict->at(key, "the checkpoint"); }
  Node with(Node dict, const std::string& key, Node value);
  Node without(Node dict, const std::vector<std::string>& keys);
  /// `root` with an entry of `extra_state`, or without some.
  void change_extra(const std::function<Node(Node)>& change);

  void settings_in_namespace();
  void attention_in_one_matrix();
  void old_names_of_layer_norms();
  void old_name_of_the_head();
  void states_by_address();
  void half_precision();
  void set_version(std::uint16_t half);
  /// Every number of one of the model's tensors.
  void fill(const std::string& name, float value);
  /// Another value at the end of a path of keys and, in lists, numbers.
  void set(const std::vector<std::string>& path, Node value);
  /// Objects of fairseq.meters, as `extra_state` held them.
  void meters_as_objects();

  void write(const std::filesystem::path& to) const;         ///< in today's container
  void write_legacy(const std::filesystem::path& to) const;  ///< in that of before 1.6

 private:
  /// One tensor of the model under its older name: tensors of today, whose rows follow each other.
  struct Entry {
    std::string name;
    std::vector<std::string> from;
  };
  std::vector<std::string> parameters() const;  ///< in the optimizer's order
  void rewrite(const std::vector<Entry>& entries);
  Node joined(const std::vector<Node>& tensors);
  Node changed(Node node, const std::vector<std::string>& path, Node value);
  Node legacy_ids(Node node, Pickle& pickle) const;
  std::string stream(Node node) const;

  CheckpointFile file_;
  std::vector<std::pair<std::string, std::string>> storages_;  // key, bytes
  std::vector<std::pair<std::string, std::string>> objects_;   // text that stands for them, their opcodes
};

}  // namespace nopos::test
