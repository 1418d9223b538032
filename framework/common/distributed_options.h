#pragma once
/// Several processes. Training runs in one; flags that only matter for several are accepted.
/// Names, types and defaults are fairseq's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"
#include "option_reasons.h"

namespace nopos {

struct DistributedOptions {
  static constexpr const char* group = "distributed_training";

  NOPOS_OPTIONS(o) {
    o.refused("distributed-world-size", 1, "total number of processes", one_process, AtLeast{1});
    o.refused("distributed-num-procs", 1, "processes to start on this machine", one_process, AtLeast{0});
    o.refused("distributed-rank", 0, "rank of this process", one_process, AtLeast{0});
    o.ignored("distributed-backend", "nccl", "communication library", one_process);
    o.ignored("distributed-init-method", not_given<std::string>, "address where processes connect",
              one_process);
    o.ignored("distributed-port", -1, "port where processes connect", one_process);
    o.ignored("device-id", 0, "GPU of this process", one_process, Alias{"local_rank"}, Alias{"local-rank"});
    o.ignored("distributed-no-spawn", false, "do not start other processes", one_process);
    o.ignored("ddp-backend", "pytorch_ddp",
              "how gradients are reduced; fully_sharded and slowmo are not supported", one_process,
              OneOf{{"c10d", "legacy_ddp", "no_c10d", "pytorch_ddp"}});
    o.ignored("ddp-comm-hook", "none", "compression of gradients in communication", one_process,
              OneOf{{"none", "fp16"}});
    o.ignored("bucket-cap-mb", 25, "megabytes of gradients reduced at once", one_process, AtLeast{1});
    o.ignored("fix-batches-to-gpus", false, "keep each batch on one process", one_process);
    o.ignored("find-unused-parameters", false, "look for parameters without gradient", one_process);
    o.ignored("gradient-as-bucket-view", false, "keep gradients in communication buffers", one_process);
    o.ignored("fast-stat-sync", false, "synchronize logs as numbers only", one_process);
    o.ignored("heartbeat-timeout", -1, "seconds after which a process is considered stuck", one_process);
    o.ignored("broadcast-buffers", false, "synchronize buffers between processes", one_process);
    o.ignored("slowmo-momentum", not_given<double>, "momentum of SlowMo", "only the backend slowmo uses it");
    o.ignored("slowmo-base-algorithm", "localsgd", "base algorithm of SlowMo",
              "only the backend slowmo uses it");
    o.ignored("localsgd-frequency", 3, "updates between synchronizations in SlowMo",
              "only the backend slowmo uses it", AtLeast{1});
    o.ignored("nprocs-per-node", 1, "processes per machine", one_process, AtLeast{1});
    o.refused("pipeline-model-parallel", false, "split layers over GPUs",
              "models are not split over devices");
    o.ignored("pipeline-balance", not_given<std::string>, "layers per pipeline stage",
              "only pipeline parallelism uses it");
    o.ignored("pipeline-devices", not_given<std::string>, "devices of the pipeline stages",
              "only pipeline parallelism uses it");
    o.ignored("pipeline-chunks", 0, "micro-batches of the pipeline", "only pipeline parallelism uses it");
    o.ignored("pipeline-encoder-balance", not_given<std::string>, "layers per pipeline stage of the encoder",
              "only pipeline parallelism uses it");
    o.ignored("pipeline-encoder-devices", not_given<std::string>, "devices of the encoder",
              "only pipeline parallelism uses it");
    o.ignored("pipeline-decoder-balance", not_given<std::string>, "layers per pipeline stage of the decoder",
              "only pipeline parallelism uses it");
    o.ignored("pipeline-decoder-devices", not_given<std::string>, "devices of the decoder",
              "only pipeline parallelism uses it");
    o.ignored("pipeline-checkpoint", "never", "recomputation in the pipeline",
              "only pipeline parallelism uses it", OneOf{{"always", "never", "except_last"}});
    o.refused("zero-sharding", "none", "what is sharded over processes", "optimizer state is not sharded",
              OneOf{{"none", "os"}});
    o.ignored("no-reshard-after-forward", false, "keep gathered parameters",
              "only the backend fully_sharded uses it");
    o.ignored("fp32-reduce-scatter", false, "reduce gradients in float32",
              "only the backend fully_sharded uses it");
    o.refused("cpu-offload", false, "keep parameters on the CPU", "parameters are not moved between devices");
    o.refused("use-sharded-state", false, "a checkpoint per process", "one process writes one checkpoint");
    o.ignored("not-fsdp-flatten-parameters", false, "do not flatten parameters",
              "only the backend fully_sharded uses it");
  }
};

}  // namespace nopos
