#include "encoding_checks.h"

#include <ATen/ATen.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "nopos/finite_trace.h"

namespace nopos {
namespace {

template <class Sizes>
std::string with_shape(const Sizes& sizes) {
  std::ostringstream text;
  text << '[';
  const char* between = "";
  for (const auto& size : sizes) {
    text << between << size;
    between = ",";
  }
  text << ']';
  return text.str();
}

[[noreturn]] void refuse(const PluginCall& call, const std::string& what, const at::Tensor& found,
                         const std::string& expected) {
  call.refuse("it returned " + what + described(found) + ", expected is " + expected);
}

/// A size that a tensor must have: one number, or 1 as well, or any where it is 0.
struct Size {
  std::int64_t wanted;
  bool or_one = false;
  const char* letter = "N";  // of any

  bool fits(std::int64_t size) const {
    return wanted == 0 ? size >= 1 : size == wanted || (or_one && size == 1);
  }
  std::string text() const {
    if (wanted == 0) return letter;
    return std::to_string(wanted) + (or_one && wanted != 1 ? " or 1" : "");
  }
};

class TermChecks {
 public:
  TermChecks(const PluginCall& call, const HeadSizes& sizes, at::Device device)
      : call_(call), sizes_(sizes), device_(device) {}

  /// Floating-point numbers of these sizes, on the model's device.
  void numbers(const std::string& what, const at::Tensor& found, const std::vector<Size>& sizes) const {
    bool fits = found.defined() && found.is_floating_point() && found.device() == device_ &&
                found.dim() == static_cast<std::int64_t>(sizes.size());
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      fits = fits && sizes[i].fits(found.size(static_cast<std::int64_t>(i)));
      texts.push_back(sizes[i].text());
    }
    if (!fits) {
      refuse(call_, what, found,
             "floating-point numbers of shape " + with_shape(texts) +
                 (device_.is_cpu() ? "" : " on " + device_.str()));
    }
    if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call_, {}, {found});
  }

  Size rows() const { return {sizes_.rows, true}; }
  Size heads() const { return {sizes_.heads, true}; }

  /// features [B,H,columns,R] and table [H,N,R]
  void relative(const std::string& what, const at::Tensor& features, const at::Tensor& table,
                std::int64_t columns) const {
    numbers(what + ", its features, ", features, {rows(), heads(), {columns}, {0, false, "R"}});
    numbers(what + ", its table, ", table, {heads(), {0}, {features.size(3)}});
  }

  const HeadSizes& sizes() const { return sizes_; }

 private:
  const PluginCall& call_;
  HeadSizes sizes_;
  at::Device device_;
};

/// `function` with a check of what it returns, marked as a call of the hook `scores`.
template <class Function, class Check>
auto checked(const PositionalEncoding& encoding, const PluginCall& call, Function function,
             const Check& check) {
  return [&encoding, function = std::move(function), layer = call.layer(), check](const auto& given) {
    const PluginCall asked(plugin_of(encoding), PluginCall::Hook{"scores", layer});
    try {
      at::Tensor made = function(given);
      check(asked, made, given);
      return made;
    } catch (...) {
      asked.rethrow_named();
    }
  };
}

}  // namespace

std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::string text = std::string(c10::toString(tensor.scalar_type())) + ' ' + with_shape(tensor.sizes());
  if (!tensor.is_cpu()) text += " on " + tensor.device().str();
  return text;
}

void check_positions(const PluginCall& call, const at::Tensor& positions, const Forward& forward) {
  const at::IntArrayRef wanted = forward.tokens().sizes();
  const bool fits = (positions.dim() == 2 || positions.dim() == 3) &&
                    positions.sizes().slice(static_cast<std::size_t>(positions.dim() - 2)) == wanted &&
                    (positions.scalar_type() == at::kLong || positions.scalar_type() == at::kFloat) &&
                    positions.device() == forward.device() && positions.size(0) > 0;
  if (!fits) {
    refuse(call, "", positions,
           "Long or Float " + with_shape(wanted) + ", with or without axes before, on " +
               forward.device().str());
  }
  if (positions.is_floating_point() && !positions.isfinite().all().item<bool>())
    call.refuse("it returned positions that are not finite");
}

void check_like(const PluginCall& call, const char* what, const at::Tensor& made, const at::Tensor& given) {
  if (made.is_same(given)) return;
  if (made.defined() && made.sizes() == given.sizes() && made.scalar_type() == given.scalar_type() &&
      made.device() == given.device())
    return;
  refuse(call, what, made, described(given) + ", as it was given");
}

void check_transformed(const PluginCall& call, const Heads& made, const Heads& given) {
  const auto check = [&](const char* name, const at::Tensor& one, const at::Tensor& before) {
    const bool fits = one.defined() && one.dim() == 4 && one.size(3) > 0 &&
                      one.sizes().slice(0, 3) == before.sizes().slice(0, 3) &&
                      one.scalar_type() == before.scalar_type() && one.device() == before.device();
    if (!fits)
      refuse(call, std::string(name) + " as ", one,
             described(before) + ", as it was given, of any last size");
  };
  if (!made.q.is_same(given.q)) check("q", made.q, given.q);
  if (!made.k.is_same(given.k)) check("k", made.k, given.k);
  check_like(call, "v as ", made.v, given.v);
  if (made.q.size(3) != made.k.size(3)) {
    call.refuse("it returned q as " + described(made.q) + " and k as " + described(made.k) +
                ", whose last sizes must be equal");
  }
}

void check_terms(const PositionalEncoding& encoding, const PluginCall& call, ScoresState& terms,
                 const HeadSizes& sizes) {
  const at::Device device = terms.q.device();
  const TermChecks checks(call, sizes, device);
  for (const SlopeBias& term : terms.slopes) checks.numbers("slopes, ", term.slopes, {{sizes.heads}});
  for (const DistanceBias& term : terms.distances)
    checks.numbers("a table, ", term.values, {checks.heads(), {0}});
  for (const OuterBias& term : terms.outers) {
    const auto part = [&](const char* what, const at::Tensor& values, std::int64_t columns) {
      if (values.defined()) checks.numbers(what, values, {checks.rows(), checks.heads(), {columns}});
    };
    part("an outer bias, its queries, ", term.queries, sizes.queries);
    part("an outer bias, its keys, ", term.keys, sizes.keys);
  }
  for (const RelativeTerm& term : terms.relatives)
    checks.relative("a relative term", term.features, term.table, sizes.queries);
  for (const RelativeKeyTerm& term : terms.relative_keys)
    checks.relative("a relative term of keys", term.features, term.table, sizes.keys);
  for (const RelativeValues& term : terms.relative_values)
    checks.numbers("relative values, their table, ", term.table, {checks.heads(), {0}, {sizes.value_dim}});

  const auto of_tile = [sizes, device](const std::string& what, bool whole) {
    return [sizes, device, what, whole](const PluginCall& asked, const at::Tensor& made, const Tile& tile) {
      TermChecks(asked, sizes, device)
          .numbers(what, made, {{sizes.rows, !whole}, {sizes.heads, !whole}, {tile.q.size(2)}, {sizes.keys}});
    };
  };
  for (DenseBias& term : terms.dense) {
    if (!term.values) call.refuse("it returned a dense bias without a function");
    term.values = checked(encoding, call, std::move(term.values), of_tile("a dense bias, ", false));
  }
  for (auto& rescore : terms.rescores) {
    if (!rescore) call.refuse("it called rescore without a function");
    rescore = checked(encoding, call, std::move(rescore), of_tile("scores, ", true));
  }
  if (terms.normalize)
    terms.normalize = checked(encoding, call, std::move(terms.normalize), of_tile("weights, ", true));
  for (auto& change : terms.changes) {
    if (!change) call.refuse("it called then without a function");
    change = checked(encoding, call, std::move(change),
                     [](const PluginCall& asked, const at::Tensor& made, const at::Tensor& given) {
                       check_like(asked, "results as ", made, given);
                     });
  }
}

}  // namespace nopos
