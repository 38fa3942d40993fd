// The entry point of a layer's test program: CAF's test engine.
#include <caf/test/unit_test.hpp>
#include <caf/test/unit_test_impl.hpp>
