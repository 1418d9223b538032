#include "nopos/binarizer.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>
#include <vector>

#include "parallel.h"
#include "text_pieces.h"
#include "word_join.h"
#include "word_order.h"
#include "word_table.h"

namespace nopos {
namespace {

using Id = WordTable::Id;

static_assert(WordTable::readable == Symbols::readable);

/// The part of both passes that is the same: sentences get their place in turn, and </s> at their end.
class SentenceWorker : public PieceWorker {
 public:
  explicit SentenceWorker(IndexedDatasetWriter* writer) : writer_(writer) {}

  void in_turn(const Symbols& symbols) override {
    if (writer_ == nullptr) return;
    sizes_.clear();
    std::uint32_t begin = 0;
    for (const std::uint32_t end : symbols.sentence_ends) {
      sizes_.push_back(std::int64_t{end - begin} + 1);
      begin = end;
    }
    begin_ = writer_->add_sizes(sizes_);
  }

  void work(const Symbols& symbols) override {
    ids_.resize(symbols.begins.size());
    look_up({symbols.text, symbols.begins, symbols.ends}, ids_);
    lines_ += static_cast<std::int64_t>(symbols.sentence_ends.size());
    if (writer_ == nullptr) return;
    tokens_.resize(ids_.size() + symbols.sentence_ends.size());
    std::uint32_t begin = 0;
    auto to = tokens_.begin();
    for (const std::uint32_t end : symbols.sentence_ends) {
      to = std::copy(ids_.begin() + begin, ids_.begin() + end, to);
      *to++ = static_cast<Id>(Dictionary::eos);
      begin = end;
    }
    keep(begin_, tokens_);
  }

  std::int64_t lines() const { return lines_; }

 protected:
  virtual void look_up(const WordTable::Batch& words, std::span<Id> ids) = 0;
  virtual void keep(std::int64_t begin, std::span<const Id> tokens) = 0;

 private:
  IndexedDatasetWriter* writer_;
  std::vector<std::int64_t> sizes_;
  std::int64_t begin_ = 0, lines_ = 0;  // of the piece's tokens
  std::vector<Id> ids_, tokens_;
};

template <class Worker>
std::vector<PieceWorker*> pointers(std::vector<Worker>& workers) {
  std::vector<PieceWorker*> all;
  for (Worker& worker : workers) all.push_back(&worker);
  return all;
}

/// Finds the words of a dictionary.
class Encoder : public SentenceWorker {
 public:
  Encoder(const Dictionary& dictionary, IndexedDatasetWriter& writer)
      : SentenceWorker(&writer), words_(dictionary.words()), writer_(writer) {}

  std::int64_t replaced() const { return replaced_; }

 protected:
  void look_up(const WordTable::Batch& words, std::span<Id> ids) override {
    words_.find(words, ids);
    for (Id& id : ids) {
      if (id != WordTable::none) continue;
      id = static_cast<Id>(Dictionary::unk);
      ++replaced_;
    }
  }
  void keep(std::int64_t begin, std::span<const Id> tokens) override { writer_.write(begin, tokens); }

 private:
  const WordTable& words_;
  IndexedDatasetWriter& writer_;
  std::int64_t replaced_ = 0;
};

/// Some tokens in the order of the text, as one thread numbered them.
struct Run {
  std::int64_t begin, size;
  const std::vector<Id>* new_ids;
};

/// Numbers words as they come, each thread for itself.
class Counter : public SentenceWorker {
 public:
  Counter(IndexedDatasetWriter* writer, const NewFile* tokens) : SentenceWorker(writer), file_(tokens) {
    const Dictionary fresh;
    for (const CountedWord& special : fresh.words().words()) table_.add(special.word(), 0);
  }

  WordTable& table() { return table_; }
  std::vector<Id>& new_ids() { return new_ids_; }
  const std::vector<Run>& runs() const { return runs_; }

 protected:
  void look_up(const WordTable::Batch& words, std::span<Id> ids) override { table_.count(words, ids); }
  void keep(std::int64_t begin, std::span<const Id> tokens) override {
    file_->write_at(static_cast<std::uint64_t>(begin) * sizeof(Id),
                    {reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()});
    runs_.push_back({begin, static_cast<std::int64_t>(tokens.size()), &new_ids_});
  }

 private:
  const NewFile* file_;
  WordTable table_;
  std::vector<Id> new_ids_;  // of the words of the table
  std::vector<Run> runs_;
};

}  // namespace

class CountedText::Parts {
 public:
  Parts(const std::filesystem::path& text, IndexedDatasetWriter* writer, const ReadOptions& options)
      : writer_(writer), threads_(options.workers) {
    if (writer_ != nullptr) tokens_ = std::make_unique<NewFile>(writer_->tokens_path());
    for (int i = 0; i < threads_; ++i) counters_.emplace_back(writer_, tokens_.get());
    split_text(text, options, pointers(counters_));
  }

  Dictionary dictionary(const Limits& limits) {
    std::vector<WordTable*> tables;
    std::vector<std::span<const CountedWord>> words;
    WordArena arena;
    const Dictionary fresh;
    std::vector<CountedWord> special(fresh.words().words().begin(), fresh.words().words().end());
    special[Dictionary::eos].count += lines();
    for (Counter& counter : counters_) {
      counter.table().drop_slots();
      for (Id id = 0; id < special.size(); ++id) {
        special[id].count += std::exchange(counter.table().word(id).count, WordJoin::not_a_word);
      }
      tables.push_back(&counter.table());
      words.push_back(tables.back()->words());
      arena.share(tables.back()->arena());
    }
    const WordJoin join(tables, threads_);
    OrderedWords ordered = in_order(special, words, limits, std::move(arena), threads_);
    join.resolve(ordered.new_ids);
    for (std::size_t i = 0; i < counters_.size(); ++i) {
      std::vector<Id>& new_ids = counters_[i].new_ids() = std::move(ordered.new_ids[i]);
      std::iota(new_ids.begin(), new_ids.begin() + Dictionary::num_special, Id{0});
      *tables[i] = {};
    }
    return Dictionary(std::move(ordered.table));
  }

  BinarizeResult write(std::int64_t vocabulary) const {
    writer_->set_vocabulary(vocabulary);
    std::vector<Run> runs;
    for (const Counter& counter : counters_)
      runs.insert(runs.end(), counter.runs().begin(), counter.runs().end());
    std::atomic<std::int64_t> replaced = 0;
    for_each_index(threads_, runs.size(), [&](std::size_t i) {
      thread_local std::vector<Id> ids;
      const Run& run = runs[i];
      ids.resize(static_cast<std::size_t>(run.size));
      tokens_->read_at(static_cast<std::uint64_t>(run.begin) * sizeof(Id),
                       {reinterpret_cast<char*>(ids.data()), ids.size() * sizeof(Id)});
      std::int64_t dropped = 0;
      for (Id& id : ids) {
        id = (*run.new_ids)[id];
        if (id != WordTable::none) continue;
        id = static_cast<Id>(Dictionary::unk);
        ++dropped;
      }
      replaced += dropped;
      writer_->write(run.begin, ids);
    });
    return {writer_->num_sentences(), writer_->num_tokens(), replaced};
  }

 private:
  std::int64_t lines() const {
    std::int64_t sum = 0;
    for (const Counter& counter : counters_) sum += counter.lines();
    return sum;
  }

  IndexedDatasetWriter* writer_;
  int threads_;
  std::unique_ptr<NewFile> tokens_;
  std::vector<Counter> counters_;
};

CountedText::CountedText(const std::filesystem::path& text, IndexedDatasetWriter* writer,
                         const ReadOptions& options)
    : parts_(std::make_unique<Parts>(text, writer, options)) {}

CountedText::~CountedText() = default;

Dictionary CountedText::dictionary(std::int64_t threshold, std::int64_t max_size,
                                   std::int64_t padding_factor) {
  Dictionary dictionary = parts_->dictionary({threshold, max_size, padding_factor});
  vocabulary_ = dictionary.size();
  return dictionary;
}

BinarizeResult CountedText::write() const { return parts_->write(vocabulary_); }

Dictionary count_words(const std::filesystem::path& text, int workers) {
  constexpr std::int64_t all = 0;
  return CountedText(text, nullptr, {.workers = workers}).dictionary(all, all, 1);
}

BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        IndexedDatasetWriter& writer, const ReadOptions& options) {
  writer.set_vocabulary(dictionary.size());
  std::vector<Encoder> encoders(static_cast<std::size_t>(options.workers), Encoder(dictionary, writer));
  split_text(text, options, pointers(encoders));
  BinarizeResult result{writer.num_sentences(), writer.num_tokens(), 0};
  for (const Encoder& encoder : encoders) result.replaced += encoder.replaced();
  return result;
}

BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        const std::filesystem::path& prefix, int workers) {
  IndexedDatasetWriter writer(prefix, dictionary.size());
  const BinarizeResult result = binarize(text, dictionary, writer, {.workers = workers});
  writer.finish();
  return result;
}

}  // namespace nopos
