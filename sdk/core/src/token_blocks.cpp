#include "nopos/token_blocks.h"

#include <algorithm>

#include "nopos/dictionary.h"
#include "nopos/error.h"

namespace nopos {

BreakMode break_mode(const std::string& name) {
  if (name == "none") return BreakMode::none;
  if (name == "complete") return BreakMode::complete;
  if (name == "complete_doc") return BreakMode::complete_doc;
  if (name == "eos") return BreakMode::eos;
  throw Error(ExitCode::configuration,
              "sample break mode '" + name + "' is none of none, complete, complete_doc, eos.");
}

SentenceStream::SentenceStream(std::vector<std::shared_ptr<const IndexedDataset>> files)
    : files_(std::move(files)), first_{0} {
  for (const auto& file : files_) first_.push_back(first_.back() + file->size());
}

void SentenceStream::crop(std::int64_t length, CropStart start) {
  crop_ = length;
  crop_start_ = std::move(start);
}

SentenceStream::Place SentenceStream::place(std::int64_t sentence) const {
  const auto after = std::upper_bound(first_.begin(), first_.end(), sentence);
  const auto file = static_cast<std::size_t>(after - first_.begin()) - 1;
  return {*files_[file], sentence - first_[file]};
}

const std::filesystem::path& SentenceStream::file(std::int64_t sentence) const {
  return place(sentence).file.bin();
}

std::int64_t SentenceStream::num_tokens(std::int64_t sentence) const {
  const auto [file, index] = place(sentence);
  const std::int64_t tokens = file.num_tokens(index);
  return crop_ > 0 ? std::min(tokens, crop_) : tokens;
}

void SentenceStream::read(std::int64_t sentence, std::int64_t begin, std::span<std::int64_t> out) const {
  const auto [file, index] = place(sentence);
  const std::int64_t excess = file.num_tokens(index) - crop_;
  if (crop_ > 0 && excess > 0) begin += crop_start_(sentence, excess);
  file.read(index, begin, out);
}

TokenBlocks::TokenBlocks(SentenceStream sentences, BreakMode mode, std::int64_t tokens_per_sample)
    : sentences_(std::move(sentences)) {
  switch (mode) {
    case BreakMode::none:
      cut_anywhere(tokens_per_sample);
      break;
    case BreakMode::complete:
      cut_complete(tokens_per_sample, /*documents=*/false);
      break;
    case BreakMode::complete_doc:
      cut_complete(tokens_per_sample, /*documents=*/true);
      break;
    case BreakMode::eos:
      cut_sentences();
      break;
  }
}

void TokenBlocks::cut_anywhere(std::int64_t tokens_per_sample) {
  std::int64_t room = 0;  // left in the current block
  for (std::int64_t sentence = 0; sentence < sentences_.size(); ++sentence) {
    const std::int64_t tokens = sentences_.num_tokens(sentence);
    for (std::int64_t offset = 0; offset < tokens;) {
      if (room == 0) {
        blocks_.push_back({sentence, offset, 0});
        room = tokens_per_sample;
      }
      const std::int64_t taken = std::min(room, tokens - offset);
      blocks_.back().tokens += taken;
      room -= taken;
      offset += taken;
    }
  }
}

void TokenBlocks::cut_complete(std::int64_t tokens_per_sample, bool documents) {
  const std::int64_t shortest = documents ? 2 : 1;
  Block block{0, 0, 0};
  const auto close = [&](std::int64_t next_sentence) {
    if (block.tokens >= shortest) blocks_.push_back(block);
    block = {next_sentence, 0, 0};
  };
  for (std::int64_t sentence = 0; sentence < sentences_.size(); ++sentence) {
    const std::int64_t tokens = sentences_.num_tokens(sentence);
    if (documents && tokens == 1) {  // an empty line ends a document and belongs to none
      close(sentence + 1);
      continue;
    }
    if (block.tokens > 0 && block.tokens + tokens > tokens_per_sample) close(sentence);
    block.tokens += tokens;
  }
  close(sentences_.size());
}

void TokenBlocks::cut_sentences() {
  for (std::int64_t sentence = 0; sentence < sentences_.size(); ++sentence) {
    blocks_.push_back({sentence, 0, sentences_.num_tokens(sentence)});
  }
}

void TokenBlocks::read(std::int64_t block, std::span<std::int64_t> out) const {
  std::int64_t sentence = at(block).sentence, offset = at(block).offset;
  while (!out.empty()) {
    const std::int64_t rest = sentences_.num_tokens(sentence) - offset;
    const auto taken = std::min(out.size(), static_cast<std::size_t>(rest));
    sentences_.read(sentence, offset, out.first(taken));
    out = out.subspan(taken);
    ++sentence;
    offset = 0;
  }
}

std::int64_t TokenBlocks::preceding(std::int64_t block) const {
  const Block& here = at(block);
  if (here.offset == 0) return Dictionary::eos;
  std::int64_t token = 0;
  sentences_.read(here.sentence, here.offset - 1, {&token, 1});
  return token;
}

}  // namespace nopos
