#include "nopos/positional_encoding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "forward_state.h"
#include "nopos/error.h"

namespace nopos {

std::int64_t Forward::rows() const { return state_->tokens.size(0); }
std::int64_t Forward::length() const { return state_->tokens.size(1); }
std::int64_t Forward::past() const { return state_->past; }
std::int64_t Forward::total() const { return past() + length(); }
std::int64_t Forward::planned() const { return state_->planned; }
bool Forward::training() const { return state_->encodings.is_training(); }
at::Device Forward::device() const { return state_->tokens.device(); }
at::ScalarType Forward::type() const { return state_->type; }
const at::Tensor& Forward::tokens() const { return state_->tokens; }
const at::Tensor& Forward::real() const { return state_->real; }
const at::Tensor& Forward::documents() const { return state_->documents; }
const at::Tensor& Forward::positions() const { return state_->positions; }
const at::Tensor& Forward::key_positions() const { return state_->key_positions; }
bool Forward::regular() const { return state_->regular(); }

at::Tensor Forward::once(const std::string& name, const std::function<at::Tensor()>& make) const {
  const std::string key = state_->key(name);
  const auto found = state_->memo.find(key);
  if (found != state_->memo.end()) return found->second;
  return state_->memo[key] = make();
}

const Forward& Layer::forward() const { return state_->forward; }
std::int64_t Layer::index() const { return state_->index; }
std::int64_t Layer::depth() const { return state_->depth; }
const at::Tensor& Layer::x() const { return state_->x; }
const at::Tensor& Layer::query_positions() const { return state_->query_positions; }
const at::Tensor& Layer::key_positions() const { return state_->key_positions; }

at::Tensor Layer::append(const std::string& name, const at::Tensor& values, std::int64_t last) {
  const ForwardState& forward = state_->forward.state();
  LayerMemory* const memory = forward.memory(state_->depth);
  if (memory == nullptr) return values;
  const at::Tensor all =
      memory->tokens[forward.key(name)].append(values, forward.past, forward.planned, /*dim=*/1);
  const std::int64_t earlier = last < 0 ? forward.past : std::min(last, forward.past);
  return all.slice(1, forward.past - earlier);
}

at::Tensor Layer::carried(const std::string& name) const {
  const ForwardState& forward = state_->forward.state();
  const LayerMemory* const memory = forward.memory(state_->depth);
  if (memory == nullptr) return {};
  const auto found = memory->carried.find(forward.key(name));
  return found == memory->carried.end() ? at::Tensor() : found->second;
}

void Layer::carry(const std::string& name, at::Tensor value) {
  const ForwardState& forward = state_->forward.state();
  LayerMemory* const memory = forward.memory(state_->depth);
  if (memory != nullptr) memory->to_carry[forward.key(name)] = std::move(value);
}

const at::Tensor& Scores::q() const { return state_->q; }
const at::Tensor& Scores::k() const { return state_->k; }
double Scores::scale() const { return state_->scale; }
void Scores::scale(double factor) { state_->scale = factor; }

void Scores::window(std::int64_t tokens) {
  if (tokens < 1) {
    throw std::invalid_argument("it asked for a window of " + std::to_string(tokens) +
                                " tokens; a query sees itself, so at least 1 is needed");
  }
  state_->window = state_->window == 0 ? tokens : std::min(state_->window, tokens);
}

void Scores::add(const SlopeBias& term) { state_->slopes.push_back(term); }
void Scores::add(const DistanceBias& term) { state_->distances.push_back(term); }
void Scores::add(const OuterBias& term) { state_->outers.push_back(term); }
void Scores::add(const RelativeTerm& term) { state_->relatives.push_back(term); }
void Scores::add(const RelativeKeyTerm& term) { state_->relative_keys.push_back(term); }
void Scores::add(const RelativeValues& term) { state_->relative_values.push_back(term); }
void Scores::add(const DenseBias& term) { state_->dense.push_back(term); }

void Scores::rescore(std::function<at::Tensor(const Tile&)> scores) {
  state_->rescores.push_back(std::move(scores));
}
void Scores::normalize(std::function<at::Tensor(const Tile&)> weights) {
  if (!weights) throw std::invalid_argument("it called normalize without a function");
  state_->normalize = std::move(weights);
}
void Scores::then(std::function<at::Tensor(at::Tensor)> change) {
  state_->changes.push_back(std::move(change));
}

at::Tensor position_rows(const Forward& forward, std::int64_t padding_idx) {
  // -> [B,T]
  const at::Tensor& positions = forward.positions();
  if (positions.is_floating_point() || positions.dim() != 2) {
    throw Error(ExitCode::configuration,
                std::string("a positional encoding has one row for each position, but the positions ") +
                    (positions.dim() != 2 ? "have several axes" : "are not integers") +
                    ": another encoding changed them. Choose one of the two.");
  }
  return (forward.positions() + 1).mul_(forward.real()).add_(padding_idx);
}

}  // namespace nopos
