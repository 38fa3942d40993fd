#pragma once

// CAF's checks, safe for what CAF 0.17 gets wrong: its comparing checks keep
// references to their operands, which dangle when an operand is a part of a
// temporary (`ask().text()`). These copy. Include after defining CAF_SUITE.

#include <caf/test/unit_test.hpp>

#undef CAF_CHECK_FUNC
#define CAF_CHECK_FUNC(func, x_expr, y_expr)                                   \
  do {                                                                         \
    func comparator;                                                           \
    auto x_val = x_expr;                                                       \
    auto y_val = y_expr;                                                       \
    static_cast<void>(::caf::test::detail::check(                              \
      ::caf::test::engine::current_test(), __FILE__, __LINE__,                 \
      CAF_FUNC_EXPR(func, x_expr, y_expr), false, comparator(x_val, y_val),    \
      x_val, y_val));                                                          \
    ::caf::test::engine::last_check_file(__FILE__);                            \
    ::caf::test::engine::last_check_line(__LINE__);                            \
  } while (false)

#undef CAF_REQUIRE_FUNC
#define CAF_REQUIRE_FUNC(func, x_expr, y_expr)                                 \
  do {                                                                         \
    func comparator;                                                           \
    auto x_val = x_expr;                                                       \
    auto y_val = y_expr;                                                       \
    if (!::caf::test::detail::check(                                           \
          ::caf::test::engine::current_test(), __FILE__, __LINE__,             \
          CAF_FUNC_EXPR(func, x_expr, y_expr), false,                          \
          comparator(x_val, y_val), x_val, y_val))                             \
      CAF_FAIL("a required check failed");                                     \
    ::caf::test::engine::last_check_file(__FILE__);                            \
    ::caf::test::engine::last_check_line(__LINE__);                            \
  } while (false)
