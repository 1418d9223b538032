#pragma once
/// A tokenizer whose every call is marked as its plugin's (nopos/plugin_call.h), and whose ids are looked at.

#include <memory>

#include "nopos/tokenizer.h"

namespace nopos::host {

std::shared_ptr<Tokenizer> watched(std::shared_ptr<Tokenizer> tokenizer);

}  // namespace nopos::host
