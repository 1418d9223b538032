#include "nopos/token_blocks.h"

#include <algorithm>

#include "nopos/dictionary.h"
#include "nopos/error.h"

namespace nopos {
namespace {

constexpr std::int64_t stride = 64;  // sentences between those whose place in the stream is kept

}  // namespace

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
    : sentences_(std::move(sentences)), mode_(mode), tokens_per_sample_(tokens_per_sample) {
  switch (mode_) {
    case BreakMode::none:
      cut_anywhere();
      break;
    case BreakMode::complete:
      cut_complete(/*documents=*/false);
      break;
    case BreakMode::complete_doc:
      cut_complete(/*documents=*/true);
      break;
    case BreakMode::eos:
      size_ = sentences_.size();
  }
}

void TokenBlocks::cut_anywhere() {
  for (std::int64_t sentence = 0; sentence < sentences_.size(); ++sentence) {
    if (sentence % stride == 0) before_.push_back(num_tokens_);
    num_tokens_ += sentences_.num_tokens(sentence);
  }
  size_ = num_tokens_ / tokens_per_sample_ + (num_tokens_ % tokens_per_sample_ > 0);
}

void TokenBlocks::cut_complete(bool documents) {
  const std::int64_t shortest = documents ? 2 : 1;
  WholeSentences block{0, 0};
  const auto close = [&](std::int64_t next_sentence) {
    if (block.tokens >= shortest) whole_.push_back(block);
    block = {next_sentence, 0};
  };
  for (std::int64_t sentence = 0; sentence < sentences_.size(); ++sentence) {
    const std::int64_t tokens = sentences_.num_tokens(sentence);
    if (documents && tokens == 1) {  // an empty line ends a document and belongs to none
      close(sentence + 1);
      continue;
    }
    if (block.tokens > 0 && tokens > tokens_per_sample_ - block.tokens) close(sentence);
    block.tokens += tokens;
  }
  close(sentences_.size());
  size_ = static_cast<std::int64_t>(whole_.size());
}

std::int64_t TokenBlocks::num_tokens(std::int64_t block) const {
  switch (mode_) {
    case BreakMode::none:
      return std::min(tokens_per_sample_, num_tokens_ - block * tokens_per_sample_);
    case BreakMode::eos:
      return sentences_.num_tokens(block);
    default:
      return whole_[static_cast<std::size_t>(block)].tokens;
  }
}

TokenBlocks::Place TokenBlocks::begin(std::int64_t block) const {
  if (mode_ == BreakMode::eos) return {block, 0};
  if (mode_ != BreakMode::none) return {whole_[static_cast<std::size_t>(block)].first, 0};
  const std::int64_t token = block * tokens_per_sample_;
  const auto after = std::upper_bound(before_.begin(), before_.end(), token);
  std::int64_t sentence = (after - before_.begin() - 1) * stride, offset = token - *(after - 1);
  for (;; ++sentence) {  // at most `stride` times, but for runs of sentences without tokens
    const std::int64_t tokens = sentences_.num_tokens(sentence);
    if (offset < tokens) return {sentence, offset};
    offset -= tokens;
  }
}

void TokenBlocks::read(std::int64_t block, std::span<std::int64_t> out) const {
  auto [sentence, offset] = begin(block);
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
  const Place here = begin(block);
  if (here.offset == 0) return Dictionary::eos;
  std::int64_t token = 0;
  sentences_.read(here.sentence, here.offset - 1, {&token, 1});
  return token;
}

}  // namespace nopos
