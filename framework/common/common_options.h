#pragma once
/// Options that every command of fairseq has: logging, seed, device, precision.
/// Names, types and defaults are fairseq's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"
#include "option_reasons.h"

namespace nopos {

struct CommonOptions {
  static constexpr const char* group = "common";

  bool no_progress_bar = false;
  std::int64_t log_interval = 100;
  std::optional<std::string> log_format;
  std::optional<std::string> log_file;
  std::optional<std::string> tensorboard_logdir;
  std::optional<std::string> wandb_project;
  std::int64_t seed = 1;
  bool cpu = false;
  bool bf16 = false;
  bool memory_efficient_bf16 = false;
  bool fp16 = false;
  bool memory_efficient_fp16 = false;
  bool fp16_no_flatten_grads = false;
  std::int64_t fp16_init_scale = 128;
  std::optional<std::int64_t> fp16_scale_window;
  double fp16_scale_tolerance = 0.0;
  double min_loss_scale = 0.0001;
  std::optional<double> threshold_loss_scale;
  bool amp = false;
  std::int64_t amp_batch_retries = 2;
  std::optional<std::int64_t> amp_scale_window;

  NOPOS_OPTIONS(o) {
    o.add("no-progress-bar", &CommonOptions::no_progress_bar, "log lines instead of a progress bar");
    o.add("log-interval", &CommonOptions::log_interval, "updates between two log lines", AtLeast{1});
    o.add("log-format", &CommonOptions::log_format,
          "format of the log; a terminal gets a progress bar by default",
          OneOf{{"json", "none", "simple", "tqdm"}});
    o.add("log-file", &CommonOptions::log_file, "file to append the log lines to");
    o.add("tensorboard-logdir", &CommonOptions::tensorboard_logdir, "folder for TensorBoard logs");
    o.add("wandb-project", &CommonOptions::wandb_project,
          "project on Weights & Biases: writes a run that `wandb sync` uploads");
    o.ignored("azureml-logging", false, "log to AzureML", "NoPos does not log to AzureML");
    o.add("seed", &CommonOptions::seed, "random seed", Range{0, 4294967295});
    o.add("cpu", &CommonOptions::cpu, "train on the CPU, even where there is a GPU");
    o.refused("tpu", false, "train on a TPU", "TPUs are not supported");
    o.add("bf16", &CommonOptions::bf16, "compute in bfloat16, with a float32 copy of the weights");
    o.add("memory-efficient-bf16", &CommonOptions::memory_efficient_bf16,
          "compute in bfloat16, without that copy");
    o.add("fp16", &CommonOptions::fp16, "half precision, with a float32 copy of the weights");
    o.add("memory-efficient-fp16", &CommonOptions::memory_efficient_fp16,
          "half precision, without that copy");
    o.add("fp16-no-flatten-grads", &CommonOptions::fp16_no_flatten_grads,
          "with --fp16, save the optimizer's state per parameter instead of flattened");
    o.add("fp16-init-scale", &CommonOptions::fp16_init_scale, "initial loss scale of --fp16 and --amp",
          AtLeast{1});
    o.add("fp16-scale-window", &CommonOptions::fp16_scale_window,
          "updates without overflow after which the loss scale doubles; default: 2^14 / --update-freq",
          AtLeast{1});
    o.add("fp16-scale-tolerance", &CommonOptions::fp16_scale_tolerance,
          "fraction of overflows that does not lower the loss scale", Range{0, 1});
    o.ignored("on-cpu-convert-precision", false, "convert to half precision on the CPU",
              "models are always converted there");
    o.add("min-loss-scale", &CommonOptions::min_loss_scale, "minimum loss scale, at which training stops",
          AtLeast{0});
    o.add("threshold-loss-scale", &CommonOptions::threshold_loss_scale,
          "loss scale that overflows do not lower further", AtLeast{0});
    o.add("amp", &CommonOptions::amp, "mixed precision: float32 weights with loss scaling");
    o.add("amp-batch-retries", &CommonOptions::amp_batch_retries,
          "repetitions of a batch that overflowed, with --amp", AtLeast{0});
    o.ignored("amp-init-scale", 128, "initial loss scale of mixed precision",
              "fairseq uses --fp16-init-scale instead", AtLeast{1});
    o.add("amp-scale-window", &CommonOptions::amp_scale_window,
          "updates without overflow after which the loss scale of --amp doubles; default: 2000", AtLeast{1});
    o.refused("user-dir", not_given<std::string>, "Python package with user code",
              "no Python code is run; use --plugin-path to load plugins");
    o.ignored("empty-cache-freq", 0, "updates between emptying the GPU cache", "memory is kept for reuse",
              AtLeast{0});
    o.ignored("all-gather-list-size", 16384, "bytes for exchanging logs between processes", one_process,
              AtLeast{1});
    o.refused("model-parallel-size", 1, "size of model-parallel groups",
              "models are not split over processes", AtLeast{1});
    o.refused("quantization-config-path", not_given<std::string>, "configuration of quantization",
              "weights are not quantized");
    o.ignored("profile", false, "profile with CUDA tools", "there are no CUDA kernels to profile");
    o.ignored("reset-logging", false, "reset the logging of Python", "no Python logging is involved");
    o.ignored("suppress-crashes", false, "suppress errors of the Python interface",
              "errors are always reported");
    o.ignored("use-plasma-view", false, "share data between processes with Plasma",
              "data files are mapped, which shares them already");
    o.ignored("plasma-path", "/tmp/plasma", "socket of Plasma",
              "data files are mapped, which shares them already");
  }
};

}  // namespace nopos
