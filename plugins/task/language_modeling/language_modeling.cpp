/// Predict the next token of a text, from a folder that `nopos-host preprocess` wrote.
#include <nopos/error.h>
#include <nopos/log.h>
#include <nopos/monolingual_dataset.h>
#include <nopos/numpy_random.h>
#include <nopos/task.h>

#include <algorithm>
#include <array>
#include <optional>

namespace {

using namespace nopos;
namespace fs = std::filesystem;

constexpr const char* log_source = "nopos.task";

std::vector<std::string> split_at(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

class LanguageModeling final : public Task {
 public:
  struct Options {
    std::optional<std::string> data;
    std::string sample_break_mode = "none";
    std::int64_t tokens_per_sample = 1024;
    std::int64_t output_dictionary_size = -1;
    bool future_target = false;
    bool add_bos_token = false;
    std::optional<std::int64_t> max_target_positions;
    std::string shorten_method = "none", shorten_data_split_list;
    bool pad_to_fixed_length = false, pad_to_fixed_bsz = false, separate_documents = false;

    NOPOS_OPTIONS(o) {
      o.add("data", &Options::data, "data folder, or several (a:b) that epochs cycle through", Positional{});
      o.add("sample-break-mode", &Options::sample_break_mode,
            "blocks of tokens-per-sample tokens (none), of whole sentences (complete), of whole sentences of "
            "one "
            "document (complete_doc), or one sentence each (eos)",
            OneOf{{"none", "complete", "complete_doc", "eos"}});
      o.add("tokens-per-sample", &Options::tokens_per_sample, "maximum tokens per block", AtLeast{1});
      o.add("output-dictionary-size", &Options::output_dictionary_size,
            "number of dictionary entries to predict, others become <unk>; -1: all", AtLeast{-1});
      o.refused("self-target", false, "predict the token itself",
                "unsupported language modeling target: self; leave the flag out to predict the next token");
      o.add("future-target", &Options::future_target, "predict the next token (the default)");
      o.refused("past-target", false, "predict the previous token",
                "unsupported language modeling target: past; leave the flag out to predict the next token");
      o.add("add-bos-token", &Options::add_bos_token, "put <s> before each block");
      o.add("max-target-positions", &Options::max_target_positions,
            "longest sequence that the model accepts; default: tokens-per-sample", AtLeast{1});
      o.add("shorten-method", &Options::shorten_method,
            "shorten sentences to tokens-per-sample: keep the beginning (truncate) or a random part, new in "
            "each epoch (random_crop)",
            OneOf{{"none", "truncate", "random_crop"}});
      o.add("shorten-data-split-list", &Options::shorten_data_split_list,
            "splits to shorten, such as train,valid; empty: all");
      o.add("pad-to-fixed-length", &Options::pad_to_fixed_length,
            "pad each batch to tokens-per-sample columns");
      o.add("pad-to-fixed-bsz", &Options::pad_to_fixed_bsz,
            "pad each batch with empty rows to --batch-size, or --batch-size-valid");
      o.add("separate-documents", &Options::separate_documents,
            "tokens of one document of a block neither see nor count those of another; a document ends at an "
            "empty line");
    }
  };

  LanguageModeling(const Options& options, const Context& context);

  const Dictionary& dictionary() const override { return dictionary_; }
  const Dictionary& output_dictionary() const override {
    return output_dictionary_ ? *output_dictionary_ : dictionary_;
  }
  std::optional<TokenizerRecord> tokenizer() const override { return tokenizer_; }
  std::shared_ptr<Dataset> load(const std::string& split, std::int64_t epoch, bool combine) override;
  bool data_changes_with_epoch() const override { return folders_.size() > 1; }
  std::vector<std::string> available_splits() const override;
  std::int64_t tokens_per_sample() const override { return options_.tokens_per_sample; }
  bool set_tokens_per_sample(std::int64_t tokens) override {
    options_.tokens_per_sample = tokens;
    return true;
  }
  bool adds_bos() const override { return options_.add_bos_token; }
  std::string data_name() const override { return options_.data.value_or(""); }
  /// <s> comes on top of the block, so that the longest block still fits.
  std::int64_t max_positions() const override {
    return options_.max_target_positions.value_or(options_.tokens_per_sample) + options_.add_bos_token;
  }

 private:
  void read_tokenizers();
  bool shortens(const std::string& split) const;
  std::int64_t fixed_rows(const std::string& split) const;
  std::shared_ptr<Dataset> dataset_of(SentenceStream sentences, const std::string& split,
                                      std::int64_t epoch) const;

  Options options_;
  Context context_;
  std::vector<fs::path> folders_;
  Dictionary dictionary_;
  std::optional<Dictionary> output_dictionary_;
  std::optional<TokenizerRecord> tokenizer_;
};

LanguageModeling::LanguageModeling(const Options& options, const Context& context)
    : options_(options), context_(context) {
  for (const std::string& folder : split_at(options_.data.value_or(""), ':')) {
    if (!folder.empty()) folders_.emplace_back(folder);
  }
  if (folders_.empty()) {
    throw Error(ExitCode::configuration,
                "task/language_modeling: option 'data' is not given; give the folder that nopos-host "
                "preprocess wrote, such as data-bin/wikitext-103.");
  }
  for (const fs::path& folder : folders_) {
    std::error_code unknown;  // then opening the files gives the reason
    if (folder == folders_.front() || fs::exists(folder, unknown) || unknown) continue;
    throw Error(ExitCode::data, "there is no folder " + folder.string() +
                                    ", which option 'data' names for epoch " +
                                    std::to_string(&folder - folders_.data() + 1) + ".");
  }
  const fs::path file = folders_.front() / "dict.txt";
  if (std::error_code unknown; !fs::exists(file, unknown) && !unknown) {
    throw Error(ExitCode::data,
                "no dictionary " + file.string() +
                    (fs::is_directory(folders_.front())
                         ? ": the folder has no preprocessed data, or preprocessing did not finish"
                         : ": there is no such folder") +
                    ". Give the folder that nopos-host preprocess wrote (its --destdir).");
  }
  dictionary_ = Dictionary::load(file);
  log_info(log_source, "dictionary: " + std::to_string(dictionary_.size()) + " types");
  read_tokenizers();
  const std::int64_t output_size = options_.output_dictionary_size;
  if (output_size >= 0) {
    if (output_size < Dictionary::num_special) {
      throw Error(ExitCode::configuration, "task/language_modeling: option 'output-dictionary-size' is " +
                                               std::to_string(output_size) +
                                               ", but must be -1 (all) or at least 4, the special symbols.");
    }
    output_dictionary_ = dictionary_.truncated(output_size);
  }
}

/// All folders are read with the dictionary of the first.
void LanguageModeling::read_tokenizers() {
  for (const fs::path& folder : folders_) {
    const auto found = read_tokenizer_record(folder);
    const std::string both = tokenizer_difference(tokenizer_, folders_.front().string() + " was made with",
                                                  found, folder.string() + " with");
    if (!both.empty()) {
      throw Error(ExitCode::data, "the data folders do not match: " + both +
                                      ". Preprocess the one with --srcdict and the dict.txt of the other.");
    }
    if (&folder == &folders_.front()) tokenizer_ = found;
  }
  if (tokenizer_) log_info(log_source, "tokenizer: " + tokenizer_->described());
}

std::vector<std::string> LanguageModeling::available_splits() const {
  return dataset_names(folders_.front());
}

bool LanguageModeling::shortens(const std::string& split) const {
  if (options_.shorten_method == "none") return false;
  const auto listed = split_at(options_.shorten_data_split_list, ',');
  return options_.shorten_data_split_list.empty() ||
         std::find(listed.begin(), listed.end(), split) != listed.end();
}

std::int64_t LanguageModeling::fixed_rows(const std::string& split) const {
  const bool valid = split.find("valid") != std::string::npos;
  return (valid ? context_.batch_size_valid : context_.batch_size).value_or(0);
}

std::shared_ptr<Dataset> LanguageModeling::load(const std::string& split, std::int64_t epoch, bool combine) {
  const fs::path& folder = folders_[static_cast<std::size_t>(epoch - 1) % folders_.size()];
  std::vector<std::shared_ptr<const IndexedDataset>> files;
  for (int number = 0; number == 0 || combine; ++number) {
    const fs::path prefix = folder / (number == 0 ? split : split + std::to_string(number));
    auto file = open_dataset(prefix, dictionary_, context_.dataset_impl);
    if (file == nullptr) break;
    files.push_back(std::move(file));
    log_info(log_source,
             "loaded " + with_thousands(files.back()->size()) + " examples from: " + prefix.string());
  }
  if (files.empty()) {
    std::string found;
    for (const std::string& name : dataset_names(folder)) found += (found.empty() ? "" : ", ") + name;
    throw Error(ExitCode::data,
                "dataset not found: split '" + split + "' needs " + (folder / split).string() +
                    (context_.dataset_impl == "raw" ? ", a text; " : ".idx and .bin; ") +
                    (found.empty() ? "the folder has no splits" : "the folder has the splits " + found) +
                    ". Write them with nopos-host preprocess.");
  }
  return dataset_of(SentenceStream(std::move(files)), split, epoch);
}

std::shared_ptr<Dataset> LanguageModeling::dataset_of(SentenceStream sentences, const std::string& split,
                                                      std::int64_t epoch) const {
  const auto crop_epoch = std::make_shared<std::int64_t>(epoch);
  if (shortens(split)) {
    const bool random = options_.shorten_method == "random_crop";
    sentences.crop(
        options_.tokens_per_sample,
        [random, crop_epoch, seed = context_.seed](std::int64_t sentence,
                                                   std::int64_t excess) -> std::int64_t {
          if (!random) return 0;
          const std::array<std::int64_t, 3> parts{seed, *crop_epoch, sentence};
          return NumpyRandom(composite_seed(parts)).interval(static_cast<std::uint32_t>(excess - 1));
        });
  }
  auto dataset = std::make_shared<MonolingualDataset>(
      TokenBlocks(std::move(sentences), break_mode(options_.sample_break_mode), options_.tokens_per_sample),
      MonolingualDataset::Settings{.vocabulary = dictionary_.size(),
                                   .output_vocabulary = output_dictionary().size(),
                                   .add_bos = options_.add_bos_token,
                                   .columns = options_.pad_to_fixed_length ? options_.tokens_per_sample : 0,
                                   .rows = options_.pad_to_fixed_bsz ? fixed_rows(split) : 0,
                                   .separate_documents = options_.separate_documents});
  dataset->on_epoch([crop_epoch](std::int64_t now) { *crop_epoch = now; });
  return dataset;
}

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<LanguageModeling>("language_modeling", "predict the next token of a text");
}
