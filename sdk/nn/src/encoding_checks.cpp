#include "encoding_checks.h"

#include <ATen/ATen.h>

#include <sstream>
#include <string>
#include <vector>

#include "nopos/attention_bias.h"
#include "nopos/finite_trace.h"

namespace nopos {
namespace {

/// A size, or the letter that stands for one that is not known.
std::string number(std::int64_t size, const char* letter = "H") {
  return size > 0 ? std::to_string(size) : letter;
}

std::string with_shape(const std::vector<std::string>& sizes) {
  std::string text(1, '[');
  for (const std::string& size : sizes) text.append(text.size() > 1 ? "," : "").append(size);
  return text.append("]");
}

std::string with_shape(at::IntArrayRef sizes) {
  std::vector<std::string> texts;
  for (const std::int64_t size : sizes) texts.push_back(std::to_string(size));
  return with_shape(texts);
}

[[noreturn]] void refuse(const PluginCall& call, const std::string& what, const at::Tensor& found,
                         const std::string& expected) {
  call.refuse("it returned " + what + described(found) + ", expected is " + expected);
}

[[noreturn]] void refuse_numbers(const PluginCall& call, const std::string& what, const at::Tensor& found,
                                 const std::string& shape) {
  refuse(call, what, found, "floating-point numbers of shape " + shape);
}

bool is_numbers(const at::Tensor& tensor, std::int64_t dims) {
  return tensor.defined() && tensor.is_floating_point() && tensor.dim() == dims;
}

bool is_one_of(std::int64_t size, std::int64_t wanted) { return size == wanted || size == 1; }

/// [B,H,t,S], each of B and H may be 1
void check_dense(const PluginCall& call, const at::Tensor& bias, const Tile& tile, std::int64_t heads) {
  const std::int64_t rows = tile.q.size(0), queries = tile.q.size(2), keys = tile.key_positions.size(-1);
  if (is_numbers(bias, 4) && is_one_of(bias.size(0), rows) && is_one_of(bias.size(1), heads) &&
      bias.size(2) == queries && bias.size(3) == keys)
    return;
  refuse_numbers(call, "a dense bias, ", bias,
                 with_shape({std::to_string(rows) + " or 1", std::to_string(heads) + " or 1",
                             std::to_string(queries), std::to_string(keys)}));
}

/// [B,H,columns], each of B and H may be 1, or undefined
void check_outer(const PluginCall& call, const std::string& name, const at::Tensor& part,
                 const Forward& forward, std::int64_t columns, std::int64_t heads) {
  if (!part.defined()) return;
  if (is_numbers(part, 3) && is_one_of(part.size(0), forward.rows()) &&
      (heads == 0 || is_one_of(part.size(1), heads)) && part.size(2) == columns)
    return;
  refuse_numbers(call, "an outer bias, its " + name + ", ", part,
                 with_shape({std::to_string(forward.rows()) + " or 1", number(heads) + " or 1",
                             std::to_string(columns)}));
}

void trace(const PluginCall& call, std::initializer_list<at::Tensor> made) {
  if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, made);
}

}  // namespace

std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::ostringstream text;
  text << c10::toString(tensor.scalar_type()) << ' ' << with_shape(tensor.sizes());
  if (!tensor.is_cpu()) text << " on " << tensor.device();
  return text.str();
}

void check_positions(const PluginCall& call, const at::Tensor& positions, const Forward& forward) {
  if (positions.defined() && positions.sizes() == forward.tokens().sizes() &&
      (positions.scalar_type() == at::kLong || positions.scalar_type() == at::kFloat) &&
      positions.device() == forward.device())
    return;
  refuse(call, "", positions,
         "Long or Float " + with_shape(forward.tokens().sizes()) + " on " + forward.device().str());
}

void check_embedding(const PluginCall& call, const at::Tensor& added, const Forward& forward,
                     const ModelShape& shape) {
  if (!added.defined()) return;
  if (is_numbers(added, 3) && added.size(0) == forward.rows() && added.size(1) == forward.length() &&
      (shape.embed_dim == 0 || added.size(2) == shape.embed_dim) && added.device() == forward.device())
    return;
  refuse_numbers(call, "", added,
                 with_shape({std::to_string(forward.rows()), std::to_string(forward.length()),
                             number(shape.embed_dim, "C")}) +
                     " on " + forward.device().str());
}

void check_transformed(const PluginCall& call, const char* name, const at::Tensor& made,
                       const at::Tensor& given) {
  if (made.is_same(given)) return;
  if (made.defined() && made.sizes() == given.sizes() && made.scalar_type() == given.scalar_type() &&
      made.device() == given.device())
    return;
  refuse(call, std::string(name) + " as ", made, described(given) + ", as it was given");
}

AttentionBias checked_bias(const PositionalEncoding& encoding, const PluginCall& call,
                           const AttentionBias& bias, const ModelShape& shape, const Forward& forward) {
  AttentionBias checked;
  for (const AttentionBias::Term& term : bias.terms()) {
    if (const auto* slope = std::get_if<SlopeBias>(&term)) {
      const at::Tensor& slopes = slope->slopes;
      if (!is_numbers(slopes, 1) || (shape.heads > 0 && slopes.size(0) != shape.heads))
        refuse_numbers(call, "slopes, ", slopes, with_shape({number(shape.heads)}));
      trace(call, {slopes});
      checked += *slope;
    } else if (const auto* table = std::get_if<DistanceBias>(&term)) {
      const at::Tensor& values = table->values;
      if (!is_numbers(values, 2) || values.size(1) < 1 ||
          (shape.heads > 0 && !is_one_of(values.size(0), shape.heads)))
        refuse_numbers(call, "a table, ", values, with_shape({number(shape.heads) + " or 1", "N"}));
      trace(call, {values});
      checked += *table;
    } else if (const auto* outer = std::get_if<OuterBias>(&term)) {
      check_outer(call, "queries", outer->queries, forward, forward.length(), shape.heads);
      check_outer(call, "keys", outer->keys, forward, forward.total(), shape.heads);
      trace(call, {outer->queries, outer->keys});
      checked += *outer;
    } else {
      const auto& dense = std::get<DenseBias>(term);
      if (!dense.values) call.refuse("it returned a dense bias without a function");
      checked += DenseBias{[&encoding, values = dense.values, layer = call.layer()](const Tile& tile) {
        const PluginCall asked(plugin_of(encoding), PluginCall::Hook{"scores", layer});
        at::Tensor made;
        try {
          made = values(tile);
        } catch (...) {
          asked.rethrow_named();
        }
        check_dense(asked, made, tile, tile.q.size(1));
        trace(asked, {made});
        return made;
      }};
    }
  }
  return checked;
}

}  // namespace nopos
