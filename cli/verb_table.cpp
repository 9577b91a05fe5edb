#include "cli/verbs.hpp"

namespace kvplan {

ExitCode report_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/report.cpp
ExitCode study_verb(const std::vector<std::string>& arguments, Streams streams);   // cli/study.cpp
ExitCode explain_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/explain.cpp
ExitCode timeline_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/timeline.cpp
ExitCode metrics_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/metrics.cpp
ExitCode man_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/man.cpp
ExitCode completion_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/completion.cpp

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = {
      {"run", "simulate a scenario; several hardware or offload values are compared", run_verb},
      {"plan", "the cheapest fleet that meets an SLO, and how sure that is", plan_verb},
      {"compare", "two runs of one load, request by request: what differs, and is it more than chance", compare_verb, true},
      {"sweep", "simulate many scenarios over all cores, resumably; merge; submit to a cluster", sweep_verb},
      {"trace", "statistics, hit curves and synthesis of traces", trace_verb, false, {"stat", "mrc", "convert", "synth"}},
      {"report", "results as one page with charts, as Markdown or CSV", report_verb, true},
      {"explain", "one request's life: where it waited, what it loaded, what recompute would have cost", explain_verb, true},
      {"timeline", "what happened in a run, as a trace that Perfetto opens", timeline_verb, true},
      {"metrics", "a run as OpenMetrics series under the names of vLLM, Dynamo and LMCache", metrics_verb, true},
      {"hw", "the hardware that kvplan knows, with sources and derived facts", hw_verb},
      {"model", "the models that kvplan knows, with derived facts", model_verb},
      {"calibrate", "fit step times to measured operators, with intervals and held-out errors", calibrate_verb},
      {"validate", "published results beside what kvplan predicts", validate_verb, false, {"all", "server", "replay", "run"}},
      {"study", "closed forms on where weights and KV lie: KVPR, unified memory, paging, storage", study_verb, false,
       {"kvpr", "paging", "storage", "unified-memory"}},
      {"bench", "how fast fixed scenarios replay, with a digest of their results", bench_verb},
      {"completion", "a script that completes kvplan's words in bash or zsh", completion_verb},
      {"man", "the manual page", man_verb},
      {"schema", "JSON Schema of scenarios and results", schema_verb},
  };
  return table;
}

}  // namespace kvplan
