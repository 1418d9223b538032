#include "watched_tokenizer.h"

#include <algorithm>

#include "nopos/plugin_call.h"

namespace nopos::host {
namespace {

class WatchedTokenizer final : public Tokenizer {
 public:
  explicit WatchedTokenizer(std::shared_ptr<Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)),
        vocabulary_(call_plugin(*tokenizer_, "vocabulary", [&] { return tokenizer_->vocabulary(); })) {}

  void split(std::string_view text, std::vector<std::string_view>& symbols) const override {
    call_plugin(*tokenizer_, "split", [&] { tokenizer_->split(text, symbols); });
  }
  void join(const std::vector<std::string_view>& symbols, std::string& text) const override {
    call_plugin(*tokenizer_, "join", [&] { tokenizer_->join(symbols, text); });
  }
  std::vector<std::string> symbols() const override {
    return call_plugin(*tokenizer_, "symbols", [&] { return tokenizer_->symbols(); });
  }
  std::uint32_t vocabulary() const override { return vocabulary_; }
  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const override {
    const std::size_t before = ids.size();
    call_plugin(*tokenizer_, "encode", [&] { tokenizer_->encode(text, ids); });
    std::uint32_t largest = 0;
    for (std::size_t i = before; i < ids.size(); ++i) largest = std::max(largest, ids[i]);
    if (ids.size() == before || largest < vocabulary_) return;
    PluginCall(plugin_of(*tokenizer_), PluginCall::Hook{"encode"})
        .refuse("it returned the id " + std::to_string(largest) + ", but its vocabulary has " +
                std::to_string(vocabulary_));
  }

 private:
  std::shared_ptr<Tokenizer> tokenizer_;
  std::uint32_t vocabulary_;
};

}  // namespace

std::shared_ptr<Tokenizer> watched(std::shared_ptr<Tokenizer> tokenizer) {
  return std::make_shared<WatchedTokenizer>(std::move(tokenizer));
}

}  // namespace nopos::host
