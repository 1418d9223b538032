#pragma once
/// Which positional encodings a layer has, and how many tokens it sees, as written on the command line:
///
///     spec  := group ("," group)*            repeated over the layers, cut at the end
///     group := [N "x"] stack ["@" window]    N layers; each query sees `window` keys, its own included
///     stack := item ("+" item)*              order of application
///     item  := [label "="] name              label: an instance with options and parameters of its own
///
/// `3xlocal=rope@1024,global=rope`. The name `none` stands for an empty stack where it is not a component.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopos {

struct EncodingPlan {
  struct Group {
    std::int64_t repeat = 1;            ///< layers
    std::vector<std::string> use = {};  ///< labels, or names where unlabelled, in order of application
    std::int64_t window = 0;            ///< keys that a query sees, itself included; 0: no limit

    bool operator==(const Group&) const = default;
  };
  std::vector<Group> groups = {};  ///< none: every layer has all encodings of the run, in their order

  bool operator==(const EncodingPlan&) const = default;
};

/// An encoding as a text or a file names it.
struct WrittenEncoding {
  std::string label = {};  ///< empty: unlabelled
  std::string name;        ///< as written: a component, its alias or its full name

  /// What a plan names it by.
  const std::string& used_as() const { return label.empty() ? name : label; }

  bool operator==(const WrittenEncoding&) const = default;
};

/// A plan whose names nobody has looked up yet.
struct WrittenPlan {
  EncodingPlan plan;
  std::vector<WrittenEncoding> encodings = {};  ///< each once, in order of first appearance

  bool operator==(const WrittenPlan&) const = default;
};

/// What one layer has.
struct LayerPlan {
  std::vector<std::string> use = {};
  std::int64_t window = 0;

  bool operator==(const LayerPlan&) const = default;
};

/// Stands for a stack without encodings.
inline constexpr const char* no_encoding = "none";

/// `where` begins the messages: "--positional-encoding". \throws Error (configuration) with the character and
/// what is expected there; for a repeat or window below 1, a label that is none, that means two components or
/// stands where a name is expected
WrittenPlan parse_encoding_plan(std::string_view text, const std::string& where);

/// The text that gives the plan, with the components of labels as `encodings` has them.
std::string to_text(const EncodingPlan& plan, const std::vector<WrittenEncoding>& encodings = {});

/// Letters, digits, '-' and '_', after a letter.
bool is_encoding_label(std::string_view text);
/// Whether a name can stand in a text: no separator, nothing that is not seen.
bool is_encoding_name(std::string_view text);

/// \throws Error (configuration) where a stack has an encoding twice
void refuse_repeated_encodings(const EncodingPlan& plan, const std::string& where);

/// The same layers in the fewest groups: equal neighbors are one, and a single group has no repeat.
EncodingPlan shortened(EncodingPlan plan);

/// One entry per layer. \throws Error (configuration) for a group that no layer gets
std::vector<LayerPlan> layers_of(const EncodingPlan& plan, std::int64_t layer_count);

/// For people: "layers 0-2, 4-6: rope@4096; 3, 7: none".
std::string described(const std::vector<LayerPlan>& layers,
                      const std::vector<WrittenEncoding>& encodings = {});

}  // namespace nopos
