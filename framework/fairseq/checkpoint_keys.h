#pragma once
/// The keys of a checkpoint, the one table of them. The layout is fairseq's; our files have it too, and an
/// entry of our own beside it. Whoever reads or writes checkpoints elsewhere uses the types of this folder
/// (saved_state.h, own_record.h, fairseq_settings.h, checkpoint_tree.h): tests/architecture fails where a key
/// or a name of fairseq is spelled outside.

namespace nopos::keys {

// Entries of the file.
inline constexpr const char* args = "args";  ///< settings, before there was `cfg`
inline constexpr const char* cfg = "cfg";
inline constexpr const char* model = "model";  ///< tensors by name; of `cfg` and `args` the settings
inline constexpr const char* criterion = "criterion";
inline constexpr const char* optimizer_history = "optimizer_history";
inline constexpr const char* task_state = "task_state";
inline constexpr const char* extra_state = "extra_state";
inline constexpr const char* last_optimizer_state = "last_optimizer_state";
inline constexpr const char* own = "nopos";

// An entry of `optimizer_history`.
inline constexpr const char* criterion_name = "criterion_name";
inline constexpr const char* optimizer_name = "optimizer_name";
inline constexpr const char* lr_scheduler_state = "lr_scheduler_state";
inline constexpr const char* num_updates = "num_updates";
inline constexpr const char* optimizer = "optimizer";  ///< of older files: the optimizer's state

// `extra_state`.
inline constexpr const char* metrics = "metrics";
inline constexpr const char* previous_training_time = "previous_training_time";
inline constexpr const char* train_iterator = "train_iterator";
inline constexpr const char* val_loss = "val_loss";
inline constexpr const char* best = "best";  ///< also of a schedule's state
inline constexpr const char* ema = "ema";
inline constexpr const char* ema_fp32_params = "ema_fp32_params";
inline constexpr const char* batch_offset = "batch_offset";  ///< of older files

// `train_iterator`; older files have the epoch in `extra_state` or beside it.
inline constexpr const char* version = "version";
inline constexpr const char* epoch = "epoch";
inline constexpr const char* iterations_in_epoch = "iterations_in_epoch";
inline constexpr const char* shuffle = "shuffle";

// `last_optimizer_state`, which is PyTorch's, with the scale of the loss beside it.
inline constexpr const char* state = "state";
inline constexpr const char* step = "step";
inline constexpr const char* param_groups = "param_groups";
inline constexpr const char* params = "params";
inline constexpr const char* lr = "lr";
inline constexpr const char* loss_scale = "loss_scale";

// Settings of the model and of the task.
inline constexpr const char* name_of_section = "_name";
inline constexpr const char* arch = "arch";
inline constexpr const char* data = "data";
inline constexpr const char* tokens_per_sample = "tokens_per_sample";
inline constexpr const char* max_target_positions = "max_target_positions";
inline constexpr const char* add_bos_token = "add_bos_token";
inline constexpr const char* no_token_positional_embeddings = "no_token_positional_embeddings";
inline constexpr const char* decoder_learned_pos = "decoder_learned_pos";
inline constexpr const char* alibi = "alibi";
inline constexpr const char* no_decoder_final_norm = "no_decoder_final_norm";
inline constexpr const char* decoder_version = "decoder.version";  ///< a tensor of the model

// Our entry.
inline constexpr const char* format = "format";
inline constexpr const char* components = "components";
inline constexpr const char* options = "options";
inline constexpr const char* command = "command";
inline constexpr const char* dictionary = "dictionary";
inline constexpr const char* size = "size";
inline constexpr const char* digest = "digest";
inline constexpr const char* parameters = "parameters";
inline constexpr const char* epoch_iterations = "epoch_iterations";
inline constexpr const char* random_state = "random_state";
inline constexpr const char* tokenizer = "tokenizer";
inline constexpr const char* master = "master";
inline constexpr const char* ema_updates = "ema_updates";

// A component in it.
inline constexpr const char* kind = "kind";
inline constexpr const char* name = "name";
inline constexpr const char* given_name = "given_name";
inline constexpr const char* plugin = "plugin";
inline constexpr const char* label = "label";  ///< of an encoding

// Our list of encodings by layer, and a group in it.
inline constexpr const char* encoding_layers = "positional_encoding_layers";
inline constexpr const char* repeat = "repeat";
inline constexpr const char* use = "use";
inline constexpr const char* window = "window";

}  // namespace nopos::keys

/// Classes of meters in fairseq.
namespace nopos::meter_class {
inline constexpr const char *average = "AverageMeter", *time = "TimeMeter", *stopwatch = "StopwatchMeter";
}  // namespace nopos::meter_class
