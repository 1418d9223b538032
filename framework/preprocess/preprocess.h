#pragma once
/// `nopos-host preprocess`: text files in, dictionary and token ids out, byte for byte as fairseq
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
#include "nopos/tokenizer.h"
#include "shared_options.h"
#include "text_symbols.h"

namespace nopos {

struct PreprocessOptions : host::PluginPathOption {
  static constexpr const char* group = "preprocess";

  bool only_source = false, dict_only = false;
  std::optional<std::string> trainpref, validpref, testpref, srcdict;
  std::string destdir = "data-bin", dataset_impl = "mmap";
  std::int64_t thresholdsrc = 0, nwordssrc = -1, padding_factor = 8;
  std::optional<std::int64_t> workers;
  // taken by fairseq without effect
  bool fp16 = false;
  std::optional<std::string> bpe;
  // ours
  std::optional<std::string> tokenizer;

  NOPOS_OPTIONS(o) {
    using P = PreprocessOptions;
    const std::string pairs = "parallel text is not supported; use --only-source";
    const NoEffect ignored{"as in fairseq, preprocessing splits text at white space regardless of this flag"};
    o.add("only-source", &P::only_source, "a single text, not parallel text");
    o.add("trainpref", &P::trainpref,
          "training text, plain or compressed (.gz, .zst), or - for standard input; the dictionary is built "
          "from it unless --srcdict is given");
    o.add("validpref", &P::validpref, "validation texts, separated by commas: valid, valid1, ...");
    o.add("testpref", &P::testpref, "test texts, separated by commas: test, test1, ...");
    o.add("destdir", &P::destdir, "output folder, created if missing");
    o.add("srcdict", &P::srcdict,
          "use this dictionary; it is copied to the output folder. A tokenizer.json beside it selects the "
          "tokenizer");
    o.add("thresholdsrc", &P::thresholdsrc,
          "minimum count of words in the dictionary; 1 drops symbols of a --tokenizer that do not occur");
    o.add("nwordssrc", &P::nwordssrc,
          "maximum size of the dictionary, including special symbols but not padding; 0 or less: no limit");
    o.add("padding-factor", &P::padding_factor, "pad the dictionary to a multiple of this", AtLeast{0});
    o.add("workers", &P::workers,
          "number of threads, which does not affect the output; default: as affinity and control group allow",
          Range{1, 1024});
    o.add("dict-only", &P::dict_only, "write the dictionary and stop");
    o.add("dataset-impl", &P::dataset_impl,
          "format: mmap; lazy or cached: the legacy format; raw: the text itself",
          OneOf{{"raw", "lazy", "cached", "mmap", "fasta", "huffman"}});
    o.add("tokenizer", &P::tokenizer,
          "tokenizer, such as gpt2_bpe; default: as in the tokenizer.json beside --srcdict, else words "
          "separated by white space");
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
    o.add("bpe", &P::bpe, "no effect",
          NoEffect{"as in fairseq, preprocessing ignores this flag; use --tokenizer gpt2_bpe"});
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
/// \param tokenizer  null: words separated by white space
void run_preprocess(const PreprocessOptions& options, const PreprocessTokenizer* tokenizer = nullptr);

}  // namespace nopos
