#include "traces/hashed_lines.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvplan {
namespace {

std::vector<JsonField> with_shared(bool timestamp_required, const std::vector<JsonField>& own) {
  std::vector<JsonField> all = {
      {"timestamp", timestamp_required}, {"input_length", true}, {"output_length", true}, {"hash_ids", true}};
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

}  // namespace

HashedLines::HashedLines(TextSource& in, const LoadOptions& options, std::int64_t ps_per_time_unit,
                         bool timestamp_required, const std::vector<JsonField>& own_fields, std::string needs)
    : JsonLines(in, options, with_shared(timestamp_required, own_fields), std::move(needs)),
      ps_per_time_unit_(ps_per_time_unit) {}

void HashedLines::read_field(std::size_t index, const JsonValue& value, TraceRow& row) {
  switch (index) {
    case timestamp:
      row.timestamp = time(index, value, ps_per_time_unit_);
      break;
    case input_length:
      row.prompt_tokens = tokens(index, value);
      break;
    case output_length:
      row.output_tokens = tokens(index, value);
      break;
    case hash_ids:
      take_hashes(hashes(index, value), row);
      break;
    default:
      read_own_field(index, value, row);
  }
}

void HashedLines::take_hashes(std::span<const std::uint64_t> hashes, TraceRow& row) {
  listed_ = hashes.size();
  make_room(rows_.ids, hashes.size());
  if (options_.blocks) {
    for (const std::uint64_t hash : hashes) {
      if ((last_sampled_ = options_.blocks->holds(hash))) rows_.ids.push_back(numbers_(hash));
    }
    row.id_count = static_cast<std::uint32_t>(rows_.ids.size() - row.first_id);
    return;
  }
  row.id_count = static_cast<std::uint32_t>(hashes.size());
  rows_.ids.resize(row.first_id + hashes.size());
  std::transform(hashes.begin(), hashes.end(), rows_.ids.begin() + static_cast<std::ptrdiff_t>(row.first_id),
                 [this](std::uint64_t hash) { return numbers_(hash); });
}

bool HashedLines::keep_row(TraceRow& row) {
  if (!options_.blocks) return true;
  ThinnedFrom& all = rows_.thinned_from ? *rows_.thinned_from : rows_.thinned_from.emplace();
  const std::int64_t block = rows_.block_tokens, listed = static_cast<std::int64_t>(listed_);
  const std::int64_t hashed = std::min<std::int64_t>(row.prompt_tokens, listed * block);
  all.prompt_tokens += row.prompt_tokens;
  all.prompt_blocks += ceil_div(row.prompt_tokens, block);
  all.hashed_tokens += hashed;
  all.hashed_blocks += listed;
  all.waiting_rows += row.delay.has_value();
  if (row.id_count == 0 || !row.timestamp) return false;
  row.prompt_tokens = static_cast<std::int32_t>(row.id_count * block - (last_sampled_ ? listed * block - hashed : 0));
  row.session = row.parent = row.after = row.join = kNone;
  return true;
}

void HashedLines::finish() {
  rows_.block_ids = static_cast<std::uint32_t>(numbers_.size());
  if (!options_.blocks) return;
  rows_.session_count = 0;
  rows_.parents_recorded = true;  // none: nothing is to be inferred from what is left
}

void HashedLines::check_id_count(const TraceRow& row) {
  const std::int64_t block = rows_.block_tokens;
  const auto listed = static_cast<std::int64_t>(listed_);
  const std::int64_t expected = ceil_div(row.prompt_tokens, block);
  if (listed == expected || listed == row.prompt_tokens / block) return;
  std::string help = "every block of the prompt needs its hash";
  for (std::int64_t other = 1; other <= 65536; other *= 2) {
    if (ceil_div(row.prompt_tokens, other) == listed) {
      help = fmt::format("blocks of {} tokens would fit this row: set the block size to what the trace was hashed with",
                         other);
      break;
    }
  }
  fail("",
       fmt::format("{} hash_ids for input_length {}, expected {} (one for every {} tokens, the last partial)",
                   listed, row.prompt_tokens, expected, block),
       help);
}

}  // namespace kvplan
