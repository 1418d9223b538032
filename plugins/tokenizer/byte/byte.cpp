/// One token a byte; its number is the byte's value.
#include <nopos/tokenizer.h>

namespace {

class Byte final : public nopos::IdTokenizer {
 public:
  Byte() : IdTokenizer(256) {
    for (int value = 0; value < 256; ++value) bytes_ += static_cast<char>(value);
  }

  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const override {
    for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  }

 protected:
  std::string_view bytes(std::uint32_t id) const override { return std::string_view(bytes_).substr(id, 1); }

 private:
  std::string bytes_;  // every value once
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Byte>("byte", "one token per byte"); }
