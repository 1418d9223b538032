#pragma once
/// Which NoPos this is.

namespace nopos {

const char* version();  ///< "0.1.0"
const char* commit();   ///< of the sources, as configured: "1e1b83a", "1e1b83a-dirty"; "unknown" outside Git

}  // namespace nopos
