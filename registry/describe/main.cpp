/// nopos-describe [--tensors] LIBRARY PLUGIN_JSON: the build's step that writes a plugin's manifest.
#include <cstdio>
#include <string_view>

#include "nopos/error.h"
#include "write_manifest.h"

int main(int argc, char** argv) {
  const bool tensors = argc > 1 && std::string_view(argv[1]) == "--tensors";
  if (argc != (tensors ? 4 : 3)) {
    std::fputs("usage: nopos-describe [--tensors] LIBRARY PLUGIN_JSON\n", stderr);
    return static_cast<int>(nopos::ExitCode::usage);
  }
  try {
    nopos::registry::write_manifest(argv[argc - 2], argv[argc - 1], tensors);
    return 0;
  } catch (const nopos::Error& error) {
    std::fprintf(stderr, "nopos-describe: %s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nopos-describe: %s\n", error.what());
    return static_cast<int>(nopos::ExitCode::runtime);
  }
}
