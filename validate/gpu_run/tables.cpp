#include "validate/gpu_run/tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "validate/gpu_run/names.hpp"

namespace kvplan {
namespace {

MeasuredTime time_of(const RunPoint& p) {
  const SampleSummary s = p.summary();
  return {s.median * 1e-6, s.ci95_low * 1e-6, s.ci95_high * 1e-6};
}

// A link curve wants at least three sizes; with fewer there is no row.
void add_links(const std::vector<const RunPoint*>& points, GpuTables& out) {
  std::map<std::pair<std::string, std::string>, std::vector<const RunPoint*>> curves;
  for (const RunPoint* p : points) curves[{text(p->params, "dir"), text(p->params, "memory")}].push_back(p);
  for (const auto& [key, curve] : curves) {
    if (curve.size() < 3) continue;
    std::vector<double> bytes, times;
    for (const RunPoint* p : curve) {
      bytes.push_back(static_cast<double>(p->bytes));
      times.push_back(p->summary().median * 1e-9);
    }
    const LineFit fit = fit_line(bytes, times);
    const auto [least, most] = std::minmax_element(bytes.begin(), bytes.end());
    out.links.push_back({key.first, key.second, fit.fixed, 1 / fit.per_unit, fit.largest_relative_error,
                         static_cast<std::int64_t>(*least), static_cast<std::int64_t>(*most)});
  }
}

void leave_out(const std::string& experiment, const std::string& status, const std::string& reason, GpuTables& out) {
  for (LeftOut& l : out.left_out) {
    if (l.experiment == experiment && l.status == status && l.reason == reason) {
      ++l.points;
      return;
    }
  }
  out.left_out.push_back({experiment, status, reason, 1});
}

// Points of X5 come in pairs by victim: alone, and with an aggressor. A time that contains its submission says nothing
// beside one that does not.
void add_slowdowns(const std::vector<const RunPoint*>& points, GpuTables& out) {
  for (const RunPoint* p : points) {
    const std::string aggressor = text(p->params, "aggressor");
    if (aggressor == "none") continue;
    const auto alone = std::find_if(points.begin(), points.end(), [&](const RunPoint* q) {
      return text(q->params, "victim") == text(p->params, "victim") && text(q->params, "aggressor") == "none";
    });
    if (alone == points.end()) continue;
    if (flag(p->params, "latched") != flag((*alone)->params, "latched")) {
      leave_out("X5", "ok", "one of alone and beside contains its submission", out);
      continue;
    }
    out.slowdowns.push_back({text(p->params, "victim"), aggressor, p->summary().median / (*alone)->summary().median});
  }
}

void add_transfer(const RunPoint& p, GpuTables& out) {
  const RunValues& v = p.params;
  const std::int64_t bytes = whole(v, "segment_bytes"), segments = whole(v, "segments");
  if (bytes < 1 || segments < 1) return leave_out("X2", "ok", "segment_bytes and segments are not both told", out);
  out.transfers.push_back(
      {text(v, "method"), text(v, "dir"), bytes, segments, time_of(p), p.submit_ns * 1e-6, flag(v, "latched")});
}

void add_operator(const RunPoint& p, GpuTables& out) {
  const RunValues& v = p.params;
  const MeasuredTime t = time_of(p);
  if (p.experiment == "X7") {
    out.gemm.push_back({text(v, "dtype"), whole(v, "m"), whole(v, "n"), whole(v, "k"), t});
  } else if (p.experiment == "X8") {
    out.prefill.push_back({whole(v, "batch"), whole(v, "new_tokens"), whole(v, "prefix"), whole(v, "heads"),
                           whole(v, "kv_heads"), whole(v, "head_dim"), text(v, "kernel"), t});
  } else if (p.experiment == "X9") {
    out.decode.push_back({whole(v, "batch"), whole(v, "kv_tokens"), whole(v, "heads"), whole(v, "kv_heads"),
                          whole(v, "head_dim"), whole(v, "page_tokens"), text(v, "layout"), t});
  } else if (p.experiment == "X10") {
    out.small.push_back({text(v, "kernel"), whole(v, "tokens"), whole(v, "width"), t});
  } else if (p.experiment == "X4") {
    out.control_copies.push_back({text(v, "control_dir"), whole(v, "chunk_bytes"), t});
  } else if (p.experiment == "X2") {
    add_transfer(p, out);
  } else if (p.experiment == "X3") {
    out.together.push_back({text(v, "pattern"), text(v, "method"), whole(v, "segment_bytes"), p.bytes, t});
  }
}

}  // namespace

GpuTables tables_of(const GpuRun& run) {
  GpuTables out;
  out.device = text(run.gpu, "name");
  out.uuid = text(run.gpu, "uuid");
  out.synthetic = run.synthetic;
  std::vector<const RunPoint*> links, interference;
  for (const RunPoint& p : run.points) {
    if (p.status != PointStatus::ok) {
      leave_out(p.experiment, std::string(name_of(p.status)), p.reason, out);
    } else if (p.experiment == "X1") {
      links.push_back(&p);
    } else if (p.experiment == "X5") {
      interference.push_back(&p);
    } else {
      add_operator(p, out);
    }
  }
  add_links(links, out);
  add_slowdowns(interference, out);
  return out;
}

std::string gemm_csv(const GpuTables& tables) {
  std::string out = "kernel_source,gemm_dtype,m,n,k,latency\n";
  for (const GemmRow& r : tables.gemm) {
    out += fmt::format("cublaslt,{},{},{},{},{:.6g}\n", r.dtype, r.m, r.n, r.k, r.latency.ms);
  }
  return out;
}

std::string context_attention_csv(const GpuTables& tables) {
  std::string out =
      "kernel_source,batch_size,isl,num_heads,num_key_value_heads,head_dim,kv_cache_dtype,window_size,latency\n";
  for (const PrefillAttentionRow& r : tables.prefill) {
    if (r.prefix != 0) continue;
    out += fmt::format("kvplan_{},{},{},{},{},{},bfloat16,0,{:.6g}\n", r.kernel, r.batch_size, r.isl, r.num_heads,
                       r.num_key_value_heads, r.head_dim, r.latency.ms);
  }
  return out;
}

std::string generation_attention_csv(const GpuTables& tables) {
  std::string out =
      "kernel_source,batch_size,num_heads,num_key_value_heads,head_dim,kv_cache_dtype,step,window_size,latency\n";
  for (const DecodeAttentionRow& r : tables.decode) {
    out += fmt::format("kvplan_{}_{},{},{},{},{},bfloat16,{},0,{:.6g}\n", r.layout, r.page_tokens, r.batch_size,
                       r.num_heads, r.num_key_value_heads, r.head_dim, r.step, r.latency.ms);
  }
  return out;
}

}  // namespace kvplan
