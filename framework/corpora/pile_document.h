#pragma once
/// One line of The Pile: {"text": "...", "meta": {"pile_set_name": "Wikipedia (en)"}}.

#include <optional>
#include <string>
#include <string_view>

namespace nopos {

struct PileDocument {
  std::string text, set;
};

/// Reads `line`. Returns nothing, or what is wrong with the line: it must be UTF-8 and JSON, with a "text"
/// and a "meta" whose only key is "pile_set_name", both strings. Other keys beside these two do not matter.
std::optional<std::string> read_pile_document(std::string_view line, PileDocument& document);

}  // namespace nopos
