#include "encoding_checks.h"

#include <ATen/ATen.h>

#include <sstream>
#include <string>
#include <vector>

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

/// [H,T,S], [1,T,S] or [B,H,T,S]
void check_dense(const PluginCall& call, const at::Tensor& bias, std::int64_t queries, std::int64_t keys,
                 std::int64_t heads) {
  if (is_numbers(bias, 3) || is_numbers(bias, 4)) {
    const std::int64_t dims = bias.dim(), first = bias.size(dims - 3);
    const bool right_heads = heads == 0 || first == heads || (first == 1 && dims == 3);
    if (right_heads && bias.size(dims - 2) == queries && bias.size(dims - 1) == keys) return;
  }
  const std::string h = number(heads), t = std::to_string(queries), s = std::to_string(keys);
  refuse_numbers(
      call, "a dense bias, ", bias,
      with_shape({h, t, s}) + ", " + with_shape({"1", t, s}) + " or " + with_shape({"B", h, t, s}));
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
  if (is_numbers(added, 3) && added.size(0) == context.batch_size() && added.size(1) == context.length() &&
      (shape.embed_dim == 0 || added.size(2) == shape.embed_dim) && added.device() == context.tokens.device())
    return;
  refuse_numbers(call, "", added,
                 with_shape({std::to_string(context.batch_size()), std::to_string(context.length()),
                             number(shape.embed_dim, "C")}) +
                     " on " + context.tokens.device().str());
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
      if (!is_numbers(slopes, 1) || (shape.heads > 0 && slopes.size(0) != shape.heads))
        refuse_numbers(call, "slopes, ", slopes, with_shape({number(shape.heads)}));
      if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, {slopes});
      checked += *slope;
    } else if (const auto* table = std::get_if<TableBias>(&term)) {
      const at::Tensor& values = table->values;
      if (!is_numbers(values, 2) || values.size(1) < 1 || (shape.heads > 0 && values.size(0) != shape.heads))
        refuse_numbers(call, "a table, ", values, with_shape({number(shape.heads), "L"}));
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
