#pragma once
/// The ABI tag: what host and plugin must agree on, as a JSON object in a string constant that is compiled
/// into both. A plugin built against `NoPos::sdk` also records the version of LibTorch, whose C++ ABI is not
/// stable between releases.
///
/// Every field is a separate macro, so that a test can forge one.

#define NOPOS_ABI_TEXT_(x) #x
#define NOPOS_ABI_TEXT(x) NOPOS_ABI_TEXT_(x)

/// Version of the SDK's binary interface; raised whenever the layout of a public type changes.
#ifndef NOPOS_ABI_SDK
#define NOPOS_ABI_SDK 4
#endif

#ifndef NOPOS_ABI_COMPILER
#define NOPOS_ABI_COMPILER __GXX_ABI_VERSION
#endif

#ifndef NOPOS_ABI_CXX11
#ifdef _GLIBCXX_USE_CXX11_ABI
#define NOPOS_ABI_CXX11 _GLIBCXX_USE_CXX11_ABI
#else
#define NOPOS_ABI_CXX11 1
#endif
#endif

#ifndef NOPOS_ABI_CXX
#define NOPOS_ABI_CXX __cplusplus
#endif

#ifndef NOPOS_ABI_SANITIZER
#if defined(__SANITIZE_ADDRESS__)
#define NOPOS_ABI_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define NOPOS_ABI_SANITIZER "thread"
#else
#define NOPOS_ABI_SANITIZER "none"
#endif
#endif

#define NOPOS_ABI_CORE_FIELDS \
  "\"sdk\": \"" NOPOS_ABI_TEXT(NOPOS_ABI_SDK) "\", "                   \
  "\"compiler_abi\": \"" NOPOS_ABI_TEXT(NOPOS_ABI_COMPILER) "\", "     \
  "\"cxx11_abi\": \"" NOPOS_ABI_TEXT(NOPOS_ABI_CXX11) "\", "           \
  "\"cxx_standard\": \"" NOPOS_ABI_TEXT(NOPOS_ABI_CXX) "\", "          \
  "\"sanitizer\": \"" NOPOS_ABI_SANITIZER "\""

#ifdef NOPOS_TORCH_VERSION  // set by the target NoPos::sdk
#ifndef NOPOS_ABI_OPENMP
#define NOPOS_ABI_OPENMP _OPENMP
#endif
#define NOPOS_ABI_TAG                    \
  "{" NOPOS_ABI_CORE_FIELDS              \
  ", "                                   \
  "\"libtorch\": \"" NOPOS_TORCH_VERSION \
  "\", "                                 \
  "\"openmp\": \"" NOPOS_ABI_TEXT(NOPOS_ABI_OPENMP) "\"}"
#else
#define NOPOS_ABI_TAG "{" NOPOS_ABI_CORE_FIELDS "}"
#endif
