#pragma once
/// `nopos-host preprocess`: text files in, dictionary and token ids out, byte for byte as the reference
/// writes them.
///
/// Into --destdir go dict.txt, and tokenizer.json beside it where lines are symbols by a tokenizer; train.bin
/// and train.idx; valid, valid1, ... and test, test1, ... likewise; and preprocess.log, to which each run
/// appends what it said. dict.txt comes last (data_bin.h): without it the folder is not whole.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"
#include "nopos/text_symbols.h"
#include "nopos/tokenizer_record.h"
#include "shared_options.h"

namespace nopos {

struct PreprocessOptions : host::PluginPathOption {
  static constexpr const char* group = "preprocess";

  bool only_source = false, dict_only = false;
  std::optional<std::string> trainpref, validpref, testpref, srcdict;
  std::string destdir = "data-bin", dataset_impl = "mmap";
  std::int64_t thresholdsrc = 0, nwordssrc = -1, padding_factor = 8;
  std::optional<std::int64_t> workers;
  // taken by the reference without effect
  bool fp16 = false;
  std::optional<std::string> bpe;
  // ours
  std::optional<std::string> tokenizer;

  NOPOS_OPTIONS(o) {
    using P = PreprocessOptions;
    const std::string pairs = "text in two languages is not built; prepare one text with --only-source";
    const NoEffect ignored{
        "preprocessing splits text at white space, whatever this says, as the reference does"};
    o.add("only-source", &P::only_source, "one text, not a pair of languages");
    o.add("trainpref", &P::trainpref,
          "training text, plain or compressed (.gz, .zst), or - for standard input; the dictionary is made "
          "from it "
          "unless --srcdict is given");
    o.add("validpref", &P::validpref, "validation texts, separated by commas: valid, valid1, ...");
    o.add("testpref", &P::testpref, "test texts, separated by commas: test, test1, ...");
    o.add("destdir", &P::destdir, "folder to write to; made where it is missing");
    o.add("srcdict", &P::srcdict,
          "use this dictionary; it is copied to the folder. A tokenizer.json beside it says with which "
          "tokenizer");
    o.add("thresholdsrc", &P::thresholdsrc,
          "drop words that occur less often from the dictionary; 1 leaves out the symbols of a --tokenizer "
          "that "
          "do not occur");
    o.add("nwordssrc", &P::nwordssrc,
          "most entries of the dictionary, special symbols included and padding not; 0 or less: all");
    o.add("padding-factor", &P::padding_factor, "pad the dictionary to a multiple of this", AtLeast{0});
    o.add("workers", &P::workers,
          "threads; the files are the same for any number; default: what affinity and control group allow",
          Range{1, 1024});
    o.add("dict-only", &P::dict_only, "write the dictionary and stop");
    o.add("dataset-impl", &P::dataset_impl,
          "format: mmap; lazy or cached, the older one; raw, which is the text itself",
          OneOf{{"raw", "lazy", "cached", "mmap", "fasta", "huffman"}});
    o.add(
        "tokenizer", &P::tokenizer,
        "how lines become symbols: gpt2_bpe, ...; default: as tokenizer.json beside --srcdict says, or words "
        "between white space");
    host::PluginPathOption::nopos_options(o);
    o.refused("source-lang", not_given<std::string>, "source language", pairs, Alias{"s"});
    o.refused("target-lang", not_given<std::string>, "target language", pairs, Alias{"t"});
    o.refused("align-suffix", not_given<std::string>, "suffix of the alignment file", pairs);
    o.refused("alignfile", not_given<std::string>, "alignment file", pairs);
    o.refused("tgtdict", not_given<std::string>, "dictionary of the target language", pairs);
    o.refused("thresholdtgt", 0, "threshold of the target language", pairs);
    o.refused("nwordstgt", -1, "size of the dictionary of the target language", pairs);
    o.refused("joined-dictionary", false, "one dictionary for both languages", pairs);
    o.add("fp16", &P::fp16, "no effect", ignored);
    o.add(
        "bpe", &P::bpe, "no effect",
        NoEffect{"preprocessing encodes nothing, whatever this says, as the reference does; to encode, give "
                 "--tokenizer gpt2_bpe"});
  }
};

/// What finds the symbols, where it is a tokenizer.
struct PreprocessTokenizer {
  const Splitter* splitter;
  std::vector<std::string> vocabulary;  ///< Tokenizer::symbols
  TokenizerRecord record;
};

/// The dictionary is --srcdict; or the whole vocabulary of the tokenizer, where it knows that and neither
/// --thresholdsrc nor --nwordssrc asks for a choice of what occurs; or what occurs, the most frequent first.
/// \throws Error (configuration) for options that do not fit together, (data) for a file that cannot be read
/// or written, or where the folder already has a dictionary and --srcdict does not say to keep it.
/// \param tokenizer  null: words between white space
void run_preprocess(const PreprocessOptions& options, const PreprocessTokenizer* tokenizer = nullptr);

}  // namespace nopos
