#include <nopos/tokenizer.h>

#include "../deeds.h"

namespace {

struct Options {
  std::string fault = "none";
  NOPOS_OPTIONS(o) { o.add("fault", &Options::fault, "what goes wrong, as hook.deed"); }
};

/// The whole line is one symbol.
struct Lines final : nopos::Tokenizer {
  using Options = ::Options;
  explicit Lines(const Options& options) : fault(options.fault) {}
  void split(std::string_view text, std::vector<std::string_view>& symbols) const override {
    faults::go_wrong(fault, "split");
    if (!text.empty()) symbols.push_back(text);
  }
  void join(const std::vector<std::string_view>& symbols, std::string& text) const override {
    for (const std::string_view symbol : symbols) text += symbol;
  }
  std::uint32_t vocabulary() const override { return fault == "encode.id" ? 256 : 0; }
  void encode(std::string_view, std::vector<std::uint32_t>& ids) const override { ids.push_back(256); }
  std::string fault;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Lines>("faulty", "one symbol a line"); }
