#pragma once
/// The kind `analysis`: what a trained model has learned, as a table: losses by position, probes of its
/// states, statistics of its attention. No command runs analyses yet.
///
/// It is made once for each model and run once, on one thread. The model is in evaluation mode and its
/// parameters need no gradients; what an analysis trains (a probe) is its own. It draws random numbers from a
/// generator of its own, seeded with `Context::seed`, so that its table does not depend on what ran before.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nopos/architecture.h"
#include "nopos/options.h"
#include "nopos/plugin.h"
#include "nopos/task.h"

namespace nopos {

/// Where the results of an analysis go. Rows are kept only if the whole analysis ends well.
class Table {
 public:
  virtual ~Table() = default;
  /// Names of the columns; called once, before the first row.
  virtual void columns(const std::vector<std::string>& names) = 0;
  /// One value for each column, in their order.
  virtual void row(const std::vector<Value>& values) = 0;
};

class Analysis {
 public:
  using Interface = Analysis;
  static constexpr const char* kind = "analysis";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  /// Everything in it lives at least as long as the analysis.
  struct Context {
    std::int64_t seed = 1;
    std::string label = {};  ///< of the model, in tables and legends
    /// Makes a model of the same recipe with initial weights, for comparison.
    std::function<std::shared_ptr<Architecture>()> fresh_model = {};
  };

  virtual ~Analysis() = default;

  /// Fills `table` with what it finds. `task` has the dictionary and the data that the user named.
  /// \throws Error (data) where the data do not suffice, (configuration) where the model is not one that it
  /// can look into, saying what it needs
  virtual void run(Task& task, Architecture& model, Table& table) = 0;
};

}  // namespace nopos
