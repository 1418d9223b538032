#pragma once
/// Several processes. Training runs in one; flags that only matter for several are accepted.
/// Names, types and defaults are the reference's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"
#include "option_reasons.h"

namespace nopos {

struct DistributedOptions {
  static constexpr const char* group = "distributed_training";

  std::int64_t distributed_world_size = 1;
  std::int64_t distributed_num_procs = 1;
  std::int64_t distributed_rank = 0;
  std::string distributed_backend = "nccl";
  std::optional<std::string> distributed_init_method;
  std::int64_t distributed_port = -1;
  std::int64_t device_id = 0;
  bool distributed_no_spawn = false;
  std::string ddp_backend = "pytorch_ddp";
  std::string ddp_comm_hook = "none";
  std::int64_t bucket_cap_mb = 25;
  bool fix_batches_to_gpus = false;
  bool find_unused_parameters = false;
  bool gradient_as_bucket_view = false;
  bool fast_stat_sync = false;
  std::int64_t heartbeat_timeout = -1;
  bool broadcast_buffers = false;
  std::optional<double> slowmo_momentum;
  std::string slowmo_base_algorithm = "localsgd";
  std::int64_t localsgd_frequency = 3;
  std::int64_t nprocs_per_node = 1;
  bool pipeline_model_parallel = false;
  std::optional<std::string> pipeline_balance;
  std::optional<std::string> pipeline_devices;
  std::int64_t pipeline_chunks = 0;
  std::optional<std::string> pipeline_encoder_balance;
  std::optional<std::string> pipeline_encoder_devices;
  std::optional<std::string> pipeline_decoder_balance;
  std::optional<std::string> pipeline_decoder_devices;
  std::string pipeline_checkpoint = "never";
  std::string zero_sharding = "none";
  bool no_reshard_after_forward = false;
  bool fp32_reduce_scatter = false;
  bool cpu_offload = false;
  bool use_sharded_state = false;
  bool not_fsdp_flatten_parameters = false;

  NOPOS_OPTIONS(o) {
    o.add("distributed-world-size", &DistributedOptions::distributed_world_size, "total number of processes",
          AtLeast{1}, Refused{one_process});
    o.add("distributed-num-procs", &DistributedOptions::distributed_num_procs,
          "processes to start on this machine", AtLeast{0}, Refused{one_process});
    o.add("distributed-rank", &DistributedOptions::distributed_rank, "rank of this process", AtLeast{0},
          Refused{one_process});
    o.add("distributed-backend", &DistributedOptions::distributed_backend, "communication library",
          NoEffect{one_process});
    o.add("distributed-init-method", &DistributedOptions::distributed_init_method,
          "address where processes connect", NoEffect{one_process});
    o.add("distributed-port", &DistributedOptions::distributed_port, "port where processes connect",
          NoEffect{one_process});
    o.add("device-id", &DistributedOptions::device_id, "GPU of this process", Alias{"local_rank"},
          Alias{"local-rank"}, NoEffect{one_process});
    o.add("distributed-no-spawn", &DistributedOptions::distributed_no_spawn, "do not start other processes",
          NoEffect{one_process});
    o.add("ddp-backend", &DistributedOptions::ddp_backend,
          "how gradients are reduced; fully_sharded and slowmo are not supported",
          OneOf{{"c10d", "legacy_ddp", "no_c10d", "pytorch_ddp"}}, NoEffect{one_process});
    o.add("ddp-comm-hook", &DistributedOptions::ddp_comm_hook, "compression of gradients in communication",
          OneOf{{"none", "fp16"}}, NoEffect{one_process});
    o.add("bucket-cap-mb", &DistributedOptions::bucket_cap_mb, "megabytes of gradients reduced at once",
          AtLeast{1}, NoEffect{one_process});
    o.add("fix-batches-to-gpus", &DistributedOptions::fix_batches_to_gpus, "keep each batch on one process",
          NoEffect{one_process});
    o.add("find-unused-parameters", &DistributedOptions::find_unused_parameters,
          "look for parameters without gradient", NoEffect{one_process});
    o.add("gradient-as-bucket-view", &DistributedOptions::gradient_as_bucket_view,
          "keep gradients in communication buffers", NoEffect{one_process});
    o.add("fast-stat-sync", &DistributedOptions::fast_stat_sync, "synchronize logs as numbers only",
          NoEffect{one_process});
    o.add("heartbeat-timeout", &DistributedOptions::heartbeat_timeout,
          "seconds after which a process is considered stuck", NoEffect{one_process});
    o.add("broadcast-buffers", &DistributedOptions::broadcast_buffers,
          "synchronize buffers between processes", NoEffect{one_process});
    o.add("slowmo-momentum", &DistributedOptions::slowmo_momentum, "momentum of SlowMo",
          NoEffect{"only the backend slowmo uses it"});
    o.add("slowmo-base-algorithm", &DistributedOptions::slowmo_base_algorithm, "base algorithm of SlowMo",
          NoEffect{"only the backend slowmo uses it"});
    o.add("localsgd-frequency", &DistributedOptions::localsgd_frequency,
          "updates between synchronizations in SlowMo", AtLeast{1},
          NoEffect{"only the backend slowmo uses it"});
    o.add("nprocs-per-node", &DistributedOptions::nprocs_per_node, "processes per machine", AtLeast{1},
          NoEffect{one_process});
    o.add("pipeline-model-parallel", &DistributedOptions::pipeline_model_parallel, "split layers over GPUs",
          Refused{"models are not split over devices"});
    o.add("pipeline-balance", &DistributedOptions::pipeline_balance, "layers per pipeline stage",
          NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-devices", &DistributedOptions::pipeline_devices, "devices of the pipeline stages",
          NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-chunks", &DistributedOptions::pipeline_chunks, "micro-batches of the pipeline",
          NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-encoder-balance", &DistributedOptions::pipeline_encoder_balance,
          "layers per pipeline stage of the encoder", NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-encoder-devices", &DistributedOptions::pipeline_encoder_devices, "devices of the encoder",
          NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-decoder-balance", &DistributedOptions::pipeline_decoder_balance,
          "layers per pipeline stage of the decoder", NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-decoder-devices", &DistributedOptions::pipeline_decoder_devices, "devices of the decoder",
          NoEffect{"only pipeline parallelism uses it"});
    o.add("pipeline-checkpoint", &DistributedOptions::pipeline_checkpoint, "recomputation in the pipeline",
          OneOf{{"always", "never", "except_last"}}, NoEffect{"only pipeline parallelism uses it"});
    o.add("zero-sharding", &DistributedOptions::zero_sharding, "what is sharded over processes",
          OneOf{{"none", "os"}}, Refused{"optimizer state is not sharded"});
    o.add("no-reshard-after-forward", &DistributedOptions::no_reshard_after_forward,
          "keep gathered parameters", NoEffect{"only the backend fully_sharded uses it"});
    o.add("fp32-reduce-scatter", &DistributedOptions::fp32_reduce_scatter, "reduce gradients in float32",
          NoEffect{"only the backend fully_sharded uses it"});
    o.add("cpu-offload", &DistributedOptions::cpu_offload, "keep parameters on the CPU",
          Refused{"parameters are not moved between devices"});
    o.add("use-sharded-state", &DistributedOptions::use_sharded_state, "a checkpoint per process",
          Refused{"one process writes one checkpoint"});
    o.add("not-fsdp-flatten-parameters", &DistributedOptions::not_fsdp_flatten_parameters,
          "do not flatten parameters", NoEffect{"only the backend fully_sharded uses it"});
  }
};

}  // namespace nopos
