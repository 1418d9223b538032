/// D, S: what an encoding is made of, and what a checkpoint keeps of it.

#include <ATen/ATen.h>

#include "cases.h"
#include "measures.h"
#include "nopos/error.h"

namespace nopos::conformance {
namespace {

std::string sizes_of(const ModelShape& shape) {
  return "a model of C " + std::to_string(shape.embed_dim) + ", " + std::to_string(shape.heads) +
         " heads of " + std::to_string(shape.head_dim) + ", " + std::to_string(shape.layers) + " layers, " +
         std::to_string(shape.max_positions) + " positions";
}

std::vector<ModelShape> odd_shapes(const Mode& mode) {
  const auto of = [&](std::int64_t dim, std::int64_t heads, std::int64_t layers, std::int64_t positions) {
    ModelShape shape = shape_of(mode, layers);
    shape.embed_dim = dim, shape.heads = shape.key_heads = heads, shape.head_dim = dim / heads;
    shape.max_positions = positions;
    return shape;
  };
  return {of(14, 2, 3, 64), of(9, 1, 3, 64),  of(2, 2, 3, 64), of(2, 1, 3, 64),
          of(12, 3, 3, 64), of(16, 2, 1, 64), of(16, 2, 3, 1)};
}

}  // namespace

Outcome same_seed_same_parameters(const Subject& subject, const Setting& setting) {
  const ModelShape shape = shape_of(setting.mode);
  const auto made = [&] {
    at::manual_seed(11);
    return subject.make(shape);
  };
  const auto first = made();
  const at::Tensor drawn = generator_state();
  const auto second = made();
  Worst worst;
  const auto again = second->named_parameters();
  for (const auto& parameter : first->named_parameters())
    worst.add(apart(parameter.value(), again[parameter.key()]), "parameter " + parameter.key());
  if (!at::equal(drawn, generator_state()))
    return failed("Made twice, it draws different amounts of random numbers from the default generator.");
  return worst.outcome(
      0, "A constructor takes random numbers from the default generator and from nowhere else.");
}

Outcome odd_shapes_work_or_are_refused(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  for (const ModelShape& shape : odd_shapes(setting.mode)) {
    const std::string advice =
        ". A constructor refuses shapes that it cannot serve: Error(ExitCode::configuration, sentence).";
    try {
      Model model({subject}, shape, {.layers = shape.layers});
      if (!is_finite(model.features(some_tokens(2, at_most(model, length)))))
        return failed("Features are not finite in " + sizes_of(shape) + advice);
    } catch (const Error& error) {
      if (error.code() == ExitCode::configuration) continue;
      return failed("In " + sizes_of(shape) + " it fails: " + error.what() + advice);
    } catch (const std::exception& error) {
      return failed("In " + sizes_of(shape) + " it fails: " + std::string(error.what()).substr(0, 200) +
                    advice);
    }
  }
  return {};
}

Outcome constants_are_constants(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  for (const auto& [name, table] : model.encodings().tables()) {
    if (!table.defined()) return failed("Its table " + name + " has no values.");
    if (!is_finite(table)) return failed("Its table " + name + " is not finite.");
  }
  for (const auto& buffer : model.encodings().named_buffers()) {
    if (buffer.value().is_floating_point()) {
      return failed("The buffer " + buffer.key() +
                    " is rounded in a bfloat16 model: keep a constant in a member of type Constant.");
    }
  }
  return {};
}

Outcome checkpoints(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = some_tokens(2, length);
  Model saved(subject, setting), loaded(subject, setting, {.seed = 99});
  const at::Tensor before = saved.features(tokens);
  if (!loaded.copy_encodings(saved)) return failed("Two instances register different parameters.");
  Worst worst;
  worst.add(apart(before, loaded.features(tokens)), "features after its parameters were loaded into another");
  return worst.outcome(0,
                       "Whatever is drawn in the constructor, or trained, must be a registered parameter.");
}

Outcome labels(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = some_tokens(2, length);
  Model flat(subject, setting), labelled(subject, setting, {.label = "one"});
  for (const auto& parameter : labelled.encodings().named_parameters()) {
    if (!parameter.key().starts_with("one."))
      return failed("The parameter " + parameter.key() + " does not stand under the label of its instance.");
  }
  Worst worst;
  worst.add(apart(flat.features(tokens), labelled.features(tokens)), "features with and without a label");
  return worst.outcome(0, "An encoding must not depend on where its parameters are registered.");
}

}  // namespace nopos::conformance
