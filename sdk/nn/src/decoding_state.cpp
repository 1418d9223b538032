#include "nopos/forward_pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "forward_state.h"
#include "nopos/error.h"

namespace nopos {
namespace {

[[noreturn]] void refuse(ExitCode code, const std::string& sentence) {
  throw Error(code, "decoding state: " + sentence);
}

std::string number(std::int64_t n) { return std::to_string(n); }

constexpr std::int64_t of_heads = 2, of_tokens = 1;  // the dimension that columns stand in

/// Calls visit(name, tensor) for all that `data` holds; tensors of columns are cut to their length.
template <class Visit>
void for_each(const DecodingState::Data& data, const Visit& visit) {
  const auto cut = [&](const std::string& name, const Growing& columns, std::int64_t dim) {
    if (columns.defined()) visit(name, columns.columns(data.length, dim));
  };
  if (data.length == 0) return;
  if (data.ids.defined()) visit("ids", data.ids);
  visit("real", data.real);
  if (data.documents.defined()) visit("documents", data.documents);
  if (data.depends_on_planned) visit("depends_on_planned", at::ones({}, at::kBool));
  visit(data.own_positions ? "own_positions" : "positions", data.positions);
  for (std::size_t layer = 0; layer < data.layers.size(); ++layer) {
    const LayerMemory& memory = data.layers[layer];
    const std::string prefix = "layers." + std::to_string(layer) + ".";
    cut(prefix + "k", memory.k, of_heads);
    cut(prefix + "v", memory.v, of_heads);
    for (const auto& [name, columns] : memory.tokens) cut(prefix + "tokens." + name, columns, of_tokens);
    for (const auto& [name, value] : memory.carried) visit(prefix + "carried." + name, value);
  }
}

/// Puts tensors, as `tensors` names them, into an empty state.
class Restoring {
 public:
  explicit Restoring(const DecodingState::Shape& shape) {
    data_.shape = shape;
    data_.layers.resize(static_cast<std::size_t>(shape.layers));
  }

  DecodingState::Data all(const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) {
      if (name == "real") data_.length = tensor.dim() == 2 ? tensor.size(1) : -1;
    }
    if (data_.length > data_.shape.planned) {
      refuse(ExitCode::data, "it holds " + number(data_.length) + " columns, but " +
                                 number(data_.shape.planned) + " are planned here; plan for more.");
    }
    for (const auto& [name, tensor] : tensors) take(name, tensor);
    if (!tensors.empty() && (!data_.real.defined() || !data_.positions.defined()))
      refuse(ExitCode::data, "the tensors real and positions are missing.");
    return std::move(data_);
  }

 private:
  void take(const std::string& name, const at::Tensor& tensor) {
    if (name == "ids") {
      data_.ids = fitting(name, tensor, -1, 1).clone();
    } else if (name == "real") {
      data_.real = fitting(name, tensor, of_tokens, 2).to(at::kBool).clone();
    } else if (name == "depends_on_planned") {
      data_.depends_on_planned = true;
    } else if (name == "documents") {
      data_.documents = fitting(name, tensor, of_tokens, 2).clone();
    } else if (name == "positions" || name == "own_positions") {
      const bool has_axes = tensor.defined() && tensor.dim() == 3 && tensor.size(0) > 0;
      fitting(name, has_axes ? tensor.select(0, 0) : tensor, of_tokens, 2);
      data_.positions = tensor.clone();
      data_.own_positions = name == "own_positions";
    } else {
      take_of_layer(name, tensor);
    }
  }

  void take_of_layer(const std::string& name, const at::Tensor& tensor) {
    constexpr std::string_view prefix = "layers.";
    const std::size_t end = name.find('.', prefix.size());
    std::size_t layer = data_.layers.size();
    if (name.starts_with(prefix) && end != std::string::npos && end > prefix.size() && end < 18) {
      const std::string digits = name.substr(prefix.size(), end - prefix.size());
      if (digits.find_first_not_of("0123456789") == std::string::npos) layer = std::stoull(digits);
    }
    if (layer >= data_.layers.size()) {
      refuse(ExitCode::data,
             "the tensor " + name + " is none of a model of " + number(data_.shape.layers) + " layers.");
    }
    const std::string kind = name.substr(end + 1), tokens = "tokens.", carried = "carried.";
    LayerMemory& memory = data_.layers[layer];
    const auto put = [&](Growing& columns, std::int64_t dim, std::int64_t dims) {
      columns.append(fitting(name, tensor, dim, dims), 0, data_.shape.planned, dim);
    };
    if (kind == "k") {
      put(memory.k, of_heads, 4);
    } else if (kind == "v") {
      put(memory.v, of_heads, 4);
    } else if (kind.starts_with(tokens)) {
      put(memory.tokens[kind.substr(tokens.size())], of_tokens, -1);
    } else if (kind.starts_with(carried)) {
      memory.carried[kind.substr(carried.size())] = fitting(name, tensor, -1, -1).clone();
    } else {
      refuse(ExitCode::data, "the tensor " + name + " has a name that no state has.");
    }
  }

  /// `tensor`, if it has rows, the columns in `dim` (-1: none) and `dims` dimensions (-1: any).
  const at::Tensor& fitting(const std::string& name, const at::Tensor& tensor, std::int64_t dim,
                            std::int64_t dims) const {
    const bool fits = tensor.defined() && tensor.dim() > std::max<std::int64_t>(dim, 0) &&
                      (dims < 0 || tensor.dim() == dims) && tensor.size(0) == data_.shape.rows &&
                      (dim < 0 || tensor.size(dim) == data_.length);
    if (fits) return tensor;
    refuse(ExitCode::data, "the tensor " + name + " is " +
                               (tensor.defined() ? c10::str(tensor.sizes()) : std::string("none")) +
                               ", but this state has " + number(data_.shape.rows) + " rows of " +
                               number(data_.length) + " columns.");
  }

  DecodingState::Data data_;
};

}  // namespace

at::Tensor Growing::append(const at::Tensor& values, std::int64_t past, std::int64_t planned,
                           std::int64_t dim) {
  const std::int64_t length = past + values.size(dim);
  if (past > 0 && (!held_.defined() || held_.size(dim) < past))
    refuse(ExitCode::runtime, "a layer, or a hook, was left out in an earlier chunk.");
  if (at::GradMode::is_enabled()) {  // nothing is overwritten that a graph may refer to
    held_ = past > 0 ? at::cat({held_.narrow(dim, 0, past), values}, dim) : values;
    return held_;
  }
  if (!held_.defined() || held_.requires_grad() || held_.size(dim) < length ||
      held_.scalar_type() != values.scalar_type() || (past == 0 && held_.size(0) != values.size(0))) {
    std::vector<std::int64_t> sizes = values.sizes().vec();
    sizes[static_cast<std::size_t>(dim)] = std::max(length, planned);
    const at::Tensor room = at::empty(sizes, values.options());
    if (past > 0) room.narrow(dim, 0, past).copy_(held_.narrow(dim, 0, past));
    held_ = room;
  }
  held_.narrow(dim, past, values.size(dim)).copy_(values);
  return held_.narrow(dim, 0, length);
}

DecodingState::DecodingState(const Shape& shape) : data_(std::make_unique<Data>()) {
  if (shape.rows < 1 || shape.planned < 1) {
    refuse(ExitCode::configuration, "it was asked for with " + number(shape.rows) + " rows of " +
                                        number(shape.planned) + " planned tokens; each is at least 1.");
  }
  data_->shape = shape;
  data_->layers.resize(static_cast<std::size_t>(shape.layers));
}

DecodingState::~DecodingState() = default;

std::int64_t DecodingState::rows() const { return data_->shape.rows; }
std::int64_t DecodingState::length() const { return data_->length; }
std::int64_t DecodingState::planned() const { return data_->shape.planned; }

void DecodingState::reorder(const at::Tensor& rows) {
  // rows [B']
  if (!rows.defined() || rows.scalar_type() != at::kLong || rows.dim() != 1 || rows.size(0) < 1)
    refuse(ExitCode::runtime, "reorder takes a tensor of integers [B'], one index for each new row.");
  if (rows.min().item<std::int64_t>() < 0 || rows.max().item<std::int64_t>() >= data_->shape.rows) {
    refuse(ExitCode::runtime, "it has " + number(data_->shape.rows) +
                                  " rows, counted from 0, but a row from " +
                                  number(rows.min().item<std::int64_t>()) + " to " +
                                  number(rows.max().item<std::int64_t>()) + " was asked for.");
  }
  const auto pick = [&](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.index_select(0, rows);
  };
  pick(data_->ids), pick(data_->real), pick(data_->documents);
  if (at::Tensor& positions = data_->positions; positions.defined())
    positions = positions.index_select(positions.dim() - 2, rows);
  for (LayerMemory& memory : data_->layers) {
    for (Growing* columns : {&memory.k, &memory.v}) {
      if (columns->defined()) columns->select_rows(rows);
    }
    for (auto& [name, columns] : memory.tokens) {
      if (columns.defined()) columns.select_rows(rows);
    }
    for (auto& [name, value] : memory.carried) pick(value);
  }
  data_->shape.rows = rows.size(0);
}

bool DecodingState::truncate(std::int64_t length) {
  if (length < 0 || length > data_->length) {
    refuse(ExitCode::runtime, "it holds " + number(data_->length) + " columns and cannot be truncated to " +
                                  number(length) + ".");
  }
  for (const LayerMemory& memory : data_->layers) {
    if (!memory.carried.empty() && length > 0 && length < data_->length) return false;
  }
  data_->length = length;  // columns behind it are overwritten
  const auto cut = [&](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.narrow(-1, 0, length);
  };
  cut(data_->real), cut(data_->documents), cut(data_->positions);
  if (length == 0) {
    data_->documents = data_->ids = at::Tensor();
    data_->own_positions = false;
    for (LayerMemory& memory : data_->layers) memory.carried.clear();
  }
  return true;
}

bool DecodingState::grow(std::int64_t planned) {
  if (planned < data_->length) {
    refuse(ExitCode::runtime, "it holds " + number(data_->length) + " columns, so fewer, " + number(planned) +
                                  ", cannot be planned.");
  }
  if (planned == data_->shape.planned) return true;
  if (data_->depends_on_planned && data_->length > 0) return false;
  data_->shape.planned = planned;
  return true;
}

std::shared_ptr<DecodingState> DecodingState::fork(std::int64_t copies) const {
  const auto other = std::make_shared<DecodingState>(data_->shape);
  other->restore(tensors());
  const at::TensorOptions device = data_->real.defined() ? data_->real.options() : at::TensorOptions();
  other->reorder(at::arange(data_->shape.rows, device.dtype(at::kLong)).repeat_interleave(copies));
  return other;
}

NamedTensors DecodingState::tensors() const {
  NamedTensors all;
  for_each(*data_, [&](std::string name, const at::Tensor& tensor) {
    all.emplace_back(std::move(name), tensor.detach().clone());
  });
  return all;
}

void DecodingState::restore(const NamedTensors& tensors) {
  const at::NoGradGuard no_grad;
  *data_ = Restoring(data_->shape).all(tensors);
}

}  // namespace nopos
