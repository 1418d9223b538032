#include "nopos/forward_pass.h"

#include <ATen/ATen.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "declaration.h"
#include "encoding_hooks.h"
#include "nopos/error.h"

namespace nopos {
namespace {

/// The environment's word on the path of attention.
bool only_formula() {
  const char* variable = std::getenv("NOPOS_ATTENTION");
  if (variable == nullptr || *variable == '\0') return false;
  if (std::string_view(variable) == "explicit") return true;
  throw Error(ExitCode::configuration,
              "The environment variable NOPOS_ATTENTION is '" + std::string(variable) +
                  "'; it may be 'explicit' (attention by its formula, slow, for comparisons) or not be set.");
}

std::string number(std::int64_t n) { return std::to_string(n); }

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ExitCode::runtime, "decoding state: " + sentence);
}

/// Whether `batch` continues where `data` ends.
void check(const DecodingState::Data& data, const Batch& batch, const void* model) {
  const std::int64_t rows = batch.tokens.size(0), columns = data.length + batch.tokens.size(1);
  if (data.shape.model != nullptr && data.shape.model != model)
    refuse("it was made by another model; ask this one for a state of its own.");
  if (rows != data.shape.rows) {
    refuse("it holds " + number(data.shape.rows) + " rows, the batch has " + number(rows) +
           ". A batch continues the rows of the state; reorder() changes them.");
  }
  if (columns > data.shape.planned) {
    refuse("it was made for " + number(data.shape.planned) + " tokens; with this batch there would be " +
           number(columns) + ". Plan for the prompt and all that follows.");
  }
  if (data.length == 0) return;
  if (data.ids.defined() && batch.ids.defined() && !at::equal(data.ids, batch.ids))
    refuse("it holds other samples than the batch; each batch needs a state of its own.");
  if (data.documents.defined() != batch.document_ids.defined())
    refuse("documents are told apart in some chunks only; give document ids with all of them or with none.");
}

/// [...,N] and [...,T] -> [...,N+T]
at::Tensor behind(const at::Tensor& before, const at::Tensor& now) {
  return before.defined() && before.size(-1) > 0 ? at::cat({before, now}, -1) : now;
}

/// Positions of earlier chunks and of this one.
at::Tensor joined_positions(const at::Tensor& before, const at::Tensor& now) {
  const bool is_first = !before.defined() || before.size(-1) == 0;
  if (!is_first &&
      before.sizes().slice(0, before.sizes().size() - 1) != now.sizes().slice(0, now.sizes().size() - 1)) {
    refuse("positions are " + c10::str(now.sizes()) + ", but those of earlier chunks are " +
           c10::str(before.sizes()) + "; all dimensions but the last must be equal.");
  }
  return behind(before, now);
}

/// Refuses sequences longer than an encoding has places for; padding needs none.
void check_length(const ForwardState& s, bool positions_are_given) {
  for (const EncodingInstance& instance : s.encodings.data().instances) {
    const std::optional<std::int64_t> most = instance.encoding->declared().data().max_length;
    if (!most || (s.total() <= *most && !positions_are_given)) continue;
    const std::int64_t length = at::where(s.real, s.positions, 0).max().item<std::int64_t>() + 1;
    if (length <= *most) continue;
    throw Error(ExitCode::configuration,
                "positional_encoding/" + instance.name + ": a sequence of " + number(length) +
                    " tokens is longer than the " + number(*most) +
                    " that it can encode; raise --max-target-positions, or use an encoding without a limit.");
  }
}

}  // namespace

LayerMemory* ForwardState::memory(std::int64_t layer) const {
  if (options.state == nullptr) return nullptr;
  auto& layers = options.state->data().layers;
  if (layer < 0 || layer >= static_cast<std::int64_t>(layers.size()))
    refuse("it has " + number(static_cast<std::int64_t>(layers.size())) + " layers, none of index " +
           number(layer) + ".");
  return &layers[static_cast<std::size_t>(layer)];
}

std::string ForwardState::key(const std::string& name) const {
  const std::string& own = part->label.empty() ? part->name : part->label;
  return own + '.' + name;
}

const Layout& ForwardState::seen_within(std::int64_t layer_window) {
  if (layer_window == 0 || (window > 0 && window <= layer_window) || layer_window >= total()) return layout;
  const auto known = windows.find(layer_window);
  if (known != windows.end()) return known->second;
  return windows[layer_window] = layout_of({all_real, all_documents}, past, causal, layer_window);
}

ForwardPass::ForwardPass(Encodings& encodings, const Batch& batch, const Model& model,
                         const ForwardOptions& options)
    : state_(std::make_unique<ForwardState>(encodings, options)), forward_(*state_) {
  // tokens [B,T]
  ForwardState& s = *state_;
  s.only_formula = only_formula();
  s.causal = model.causal;
  s.padding_idx = model.padding_idx;
  s.window = model.window;
  s.tokens = batch.tokens;
  s.ids = batch.ids;
  s.documents = batch.document_ids;
  s.all_real = s.real = s.tokens.ne(s.padding_idx);
  s.all_documents = s.documents;
  at::Tensor earlier;  // [B,S-T] positions
  if (options.state != nullptr) {
    const DecodingState::Data& data = options.state->data();
    check(data, batch, model.model);
    for (LayerMemory& memory : options.state->data().layers) memory.to_carry.clear();  // of one that failed
    s.past = data.length;
    s.own_positions = data.own_positions;
    s.all_real = behind(data.real, s.real);
    if (s.documents.defined()) s.all_documents = behind(data.documents, s.documents);
    earlier = data.positions;
  }
  s.planned = options.state != nullptr ? options.state->planned() : s.tokens.size(1);
  s.layout = layout_of({s.all_real, s.all_documents}, s.past, s.causal, model.window);
  const bool positions_are_given = batch.positions.defined();
  s.own_positions = s.own_positions || positions_are_given;
  s.positions = positions_are_given ? batch.positions : s.layout.positions;
  check_length(s, positions_are_given);
  ask_positions(s, forward_);
  s.key_positions = joined_positions(earlier, s.positions);
}

ForwardPass::~ForwardPass() = default;

const Forward& ForwardPass::forward() const { return forward_; }
const ForwardOptions& ForwardPass::options() const { return state_->options; }

at::Tensor ForwardPass::embed(at::Tensor x) const { return embedded(*state_, forward_, std::move(x)); }

at::Tensor ForwardPass::layer_input(std::int64_t layer, const at::Tensor& x) const {
  return LayerHooks(*state_, forward_, layer).layer_input(x);
}

void ForwardPass::hidden(std::int64_t depth, const at::Tensor& x) const {
  if (state_->options.observer != nullptr) state_->options.observer->hidden(depth, x);
}

at::Tensor ForwardPass::finish(const at::Tensor& x) {
  // x [B,T,C]
  const ForwardState& s = *state_;
  if (s.options.state != nullptr) {
    DecodingState::Data& data = s.options.state->data();
    data.length = s.past + s.tokens.size(1);
    data.real = s.all_real;
    data.documents = s.all_documents;
    data.positions = s.key_positions;
    data.own_positions = s.own_positions;
    data.depends_on_planned = s.encodings.depends_on_planned();
    if (s.ids.defined()) data.ids = s.ids;
    for (LayerMemory& memory : data.layers) {
      for (auto& [name, value] : memory.to_carry) memory.carried[name] = std::move(value);
      memory.to_carry.clear();
    }
  }
  if (!s.options.last_only) return x;
  const std::int64_t length = x.size(1);
  const at::Tensor places = at::arange(length, s.tokens.options());
  const at::Tensor last = at::where(s.real, places, -1).amax(1);      // [B]
  const at::Tensor column = at::where(last.lt(0), length - 1, last);  // all padding: the last column
  return x.gather(1, column.view({-1, 1, 1}).expand({x.size(0), 1, x.size(2)}));
}

void ForwardPass::forget() { state_->memo.clear(); }

}  // namespace nopos
