#include "encoding_checks.h"

#include <ATen/ATen.h>

#include <sstream>

#include "nopos/finite_trace.h"

namespace nopos {
namespace {

std::string number(std::int64_t size) { return size > 0 ? std::to_string(size) : "H"; }

std::string with_shape(at::IntArrayRef sizes) {
  std::string text = "[";
  for (const std::int64_t size : sizes) text += (text.size() > 1 ? "," : "") + std::to_string(size);
  return text + "]";
}

[[noreturn]] void refuse(const PluginCall& call, const std::string& what, const at::Tensor& found,
                         const std::string& expected) {
  call.refuse("it returned " + what + described(found) + ", expected is " + expected);
}

void check_numbers(const PluginCall& call, const std::string& what, const at::Tensor& tensor,
                   bool right_shape, const std::string& shape) {
  if (tensor.defined() && tensor.is_floating_point() && right_shape) return;
  refuse(call, what, tensor, "floating-point numbers of shape " + shape);
}

/// [H,T,S], [1,T,S] or [B,H,T,S]
void check_dense(const PluginCall& call, const at::Tensor& bias, std::int64_t queries, std::int64_t keys,
                 std::int64_t heads) {
  const std::string size = std::to_string(queries) + "," + std::to_string(keys) + "]", h = number(heads);
  const auto fits = [&] {
    const std::int64_t dims = bias.dim();
    if (dims != 3 && dims != 4) return false;
    const std::int64_t first = bias.size(dims - 3);
    const bool right_heads = heads == 0 || first == heads || (first == 1 && dims == 3);
    return right_heads && bias.size(dims - 2) == queries && bias.size(dims - 1) == keys;
  };
  check_numbers(call, "a dense bias, ", bias, bias.defined() && fits(),
                "[" + h + "," + size + ", [1," + size + " or [B," + h + "," + size);
}

}  // namespace

std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::ostringstream text;
  text << c10::toString(tensor.scalar_type()) << ' ' << with_shape(tensor.sizes());
  if (!tensor.is_cpu()) text << " on " << tensor.device();
  return text.str();
}

void check_positions(const PluginCall& call, const at::Tensor& positions, const PositionContext& context) {
  if (positions.defined() && positions.scalar_type() == at::kLong &&
      positions.sizes() == context.tokens.sizes())
    return;
  refuse(call, "", positions, "Long " + with_shape(context.tokens.sizes()));
}

void check_embedding(const PluginCall& call, const at::Tensor& added, const PositionContext& context,
                     const ModelShape& shape) {
  if (!added.defined()) return;
  const bool fits = added.dim() == 3 && added.size(0) == context.batch_size() &&
                    added.size(1) == context.length() &&
                    (shape.embed_dim == 0 || added.size(2) == shape.embed_dim);
  check_numbers(call, "", added, fits && added.device() == context.tokens.device(),
                "[" + std::to_string(context.batch_size()) + "," + std::to_string(context.length()) + "," +
                    (shape.embed_dim > 0 ? std::to_string(shape.embed_dim) : "C") + "] on " +
                    context.tokens.device().str());
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
                           const AttentionBias& bias, const ModelShape& shape) {
  AttentionBias checked;
  for (const AttentionBias::Term& term : bias.terms()) {
    if (const auto* slope = std::get_if<SlopeBias>(&term)) {
      const at::Tensor& slopes = slope->slopes;
      const bool fits =
          slopes.defined() && slopes.dim() == 1 && (shape.heads == 0 || slopes.size(0) == shape.heads);
      check_numbers(call, "slopes, ", slopes, fits, "[" + number(shape.heads) + "]");
      if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, {slopes});
      checked += *slope;
    } else if (const auto* table = std::get_if<TableBias>(&term)) {
      const at::Tensor& values = table->values;
      const bool fits = values.defined() && values.dim() == 2 && values.size(1) > 0 &&
                        (shape.heads == 0 || values.size(0) == shape.heads);
      check_numbers(call, "a table, ", values, fits, "[" + number(shape.heads) + ",L]");
      if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, {values});
      checked += *table;
    } else {
      const auto& dense = std::get<DenseBias>(term);
      if (!dense.values) call.refuse("it returned a dense bias without a function");
      checked += DenseBias{[&encoding, values = dense.values, layer = call.layer(), heads = shape.heads](
                               std::int64_t queries, std::int64_t keys) {
        const PluginCall asked(plugin_of(encoding), PluginCall::Hook{"bias", layer});
        at::Tensor made;
        try {
          made = values(queries, keys);
        } catch (...) {
          asked.rethrow_named();
        }
        check_dense(asked, made, queries, keys, heads);
        if (FiniteTrace* trace = FiniteTrace::current()) trace->add(asked, {}, {made});
        return made;
      }};
    }
  }
  return checked;
}

}  // namespace nopos
