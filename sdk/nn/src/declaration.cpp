#include "declaration.h"

#include <ATen/ATen.h>

#include <list>
#include <mutex>

namespace nopos {

Declaration::Declaration() : data_(std::make_unique<Data>()) {}
Declaration::~Declaration() = default;

Declaration& Declaration::max_length(std::int64_t tokens) {
  data_->max_length = tokens;
  return *this;
}
Declaration& Declaration::needs_causal(const std::string& reason) {
  data_->needs_causal = reason;
  return *this;
}
Declaration& Declaration::raw_keys() {
  data_->raw_keys = true;
  return *this;
}
Declaration& Declaration::depends_on_planned() {
  data_->depends_on_planned = true;
  return *this;
}
Declaration& Declaration::keeps_float32(const std::string& parameter) {
  data_->float32.push_back(parameter);
  return *this;
}
Declaration& Declaration::no_weight_decay(const std::string& parameter) {
  data_->without_decay.push_back(parameter);
  return *this;
}
Declaration& Declaration::table(const std::string& name, std::function<at::Tensor()> values) {
  data_->tables.emplace_back(name, std::move(values));
  return *this;
}

struct Constant::Copies {
  std::mutex mutex;
  std::list<at::Tensor> by_device;  // elements stay where they are
};

Constant::Constant(at::Tensor value) : copies_(std::make_shared<Copies>()) {
  copies_->by_device.push_back(std::move(value));
}

const at::Tensor& Constant::on(at::Device device) const {
  const std::lock_guard lock(copies_->mutex);
  for (const at::Tensor& copy : copies_->by_device) {
    if (copy.device() == device) return copy;
  }
  copies_->by_device.push_back(copies_->by_device.front().to(device));
  return copies_->by_device.back();
}

PositionalEncoding::PositionalEncoding() = default;
PositionalEncoding::~PositionalEncoding() = default;
at::Tensor PositionalEncoding::positions(const Forward& /*forward*/) { return {}; }
at::Tensor PositionalEncoding::embed(at::Tensor x, const Forward& /*forward*/) { return x; }
at::Tensor PositionalEncoding::layer_input(at::Tensor x, Layer& /*layer*/) { return x; }
Heads PositionalEncoding::inputs(Heads x, Layer& /*layer*/) { return x; }
Heads PositionalEncoding::transform(Heads heads, Layer& /*layer*/) { return heads; }
void PositionalEncoding::scores(Scores& /*scores*/, Layer& /*layer*/) {}

Constant PositionalEncoding::constant(const std::string& name, at::Tensor value) {
  declare().table(name, [value] { return value; });
  return Constant(std::move(value));
}

AfterUpdate::~AfterUpdate() = default;

}  // namespace nopos
