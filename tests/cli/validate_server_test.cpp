// kvplan validate server: measured rows in, predictions beside them.
#include <fmt/format.h>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

const std::string kHeader =
    "system,backend,backend_version,model,precision,isl,osl,concurrency,tp,ttft_ms_mean,tpot_ms_mean\n";

std::string row(const std::string& model, int isl, int osl, int clients, double ttft, double tpot) {
  return fmt::format("h100_sxm,vllm,0.12.0,{},bf16,{},{},{},1,{},{}\n", model, isl, osl, clients, ttft, tpot);
}

}  // namespace

TEST_CASE("a file without a description takes the usual setting and the constants that ship") {
  Folder folder;
  const std::string csv = folder.file("own.csv", kHeader + row("meta-llama/Llama-3.1-8B-Instruct", 1024, 128, 4, 90, 9) +
                                                     row("meta-llama/Llama-3.1-8B-Instruct", 512, 128, 8, 90, 9));
  const CliRun run = cli({"validate", "server", csv, "--format", "json"});
  CHECK(run.code == 0);  // nothing is judged
  const auto j = run.json();
  CHECK(contains(j["benchmark"]["title"], "no description"));
  REQUIRE(j["rows"].size() == 2);
  const auto& r = j["rows"][0];
  CHECK(r["fitted"] == false);
  CHECK(r["error"]["ttft"].get<double>() ==
        Approx(r["predicted"]["ttft_s"].get<double>() / r["measured"]["ttft_s"].get<double>() - 1));
  CHECK(j["sensitivity"].size() > 5);
  CHECK(j["sensitivity"][0]["change"] == "as described");
  const CliRun text = cli({"validate", "server", csv, "--rows", "--no-sensitivity"});
  CHECK(contains(text.out, "All rows"));
  CHECK_FALSE(contains(text.out, "if the benchmark was"));
}

TEST_CASE("a description of one's own decides how rows are simulated and judged") {
  Folder folder;
  const std::string csv = folder.file("own.csv", kHeader + row("llama-3.1-8b", 1024, 128, 4, 90, 9));
  const auto predicted = [&](const std::string& more) {
    const std::string json = folder.file("b.json", "{\"title\": \"t\", \"source\": \"s\"" + more + "}");
    const CliRun run = cli({"validate", "server", csv, "--benchmark", json, "--format", "json", "--no-sensitivity"});
    CAPTURE(run.err);
    CHECK(run.code == 0);
    return run.json()["rows"][0]["predicted"]["ttft_s"].get<double>();
  };
  const double usual = predicted("");
  CHECK(predicted(", \"requests_per_client\": 1") > usual);  // only the first burst, which queues
  CHECK(predicted(", \"skip_first_burst\": true") < usual);
  CHECK(predicted(", \"sequences_beyond_clients\": {\"vllm\": -1}") > 1.2 * usual);
  const std::string strict = folder.file(
      "strict.json", "{\"title\": \"t\", \"source\": \"s\", \"targets\": {\"ttft\": 0.001, \"tpot\": 1, \"e2e\": 1}}");
  const CliRun missed = cli({"validate", "server", csv, "--benchmark", strict, "--no-sensitivity"});
  CHECK(missed.code == 5);
  CHECK(contains(missed.out, "MISSED"));
  const std::string wrong = folder.file("wrong.json", "{\"title\": \"t\", \"source\": \"s\", \"spacing\": 1, \"length_jitter\": 2}");
  const CliRun bad = cli({"validate", "server", csv, "--benchmark", wrong});
  CHECK(bad.code == 3);
  CHECK(contains(bad.err, "did you mean \"spacing_s\"?"));
  CHECK(contains(bad.err, "length_jitter"));
}

TEST_CASE("what cannot be predicted is told with its line") {
  Folder folder;
  const std::string csv = folder.file("own.csv", kHeader + row("meta-llama/Lama-3.1-8B", 1024, 128, 4, 90, 9));
  const CliRun unknown = cli({"validate", "server", csv});
  CHECK(unknown.code == 3);
  CHECK(contains(unknown.err, "own.csv:2:"));
  CHECK(contains(unknown.err, "did you mean \"llama-3.1-8b\"?"));
  const std::string few = folder.file("few.csv", kHeader + row("llama-3.1-8b", 1024, 128, 4, 90, 9));
  const CliRun fit = cli({"validate", "server", few, "--fit", "every-second"});
  CHECK(fit.code == 3);
  CHECK(contains(fit.err, "too few"));
  CHECK(cli({"validate", "server", few, "--fit", "all"}).code == 2);
  CHECK(cli({"validate", "server"}).code == 2);
  CHECK(cli({"validate", "server", few + "x"}).code == 3);
}
