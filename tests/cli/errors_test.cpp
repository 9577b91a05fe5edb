// What users get wrong, and what they are told: exit code, place, value, way out.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

TEST_CASE("the command line itself") {
  CHECK(cli({}).code == 2);
  const CliRun verb = cli({"rnu"});
  CHECK(verb.code == 2);
  CHECK(verb.err == "error: no such verb: \"rnu\"\n  help: did you mean \"run\"?\n");
  const CliRun flag = cli({"run", "--hardwear", "x"});
  CHECK(flag.code == 2);
  CHECK(contains(flag.err, "unknown option \"--hardwear\"\n  help: did you mean \"--hardware\"?"));
  CHECK(cli({"run", "--hard", "gh200-96"}).code == 2);  // abbreviations are not guessed
  CHECK(cli({"run", "a.json", "b.json"}).code == 2);
  CHECK(cli({"run", "--tp"}).code == 2);
  CHECK(cli({"run", "--out", ""}).code == 2);
  const CliRun format = cli({"run", "--format", "jsn"});
  CHECK(format.code == 2);
  CHECK(contains(format.err, "did you mean \"json\"?"));
}

TEST_CASE("numbers out of range") {
  for (const char* seed : {"-1", "1.5", "1e400", "nan", "0x7", "", "99999999999999999999"}) {
    CAPTURE(seed);
    const CliRun run = cli({"run", "--seed", seed});
    CHECK(run.code == 2);
    CHECK(contains(run.err, "--seed: seed must be an integer from 0 to 9007199254740992"));
  }
  CHECK(cli({"run", "--set", "engine.gpu_memory_utilization=1.1"}).code == 2);
}

TEST_CASE("values that are wrong only together, or only for this load") {
  const CliRun pages = cli({"run", "--set", "engine.page_tokens=24"});
  CHECK(pages.code == 3);
  CHECK(contains(pages.err, "engine.page_tokens 24 is not a power of two\n  help: 16 is"));
  const CliRun block = cli({"run", "--set", "engine.page_tokens=1024"});
  CHECK(block.code == 3);
  CHECK(contains(block.err, "does not divide the 512-token blocks of chat.jsonl.gz\n  help: at most 512"));
  const CliRun budget = cli({"run", "--set", "engine.max_num_batched_tokens=100"});
  CHECK(budget.code == 3);
  CHECK(contains(budget.err, "engine.max_num_batched_tokens 100 is less than engine.max_num_seqs 256"));
  const CliRun drafts = cli({"run", "--set", "engine.draft_tokens=40"});
  CHECK(drafts.code == budget.code);
  CHECK(contains(drafts.err, "take up to 10496 tokens of a step, more than engine.max_num_batched_tokens 8192"));
  const CliRun dram = cli({"run", "--set", "offload.dram_bytes=100"});
  CHECK(dram.code == 3);
  CHECK(contains(dram.err, "holds no block: 512 tokens take 67108864 bytes"));
}

TEST_CASE("tiers in an order that cannot be") {
  const CliRun narrow = cli({"run", "--offload", "dram+ssd", "--set", "offload.ssd_scope=replica"});
  CHECK(narrow.code == 3);
  CHECK(contains(narrow.err, "offload.ssd_scope replica is narrower than offload.dram_scope node"));
  CHECK(contains(narrow.err, "help: widen offload.ssd_scope, or narrow offload.dram_scope"));
  const CliRun circle = cli({"run", "--offload", "dram+ssd+remote", "--set", "offload.ssd_scope=fleet", "--set",
                             "offload.remote_scope=node"});
  CHECK(circle.code == 3);
  CHECK(contains(circle.err, "offload.remote_scope node is narrower than offload.ssd_scope fleet"));
  CHECK(cli({"run", "--offload", "ssd+dram"}).code == 2);
  CHECK(cli({"run", "--set", "offload.ssd_scope=rack"}).code == 2);
  const CliRun policy = cli({"run", "--set", "offload.ssd_eviction=lruu"});
  CHECK(policy.code == 2);
  CHECK(contains(policy.err, "sieve"));
  const CliRun small = cli({"run", "--offload", "dram+ssd", "--set", "offload.ssd_bytes=1000"});
  CHECK(small.code == 3);
  CHECK(contains(small.err, "holds no block"));
}

TEST_CASE("a preset copies as its system does where that was measured, and by DMA elsewhere") {
  const std::vector<std::string> run = {"run", "--set", "offload.preset=lmcache", "--set", "trace.limit=20"};
  const auto on = [&](const char* hardware) {
    std::vector<std::string> words = run;
    words.insert(words.end(), {"--hardware", hardware});
    return cli(words);
  };
  CHECK(contains(on("x86-h100-sxm").out, "copies by SM kernels slow compute by a further factor of 1.1 (assumed"));
  CHECK(contains(on("gh200-96").out, "copies by kernel were not measured on gh200-96: taken as DMA"));
  CHECK(cli({"run", "--set", "offload.copy_method=kernel", "--hardware", "gh200-96"}).code == 4);
}

TEST_CASE("copies of fewer segments than were measured, or of smaller ones, are told to be extrapolated") {
  const auto by = [](const char* method, const char* chunk) {
    return cli({"run", "--set", "trace.limit=20", "--offload", "dram", "--set", "offload.layout=layer-first", "--set",
                std::string("offload.copy_method=") + method, "--set", std::string("offload.chunk_tokens=") + chunk})
        .out;
  };
  CHECK(contains(by("batch", "256"), "were measured from 10000 segments on, and a chunk of 256 tokens has 1024"));
  CHECK(contains(by("kernel", "16"), "were measured from 1000 segments on, and a chunk of 16 tokens has 64"));
  CHECK_FALSE(contains(by("kernel", "256"), "segments on, and a chunk"));
}

TEST_CASE("a run in which nothing fits says so, and is not called stable") {
  const CliRun run = cli({"run", "--set", "engine.max_context_tokens=64", "--set", "trace.limit=20"});
  CHECK(contains(run.out, "overloaded: all requests were refused"));
}

TEST_CASE("help and version are results, not errors") {
  for (const char* word : {"--help", "--version", "help"}) {
    const CliRun run = cli({word});
    CHECK(run.code == 0);
    CHECK(run.err.empty());
    CHECK_FALSE(run.out.empty());
  }
  for (const Verb& verb : verbs()) {
    const CliRun run = cli({verb.name, "--help"});
    CAPTURE(verb.name);
    CHECK(run.code == 0);
    CHECK(contains(run.out, std::string("kvplan ") + verb.name));
    CHECK(contains(cli({"--help"}).out, verb.summary));
  }
}

TEST_CASE("a scenario file that is wrong: every finding with line and column") {
  Folder folder;
  const std::string path = folder.file("s.json", "{\n  \"tp\": -1,\n  \"hardwear\": \"gh200-96\"\n}");
  const CliRun run = cli({"run", path});
  CHECK(run.code == 3);
  CHECK(run.out.empty());
  CHECK(contains(run.err, path + ":2:"));
  CHECK(contains(run.err, path + ":3:3: error: unknown key \"hardwear\"\n  help: did you mean \"hardware\"?"));
  CHECK(cli({"run", (folder.path / "missing.json").string()}).code == 3);
  const CliRun syntax = cli({"run", folder.file("t.json", "{\n  \"tp\": 1\n  \"model\": 2\n}")});
  CHECK(syntax.code == 3);
  CHECK(contains(syntax.err, "t.json:3:"));
}

TEST_CASE("names that nobody knows, at the place that set them") {
  Folder folder;
  const std::string path = folder.file("s.json", "{\n  \"hardware\": \"gh200-69\"\n}");
  const CliRun hardware = cli({"run", path});
  CHECK(hardware.code == 3);
  CHECK(contains(hardware.err, path + ":2:"));
  CHECK(contains(hardware.err, "did you mean \"gh200-96\"?"));
  const CliRun model = cli({"run", "--model", "llama-3.1-8bb"});
  CHECK(model.code == 3);
  CHECK(contains(model.err, "--model"));
  CHECK(contains(model.err, "did you mean \"llama-3.1-8b\"?"));
}

TEST_CASE("traces that cannot be replayed") {
  Folder folder;
  const auto run = [&](const std::string& text) { return cli({"run", "--trace", folder.file("t.jsonl", text)}); };
  const char* good = "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n";
  CHECK(run(good).code == 0);
  for (const char* line :
       {"{\"timestamp\": 1, \"input_len",
        "{\"timestamp\": 1, \"input_length\": \"600\", \"output_length\": 5, \"hash_ids\": [1, 2]}\n",
        "{\"timestamp\": 1, \"input_length\": -600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n",
        "{\"timestamp\": 1, \"input_length\": 6e18, \"output_length\": 5, \"hash_ids\": [1, 2]}\n"}) {
    CAPTURE(line);
    const CliRun bad = run(std::string(good) + line);
    CHECK(bad.code == 3);
    CHECK(contains(bad.err, "t.jsonl:2"));
  }
  CHECK(run("").code == 3);
  CHECK(run("\x7f"
            "ELF\x01\x02")
            .code == 3);
  CHECK(run("time,in,out\n1,2,3\n").code == 3);
  CHECK(cli({"run", "--trace", (folder.path / "missing.jsonl").string()}).code == 3);
  CHECK(cli({"run", "--set", "trace.window_start_s=9", "--set", "trace.window_end_s=8"}).code == 3);
}

TEST_CASE("a prompt beyond the window is refused, counted, and told loudly") {
  Folder folder;
  const std::string trace =
      folder.file("t.jsonl",
                  "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n"
                  "{\"timestamp\": 9000, \"input_length\": 900, \"output_length\": 200, \"hash_ids\": [3, 4]}\n");
  const CliRun run = cli({"run", "--trace", trace, "--set", "engine.max_context_tokens=1024"});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "REFUSED: 1 of 2 requests (prompt + output exceed the window of 1024 tokens)"));
  const CliRun beyond =
      cli({"run", "--trace", trace, "--model", "opt-6.7b", "--set", "engine.max_context_tokens=4096"});
  CHECK(beyond.code == 3);
  CHECK(contains(beyond.err, "exceeds the window of opt-6.7b, 2048 tokens"));
}

TEST_CASE("a model that does not fit: alone it is infeasible, beside others its column says so") {
  const CliRun alone = cli({"run", "--model", "llama-3.1-70b", "--hardware", "gh200-96", "--limit", "5"});
  CHECK(alone.code == 4);
  CHECK(alone.out.empty());
  CHECK(contains(alone.err, "141"));  // GB of weights
  const CliRun beside = cli({"run", "--model", "llama-3.1-70b", "--hardware", "gh200-96,gh200-144", "--weights", "fp8",
                             "--limit", "5", "--offload", "none"});
  CHECK(beside.code == 0);
  const CliRun some = cli({"run", "--model", "llama-3.1-70b", "--hardware", "gh200-96,gh200-144", "--limit", "5",
                           "--set", "engine.gpu_memory_utilization=1", "--offload", "none", "--weights", "bf16"});
  CHECK(contains(some.out, "gh200-96 none: does not fit"));
  const CliRun wide = cli({"run", "--hardware", "gh200-96", "--tp", "2"});
  CHECK(wide.code == 4);
  CHECK(contains(wide.err, "a replica of 2 GPUs is wider than a node of gh200-96, which has 1"));
}

TEST_CASE("a number may lack the digit ahead of its point on the command line") {
  CHECK(cli({"run", "--limit", "20", "--rate-scale", ".5", "--format", "json"}).json()["kv"] ==
        cli({"run", "--limit", "20", "--rate-scale", "0.5", "--format", "json"}).json()["kv"]);
  CHECK(cli({"run", "--print-config", "--set", "offload.dram_bytes=.5 TB"}).code == 0);
  for (const char* wrong : {".", "-.", "-.5", ".e5", "..5"}) CHECK(cli({"run", "--rate-scale", wrong}).code == 2);
}

TEST_CASE("every refusal says what to do") {
  const Folder folder;
  const auto file = [&](const char* text) { return folder.file("in.json", text); };
  const auto helps = [](const CliRun& run, const char* help) {
    CAPTURE(run.err);
    CHECK((run.code == 2 || run.code == 3));
    CHECK(contains(run.err, std::string("\n  help: ") + help));
  };
  helps(cli({"run", file(R"({"seed": 1e400})")}), "no number exceeds 1.8e308");
  helps(cli({"run", file(R"({"trace": 5})")}), "it holds options, as in {\"path\": ...}");
  helps(cli({"run", file(R"({"engine": null})")}), "it holds options, as in {\"eviction\": ...}");
  helps(cli({"run", "--tp", "1", "--tp", "2"}), "keep one of them");
  helps(cli({"run", "--tp"}), "--help tells what each option takes");
  helps(cli({"sweep", "run", "s.json", "--out", "d"}), "--help shows the usage");
  helps(cli({"model", "import", file(R"({"model_type": "llama"})")}), "the object that begins here needs it");
}
