#include "pile_counts.h"

namespace nopos {

TextCount& TextCount::operator+=(const TextCount& other) {
  documents += other.documents;
  characters += other.characters;
  return *this;
}

PileSourceCounts PileCounts::total() const {
  PileSourceCounts sum;
  sum.name = "all";
  for (const PileSourceCounts& source : sources) {
    for (const auto count :
         {&PileSourceCounts::read, &PileSourceCounts::filtered, &PileSourceCounts::too_short,
          &PileSourceCounts::too_long, &PileSourceCounts::kept})
      sum.*count += source.*count;
  }
  return sum;
}

}  // namespace nopos
