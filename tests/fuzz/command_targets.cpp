// What commands read beside checkpoints and data: configurations, manifests, metrics; and the ways of
// `convert`.
#include "command.h"
#include "convert/safetensors_model.h"
#include "fuzz.h"
#include "nopos/registry/manifest.h"
#include "run_curves.h"
#include "settings/config_file.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

void read_config(const fs::path& folder) { host::read_config_file(folder / "run.json"); }
void read_manifest(const fs::path& folder) { registry::read_manifest(folder / "x.nopos.json"); }
void read_metrics(const fs::path& folder) { plot::read_run(folder / "metrics.jsonl"); }

void to_safetensors(const fs::path& folder) {
  fs::remove_all(folder / "to");
  host::checkpoint_to_safetensors(folder / "checkpoint.pt", folder / "to");
}

void to_checkpoint(const fs::path& folder) {
  fs::remove(folder / "to.pt");
  host::safetensors_to_checkpoint(folder, folder / "to.pt");
}

const std::vector<std::string> json_words = {"{",
                                             "}",
                                             "[",
                                             "]",
                                             ":",
                                             ",",
                                             "\"",
                                             "\\u001b",
                                             "\\ud800",
                                             "null",
                                             "true",
                                             "-1",
                                             "1e3",
                                             "1e999",
                                             "4294967297",
                                             "9223372036854775808",
                                             "\xff",
                                             "\xef\xbb\xbf",
                                             std::string(1, '\0'),
                                             "\"name\"",
                                             "\"\""};

std::vector<std::string> with(std::vector<std::string> words) {
  words.insert(words.end(), json_words.begin(), json_words.end());
  return words;
}

const bool added =
    add_fuzz_target({"config", read_config,
                     with({"\"training\"", "\"positional_encoding\"", "\"extends\"", "\"run.json\"",
                           "\"layers\"", "\"use\"", "\"repeat\"", "\"window\""})}) &&
    add_fuzz_target({"manifest", read_manifest,
                     with({"\"schema\"", "\"abi\"", "\"components\"", "\"options\"", "\"presets\"",
                           "\"default\"", "\"integers\"", "\"@height\"", "\"min\""})}) &&
    add_fuzz_target({"metrics", read_metrics, with({"\"tag\"", "\"run\"", "\"num_updates\"", "\n"})}) &&
    add_fuzz_target({"convert",
                     to_safetensors,
                     {"PK\x01\x02", "archive/data.pkl", "model", "h\x01", "N", "]", "t", "K\x01"}}) &&
    add_fuzz_target({"convert_back", to_checkpoint,
                     with({"\"nopos_checkpoint\"", "\"tensors\"", "\"tied\"", "\"root\"", "\"float\"",
                           "\"dtype\"", "\"data_offsets\"", "\"nan\""})});

}  // namespace
}  // namespace nopos::test
