#include "preprocess.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "nopos/binarizer.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/log.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

/// Says everything twice: in the log, and without time and source in the folder's preprocess.log.
class Report {
 public:
  explicit Report(const fs::path& destdir) : path_(destdir / "preprocess.log") {
    errno = 0;
    file_.open(path_, std::ios::app);
    if (!file_) fail();
  }

  void operator()(const std::string& message) {
    log_info("nopos.preprocess", message);
    errno = 0;
    if (!(file_ << message << std::endl)) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ExitCode::data, "cannot write " + path_.string() + ": " +
                                    std::generic_category().message(errno == 0 ? EIO : errno) + ".");
  }

  fs::path path_;
  std::ofstream file_;
};

/// One text and the name of what becomes of it.
struct Input {
  std::string text, split;
};

std::vector<Input> inputs(const PreprocessOptions& options) {
  std::vector<Input> list;
  if (options.trainpref) list.push_back({*options.trainpref, "train"});
  const auto add = [&list](const std::optional<std::string>& texts, const std::string& split) {
    std::size_t begin = 0;
    for (int number = 0; texts && begin != std::string::npos; ++number) {
      const std::size_t comma = texts->find(',', begin);
      list.push_back(
          {texts->substr(begin, comma - begin), number == 0 ? split : split + std::to_string(number)});
      begin = comma == std::string::npos ? comma : comma + 1;
    }
  };
  add(options.validpref, "valid");
  add(options.testpref, "test");
  return list;
}

/// The way Python's "{:.3}" writes a percentage: three digits, at least one behind the point.
std::string three_digits(double percentage) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", percentage);
  std::string number = text;
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
  std::string text;
  for (const OptionInfo& info : visitor.infos) {
    text += (text.empty() ? "" : ", ") + info.name + "=" + to_text(info.default_value);
  }
  return text;
}

}  // namespace

void run_preprocess(const PreprocessOptions& options) {
  if (!options.only_source) {
    throw Error(ExitCode::configuration,
                "preprocess: text in two languages is not built; give --only-source to prepare one text.");
  }
  if (!options.trainpref && !options.srcdict) {
    throw Error(ExitCode::configuration,
                "preprocess: the dictionary needs a source; give --trainpref TEXT to make it from a text, or "
                "--srcdict DICT to use an existing one.");
  }
  const std::vector<Input> texts = inputs(options);
  for (const Input& input : texts) MappedFile{input.text};  // a wrong name ends the run before it begins

  const fs::path destdir = options.destdir, dictionary_file = destdir / "dict.txt";
  std::error_code error;
  fs::create_directories(destdir, error);
  if (error) throw Error(ExitCode::data, "cannot make " + destdir.string() + ": " + error.message() + ".");
  if (!options.srcdict && fs::exists(dictionary_file)) {
    throw Error(ExitCode::data, "file exists: " + dictionary_file.string() + ". Give --srcdict " +
                                    dictionary_file.string() +
                                    " to keep that dictionary, or write to another --destdir.");
  }
  Report report(destdir);
  report("preprocess: " + described(options));

  const int workers = static_cast<int>(options.workers);
  Dictionary dictionary;
  if (options.srcdict) {
    dictionary = Dictionary::load(*options.srcdict);
    const std::string bytes(MappedFile(*options.srcdict).bytes());
    replace_file(dictionary_file, bytes);
  } else {
    dictionary = count_words(*options.trainpref, workers);
    dictionary.finalize(options.thresholdsrc, options.nwordssrc, options.padding_factor);
    dictionary.save(dictionary_file);
  }
  if (options.dict_only) return;
  for (const Input& input : texts) {
    report("[None] Dictionary: " + std::to_string(dictionary.size()) + " types");
    report(summary(input.text, binarize(input.text, dictionary, destdir / input.split, workers)));
  }
  report("Wrote preprocessed data to " + options.destdir);
}

}  // namespace nopos
