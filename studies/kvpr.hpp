// Decoding with the KV cache in host memory, layer by layer (FlexGen), and KVPR's way to have less of it cross the link
// (arXiv 2411.17089): send the input activations of the first l tokens of the context, compute their keys and values
// again from these, and send the keys and values of the rest meanwhile.
//
// What a layer of one decode step takes is the largest of a few lines in l, one for each thing that must be over:
//
//   row by row (latency): one batch; weights in HBM, or w seconds over the link
//     link                  w + a l + k (s - l)
//     activations, compute  w + a l + r l         activations go first, and keys are computed from all of them
//     GPU                   c + r l               c: the layer's own work, under the next layer's transfers
//   column by column (throughput): n batches share each layer's weights; transfers of one run under the work of another
//     link                  w + n (a l + k (s - l))
//     GPU                   n (c + r l)
//   Two transfers side by side (the paper's equations, which one link does not allow): no `a l` in the link's lines.
//
// a, k, r: seconds to send activations, to send keys and values, to compute these again, of one token of all sequences
// of a batch. The best l is a linear program in (l, time), solved by Clp; the better of the two integers beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"

namespace kvplan::kvpr {

enum class Schedule { row_by_row, column_by_column };
enum class LinkModel { shared, parallel };

// What KVPR's profiler would measure: one layer, one batch.
struct LayerProfile {
  double activation_s_per_token = 0;
  double kv_s_per_token = 0;
  double recompute_s_per_token = 0;
  double own_s = 0;      // the layer's own work in a decode step
  double weights_s = 0;  // its weights over the link; 0: they are in HBM
};

struct Setting {
  std::int32_t batch = 64;   // sequences
  std::int32_t batches = 1;  // that share a layer's weights, column by column
  double link_bytes_per_s = 0;
  double recompute_flops = 0;  // per second, of the products that make keys and values
  bool weights_on_host = false;
  Schedule schedule = Schedule::row_by_row;
  LinkModel link = LinkModel::shared;
};

// From the data sheet: `context_tokens` of each sequence for the layer's own work.
LayerProfile profile(const Architecture&, const Gpu&, Dtype weights, Dtype kv, const Setting&,
                     std::int64_t context_tokens);

struct Line {
  std::string name;
  double at_zero = 0;  // seconds at l = 0
  double per_token = 0;
  double operator()(double l) const { return at_zero + per_token * l; }
};
std::vector<Line> lines(const LayerProfile&, const Setting&, std::int64_t context_tokens);
double layer_s(const std::vector<Line>&, double l);

struct Split {
  std::int64_t recomputed_tokens = 0;
  double layer_s = 0;
  std::string bound;  // the line that is longest
};
// At least one line, context_tokens >= 1.
Split best_split(const std::vector<Line>&, std::int64_t context_tokens);
Split best_split_by_trying(const std::vector<Line>&, std::int64_t context_tokens);  // every l: what tests compare with

// All layers of all decode steps of one generation of `batches` batches.
struct Generation {
  double streamed_s = 0;  // all keys and values cross the link
  double kvpr_s = 0;
  double tokens = 0;            // generated, of all batches
  double recomputed_share = 0;  // of the contexts, on average over the steps
};
Generation generate(const Architecture&, const Gpu&, Dtype weights, Dtype kv, const Setting&,
                    std::int64_t prompt_tokens, std::int64_t output_tokens);

// Bytes of activations per byte of keys and values: above 1 (grouped-query attention), sending them never pays on one
// link.
double activation_ratio(const Architecture&, Dtype weights, Dtype kv);

}  // namespace kvplan::kvpr
