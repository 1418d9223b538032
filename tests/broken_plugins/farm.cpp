#include "farm.h"

#include "nopos/registry/checks.h"
#include "nopos/registry/json.h"

namespace nopos::test {

namespace fs = std::filesystem;
using registry::Json;

CommandResult describe(const fs::path& library) {
  return run({NOPOS_DESCRIBE, library, NOPOS_SOURCE_DIR "/tests/broken_plugins/plugin.json"});
}

void forge_manifest(const fs::path& library, const std::string& id) {
  static const Json good = [] {
    const TemporaryFolder folder;
    fs::copy(farm / "good.so", folder / "good.so");
    describe(folder / "good.so");
    return registry::read_json(folder / "good.nopos.json", ExitCode::runtime);
  }();
  Json manifest = good;
  manifest["id"] = id;
  manifest["library"] = library.filename().string();
  manifest["build_id"] = registry::read_build_id(library);
  write_file(fs::path(library).replace_extension(".nopos.json"), manifest.dump(2));
}

}  // namespace nopos::test
