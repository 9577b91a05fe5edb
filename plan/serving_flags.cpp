#include "plan/serving_flags.hpp"

#include <fmt/format.h>

namespace kvplan {
namespace {

double gib(Bytes b) { return static_cast<double>(b.count) / (1 << 30); }
double gb(Bytes b) { return static_cast<double>(b.count) / 1e9; }

std::string vllm(const ServingSetup& s) {
  std::string text = fmt::format(
      "vllm serve {} --tensor-parallel-size {} --gpu-memory-utilization {} --max-num-seqs {} --max-num-batched-tokens "
      "{} "
      "--max-model-len {} --block-size {} --enable-prefix-caching",
      s.model, s.tp, s.gpu_memory_utilization, s.max_num_seqs, s.max_num_batched_tokens, s.max_context_tokens,
      s.page_tokens);
  if (s.weights == "fp8") text += " --quantization fp8";
  if (s.kv_dtype == "fp8") text += " --kv-cache-dtype fp8";
  if (s.dram_per_replica.count > 0)
    text += fmt::format(" --kv-offloading-backend native --kv-offloading-size {:.0f}", gib(s.dram_per_replica));
  if (s.ssd_per_node.count > 0)
    text +=
        "\n  # SSD tier: through LMCache (LMCACHE_LOCAL_DISK, LMCACHE_MAX_LOCAL_DISK_SIZE); the native backend has "
        "none";
  return text;
}

std::string sglang(const ServingSetup& s) {
  std::string text = fmt::format(
      "python -m sglang.launch_server --model-path {} --tp-size {} --mem-fraction-static {:.3f} --max-running-requests {} "
      "--chunked-prefill-size {} --context-length {} --page-size {}",
      s.model, s.tp, s.static_share, s.max_num_seqs, s.max_num_batched_tokens, s.max_context_tokens, s.page_tokens);
  if (s.weights == "fp8") text += " --quantization fp8";
  if (s.kv_dtype == "fp8") text += " --kv-cache-dtype fp8_e4m3";
  if (s.dram_per_gpu.count > 0)
    text += fmt::format(" --enable-hierarchical-cache --hicache-size {:.0f}", gb(s.dram_per_gpu));
  if (s.ssd_per_node.count > 0) text += " --hicache-storage-backend file";
  text += "\n  # --mem-fraction-static is of weights and KV alone; prefills go first unless --enable-mixed-chunk is given";
  return text + (s.dram_per_gpu.count > 0 ? "; --hicache-size is GB a rank" : "");
}

std::string tensorrt(const ServingSetup& s) {
  std::string text = fmt::format(
      "trtllm-serve {} --tp_size {} --max_batch_size {} --max_num_tokens {} --max_seq_len {} --extra_llm_api_options "
      "kv.yaml\n"
      "  # kv.yaml\n  enable_chunked_prefill: true\n  kv_cache_config:\n    enable_block_reuse: true\n    "
      "tokens_per_block: {}\n"
      "    free_gpu_memory_fraction: {}",
      s.model, s.tp, s.max_num_seqs, s.max_num_batched_tokens, s.max_context_tokens, s.page_tokens,
      s.gpu_memory_utilization);
  if (s.kv_dtype == "fp8") text += "\n    dtype: fp8";
  if (s.dram_per_gpu.count > 0) text += fmt::format("\n    host_cache_size: {}", s.dram_per_gpu.count);
  text += "\n  # free_gpu_memory_fraction is of what weights leave free, not of the whole";
  if (s.dram_per_gpu.count > 0) text += "; host_cache_size is bytes a rank";
  if (s.ssd_per_node.count > 0) text += "\n  # no SSD tier in this server";
  return text;
}

}  // namespace

std::vector<ServingFlags> serving_flags(const ServingSetup& s) {
  return {{"vLLM", vllm(s)}, {"SGLang", sglang(s)}, {"TensorRT-LLM", tensorrt(s)}};
}

}  // namespace kvplan
