#include "nopos/positional_encoding.h"

#include <ATen/ATen.h>

#include "forward_state.h"
#include "nopos/error.h"

namespace nopos {

std::int64_t Forward::rows() const { return state_->tokens.size(0); }
std::int64_t Forward::length() const { return state_->tokens.size(1); }
std::int64_t Forward::past() const { return state_->past; }
std::int64_t Forward::total() const { return past() + length(); }
std::int64_t Forward::planned() const { return state_->planned; }
bool Forward::training() const { return state_->encoding.is_training(); }
at::Device Forward::device() const { return state_->tokens.device(); }
const at::Tensor& Forward::tokens() const { return state_->tokens; }
const at::Tensor& Forward::real() const { return state_->real; }
const at::Tensor& Forward::documents() const { return state_->documents; }
const at::Tensor& Forward::positions() const { return state_->positions; }
const at::Tensor& Forward::key_positions() const { return state_->key_positions; }
bool Forward::regular() const { return state_->regular(); }

at::Tensor Forward::once(const std::string& name, const std::function<at::Tensor()>& make) const {
  const std::string key = state_->part + '.' + name;
  const auto found = state_->memo.find(key);
  if (found != state_->memo.end()) return found->second;
  return state_->memo[key] = make();
}

const Forward& Layer::forward() const { return state_->forward; }
std::int64_t Layer::index() const { return state_->index; }
const at::Tensor& Layer::x() const { return state_->x; }

at::Tensor Layer::append(const std::string& name, const at::Tensor& values) {
  const ForwardState& forward = state_->forward.state();
  LayerMemory* const memory = forward.memory(state_->index);
  if (memory == nullptr) return values;
  return memory->tokens[forward.part + '.' + name].append(values, forward.past, forward.planned, /*dim=*/1);
}

at::Tensor Layer::carried(const std::string& name) const {
  const ForwardState& forward = state_->forward.state();
  const LayerMemory* const memory = forward.memory(state_->index);
  if (memory == nullptr) return {};
  const auto found = memory->carried.find(forward.part + '.' + name);
  return found == memory->carried.end() ? at::Tensor() : found->second;
}

void Layer::carry(const std::string& name, at::Tensor value) {
  const ForwardState& forward = state_->forward.state();
  LayerMemory* const memory = forward.memory(state_->index);
  if (memory != nullptr) memory->to_carry[forward.part + '.' + name] = std::move(value);
}

const at::Tensor& Scores::q() const { return state_->q; }
const at::Tensor& Scores::k() const { return state_->k; }
void Scores::add(const SlopeBias& term) { state_->bias += term; }
void Scores::add(const DistanceBias& term) { state_->bias += term; }
void Scores::add(const OuterBias& term) { state_->bias += term; }
void Scores::add(const DenseBias& term) { state_->bias += term; }

at::Tensor position_rows(const Forward& forward, std::int64_t padding_idx) {
  // -> [B,T]
  if (forward.positions().is_floating_point()) {
    throw Error(ExitCode::configuration,
                "a positional encoding has one row for each position, but the positions are not integers: "
                "another encoding changed them. Choose one of the two.");
  }
  return (forward.positions() + 1).mul_(forward.real()).add_(padding_idx);
}

}  // namespace nopos
