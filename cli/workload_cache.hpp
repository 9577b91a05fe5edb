// Loads in memory, each once for all the points that share it, and only as long
// as one of them is still to come.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

class WorkloadCache {
 public:
  using Shared = std::shared_ptr<const Workload>;

  // One entry a point that will ask: the key of its load.
  explicit WorkloadCache(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) ++entries_[key].left;
  }

  // The load of that key, made by the first who asks; the others wait, and get
  // the same error if it fails. Each point asks once; the last takes the load out.
  Shared get(const std::string& key, const std::function<Workload()>& make) {
    std::promise<Shared> promise;
    std::shared_future<Shared> future;
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      Entry& entry = entries_[key];
      first = !entry.load.valid();
      if (first) entry.load = promise.get_future().share();
      future = entry.load;
      if (--entry.left <= 0) entries_.erase(key);
    }
    if (first) {
      try {
        promise.set_value(std::make_shared<const Workload>(make()));
      } catch (...) {
        promise.set_exception(std::current_exception());
      }
    }
    return future.get();
  }

 private:
  struct Entry {
    std::int64_t left = 0;
    std::shared_future<Shared> load;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace kvplan
