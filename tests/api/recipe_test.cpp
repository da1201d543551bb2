// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "api/recipe.h"
#include "halftone/model.h"
#include "halftone/recipe.h"

namespace {

using namespace halftone;

constexpr const char* kYolox = R"([model]
path = "yolox.onnx"
input_shape = [1, 3, 416, 416]
[preprocess]
size = [416, 320]
place = "center"
pad = [1, 2, 3]
mean = [103.53, 116.28, 123.675]
std = [57, 57.12, 58.395]
[task]
type = "detection"
head = "yolox"
strides = [8, 16, 32]
classes = "coco80"
[calibration]
images = "photos/*.jpg"
count = 7
[validation]
images = "/data/val"
annotations = "val.json"
[quantize]
target = "onnxruntime"
keep_float = ["stem", "head \"x\""]
)";

constexpr const char* kLastLine = R"(keep_float = ["stem", "head \"x\""])";

Result<Recipe> parse(std::string_view text) { return parse_recipe(text, "somewhere", "r.toml"); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Recipe, ReadsEverySection) {
  const auto recipe = parse(kYolox);
  ASSERT_TRUE(recipe) << recipe.error().text();
  EXPECT_EQ(recipe->model.path, "somewhere/yolox.onnx");
  EXPECT_EQ(recipe->model.input_shape, (std::vector<int64_t>{1, 3, 416, 416}));
  ASSERT_TRUE(recipe->preprocess);
  EXPECT_EQ(recipe->preprocess->height, 416);
  EXPECT_EQ(recipe->preprocess->width, 320);
  EXPECT_EQ(recipe->preprocess->place, Place::kCenter);
  EXPECT_EQ(recipe->preprocess->pad, (std::array<uint8_t, 3>{1, 2, 3}));
  EXPECT_EQ(recipe->preprocess->std[0], 57.0f);
  EXPECT_EQ(recipe->task.type, TaskType::kDetection);
  EXPECT_EQ(recipe->task.class_list, "coco80");
  EXPECT_EQ(recipe->calibration->images, "somewhere/photos/*.jpg");
  EXPECT_EQ(recipe->calibration->count, 7);
  EXPECT_EQ(recipe->validation->images, "/data/val");
  EXPECT_EQ(recipe->validation->annotations, "somewhere/val.json");
  EXPECT_EQ(recipe->quantize.target, "onnxruntime");
  EXPECT_EQ(recipe->quantize.keep_float[1], "head \"x\"");
}

TEST(Recipe, WrittenRecipesReadBackTheSame) {
  const auto recipe = parse(kYolox);
  ASSERT_TRUE(recipe);
  const std::string text = format_recipe(*recipe, "somewhere");
  const auto again = parse(text);
  ASSERT_TRUE(again) << again.error().text() << "\n" << text;
  EXPECT_EQ(*again, *recipe) << text;
}

TEST(Recipe, StoredPartHasNoPathsAndReadsBackTheSame) {
  auto recipe = parse(kYolox);
  ASSERT_TRUE(recipe);
  const std::string text = ht::stored_recipe(*recipe);
  EXPECT_EQ(text.find("somewhere"), std::string::npos);
  EXPECT_EQ(text.find("yolox.onnx"), std::string::npos);
  EXPECT_EQ(text.find('#'), std::string::npos);
  const auto again = ht::parse_stored_recipe(text, "metadata");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->preprocess, recipe->preprocess);
  EXPECT_EQ(again->task, recipe->task);
  EXPECT_EQ(again->quantize, recipe->quantize);
}

TEST(Recipe, EveryKeyOfHeadsReadsBackTheSame) {
  const auto recipe = parse(replaced(kYolox, "strides = [8, 16, 32]", R"(strides = [8, 16]
anchors = [[[10, 13], [16.5, 30]], [[33, 23]]]
boxes = "fractions"
scores = "softmax"
background = "last"
order = "cycxhw"
priors = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1, 1]]
sizes = [[12.64, 20], [30]]
ratios = [[1, 0.333333333], [2]]
steps = [8.1, 16]
variances = [0.1, 0.2]
first_class = 1)"));
  ASSERT_TRUE(recipe) << recipe.error().text();
  EXPECT_EQ(recipe->task.anchors[0][1], (Anchor{16.5f, 30}));
  EXPECT_EQ(recipe->task.scores, ScoreForm::kSoftmax);
  EXPECT_EQ(recipe->task.background, Background::kLast);
  EXPECT_EQ(recipe->task.order, BoxOrder::kCycxhw);
  EXPECT_EQ(recipe->task.priors[1], (Prior{0.5f, 0.5f, 1, 1}));
  EXPECT_EQ(recipe->task.sizes[0][0], 12.64f);
  EXPECT_EQ(recipe->task.steps, (std::vector<float>{8.1f, 16}));
  EXPECT_EQ(recipe->task.first_class, 1);
  const std::string text = format_recipe(*recipe, "somewhere");
  const auto again = parse(text);
  ASSERT_TRUE(again) << again.error().text() << "\n" << text;
  EXPECT_EQ(*again, *recipe) << text;
  const auto stored = ht::parse_stored_recipe(ht::stored_recipe(*recipe), "metadata");
  ASSERT_TRUE(stored) << stored.error().text();
  EXPECT_EQ(stored->task, recipe->task);
}

TEST(Recipe, PriorsMayBeAnArray) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("priors_{}", getpid());
  std::filesystem::create_directories(folder);
  const std::vector<float> rows = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f};
  ASSERT_TRUE(write_npy(folder / "priors.npy", Tensor::of_floats("", {2, 4}, rows)));
  ASSERT_TRUE(write_npy(folder / "flat.npy", Tensor::of_floats("", {8}, rows)));
  const auto read = [&](const std::string& file) {
    return parse_recipe(replaced(kYolox, "strides = [8, 16, 32]", "priors = \"" + file + "\""), folder, "r.toml");
  };
  const auto recipe = read("priors.npy");
  ASSERT_TRUE(recipe) << recipe.error().text();
  EXPECT_EQ(recipe->task.priors, (std::vector<Prior>{{0.1f, 0.2f, 0.3f, 0.4f}, {0.5f, 0.6f, 0.7f, 0.8f}}));
  EXPECT_FALSE(read("flat.npy"));
  // What stands in a model must not name files.
  const std::string file = (folder / "priors.npy").string();
  const auto stored = ht::parse_stored_recipe("[task]\ntype = \"none\"\npriors = \"" + file + "\"\n", "metadata");
  ASSERT_FALSE(stored);
  EXPECT_NE(stored.error().message.find("must be a list"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(Recipe, AModelsOwnRecipeNamesNoFiles) {
  for (const std::string section : {"[model]\npath = \"/other.onnx\"", "[calibration]\nimages = \"/photos\"", "[validation]\nimages = \"/photos\""}) {
    const auto stored = ht::parse_stored_recipe("[task]\ntype = \"none\"\n" + section + "\n", "metadata");
    ASSERT_FALSE(stored) << section;
    EXPECT_EQ(stored.error().code, ErrorCode::kInput);
    EXPECT_NE(stored.error().text().find("metadata:3: a model's own recipe must not name files"), std::string::npos) << stored.error().text();
  }
}

TEST(Recipe, TheHeadMayBeLeftToTheModel) {
  const auto recipe = parse(replaced(kYolox, "head = \"yolox\"\n", ""));
  ASSERT_TRUE(recipe) << recipe.error().text();
  const auto again = parse(format_recipe(*recipe, "somewhere"));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, *recipe);
}

TEST(Recipe, ArraysServeAsData) {
  const auto recipe = parse("[model]\npath = \"kws.onnx\"\n[task]\ntype = \"classification\"\n[calibration]\nimages = [\"x.npy\"]\n");
  ASSERT_TRUE(recipe) << recipe.error().text();
  EXPECT_EQ(recipe->calibration->arrays, (std::vector<std::string>{"somewhere/x.npy"}));
  EXPECT_FALSE(recipe->preprocess);
}

struct Case {
  const char* from;
  const char* to;
  ErrorCode code;
  const char* says;
  const char* place;
};

class Fault : public testing::TestWithParam<Case> {};

TEST_P(Fault, IsASentenceWithALine) {
  const Case& c = GetParam();
  const auto recipe = parse(replaced(kYolox, c.from, c.to));
  ASSERT_FALSE(recipe);
  EXPECT_EQ(recipe.error().code, c.code);
  EXPECT_NE(recipe.error().message.find(c.says), std::string::npos) << recipe.error().text();
  EXPECT_EQ(recipe.error().place, c.place);
}

constexpr ErrorCode kInput = ErrorCode::kInput;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

INSTANTIATE_TEST_SUITE_P(
    Recipe, Fault,
    testing::Values(
        Case{"size =", "sise =", kInput, "did you mean 'size'", "r.toml:5"},
        Case{"[task]", "[tsak]", kInput, "did you mean 'task'", "r.toml:10"},
        Case{"\"center\"", "\"centre\"", kInput, "did you mean 'center'", "r.toml:6"},
        Case{"\"yolox\"", "\"yolx\"", kInput, "did you mean 'yolox'", "r.toml:12"},
        Case{"\"coco80\"", "\"coco\"", kInput, "coco80", "r.toml:14"},
        Case{"\"coco80\"", "[\"a\", \"a\"]", kInput, "a", "r.toml:14"},
        Case{"\"coco80\"", "[]", kInput, "empty", "r.toml:14"},
        Case{"[416, 320]", "[416]", kInput, "height, width", "r.toml:5"},
        Case{"[416, 320]", "[416, 0]", kInput, "from 1 to", "r.toml:5"},
        Case{"[416, 320]", "\"416\"", kInput, "list", "r.toml:5"},
        Case{"[1, 2, 3]", "[1, 2, 256]", kInput, "0 to 255", "r.toml:7"},
        Case{"[57, 57.12, 58.395]", "[57, 0, 1]", kInput, "divided", "r.toml:9"},
        Case{"[57, 57.12, 58.395]", "[57, inf, 1]", kInput, "numbers", "r.toml:9"},
        Case{"[8, 16, 32]", "[8, -16, 32]", kInput, "strides", "r.toml:13"},
        Case{"[8, 16, 32]", "[8, 16, 99999999999999]", kInput, "strides", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "score_threshold = 1.5", kInput, "from 0 to 1", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "multi_label = 1", kInput, "true or false", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "anchors = [[[1, 2, 3]]]", kInput, "[width, height]", "r.toml:13"},
        Case{"strides =", "stride =", kInput, "did you mean 'strides'", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "variance = [1, 2]", kInput, "did you mean 'variances'", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "variances = [0.1]", kInput, "two numbers", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "background = \"frist\"", kInput, "did you mean 'first'", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "order = \"xywhc\"", kInput, "did you mean 'xywh'", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "scores = \"softmx\"", kInput, "did you mean 'softmax'", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "priors = [[0.5, 0.5, 0.1]]", kInput, "[centre x, centre y, width, height]", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "priors = [[0.5, 0.5, 0.1, 0]]", kInput, "above 0", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "priors = \"nowhere.npy\"", kInput, "nowhere.npy", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "sizes = [[10]]", kInput, "belong together", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "sizes = [10]", kInput, "one a stride", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "sizes = [[10, 20]]\nratios = [[1, 2, 3]]", kInput, "give as many", "r.toml:14"},
        Case{"strides = [8, 16, 32]", "strides = [8]\nratios = [[1], [2]]\nsizes = [[1], [2]]", kInput, "one list a stride", "r.toml:15"},
        Case{"strides = [8, 16, 32]", "steps = [8]", kInput, "each of 'strides'", "r.toml:13"},
        Case{"strides = [8, 16, 32]", "first_class = \"one\"", kInput, "whole number", "r.toml:13"},
        Case{"count = 7", "count = 0", kInput, "at least 1", "r.toml:17"},
        Case{"path = \"yolox.onnx\"", "path = \"\"", kInput, "not empty", "r.toml:2"},
        Case{"path = \"yolox.onnx\"\n", "", kInput, "needs 'path'", "r.toml:1"},
        Case{"\"onnxruntime\"", "\"onnxruntim\"", kInput, "did you mean 'onnxruntime'", "r.toml:22"},
        Case{"\"onnxruntime\"", "\"tensorrt\"", kUnsupported, "not built yet", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "weights = 5", kInput, "8 or 4", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "weights = \"float\"", kInput, "whole number", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "activations = 4", kInput, "8 or 16", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "weights = 16", kInput, "8 or 4", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "activations = 32", kInput, "8 or 16", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "weights = -16", kInput, "number of bits", "r.toml:22"},
        Case{"target = \"onnxruntime\"", "weights = \"float16\"\nactivations = 16", kInput, "computes in float", "r.toml:22"},
        Case{kLastLine, "[[quantize.layer]]\nmatch = \"a\"", kInput, "says nothing", "r.toml:23"},
        Case{kLastLine, "[[quantize.layer]]\nweights = 4", kInput, "needs 'match'", "r.toml:23"},
        Case{kLastLine, "[[quantize.layer]]\nmatch = \"a\"\nweight = 4", kInput, "did you mean 'weights'", "r.toml:25"},
        Case{kLastLine, "[[quantize.layer]]\nmatch = \"a\"\nweights = 16", kInput, "8 or 4", "r.toml:23"},
        Case{"target = \"onnxruntime\"", "layer = 3", kInput, "sections", "r.toml:22"},
        Case{"path = \"yolox.onnx\"", "path = yolox.onnx", kInput, "not TOML", "r.toml:2"}));

TEST(Recipe, FlagsSetTheKeysOfQuantize) {
  QuantizeSettings settings;
  EXPECT_TRUE(set_quantize_key(settings, "ranges", "minmax"));
  EXPECT_TRUE(set_quantize_key(settings, "keep_float", "a,b*"));
  EXPECT_TRUE(set_quantize_key(settings, "weights", "8"));
  EXPECT_EQ(settings.ranges, Ranges::kMinMax);
  EXPECT_EQ(settings.keep_float, (std::vector<std::string>{"a", "b*"}));

  const Status typo = set_quantize_key(settings, "ranges", "minmx");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code, ErrorCode::kUsage);
  EXPECT_NE(typo.error().message.find("did you mean 'minmax'"), std::string::npos);
  EXPECT_TRUE(set_quantize_key(settings, "weights", "4"));
  EXPECT_EQ(settings.weights, 4);
  EXPECT_TRUE(set_quantize_key(settings, "activations", "float"));
  EXPECT_EQ(settings.activations, kFloatActivations);
  EXPECT_TRUE(set_quantize_key(settings, "symmetric", "true"));
  EXPECT_EQ(settings.symmetric, true);
  EXPECT_TRUE(set_quantize_key(settings, "target", "tensorrt"));
  const Status planned = check_settings(settings);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(set_quantize_key(settings, "weights", "eight"));
  for (const SettingKey& key : quantize_keys()) {
    if (key.name == "target") continue;  // any text may be one, until all are checked
    EXPECT_FALSE(set_quantize_key(settings, key.name, "")) << key.name;
  }
  EXPECT_TRUE(set_quantize_key(settings, "seed", "9223372036854775807"));
  for (const char* seed : {"9223372036854775808", "-9223372036854775809", "99999999999999999999999", "-1", "1.5", "1x"})
    EXPECT_FALSE(set_quantize_key(settings, "seed", seed)) << seed;
}

// What goes with what is asked of all of them together, whatever came first.
TEST(Recipe, FlagsAreCheckedTogether) {
  QuantizeSettings settings;
  settings.granularity = Granularity::kTensor;
  settings.activations = 16;
  EXPECT_TRUE(set_quantize_key(settings, "weights", "float16"));
  EXPECT_TRUE(set_quantize_key(settings, "group", "32"));
  EXPECT_FALSE(check_settings(settings));
  EXPECT_TRUE(set_quantize_key(settings, "granularity", "channel"));
  EXPECT_FALSE(check_settings(settings));
  EXPECT_TRUE(set_quantize_key(settings, "activations", "float"));
  EXPECT_TRUE(set_quantize_key(settings, "group", "0"));
  EXPECT_TRUE(check_settings(settings));
}

TEST(Recipe, AnAverageOfBitsNeedsWeightsOfFour) {
  const auto with = [](std::string_view keys) { return parse_recipe(fmt::format("[model]\npath = \"net.onnx\"\n[quantize]\n{}", keys), "", "r.toml"); };
  for (const double bits : {4.0, 4.3, 5.0, 8.0}) {
    const auto recipe = with(fmt::format("weights = 4\naverage_bits = {}\n", bits));
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->quantize.average_bits, bits);
    const auto again = parse_recipe(format_recipe(*recipe, ""), "", "r.toml");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->quantize, recipe->quantize);
  }
  for (const char* keys : {"average_bits = 5", "weights = 8\naverage_bits = 5", "weights = \"float16\"\naverage_bits = 5", "weights = 4\naverage_bits = 3.9",
                           "weights = 4\naverage_bits = 8.1", "weights = 4\naverage_bits = nan", "weights = 4\naverage_bits = \"5\""}) {
    const auto refused = with(keys);
    ASSERT_FALSE(refused) << keys;
    EXPECT_NE(refused.error().message.find("average_bits"), std::string::npos) << keys;
  }
  const auto usual = with("weights = 4");
  EXPECT_EQ(format_recipe(*usual, "").find("average_bits"), std::string::npos);
  QuantizeSettings settings;
  EXPECT_TRUE(set_quantize_key(settings, "average_bits", "5.25"));
  EXPECT_EQ(settings.average_bits, 5.25);
  for (const char* text : {"five", "5x", "inf"}) EXPECT_FALSE(set_quantize_key(settings, "average_bits", text)) << text;
}

TEST(Recipe, LayersAreReadAndWritten) {
  const std::string text = R"([model]
path = "net.onnx"
[quantize]
activations = "float"
symmetric = true
[[quantize.layer]]
match = "backbone*"
weights = 4
activations = 16
[[quantize.layer]]
match = "head"
float = true
ranges = "average"
granularity = "tensor"
symmetric = false
)";
  const auto recipe = parse_recipe(text, "", "r.toml");
  ASSERT_TRUE(recipe) << recipe.error().text();
  EXPECT_EQ(recipe->quantize.activations, kFloatActivations);
  EXPECT_EQ(recipe->quantize.symmetric, true);
  const std::vector<LayerSettings> layers = {
      {.match = "backbone*", .weights = 4, .activations = 16, .symmetric = {}, .ranges = {}, .granularity = {}, .keep_float = {}},
      {.match = "head", .weights = {}, .activations = {}, .symmetric = false, .ranges = Ranges::kAverage, .granularity = Granularity::kTensor, .keep_float = true}};
  EXPECT_EQ(recipe->quantize.layers, layers);
  const auto again = parse_recipe(format_recipe(*recipe, ""), "", "again.toml");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->quantize, recipe->quantize);
}

TEST(Recipe, HugeNestingIsAnError) {
  EXPECT_FALSE(parse("a = " + std::string(100000, '[')));
  EXPECT_FALSE(parse(std::string(200000, '[')));
}

// A name of so many parts, each a table in the one before.
std::string parts(int count, const std::string& name = "a") {
  std::string key = name;
  for (int i = 1; i < count; ++i) key += "." + name;
  return key;
}

TEST(Recipe, KeysOfManyPartsAreAnErrorWithALine) {
  const std::string deep = parts(200000);
  const std::string texts[] = {deep + " = 1",
                               "[" + deep + "]",
                               "[[" + deep + "]]",
                               "x = { " + deep + " = 1 }",
                               parts(200000, "\"a#\\\"\"") + " = 1",
                               parts(200000, "'a' \t") + " = 1",
                               "x = { y = \"\"\" \" \\\"\"\"\"\"\", " + deep + " = 1 }",
                               "x = { y =  \\, " + deep + " = 1 }"};
  for (const std::string& text : texts) {
    const auto recipe = parse("# of a model\n" + text);
    ASSERT_FALSE(recipe);
    EXPECT_EQ(recipe.error().text(), "r.toml:2: nests tables deeper than a recipe needs") << text.substr(0, 50);
    EXPECT_FALSE(ht::parse_stored_recipe(text, "metadata"));
  }
}

TEST(Recipe, SurvivesRandomMarks) {
  constexpr std::string_view kMarks = "...\"\"\"\"'''\\#[]{}=\n\r, a1";
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t left = random() % 80; left > 0; --left) text += kMarks[random() % kMarks.size()];
    EXPECT_FALSE(parse(text)) << text;  // it has no [model]
  }
}

TEST(Recipe, DotsInTextsAndCommentsAreNoParts) {
  const std::string dots(1000, '.');
  for (const std::string quote : {"\"", "'", "\"\"\"", "'''"}) {
    const auto recipe = parse(replaced(kYolox, kLastLine, "keep_float = [ # " + dots + "'\"\n" + quote + dots + quote + "]"));
    ASSERT_TRUE(recipe) << recipe.error().text();
    EXPECT_EQ(recipe->quantize.keep_float, (std::vector<std::string>{dots}));
  }
}

}  // namespace
