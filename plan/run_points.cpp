#include "plan/run_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>

#include "base/error.hpp"

namespace kvplan {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 100ms;
constexpr auto kElsewhere = 200ms;  // between two looks at a point that another process works at

std::string reason_of(const std::string& what) {
  const std::string prefix = "error: ";
  return what.rfind(prefix, 0) == 0 ? what.substr(prefix.size()) : what;
}

// What the threads share; every member but the constant ones is guarded by mutex_.
class Work {
 public:
  Work(const ResultFolder& folder, const std::vector<SweepPoint>& points, const Evaluate& evaluate)
      : folder_(folder), evaluate_(evaluate) {
    outcome_.progress.points = static_cast<std::int64_t>(points.size());
    for (const SweepPoint& p : points) {
      if (folder_.read(p.id)) {
        ++outcome_.progress.kept;
      } else {
        queue_.push_back(&p);
        outcome_.progress.cost += p.cost;
      }
    }
  }

  void thread() {
    while (const SweepPoint* point = next()) attempt(*point);
  }

  SweepOutcome wait(const Tick& tick) {
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
      last = changed_.wait_for(lock, kTick, [&] { return open() == 0; });
      const PointCounts now = outcome_.progress;
      lock.unlock();
      const bool go_on = tick(now);
      lock.lock();
      if (!go_on) stop();
    }
    if (fatal_) std::rethrow_exception(fatal_);
    return outcome_;
  }

 private:
  // Points that somebody still has to finish here.
  std::int64_t open() const {
    return outcome_.progress.running + (outcome_.progress.stopping ? 0 : static_cast<std::int64_t>(queue_.size()));
  }

  void stop() {
    outcome_.progress.stopping = true;
    changed_.notify_all();
  }

  const SweepPoint* next() {
    std::lock_guard lock(mutex_);
    if (queue_.empty() || outcome_.progress.stopping) return nullptr;
    const SweepPoint* point = queue_.front();
    queue_.pop_front();
    ++outcome_.progress.running;
    return point;
  }

  void attempt(const SweepPoint& point) {
    try {
      if (const auto claim = folder_.claim(point.id)) {
        if (folder_.read(point.id)) return finish(point, &PointCounts::kept);  // done elsewhere meanwhile
        if (const auto record = record_of(point)) {
          folder_.write(point.id, *record);
          return finish(point, (*record)["failure"].is_null() ? &PointCounts::done : &PointCounts::failed);
        }
        return finish(point, nullptr);
      }
      postpone(point);
    } catch (...) {  // the folder cannot be written: nothing more can be kept
      std::lock_guard lock(mutex_);
      if (!fatal_) fatal_ = std::current_exception();
      --outcome_.progress.running;
      stop();
    }
  }

  std::optional<Json> record_of(const SweepPoint& point) {
    try {
      return Json{{"result", evaluate_(point)}, {"failure", nullptr}};
    } catch (const Error& e) {
      return failure_record(e.code(), reason_of(e.what()));
    } catch (const std::bad_alloc&) {
      complain(point, "out of memory; lower --jobs");
    } catch (const std::exception& e) {
      complain(point, e.what());
    }
    return std::nullopt;
  }

  void complain(const SweepPoint& point, const std::string& what) {
    std::lock_guard lock(mutex_);
    outcome_.errors.push_back(fmt::format("point {}: {}", point.index, what));
  }

  void finish(const SweepPoint& point, std::int64_t PointCounts::*counter) {
    std::lock_guard lock(mutex_);
    --outcome_.progress.running;
    outcome_.progress.cost_done += point.cost;
    if (counter) ++(outcome_.progress.*counter);
    changed_.notify_all();
  }

  // Behind all others; when there are no others, after a pause.
  void postpone(const SweepPoint& point) {
    std::unique_lock lock(mutex_);
    if (queue_.empty()) changed_.wait_for(lock, kElsewhere, [&] { return outcome_.progress.stopping; });
    queue_.push_back(&point);
    --outcome_.progress.running;
  }

  const ResultFolder& folder_;
  const Evaluate& evaluate_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<const SweepPoint*> queue_;
  SweepOutcome outcome_;
  std::exception_ptr fatal_;
};

}  // namespace

Json failure_record(ExitCode code, const std::string& reason) {
  return {{"result", nullptr}, {"failure", {{"code", static_cast<int>(code)}, {"reason", reason}}}};
}

std::vector<SweepPoint> work_order(const std::vector<SweepPoint>& points) {
  struct Group {
    double cost = 0;         // of its dearest point
    std::int64_t index = 0;  // of its first
  };
  std::map<std::string, Group> groups;
  for (const SweepPoint& p : points) {
    Group& g = groups.try_emplace(p.group, Group{0, p.index}).first->second;
    g.cost = std::max(g.cost, p.cost);
  }
  std::vector<SweepPoint> ordered;
  std::set<std::string> seen;
  for (const SweepPoint& p : points) {
    if (seen.insert(p.id).second) ordered.push_back(p);
  }
  const auto key = [&](const SweepPoint& p) {
    const Group& g = groups.at(p.group);
    return std::tuple(-g.cost, g.index, -p.cost, p.index);
  };
  std::sort(ordered.begin(), ordered.end(), [&](auto& a, auto& b) { return key(a) < key(b); });
  return ordered;
}

std::vector<SweepPoint> part_of(const std::vector<SweepPoint>& ordered, const Shard& shard) {
  std::vector<SweepPoint> part;
  for (std::size_t i = static_cast<std::size_t>(shard.index); i < ordered.size();
       i += static_cast<std::size_t>(shard.count)) {
    part.push_back(ordered[i]);
  }
  return part;
}

SweepOutcome run_points(const ResultFolder& folder, const std::vector<SweepPoint>& points, int threads,
                        const Evaluate& evaluate, const Tick& tick) {
  Work work(folder, points, evaluate);
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back([&work] { work.thread(); });
  return work.wait(tick);  // the workers end with it, and are joined here
}

}  // namespace kvplan
