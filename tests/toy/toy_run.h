#pragma once
/// Training runs on the toy corpus through the command line, and their logs.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "command.h"

namespace nopos::test {

/// The words of a text, cut at blanks.
std::vector<std::string> words(const std::string& text);

/// Flag sets of the behavioural specification, §5.0: T (Adam, polynomial decay, a full softmax; sinusoidal),
/// and A (Nesterov's gradient, cosine, adaptive input and softmax, clipping; no positions).
std::string flags_t();
std::string flags_a();

/// The smallest model that trains, for tests of something else; without optimizer and rate.
std::string flags_tiny();

/// The built nopos-host.
extern const std::string host;

/// Writes the toy corpus and preprocesses it into `bin`, with `flags` beside the usual ones.
void preprocess_toy_corpus(const std::filesystem::path& bin, const std::string& flags = "");

/// The toy corpus, preprocessed once per program.
std::filesystem::path toy_data();

/// `nopos-host train` on the toy corpus in `folder`, where checkpoints and logs end up.
CommandResult train(const std::filesystem::path& folder, const std::string& flags,
                    const CommandOptions& options = {});

struct Record {
  std::string source, message;
  /// "loss=7.93, ppl=243.82" and "loss 7.93 | ppl 243.82" alike, by name.
  std::map<std::string, std::string> figures;
};

/// The records of a log, with everything behind the time and the level.
std::vector<Record> records(const std::string& log);
/// Those of `source`.
std::vector<Record> records(const std::string& log, const std::string& source);

}  // namespace nopos::test
