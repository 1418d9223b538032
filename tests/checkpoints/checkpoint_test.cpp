#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <array>

#include "checkpoint/state_dict.h"
#include "checkpoint_file.h"
#include "checkpoint_keys.h"
#include "command.h"
#include "description.h"
#include "encoding_record.h"
#include "nopos/error.h"
#include "pickle.h"
#include "sample.h"
#include "zip.h"

namespace nopos::engine {
namespace {

using test::component;
using test::sample_config;
using test::sample_state;
using test::SampleRun;

const LoadOptions same_dictionary = {.dictionary = sample_state().dictionary};

/// The message of the error that `action` throws.
template <class Action>
std::string message_of(ExitCode code, Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

class CheckpointTest : public ::testing::Test {
 protected:
  void save(const SampleRun& run, const RunConfig& config = sample_config()) {
    save_checkpoint(file, *run.model, *run.slab, run.optimizer, sample_state(), config);
  }
  LoadedCheckpoint load(SampleRun& run, const RunConfig& config = sample_config(),
                        const LoadOptions& options = same_dictionary) {
    return load_checkpoint(file, *run.model, *run.slab, run.optimizer, config, options);
  }

  nopos::test::TemporaryFolder folder;
  std::filesystem::path file = folder / "checkpoint_last.pt";
};

void expect_equal(const SampleRun& a, const SampleRun& b) {
  const StateDict first = state_dict(*a.model), second = state_dict(*b.model);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].first, second[i].first);
    EXPECT_TRUE(at::equal(first[i].second, second[i].second)) << first[i].first;
  }
}

TEST_F(CheckpointTest, TheStateDictIsInTheReferencesOrder) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state_dict(*SampleRun(1).model)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"decoder.version", "decoder.band_version",
                                             "decoder.embed_tokens.weight", "decoder.layers.0.weight",
                                             "decoder.layers.0.bias", "decoder.layers.1.weight",
                                             "decoder.layers.1.bias", "decoder.output_projection.weight"}));
}

TEST_F(CheckpointTest, ARunGoesOnBitForBit) {
  SampleRun whole(1), first(1);
  whole.update(3);
  first.update(3);
  save(first);
  SampleRun second(2);
  second.update(1, 4);  // state of its own, to be replaced
  const LoadedCheckpoint loaded = load(second);
  EXPECT_TRUE(loaded.notices.empty());
  expect_equal(whole, second);
  EXPECT_EQ(second.optimizer.betas, (std::vector<double>{0.9, 0.98}));

  whole.update(2, 7);
  second.update(2, 7);
  expect_equal(whole, second);
  for (std::size_t i = 0; i < whole.slab->segments().size(); ++i) {
    EXPECT_EQ(whole.slab->segments()[i].step, second.slab->segments()[i].step);
    for (const std::string& name : whole.slab->state_names()) {
      EXPECT_TRUE(at::equal(whole.slab->state(i, name), second.slab->state(i, name)));
    }
  }
}

TEST_F(CheckpointTest, ACopyIsWrittenAsTheRunWasThen) {
  SampleRun run(1);
  run.update(3);
  save(run);
  const auto compose = [&](Tensors tensors) {
    return compose_checkpoint(*run.model, *run.slab, run.optimizer, sample_state(), sample_config(), tensors);
  };
  const auto shared = compose(Tensors::shared), copied = compose(Tensors::copied);
  const std::string bytes = nopos::test::read_file(file);
  write_checkpoint(file, *shared);
  EXPECT_TRUE(nopos::test::read_file(file) == bytes);
  run.update(1, 4);  // training goes on before the copy is written
  write_checkpoint(file, *copied);
  EXPECT_TRUE(nopos::test::read_file(file) == bytes);
  write_checkpoint(file, *shared);
  EXPECT_FALSE(nopos::test::read_file(file) == bytes);
}

TEST_F(CheckpointTest, TheStateOfTheRunComesBack) {
  SampleRun run(1);
  run.update(1);
  save(run);
  const RunState state = load(run).state, expected = sample_state();
  EXPECT_EQ(state.num_updates, expected.num_updates);
  EXPECT_EQ(state.epoch, expected.epoch);
  EXPECT_EQ(state.iterations_in_epoch, expected.iterations_in_epoch);
  EXPECT_EQ(state.epoch_iterations, expected.epoch_iterations);
  EXPECT_EQ(state.shuffle, expected.shuffle);
  EXPECT_EQ(state.best, expected.best);
  EXPECT_EQ(state.validation_loss, expected.validation_loss);
  EXPECT_EQ(state.training_seconds, expected.training_seconds);
  EXPECT_EQ(state.lr_scheduler, expected.lr_scheduler);
  EXPECT_TRUE(at::equal(state.random_state, expected.random_state));
  ASSERT_EQ(state.meters.size(), expected.meters.size());
  for (const auto& [name, meters] : expected.meters) {
    ASSERT_EQ(state.meters.at(name).size(), meters.size());
    for (std::size_t i = 0; i < meters.size(); ++i) {
      const MeterState& meter = state.meters.at(name)[i];
      EXPECT_EQ(meter.name, meters[i].name);
      EXPECT_EQ(meter.priority, meters[i].priority);
      EXPECT_EQ(meter.type, meters[i].type);
      EXPECT_EQ(meter.fields, meters[i].fields);
    }
  }
}

TEST_F(CheckpointTest, ResetsLeaveTheirPartOut) {
  SampleRun run(1);
  run.update(2);
  save(run);
  SampleRun fresh(2);
  LoadOptions options = same_dictionary;
  options.reset_optimizer = true;
  const RunState without_optimizer = load(fresh, sample_config(), options).state;
  expect_equal(run, fresh);
  EXPECT_EQ(without_optimizer.num_updates, 0);
  EXPECT_EQ(without_optimizer.epoch, 2);  // the place in the data stays
  EXPECT_FALSE(without_optimizer.best);
  EXPECT_TRUE(without_optimizer.lr_scheduler.empty());
  for (const auto& segment : fresh.slab->segments()) EXPECT_EQ(segment.step, 0);

  options = same_dictionary;
  options.reset_dataloader = options.reset_meters = options.reset_lr_scheduler = true;
  const RunState rest = load(fresh, sample_config(), options).state;
  EXPECT_EQ(rest.num_updates, 15);
  EXPECT_EQ(rest.epoch, 1);
  EXPECT_EQ(rest.iterations_in_epoch, 0);
  EXPECT_TRUE(rest.meters.empty());
  EXPECT_FALSE(rest.best);
  EXPECT_TRUE(rest.lr_scheduler.empty());
}

TEST_F(CheckpointTest, WithoutOptimizerStateItSaysSo) {
  SampleRun run(1);
  RunConfig config = sample_config();
  config.groups["checkpoint"].values["no-save-optimizer-state"] = true;
  save(run, config);
  EXPECT_EQ(test::describe(file).find("/last_optimizer_state"), std::string::npos);
  const LoadedCheckpoint loaded = load(run, config);
  EXPECT_EQ(loaded.state.num_updates, 0);
  ASSERT_EQ(loaded.notices.size(), 1u);
  EXPECT_NE(loaded.notices[0].find("--no-save-optimizer-state"), std::string::npos);
}

TEST_F(CheckpointTest, OtherSettingsAreListedAndThisRunsHold) {
  SampleRun run(1);
  save(run);
  RunConfig config = sample_config();
  config.groups["optimization"].values["clip-norm"] = 0.5;
  config.component("optimizer").options.values["adam-eps"] = 1e-6;
  config.component("lr_scheduler") = component("lr_scheduler", "cosine");
  EXPECT_EQ(load(run, config).notices,
            (std::vector<std::string>{
                "settings differ from those of " + file.string() + "; those of this run are used:",
                "--clip-norm: checkpoint 0.0, this run 0.5",
                "optimizer --adam-eps: checkpoint 1e-08, this run 1e-06",
                "--lr_scheduler: checkpoint fixed, this run cosine"}));
}

TEST_F(CheckpointTest, WhatCannotGoOnIsRefused) {
  SampleRun run(1);
  save(run);
  RunConfig config = sample_config();
  config.component("positional_encoding") = component("positional_encoding", "alibi");
  EXPECT_EQ(
      message_of(ExitCode::configuration, [&] { load(run, config); }),
      file.string() +
          " was trained with --positional-encoding none, this run has alibi: it cannot be continued this "
          "way. Give the settings that it was trained with, or another --save-dir for a new model.");
  config = sample_config();
  config.component("optimizer") = component("optimizer", "nag");
  EXPECT_NE(message_of(ExitCode::configuration, [&] { load(run, config); })
                .find("--optimizer adam, this run has nag"),
            std::string::npos);
  LoadOptions reset = same_dictionary;
  reset.reset_optimizer = true;
  EXPECT_NO_THROW(load(run, config, reset));
}

/// near=alibi in two layers with a window of 8, none in the third, and so on.
RunConfig config_with_layer_list() {
  RunConfig config = sample_config();
  config.component("positional_encoding") = component("positional_encoding", "alibi");
  config.component("positional_encoding").label = "near";
  config.encoding_plan = {{{2, {"near"}, 8}, {1, {}, 0}}};
  return config;
}

TEST_F(CheckpointTest, ALayerListComesBackAndAnotherIsRefused) {
  SampleRun run(1);
  const RunConfig config = config_with_layer_list();
  save(run, config);
  EXPECT_TRUE(load(run, config).notices.empty());
  const CheckpointFile saved(file);
  EXPECT_EQ(recorded_plan(saved), config.encoding_plan);
  EXPECT_EQ(saved.own()->at("format", "nopos").integer, 2);

  const auto refusal = [&](const RunConfig& other) {
    const std::string message = message_of(ExitCode::configuration, [&] { load(run, other); });
    return message.substr(0, message.find(": it cannot")).substr(file.string().size());
  };
  EXPECT_EQ(refusal(sample_config()),
            " was trained with --positional-encoding 2xnear=alibi@8,none, this run has none");
  RunConfig other = config;
  other.encoding_plan.groups[0].window = 9;
  EXPECT_EQ(refusal(other),
            " was trained with --positional-encoding 2xnear=alibi@8,none, this run has 2xnear=alibi@9,none");
  other.encoding_plan = {};
  EXPECT_EQ(refusal(other),
            " was trained with --positional-encoding 2xnear=alibi@8,none, this run has near=alibi");
  other.component("positional_encoding").label = "";
  EXPECT_EQ(refusal(other),
            " was trained with --positional-encoding 2xnear=alibi@8,none, this run has alibi");

  save(run);
  EXPECT_EQ(refusal(config),
            " was trained with --positional-encoding none, this run has 2xnear=alibi@8,none");
  const CheckpointFile one_stack(file);
  EXPECT_EQ(one_stack.own()->at("format", "nopos").integer, 1);
  EXPECT_EQ(one_stack.own()->get(keys::encoding_layers), nullptr);
}

TEST_F(CheckpointTest, OptionsOfALabelAreCompared) {
  SampleRun run(1);
  RunConfig config = config_with_layer_list();
  config.component("positional_encoding").options.values["rate"] = 0.5;
  save(run, config);
  config.component("positional_encoding").options.values["rate"] = 0.25;
  const std::string message = message_of(ExitCode::configuration, [&] { load(run, config); });
  EXPECT_NE(message.find("; near=alibi --rate: checkpoint 0.5, this run 0.25."), std::string::npos)
      << message;
}

TEST_F(CheckpointTest, AnotherDictionaryIsRefused) {
  SampleRun run(1);
  save(run);
  const std::string other_size = message_of(ExitCode::data, [&] {
    load(run, sample_config(), {.dictionary = {11, "0123456789abcdef"}});
  });
  EXPECT_NE(other_size.find("it has 11 types, that of the checkpoint has 10"), std::string::npos)
      << other_size;
  const std::string other_words = message_of(ExitCode::data, [&] {
    load(run, sample_config(), {.dictionary = {10, "ffffffffffffffff"}});
  });
  EXPECT_NE(other_words.find("not the same words"), std::string::npos) << other_words;
}

TEST_F(CheckpointTest, AnotherModelIsRefusedWithBothSides) {
  SampleRun run(1), wide(1, 10, 6), deep(1, 10, 4, 3), shallow(1, 10, 4, 1);
  save(run);
  const at::Tensor before = wide.model->parameters()[0].clone();
  const std::string message = message_of(ExitCode::data, [&] { load(wide); });
  EXPECT_NE(message.find("6 of its tensors differ"), std::string::npos) << message;
  EXPECT_NE(message.find("decoder.embed_tokens.weight: checkpoint [10, 4] Float, this model [10, 6] Float"),
            std::string::npos)
      << message;
  EXPECT_TRUE(at::equal(before, wide.model->parameters()[0]));
  EXPECT_NE(message_of(ExitCode::data, [&] { load(deep); })
                .find("decoder.layers.2.weight: checkpoint has none, this model [4, 4] Float"),
            std::string::npos);
  EXPECT_NE(message_of(ExitCode::data, [&] { load(shallow); })
                .find("decoder.layers.1.weight: checkpoint [4, 4] Float, this model has none"),
            std::string::npos);
}

TEST_F(CheckpointTest, CutShortOrFlippedItIsRefusedAndTheModelUntouched) {
  SampleRun run(1);
  run.update(1);
  save(run);
  const std::string bytes = nopos::test::read_file(file);
  SampleRun other(2);
  const at::Tensor before = other.model->parameters()[0].clone();
  for (std::size_t size = 0; size < bytes.size(); size += size < 200 || size + 200 > bytes.size() ? 1 : 97) {
    nopos::test::write_file(file, bytes.substr(0, size));
    const std::string message = message_of(ExitCode::data, [&] { load(other); });
    EXPECT_NE(message.find(file.string()), std::string::npos) << size << " " << message;
  }
  int refused = 0, tried = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 61, ++tried) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    nopos::test::write_file(file, flipped);
    SampleRun fresh(2);
    try {
      load(fresh);
      expect_equal(run, fresh);  // padding or a field without meaning
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      expect_equal(other, fresh);
      ++refused;
    }
  }
  EXPECT_GT(refused, tried / 2);
  EXPECT_TRUE(at::equal(before, other.model->parameters()[0]));
}

TEST_F(CheckpointTest, AFileOfAnotherProgramIsRefused) {
  SampleRun run(1);
  Pickle pickle;
  std::string bytes;
  ZipWriter zip([&](std::string_view part) { bytes += part; });
  zip.add("archive/data.pkl", write_pickle(*pickle.dict({{"model", pickle.ordered_dict({})}})));
  zip.finish();
  nopos::test::write_file(file, bytes);
  EXPECT_NE(message_of(ExitCode::data, [&] { load(run); }).find("neither by nopos-host nor by fairseq"),
            std::string::npos);
  nopos::test::write_file(file, "some text");
  EXPECT_NE(message_of(ExitCode::data, [&] { load(run); }).find("it is text"), std::string::npos);
}

/// The opcodes of a pickle with the number of bytes that follow: those that torch.load(weights_only=True) of
/// PyTorch 2.6 executes (torch/_weights_only_unpickler.py). -1: a length or lines follow.
const std::map<unsigned char, int> allowed_opcodes = {
    {'c', -1}, {0x81, 0}, {'R', 0},  {'b', 0},  {'a', 0},   {'e', 0},  {'s', 0},  {'u', 0},  {'(', 0},
    {'t', 0},  {0x85, 0}, {0x86, 0}, {0x87, 0}, {'N', 0},   {0x89, 0}, {0x88, 0}, {')', 0},  {']', 0},
    {'}', 0},  {0x8f, 0}, {'J', 4},  {'K', 1},  {'M', 2},   {'G', 8},  {'X', -1}, {'U', -1}, {'Q', 0},
    {'h', 1},  {'j', 4},  {'q', 1},  {'r', 4},  {0x8a, -1}, {0x80, 1}};
const std::set<std::string> allowed_globals = {"collections OrderedDict", "torch FloatStorage",
                                               "torch LongStorage", "torch ByteStorage",
                                               "torch._utils _rebuild_tensor_v2"};

TEST_F(CheckpointTest, ThePickleHoldsOnlyWhatWeightsOnlyLoadingAllows) {
  SampleRun run(1);
  run.update(1);
  save(run);
  const ZipReader zip(file);
  const std::string_view stream = zip.read("archive/data.pkl");
  std::size_t at = 0, opcodes = 0;
  const auto length = [&](std::size_t width) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value |= std::size_t{static_cast<unsigned char>(stream.at(at++))} << 8 * i;
    return value;
  };
  const auto line = [&] {
    const std::size_t end = stream.find('\n', at);
    const std::string text(stream.substr(at, end - at));
    at = end + 1;
    return text;
  };
  while (stream.at(at) != '.') {
    const auto opcode = static_cast<unsigned char>(stream[at++]);
    ASSERT_TRUE(allowed_opcodes.contains(opcode)) << "opcode " << int{opcode} << " at " << at;
    ++opcodes;
    if (const int bytes = allowed_opcodes.at(opcode); bytes >= 0) {
      at += static_cast<std::size_t>(bytes);
    } else if (opcode == 'c') {
      const std::string module = line(), name = module + " " + line();
      EXPECT_TRUE(allowed_globals.contains(name)) << name;
    } else {
      at += length(opcode == 'X' ? 4 : 1);
    }
  }
  EXPECT_EQ(at + 1, stream.size());
  EXPECT_GT(opcodes, 1000u);
  EXPECT_EQ(stream.substr(0, 2), "\x80\x02");
}

TEST_F(CheckpointTest, PythonSeesEqualKeysShapesTypesAndValues) {
  const std::string python = "/usr/bin/python3";
  if (nopos::test::run({python, "-c", "import torch"}).exit_code != 0) {
    GTEST_SKIP() << "no PyTorch for " << python << " (Debian: python3-torch)";
  }
  SampleRun run(1);
  run.update(2);
  save(run);
  const auto result = nopos::test::run({python, NOPOS_SOURCE_DIR "/tests/checkpoints/describe.py", file});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, test::describe(file));
}

TEST_F(CheckpointTest, WhatIsDescribedIsWhatIsInMemory) {
  SampleRun run(1);
  run.update(2);
  save(run);
  std::string expected = "/model\tOrderedDict\t8\n";
  for (const auto& [name, tensor] : state_dict(*run.model)) {
    std::string shape;
    for (const std::int64_t size : tensor.sizes()) {
      if (!shape.empty()) shape += ',';
      shape += std::to_string(size);
    }
    const at::Tensor plain = tensor.contiguous();
    char crc[16];
    std::snprintf(crc, sizeof crc, "%08x",
                  crc32({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()}));
    expected += "/model/" + name + "\ttensor\t" + (tensor.scalar_type() == at::kLong ? "int64" : "float32") +
                " [" + shape + "] " + crc + "\n";
  }
  EXPECT_EQ(test::describe(file, "model"), expected);
}

TEST_F(CheckpointTest, EqualRunsGiveEqualBytes) {
  SampleRun first(1), second(1);
  first.update(2), second.update(2);
  save(first);
  const std::string bytes = nopos::test::read_file(file), text = test::describe(file);
  save(second);
  EXPECT_EQ(test::describe(file), text);
  EXPECT_TRUE(bytes == nopos::test::read_file(file));
}

TEST_F(CheckpointTest, AModelUnknownToTheReferenceHasANameThatItRefuses) {
  SampleRun run(1);
  RunConfig config = sample_config();
  const auto name = [&] {
    save(run, config);
    const std::string cfg = test::describe(file, "cfg");
    const std::size_t at = cfg.find("/cfg/model/_name\tstr\t");
    return cfg.substr(at, cfg.find('\n', at) - at).substr(21);
  };
  EXPECT_EQ(name(), "transformer_lm");
  config.component("architecture").given_name = "transformer_lm_wiki103";
  EXPECT_EQ(name(), "transformer_lm_wiki103");
  std::vector<ChosenComponent>& encodings = config.components["positional_encoding"];
  encodings = {component("positional_encoding", "sinusoidal"), component("positional_encoding", "alibi")};
  EXPECT_EQ(name(), "transformer_lm_wiki103");
  encodings = {component("positional_encoding", "alibi"), component("positional_encoding", "sinusoidal")};
  EXPECT_EQ(name(), "nopos.transformer_lm:transformer_lm+alibi+sinusoidal");
  encodings = {component("positional_encoding", "none")};
  encodings[0].plugin_id = "acme.none";
  EXPECT_EQ(name(), "nopos.transformer_lm:transformer_lm+none");
  config = config_with_layer_list();
  EXPECT_EQ(name(), "nopos.transformer_lm:transformer_lm+2xnear=alibi@8,none");
  config.encoding_plan = {};
  EXPECT_EQ(name(), "nopos.transformer_lm:transformer_lm+near=alibi");
  config = sample_config();
  config.component("architecture") =
      component("architecture", "transformer_lm", {{"twisted-attention", true}});
  EXPECT_EQ(name(), "nopos.transformer_lm:transformer_lm+none");
}

}  // namespace
}  // namespace nopos::engine
