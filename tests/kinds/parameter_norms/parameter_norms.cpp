/// The Euclidean norm of every parameter of the model.

#include <ATen/ATen.h>
#include <nopos/analysis.h>

namespace {

class ParameterNorms final : public nopos::Analysis {
 public:
  struct Options {
    double scale = 1;
    NOPOS_OPTIONS(o) {
      o.add("norm-scale", &Options::scale, "what norms are multiplied by", nopos::Above{0});
    }
  };

  ParameterNorms(const Options& options, const Context& context)
      : scale_(options.scale), label_(context.label) {}

  void run(nopos::Task&, nopos::Architecture& model, nopos::Table& table) override {
    table.columns({"model", "parameter", "norm"});
    for (const auto& parameter : model.named_parameters()) {
      table.row({label_, parameter.key(), scale_ * parameter.value().norm().item<double>()});
    }
  }

 private:
  double scale_;
  std::string label_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<ParameterNorms>("parameter_norms", "Euclidean norm of each parameter"); }
