// What becomes of characters that are rewritten together, as TypeScript says: a table by their units, for one text after another.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace ik::tok {

// A character that a cluster becomes: its cell (unigram_text.h) and the units of the cluster that it stands for.
struct ClusterPart {
  uint32_t cell, from, to;
};

struct Cluster {
  bool settled = false;  // false if what becomes of it depends on what is around it
  std::vector<ClusterPart> parts;
};

// Lets a table be searched without a string being made.
struct UnitsHash {
  using is_transparent = void;
  size_t operator()(std::u16string_view units) const { return std::hash<std::u16string_view>()(units); }
};

class Clusters {
 public:
  // Longer ones, in units, are not looked up.
  static constexpr size_t kLongest = 64;
  static constexpr size_t kMost = 1 << 15;

  // Null if it is not known.
  const Cluster* find(std::u16string_view units) const {
    const auto found = known_.find(units);
    return found == known_.end() ? nullptr : &found->second;
  }

  // Throws std::bad_alloc.
  void learn(std::u16string&& units, Cluster&& cluster) {
    if (known_.size() >= kMost) known_.clear();
    known_.insert_or_assign(std::move(units), std::move(cluster));
  }

 private:
  std::unordered_map<std::u16string, Cluster, UnitsHash, std::equal_to<>> known_;
};

// Those that were met and are not known, as many as there is room for.
using UnknownClusters = std::unordered_set<std::u16string>;

}  // namespace ik::tok
