#pragma once
/// A model as a folder: `model.safetensors` with its tensors under their names in a checkpoint, and
/// `config.json` in the manner of Hugging Face, which also carries what else a checkpoint holds in plain
/// values. Needs no LibTorch; no number changes on the way.

#include <filesystem>

#include "checkpoint_file.h"
#include "output/json_value.h"
#include "stored_tensors.h"

namespace nopos::host {

/// Writes the model of a checkpoint, ours or fairseq's, into `folder`, which is made. The optimizer's
/// state stays behind. Tensors that share their numbers are written once under each name.
/// \throws Error (data), also where the folder holds a model already
void checkpoint_to_safetensors(const std::filesystem::path& checkpoint, const std::filesystem::path& folder);

/// What `config.json` of such a folder holds.
Json model_config(const CheckpointFile& file, const StoredTensors& tensors);

/// Writes `model.safetensors` and `config.json` into `folder`, which is made.
/// \throws Error (data), also where the folder holds a model already
void write_model_folder(const std::filesystem::path& folder, const Json& config,
                        const std::vector<SafeTensor>& tensors);

/// The way back, to a file that evaluates as the checkpoint did and that training can start from.
/// \throws Error (data), also where the file exists or the folder was written by another program
void safetensors_to_checkpoint(const std::filesystem::path& folder, const std::filesystem::path& checkpoint);

}  // namespace nopos::host
