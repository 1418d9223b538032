// The dependency that the variant `missing_dependency` is linked against; it is never found at run time.
extern "C" int nopos_test_gone() { return 0; }
