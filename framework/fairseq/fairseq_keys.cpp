#include "fairseq_config.h"

namespace nopos {

const std::vector<ReferenceSection>& reference_sections() {
  static const std::vector<ReferenceSection> sections = {
      {"_name", "None"},
      {"common",
       "no_progress_bar=False; log_interval=100; log_format=None; log_file=None; "
       "tensorboard_logdir=None; wandb_project=None; azureml_logging=False; seed=1; cpu=False; "
       "tpu=False; bf16=False; memory_efficient_bf16=False; fp16=False; memory_efficient_fp16=False; "
       "fp16_no_flatten_grads=False; fp16_init_scale=128; fp16_scale_window=None; "
       "fp16_scale_tolerance=0.0; on_cpu_convert_precision=False; min_loss_scale=0.0001; "
       "threshold_loss_scale=None; amp=False; amp_batch_retries=2; amp_init_scale=128; "
       "amp_scale_window=None; user_dir=None; empty_cache_freq=0; all_gather_list_size=16384; "
       "model_parallel_size=1; quantization_config_path=None; profile=False; reset_logging=False; "
       "suppress_crashes=False; use_plasma_view=False; plasma_path='/tmp/plasma'"},
      {"common_eval", "path=None; post_process=None; quiet=False; model_overrides='{}'; results_path=None"},
      {"distributed_training",
       "distributed_world_size=1; distributed_num_procs=0; distributed_rank=0; "
       "distributed_backend='nccl'; distributed_init_method=None; distributed_port=-1; device_id=0; "
       "distributed_no_spawn=False; ddp_backend='pytorch_ddp'; ddp_comm_hook='none'; bucket_cap_mb=25; "
       "fix_batches_to_gpus=False; find_unused_parameters=False; gradient_as_bucket_view=False; "
       "fast_stat_sync=False; heartbeat_timeout=-1; broadcast_buffers=False; slowmo_momentum=None; "
       "slowmo_base_algorithm='localsgd'; localsgd_frequency=3; nprocs_per_node=1; "
       "pipeline_model_parallel=False; pipeline_balance=None; pipeline_devices=None; pipeline_chunks=0; "
       "pipeline_encoder_balance=None; pipeline_encoder_devices=None; pipeline_decoder_balance=None; "
       "pipeline_decoder_devices=None; pipeline_checkpoint='never'; zero_sharding='none'; fp16=False; "
       "memory_efficient_fp16=False; tpu=False; no_reshard_after_forward=False; "
       "fp32_reduce_scatter=False; cpu_offload=False; use_sharded_state=False; "
       "not_fsdp_flatten_parameters=False"},
      {"dataset",
       "num_workers=1; skip_invalid_size_inputs_valid_test=False; max_tokens=None; batch_size=None; "
       "required_batch_size_multiple=8; required_seq_len_multiple=1; dataset_impl=None; "
       "data_buffer_size=10; train_subset='train'; valid_subset='valid'; combine_valid_subsets=None; "
       "ignore_unused_valid_subsets=False; validate_interval=1; validate_interval_updates=0; "
       "validate_after_updates=0; fixed_validation_seed=None; disable_validation=False; "
       "max_tokens_valid=None; batch_size_valid=None; max_valid_steps=None; curriculum=0; "
       "gen_subset='test'; num_shards=1; shard_id=0; grouped_shuffling=False; "
       "update_epoch_batch_itr=False; update_ordered_indices_seed=False"},
      {"optimization",
       "max_epoch=0; max_update=0; stop_time_hours=0.0; clip_norm=0.0; sentence_avg=False; "
       "update_freq=[1]; lr=[0.25]; stop_min_lr=-1.0; use_bmuf=False; skip_remainder_batch=False"},
      {"checkpoint",
       "save_dir='checkpoints'; restore_file='checkpoint_last.pt'; continue_once=None; "
       "finetune_from_model=None; reset_dataloader=False; reset_lr_scheduler=False; reset_meters=False; "
       "reset_optimizer=False; optimizer_overrides='{}'; save_interval=1; save_interval_updates=0; "
       "keep_interval_updates=-1; keep_interval_updates_pattern=-1; keep_last_epochs=-1; "
       "keep_best_checkpoints=-1; no_save=False; no_epoch_checkpoints=False; no_last_checkpoints=False; "
       "no_save_optimizer_state=False; best_checkpoint_metric='loss'; "
       "maximize_best_checkpoint_metric=False; patience=-1; checkpoint_suffix=''; "
       "checkpoint_shard_count=1; load_checkpoint_on_all_dp_ranks=False; "
       "write_checkpoints_asynchronously=False; model_parallel_size=1"},
      {"bmuf",
       "block_lr=1.0; block_momentum=0.875; global_sync_iter=50; warmup_iterations=500; use_nbm=False; "
       "average_sync=False; distributed_world_size=1"},
      {"generation",
       "beam=5; nbest=1; max_len_a=0.0; max_len_b=200; min_len=1; match_source_len=False; "
       "unnormalized=False; no_early_stop=False; no_beamable_mm=False; lenpen=1.0; unkpen=0.0; "
       "replace_unk=None; sacrebleu=False; score_reference=False; prefix_size=0; no_repeat_ngram_size=0; "
       "sampling=False; sampling_topk=-1; sampling_topp=-1.0; constraints=None; temperature=1.0; "
       "diverse_beam_groups=-1; diverse_beam_strength=0.5; diversity_rate=-1.0; print_alignment=None; "
       "print_step=False; lm_path=None; lm_weight=0.0; iter_decode_eos_penalty=0.0; "
       "iter_decode_max_iter=10; iter_decode_force_max_iter=False; iter_decode_with_beam=1; "
       "iter_decode_with_external_reranker=False; retain_iter_history=False; retain_dropout=False; "
       "retain_dropout_modules=None; decoding_format=None; no_seed_provided=False"},
      {"eval_lm",
       "output_word_probs=False; output_word_stats=False; context_window=0; "
       "softmax_batch=9223372036854775807"},
      {"interactive", "buffer_size=0; input='-'"},
      {"model", "@architecture"},
      {"task", "@task"},
      {"criterion", "@criterion"},
      {"optimizer", "@optimizer"},
      {"lr_scheduler", "@lr_scheduler"},
      {"scoring", "pad=1; eos=2; unk=3"},
      {"bpe", "None"},
      {"tokenizer", "None"},
      {"ema",
       "store_ema=False; ema_decay=0.9999; ema_start_update=0; ema_seed_model=None; ema_update_freq=1; "
       "ema_fp32=False"},
      {"simul_type", "None"},
  };
  return sections;
}

const std::vector<ReferenceSection>& reference_components() {
  static const std::vector<ReferenceSection> components = {
      {"architecture/transformer_lm",
       "activation_fn='relu'; dropout=0.1; attention_dropout=0.0; activation_dropout=0.0; "
       "relu_dropout=0.0; decoder_embed_dim=512; decoder_output_dim=512; decoder_input_dim=512; "
       "decoder_ffn_embed_dim=2048; decoder_layers=6; decoder_attention_heads=8; "
       "decoder_normalize_before=False; no_decoder_final_norm=False; adaptive_softmax_cutoff=None; "
       "adaptive_softmax_dropout=0.0; adaptive_softmax_factor=4.0; no_token_positional_embeddings=False; "
       "share_decoder_input_output_embed=False; character_embeddings=False; "
       "character_filters='[(1, 64), (2, 128), (3, 192), (4, 256), (5, 256), (6, 256), (7, 256)]'; "
       "character_embedding_dim=4; char_embedder_highway_layers=2; adaptive_input=False; "
       "adaptive_input_factor=4.0; adaptive_input_cutoff=None; tie_adaptive_weights=False; "
       "tie_adaptive_proj=False; decoder_learned_pos=False; layernorm_embedding=False; "
       "no_scale_embedding=False; checkpoint_activations=False; offload_activations=False; "
       "decoder_layerdrop=0.0; decoder_layers_to_keep=None; quant_noise_pq=0.0; "
       "quant_noise_pq_block_size=8; quant_noise_scalar=0.0; alibi=False; debug=False; "
       "min_params_to_wrap=100000000; base_layers=0; base_sublayers=1; base_shuffle=1; scale_fc=False; "
       "scale_attn=False; scale_heads=False; scale_resids=False; add_bos_token=False; "
       "tokens_per_sample=1024; max_target_positions=None; tpu=False"},
      {"task/language_modeling",
       "data=None; sample_break_mode='none'; tokens_per_sample=1024; output_dictionary_size=-1; "
       "self_target=False; future_target=False; past_target=False; add_bos_token=False; "
       "max_target_positions=None; shorten_method='none'; shorten_data_split_list=''; "
       "pad_to_fixed_length=False; pad_to_fixed_bsz=False; seed=1; batch_size=None; "
       "batch_size_valid=None; dataset_impl=None; data_buffer_size=10; tpu=False; use_plasma_view=False; "
       "plasma_path='/tmp/plasma'"},
      {"criterion/cross_entropy", "sentence_avg=False"},
      {"criterion/adaptive_loss", "sentence_avg=False; ddp_backend='pytorch_ddp'"},
      {"criterion/label_smoothed_cross_entropy",
       "label_smoothing=0.0; report_accuracy=False; ignore_prefix_size=0; sentence_avg=False"},
      {"optimizer/adam",
       "adam_betas='(0.9, 0.999)'; adam_eps=1e-08; weight_decay=0.0; use_old_adam=False; "
       "fp16_adam_stats=False; tpu=False; lr=[0.25]"},
      {"optimizer/nag", "momentum=0.99; weight_decay=0.0; lr=[0.25]"},
      {"optimizer/sgd", "momentum=0.0; weight_decay=0.0; lr=[0.25]"},
      {"optimizer/adagrad", "weight_decay=0.0; lr=[0.25]"},
      {"optimizer/adafactor",
       "adafactor_eps='(1e-30, 1e-3)'; clip_threshold=1.0; decay_rate=-0.8; beta1=float?; "
       "weight_decay=0.0; scale_parameter=False; relative_step=False; warmup_init=False; lr=[0.25]"},
      {"optimizer/adamax",
       "adamax_betas='(0.9, 0.999)'; adamax_eps=1e-08; weight_decay=0.0; no_bias_correction=False; "
       "lr=[0.25]"},
      {"optimizer/adadelta",
       "adadelta_rho=0.9; adadelta_eps=1e-06; weight_decay=0.0; anneal_eps=False; lr=[0.25]"},
      {"optimizer/lamb", "lamb_betas='(0.9, 0.999)'; lamb_eps=1e-08; weight_decay=0.0; lr=[0.25]"},
      {"lr_scheduler/cosine",
       "warmup_updates=0; warmup_init_lr=-1.0; lr=[0.25]; min_lr=0.0; t_mult=1.0; "
       "lr_period_updates=-1.0; lr_shrink=0.1; max_update=0"},
      {"lr_scheduler/fixed", "force_anneal=None; lr_shrink=0.1; warmup_updates=0; lr=[0.25]"},
      {"lr_scheduler/inverse_sqrt", "warmup_updates=4000; warmup_init_lr=-1.0; lr=[0.25]"},
      {"lr_scheduler/polynomial_decay",
       "warmup_updates=0; force_anneal=None; end_learning_rate=0.0; power=1.0; total_num_update=float?; "
       "lr=[0.25]"},
      {"lr_scheduler/triangular",
       "max_lr=float?; lr_period_updates=5000.0; lr_shrink=0.1; shrink_min=False; lr=[0.25]"},
      {"lr_scheduler/reduce_lr_on_plateau",
       "lr_shrink=0.1; lr_threshold=0.0001; lr_patience=0; warmup_updates=0; warmup_init_lr=-1.0; "
       "lr=[0.25]; maximize_best_checkpoint_metric=False"},
      {"lr_scheduler/tri_stage",
       "warmup_steps=0; hold_steps=0; decay_steps=0; phase_ratio=None; init_lr_scale=0.01; "
       "final_lr_scale=0.01; max_update=0.0; lr=[0.25]"},
      {"lr_scheduler/step",
       "warmup_updates=0; warmup_init_lr=-1.0; lr=[0.25]; min_lr=0.0; lr_deacy_period=25000; "
       "lr_decay=0.5"},
      {"lr_scheduler/manual", "epoch2lr='{}'; update2lr='{}'; lr=[0.25]"},
      {"lr_scheduler/pass_through", ""},
  };
  return components;
}

}  // namespace nopos
