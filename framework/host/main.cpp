/// nopos-host: reads the command line, runs a command, and turns what went wrong into one sentence and an
/// exit code. Links no LibTorch.

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>
#include <system_error>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/levers.h"
#include "nopos/printable.h"
#include "process_start.h"
#include "version.h"

// MKL asks this function whether the processor is Intel's, and takes a slower path where it is not. Defined
// in the executable and exported, ours comes before that of libtorch_cpu.so.
extern "C" __attribute__((visibility("default"))) int mkl_serv_intel_cpu_true() {
  return nopos::enabled(nopos::Lever::mkl_fast_path) ? 1 : 0;
}

namespace nopos::host {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"train", "DATA --arch NAME --optimizer NAME [FLAGS]", "Train a model.", run_train, Output::report},
      {"eval-lm", "DATA --path FILE [FLAGS]", "Evaluate the model of a checkpoint on a split of the data.",
       run_eval_lm},
      {"validate", "[DATA] --path FILE [FLAGS OF train]",
       "Validate a checkpoint as its training would, on one or more splits.", run_validate},
      {"preprocess", "--only-source --trainpref FILE [FLAGS]", "Make a dictionary and binary data from text.",
       run_preprocess, Output::report},
      {"encode", "--tokenizer NAME [FILE] [OPTIONS OF THE TOKENIZER]",
       "Write the symbols of each line of a text, with spaces between them.", run_encode},
      {"decode", "--tokenizer NAME [FILE] [OPTIONS OF THE TOKENIZER]",
       "Write the text that symbols stand for: the way back from encode.", run_decode},
      {"prepare", "pile FILE... [FLAGS]", "Make training text of The Pile's documents.", run_prepare,
       Output::report},
      {"inspect-data", "DIR [--split NAME] [--json]", "Show what is in a folder of data.", run_inspect_data},
      {"list", "[KIND] [--all] [--json]", "List the plugins that are found.", run_list},
      {"inspect", "KIND/NAME [--json]", "Describe one component: its plugin, options and presets.",
       run_inspect},
      {"inspect-checkpoint", "FILE [--json]",
       "Show what is in a checkpoint of nopos-host or of the reference.", run_inspect_checkpoint},
      {"convert", "FILE [--for transformers] --to FOLDER | FOLDER --to FILE",
       "Turn a checkpoint's model into safetensors and config.json, or back.", run_convert, Output::report},
      {"config", "show [DATA] [FLAGS OF train] [--json]",
       "Show the value of every option, and where it comes from.", run_config},
      {"plot", "RUN... [--output FILE] [FLAGS]",
       "Draw loss, learning rate and gradient norm of runs, as SVG or PNG.", run_plot, Output::report},
      {"doctor", "[--probe] [--json]", "Examine the installation: LibTorch, plugins, processor.",
       run_doctor}};
  return all;
}

const Command& command(const std::string& name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&](const Command& one) { return name == one.name; });
  if (found != commands().end()) return *found;
  std::vector<std::string> known;
  for (const Command& one : commands()) known.push_back(one.name);
  throw Error(ExitCode::usage,
              "unknown command '" + name + "'" + did_you_mean(name, known) + "\nsee nopos-host --help");
}

namespace {

int run(const Words& words, StandardOutput& output) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return static_cast<int>(words.empty() ? ExitCode::usage : ExitCode::ok);
  }
  if (words[0] == "--version") {
    std::cout << "nopos-host " << version() << " (commit " << commit() << ")\n";
    return 0;
  }
  const Command& chosen = command(words[0]);
  const Words rest(words.begin() + 1, words.end());
  output.set_meaning(wants_help(rest) ? Output::result : chosen.output);
  return chosen.run(rest);
}

int report(ExitCode code, std::string_view message) {
  std::cout.flush();
  std::cerr << "nopos-host: " << printable_lines(message) << '\n';
  return static_cast<int>(code);
}

// LibTorch's exceptions carry a C++ backtrace behind their first paragraph.
std::string without_backtrace(const std::string& message) {
  return message.substr(
      0, std::min(message.find("\nException raised from"), message.find("\nC++ CapturedTraceback")));
}

/// Calls `body`; what it throws becomes a sentence and an exit code.
template <class Body>
int explained(const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    return report(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return report(ExitCode::runtime, out_of_memory);
  } catch (const std::system_error& error) {
    return report(ExitCode::runtime, refusal(error));
  } catch (const std::exception& error) {
    return report(ExitCode::runtime, "failed while running: " + without_backtrace(error.what()));
  } catch (...) {
    return report(ExitCode::runtime, "failed while running, with an exception that says nothing");
  }
}

}  // namespace
}  // namespace nopos::host

int main(int argc, char** argv) {
  using namespace nopos::host;
  start_process();
  StandardOutput& output = StandardOutput::install();
  return output.finish(explained([&] { return run(Words(argv + 1, argv + argc), output); }));
}
