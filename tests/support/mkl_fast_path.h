#pragma once
/// In a test that includes this, MKL hears what nopos-host would say of the processor's maker.

namespace nopos::test {

/// While false, products of bfloat16 go by ATen on processors that are not Intel's, as they do where LibTorch
/// has no MKL.
extern bool mkl_fast_path;

}  // namespace nopos::test
