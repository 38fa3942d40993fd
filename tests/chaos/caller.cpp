#include <redoubt/tests/chaos/caller.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace redoubt::chaos {

namespace {

using std::chrono::milliseconds;

constexpr uint64_t lists = 4;
constexpr uint64_t counters = 3;
constexpr uint64_t registers = 3;

/// Time for what must succeed when all faults are over.
constexpr milliseconds last_deadline{20'000};

outcome outcome_of(const caf::error& x) {
  if (auto known = failure_of(x))
    return *known;
  // Nothing that we promise anything about.
  failure strange;
  strange.outcome = fate::unknown;
  strange.last_message = to_string(x);
  return strange;
}

} // namespace

caller::caller(caf::actor_config& cfg, playground& where, uint64_t number,
               uint64_t seed)
  : caf::event_based_actor(cfg),
    where_(where),
    number_(number),
    random_(seed),
    window_(1 + below(8)) {
  // The first ones are of all sorts, whatever the seed.
  auto sort = number_ <= 8 ? number_ : below(8);
  bulk_ = sort == 2;
  opts_in_ = sort == 3;
  free_ = sort == 4;
  patient_ = sort % 2 == 1;
  hedges_ = sort == 5;
  faithful_ = sort != 6;
  favourite_ = below(where_.handles.size());
}

caf::behavior caller::make_behavior() {
  set_default_handler(caf::drop);
  if (bulk_) {
    bulk_to_ = where_.rt.current(where_.handles[favourite_]);
    bulk_client_ = std::make_unique<bulk_client>(
      this, bulk_to_,
      [this](uint64_t id, outcome& result) { ended(id, result); });
  }
  return {
    [this](go_on) {
      waits_ = false;
      send_some();
    },
    [this](come_to_rest) {
      resting_ = true;
      send_some();
    },
    [this](completions& x) { bulk_client_->take(x); },
  };
}

// -- what to send -------------------------------------------------------------------

request_actor caller::pick_handle() {
  auto& all = where_.handles;
  return where_.rt.current(all[faithful_ ? favourite_ : below(all.size())]);
}

request_options caller::draw_options(uint64_t& deadline_ms) {
  request_options o;
  deadline_ms = 2000;
  if (one_in(2)) {
    constexpr uint64_t deadlines[] = {250, 600, 1000, 3000};
    deadline_ms = deadlines[below(4)];
  }
  deadline_ms *= static_cast<uint64_t>(where_.slowness);
  o.deadline = milliseconds{deadline_ms};
  if (one_in(2))
    o.attempt_timeout = std::min(
      *o.deadline,
      milliseconds{static_cast<int64_t>(80 + below(300))} * where_.slowness);
  if (one_in(3))
    o.attempts = 1 + below(6);
  if (patient_)
    o.on_open = on_open_policy::wait;
  if (free_)
    o.use_breaker = false;
  if (opts_in_)
    o.cls = command_class::idempotent;
  o.priority = static_cast<request_priority>(below(3));
  return o;
}

caller::drawn caller::draw(bool writes_only) {
  drawn x;
  x.what.caller = number_;
  x.what.free = free_;
  x.what.id = where_.out.next_id();
  auto kind = below(writes_only ? 60 : 100);
  // What its caller lets run twice has keys of its own.
  auto mark = opts_in_ ? "t" : "";
  if (kind < 30) {
    x.what.op = op_kind::push;
    x.what.opt_in = opts_in_;
    x.what.key = mark + ("l" + std::to_string(below(lists)));
  } else if (kind < 45) {
    x.what.op = op_kind::incr;
    x.what.opt_in = opts_in_;
    x.what.key = mark + ("n" + std::to_string(below(counters)));
  } else if (kind < 60) {
    x.what.op = op_kind::set;
    x.what.key = "r" + std::to_string(number_) + "."
                 + std::to_string(below(registers));
  } else if (kind < 90) {
    x.what.op = op_kind::get;
    auto whose = one_in(2) ? number_ : 1 + below(where_.callers);
    x.what.key = "r" + std::to_string(whose) + "."
                 + std::to_string(below(registers));
  } else {
    x.what.op = op_kind::echo;
    x.what.key = "-";
  }
  auto& what = x.what;
  if (what.op != op_kind::get && what.op != op_kind::incr)
    what.token = token_of(what.key, number_, what.id);
  switch (what.op) {
    case op_kind::push: x.cmd = command{"RPUSH", what.key, what.token}; break;
    case op_kind::incr: x.cmd = command{"INCR", what.key}; break;
    case op_kind::set:
      x.cmd = command{"SET", what.key, value_of(what.token)};
      break;
    case op_kind::get: x.cmd = command{"GET", what.key}; break;
    case op_kind::echo: x.cmd = command{"ECHO", what.token}; break;
  }
  return x;
}

void caller::name_it(drawn& x, const request_actor& to,
                     uint64_t deadline_ms) const {
  x.what.lane = to.id();
  x.what.deadline = static_cast<microseconds>(deadline_ms) * 1000;
}

// -- sending ------------------------------------------------------------------------

void caller::send_some() {
  if (resting_) {
    if (under_way_ == 0 && !rested_)
      send_last();
    return;
  }
  while (under_way_ < window_) {
    if (bulk_)
      send_bulk();
    else if (auto what = below(20); what < 2)
      send_unit(what == 0);
    else
      send_one();
  }
}

void caller::send_one() {
  uint64_t deadline = 0;
  auto o = draw_options(deadline);
  auto x = draw(false);
  auto to = pick_handle();
  name_it(x, to, deadline);
  auto id = x.what.id;
  if (hedges_ && x.what.op == op_kind::get)
    o.hedge = hedge_options{hedge_mode::p95, milliseconds{1}};
  auto takes_back = one_in(15);
  if (takes_back)
    o.tag = id;
  ++under_way_;
  where_.out.begin({std::move(x.what)});
  request(to, caf::infinite, std::move(x.cmd), std::move(o))
    .then(
      [this, id](reply& y) {
        ended(id, std::move(y));
        ended(1);
      },
      [this, id](const caf::error& y) {
        ended(id, outcome_of(y));
        ended(1);
      });
  if (takes_back)
    delayed_send(to, milliseconds{below(30)}, cancel{{id}});
}

void caller::send_unit(bool atomic) {
  uint64_t deadline = 0;
  auto o = draw_options(deadline);
  auto to = pick_handle();
  std::vector<command> commands;
  std::vector<operation> all;
  std::vector<uint64_t> ids;
  auto n = 2 + below(5);
  for (uint64_t i = 0; i < n; ++i) {
    auto x = draw(atomic);
    name_it(x, to, deadline);
    x.what.unit = i == 0 ? x.what.id : all.front().id;
    x.what.atomic = atomic;
    ids.push_back(x.what.id);
    commands.push_back(std::move(x.cmd));
    all.push_back(std::move(x.what));
  }
  ++under_way_;
  where_.out.begin(std::move(all));
  auto taken = [this, ids](replies& y) {
    for (size_t i = 0; i < ids.size(); ++i)
      if (i < y.outcomes.size())
        ended(ids[i], y.outcomes[i]);
    ended(1);
  };
  auto failed = [this, ids](const caf::error& y) {
    for (auto id : ids)
      ended(id, outcome_of(y));
    ended(1);
  };
  if (atomic)
    request(to, caf::infinite, transaction{std::move(commands)}, std::move(o))
      .then(taken, failed);
  else
    request(to, caf::infinite, pipeline{std::move(commands)}, std::move(o))
      .then(taken, failed);
}

void caller::send_bulk() {
  if (bulk_client_->closed()) {
    bulk_to_ = where_.rt.current(where_.handles[favourite_]);
    bulk_client_->attach(bulk_to_);
  }
  uint64_t deadline = 0;
  auto o = std::make_shared<const request_options>(draw_options(deadline));
  auto n = 2 + below(10);
  std::vector<operation> all;
  for (uint64_t i = 0; i < n; ++i) {
    auto x = draw(false);
    name_it(x, bulk_to_, deadline);
    auto taken = bulk_client_->add(std::move(x.cmd), x.what.id, o);
    static_cast<void>(taken);
    all.push_back(std::move(x.what));
  }
  under_way_ += n;
  where_.out.begin(std::move(all));
  bulk_client_->flush();
}

void caller::send_last() {
  rested_ = true;
  request_options o;
  o.deadline = last_deadline * where_.slowness;
  o.attempts = 1000;
  o.on_open = on_open_policy::wait;
  auto to = pick_handle();
  drawn x;
  x.what.caller = number_;
  x.what.id = where_.out.next_id();
  x.what.op = op_kind::echo;
  x.what.key = "-";
  x.what.last = true;
  x.what.token = token_of("-", number_, x.what.id);
  name_it(x, to, static_cast<uint64_t>(o.deadline->count()));
  auto id = x.what.id;
  command cmd{"ECHO", x.what.token};
  where_.out.begin({std::move(x.what)});
  request(to, caf::infinite, std::move(cmd), std::move(o))
    .then([this, id](reply& y) { ended(id, std::move(y)); },
          [this, id](const caf::error& y) { ended(id, outcome_of(y)); });
}

void caller::ended(uint64_t id, const outcome& result) {
  where_.out.end(id, result);
  well_ = std::holds_alternative<reply>(result);
  if (bulk_)
    ended(1);
}

/// Goes on somewhat later: a caller has other things to do, and more of them while
/// it is turned away.
void caller::ended(size_t n) {
  under_way_ -= n;
  if (!waits_)
    delayed_send(this, milliseconds{well_ ? 5 + below(15) : 20 + below(60)},
                 go_on{});
  waits_ = true;
}

living_caller spawn_caller(playground& where, uint64_t seed) {
  auto number = ++where.callers;
  caf::actor x = where.rt.system().spawn<caller>(where, number, seed);
  caf::anon_send(x, go_on{});
  return {number, x};
}

} // namespace redoubt::chaos
