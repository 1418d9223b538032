/// make_toy_corpus DIR: writes train.txt, valid.txt and test.txt of the toy corpus there.
#include <exception>
#include <iostream>

#include "toy_corpus.h"

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "usage: make_toy_corpus DIR\n";
    return 2;
  }
  nopos::test::write_toy_corpus(argv[1]);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "make_toy_corpus: " << error.what() << '\n';
  return 1;
}
