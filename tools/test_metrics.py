"""Asks a Prometheus that serves a run's metrics for what the run's result says.

Quantiles agree within a bucket, counters at the end exactly, gauges at common instants exactly, and every query of the
dashboard has data. usage: test_metrics.py URL FOLDER METRICS DASHBOARD
"""
import json
import math
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

url, folder, metrics_path, dashboard_path = sys.argv[1:]
result = json.load(open(folder + "/result.json"))
requests = [json.loads(line) for line in open(folder + "/requests.jsonl")]
lines = open(metrics_path).read().splitlines()
assert lines[-1] == "# EOF", "the file does not end with # EOF"
stamps = sorted({int(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")})
start, end = stamps[0], stamps[-1]
failures, checks = [], 0


def expect(good, what):
    global checks
    checks += 1
    if not good:
        failures.append(what)


def ask(path, **query):
    with urllib.request.urlopen(url + path + "?" + urllib.parse.urlencode(query), timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def value(expression, at=end):
    answer = ask("/api/v1/query", query=expression, time=at)
    return float(answer[0]["value"][1]) if answer else math.nan


for _ in range(100):
    try:
        urllib.request.urlopen(url + "/-/ready", timeout=5)
        break
    except (urllib.error.URLError, OSError):
        time.sleep(0.1)

for name, latency in [("time_to_first_token_seconds", "ttft_s"), ("e2e_request_latency_seconds", "e2e_s"),
                      ("request_time_per_output_token_seconds", "tpot_s")]:
    buckets = f"vllm:{name}_bucket"
    bounds = sorted(float(s["metric"]["le"]) for s in ask("/api/v1/query", query=buckets, time=end))
    for key, q in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)]:
        exact, told = result["latency"][latency][key], value(f"histogram_quantile({q}, sum by (le) ({buckets}))")
        low = max([0] + [b for b in bounds if b < exact])
        high = min(b for b in bounds if b >= exact)
        expect(low <= told <= high, f"{name} {key}: {told}, the result says {exact}, in ({low}, {high}]")
    mean = value(f"sum(vllm:{name}_sum) / sum(vllm:{name}_count)")
    expect(math.isclose(mean, result["latency"][latency]["mean"], rel_tol=1e-9), f"{name}: mean {mean}")

done = [r for r in requests if r["outcome"] == "completed"]
kv = result["kv"]
for expression, said in [
    ("sum(vllm:request_success_total)", result["requests"]["completed"]),
    ("sum(vllm:prompt_tokens_total)", kv["prompt_tokens"]),
    ("sum(vllm:prompt_tokens_by_source_total)", kv["prompt_tokens"]),
    ("sum(vllm:generation_tokens_total)", sum(max(1, r["output_tokens"]) for r in done)),
    ("sum(vllm:prefix_cache_hits_total)", kv["hit_tokens"]["hbm"]),
    ("sum(vllm:external_prefix_cache_hits_total)", kv["hit_tokens"]["dram"] + kv["hit_tokens"]["ssd"]),
    ("sum(vllm:num_preemptions_total)", sum(r["preemptions"] for r in done)),
    ("sum(vllm:kv_offload_load_bytes_total)", kv["loaded_bytes"]),
    ("sum(vllm:kv_offload_store_bytes_total)", kv["stored_bytes"]),
    ("sum(vllm:num_requests_running)", 0),
    ("sum(vllm:num_requests_waiting)", 0),
]:
    told = value(expression)
    expect(told == said, f"{expression} is {told} at the end, the result says {said}")

# The series of the result tells the state just before its instants, some of which are whole seconds.
series, compared = result["series"], 0
for i, at in enumerate(series["at_s"]):
    if at != int(at) or at == 0 or start + int(at) >= end:
        continue
    running = value("sum(vllm:num_requests_running)", start + int(at))
    expect(abs(running - series["running"][i]) <= 1, f"{running} run at {at} s, the result says {series['running'][i]}")
    compared += 1
expect(compared >= 5, f"only {compared} instants in common")

panels = json.load(open(dashboard_path))["panels"]
for panel in panels:
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", "1m").replace("$model", ".*")
        data = ask("/api/v1/query_range", query=expression, start=start, end=end, step=15)
        numbers = [v for s in data for _, v in s["values"] if v not in ("NaN", "+Inf")]
        expect(numbers and any(float(v) > 0 for v in numbers), f"no data: {panel['title']}: {expression}")

for failure in failures:
    print("FAILED " + failure, file=sys.stderr)
print(f"Prometheus agrees with the result: {checks} checks, {len(panels)} panels have data" if not failures else f"{len(failures)} of {checks} failed")
sys.exit(1 if failures else 0)
