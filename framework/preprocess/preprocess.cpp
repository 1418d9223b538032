#include "preprocess.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <vector>

#include "append_file.h"
#include "binarizer.h"
#include "data_bin.h"
#include "nopos/dictionary_text.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/log.h"
#include "nopos/path_list.h"
#include "nopos/strings.h"
#include "processor.h"
#include "progress_bar.h"
#include "text_input.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

/// Says everything twice: in the log, and without time and source in the folder's preprocess.log.
class Report {
 public:
  explicit Report(const fs::path& destdir) : file_(destdir / "preprocess.log") {}

  void operator()(const std::string& message) {
    log_info("nopos.preprocess", message);
    file_.append(message + "\n");
  }

 private:
  AppendFile file_;
};

std::vector<Split> splits_of(const PreprocessOptions& options) {
  std::vector<Split> list;
  if (options.trainpref) list.push_back({*options.trainpref, "train"});
  const auto add = [&list](const std::optional<std::string>& texts, const std::string& split) {
    int number = 0;
    for (const std::string& text : texts ? path_list(*texts, ',') : std::vector<std::string>()) {
      list.push_back({text, number == 0 ? split : split + std::to_string(number)});
      ++number;
    }
  };
  add(options.validpref, "valid");
  add(options.testpref, "test");
  return list;
}

/// The way Python's "{:.3}" writes a percentage: three digits, at least one behind the point.
std::string three_digits(double percentage) {
  std::string number = formatted("%.3g", percentage);
  if (number == "100") return "1e+02";
  if (number.find_first_of(".e") == std::string::npos) number += ".0";
  return number;
}

std::string summary(const std::string& text, const BinarizeResult& result) {
  std::string line = "[None] " + text + ": " + std::to_string(result.sentences) + " sents, " +
                     std::to_string(result.tokens) + " tokens";
  if (result.tokens > 0) {
    const double share = 100.0 * static_cast<double>(result.replaced) / static_cast<double>(result.tokens);
    return line + ", " + three_digits(share) + "% replaced (by <unk>)";
  }
  return line + " (by <unk>)";
}

std::string described(PreprocessOptions options) {
  OptionVisitor<PreprocessOptions> visitor(options, nullptr, "");
  PreprocessOptions::nopos_options(visitor);
  return join(visitor.infos, ", ",
              [](const OptionInfo& info) { return info.name + "=" + to_text(info.default_value); });
}

/// Whether the dictionary is the tokenizer's whole vocabulary.
bool takes_vocabulary(const PreprocessOptions& options, const PreprocessTokenizer* tokenizer) {
  return tokenizer != nullptr && !tokenizer->vocabulary.empty() && !options.srcdict &&
         options.thresholdsrc <= 0 && options.nwordssrc <= 0;
}

void check(const PreprocessOptions& options, const PreprocessTokenizer* tokenizer,
           const std::vector<Split>& splits) {
  if (!options.only_source) {
    throw Error(ExitCode::configuration,
                "preprocess: parallel text is not supported; give --only-source for a single text.");
  }
  if (!options.trainpref && !options.srcdict && !takes_vocabulary(options, tokenizer)) {
    throw Error(ExitCode::configuration,
                "preprocess: a dictionary is needed; give --trainpref TEXT to build one from a text, or "
                "--srcdict DICT to use an existing one.");
  }
  if (tokenizer != nullptr && options.dataset_impl == "raw") {
    throw Error(ExitCode::configuration,
                "preprocess: --dataset-impl raw keeps the text unchanged, to be split at white space when it "
                "is read; --tokenizer " +
                    tokenizer->record.name +
                    " would be lost. Choose another format, or leave --tokenizer out.");
  }
  int from_standard_input = 0;
  for (const Split& split : splits) {
    if (!is_read_once(split.text)) {
      TextInput{split.text};  // a wrong name ends the run before it begins
    } else if (!is_standard_input(split.text)) {
      continue;
    } else if (++from_standard_input > 1) {
      throw Error(
          ExitCode::configuration,
          "preprocess: - denotes standard input, which can only be one text, but is given for several.");
    }
  }
}

class Preprocessing {
 public:
  Preprocessing(const PreprocessOptions& options, int workers, const PreprocessTokenizer* tokenizer)
      : options_(options), tokenizer_(tokenizer), bin_(options.destdir, options.dataset_impl) {
    reading_.workers = workers;
    if (tokenizer != nullptr) reading_.splitter = tokenizer->splitter;
    reading_.progress = [this](const TextInput& text) {
      bar_.show(text.name(), text.bytes_taken(), text.bytes_in_all());
    };
  }

  void run(std::vector<Split> splits) {
    if (options_.dict_only) splits.clear();
    load_dictionary();
    bin_.check(splits, srcdict_);
    report_.emplace(options_.destdir);  // up to here the folder is as it was
    say("preprocess: " + described(options_));
    if (!dictionary_) count(splits);
    for (const Split& split : splits) {
      if (bin_.is_text()) {
        copy(split);
      } else {
        encode(split);
      }
    }
    const std::string tokenizer_file = TokenizerRecord::file_name;
    if (tokenizer_ != nullptr) bin_.add_file(tokenizer_file).append(to_json(tokenizer_->record));
    bin_.publish(srcdict_, [this](const fs::path& file) {
      srcdict_ ? replace_file(file, *srcdict_) : dictionary_->save(file, reading_.workers);
    });
    if (tokenizer_ == nullptr) fs::remove(fs::path(options_.destdir) / tokenizer_file);
    if (!options_.dict_only) say("Wrote preprocessed data to " + options_.destdir);
  }

 private:
  void say(const std::string& message) {
    bar_.clear();
    (*report_)(message);
  }
  void say_dictionary() { say("[None] Dictionary: " + std::to_string(dictionary_->size()) + " types"); }

  void load_dictionary() {
    read_tokenizer_record(options_.destdir);  // another program's file of that name is not written over
    if (!options_.srcdict) {
      if (fs::exists(bin_.dictionary())) {
        throw Error(ExitCode::data, "file exists: " + bin_.dictionary().string() + ". Give --srcdict " +
                                        bin_.dictionary().string() +
                                        " to use that dictionary, or give another --destdir.");
      }
      if (takes_vocabulary(options_, tokenizer_) && !options_.trainpref)
        dictionary_ = known_dictionary(tokenizer_->vocabulary, options_.padding_factor);
      return;
    }
    constexpr std::uint64_t most = std::uint64_t{1} << 34;
    srcdict_ = read_small_file(*options_.srcdict, most, Source::any);
    dictionary_ = parse_dictionary(*srcdict_, *options_.srcdict);
  }

  /// Makes the dictionary from the first text; its ids, where they are wanted, come of the same reading.
  void count(std::vector<Split>& splits) {
    const bool with_ids = !splits.empty() && !bin_.is_text();
    fs::path text = *options_.trainpref;
    if (is_read_once(text) && !splits.empty() && !with_ids) {  // the copy can be read again
      const fs::path copied = copy(splits.front());
      text = copied;
      splits.erase(splits.begin());
    }
    IndexedDatasetWriter* const writer = with_ids ? &bin_.add_ids(splits.front()) : nullptr;
    CountedText counted(text, writer, reading_);
    dictionary_ =
        takes_vocabulary(options_, tokenizer_)
            ? counted.dictionary(tokenizer_->vocabulary, options_.padding_factor)
            : counted.dictionary(options_.thresholdsrc, options_.nwordssrc, options_.padding_factor);
    if (!with_ids) return;
    say_dictionary();
    say(summary(splits.front().text, counted.write()));
    splits.erase(splits.begin());
  }

  void encode(const Split& split) {
    say_dictionary();
    say(summary(split.text, binarize(split.text, *dictionary_, bin_.add_ids(split), reading_)));
  }

  /// Returns where the copy stands meanwhile.
  fs::path copy(const Split& split) {
    TextInput text(split.text);
    NewFile& file = bin_.add_text(split);
    std::vector<char> buffer(std::size_t{1} << 20);
    while (const std::size_t count = text.read(buffer)) {
      file.append({buffer.data(), count});
      reading_.progress(text);
    }
    file.flush();
    return file.temporary();
  }

  const PreprocessOptions& options_;
  const PreprocessTokenizer* tokenizer_;
  DataBin bin_;
  std::optional<Report> report_;
  host::ProgressBar bar_;
  ReadOptions reading_;
  std::optional<Dictionary> dictionary_;
  std::optional<std::string> srcdict_;  // its bytes
};

}  // namespace

void run_preprocess(const PreprocessOptions& options, const PreprocessTokenizer* tokenizer) {
  const std::vector<Split> splits = splits_of(options);
  check(options, tokenizer, splits);
  const int workers = options.workers ? static_cast<int>(*options.workers) : host::usable_processors();
  Preprocessing(options, workers, tokenizer).run(splits);
}

}  // namespace nopos
