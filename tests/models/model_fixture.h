#pragma once
/// Small models of the golden numbers: "flag set T" (full softmax, 2 layers of width 64, 160 types) and
/// "flag set A" (adaptive input and softmax of the same size).

#include <memory>
#include <string>
#include <vector>

#include "nopos/architecture.h"

namespace nopos::test {

Settings flags_t();
Settings flags_a();

/// `base` with `changes` over it.
Settings with(Settings base, const Settings& changes);

struct ModelSpec {
  Settings settings = flags_t();
  std::string encoding = "none";  ///< as on the command line: "sinusoidal+alibi"
  std::int64_t vocabulary = 160;
  std::int64_t tokens_per_sample = 32;
  const Dictionary* dictionary = nullptr;  ///< its size counts instead of `vocabulary`
};

/// The model at seed 1, in training mode as it comes.
std::shared_ptr<Architecture> make_model(const ModelSpec& spec = {});

/// `count` different tokens of ordinary words.
std::vector<std::int64_t> some_tokens(int count);

/// A batch of these rows, targets being the same tokens shifted by one.
Batch batch_of(const std::vector<std::vector<std::int64_t>>& rows);

/// The state tensor of that name.
at::Tensor tensor(const Architecture& model, const std::string& name);

std::int64_t parameter_count(const Architecture& model);

}  // namespace nopos::test
