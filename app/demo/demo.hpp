#pragma once

namespace redoubt::demo {

struct options {
  /// Short faults, and only counts decide: for slow machines and for CI.
  bool quick = false;
  /// Colour the output with ANSI sequences.
  bool color = false;
};

/// Shows the article's failure scenarios live: a private redis-server behind a
/// fault gate, and side by side on one schedule of 200 requests per second a
/// plain hiredis client, redoubt with `fail_fast` and redoubt with `wait`. Ends
/// with a table and a verdict per promise.
///
/// Answers the exit status: 0 if every promise was kept, 1 if not or if the
/// demo could not run, 128 + n if signal n (SIGINT, SIGTERM, SIGHUP) ended it.
int run(const options& options);

} // namespace redoubt::demo
