#include <redoubt/app/demo/workload.hpp>

namespace redoubt::demo {

namespace {

constexpr uint32_t turns = 3;
constexpr uint32_t keys = 8;

} // namespace

op op_of(uint32_t index) noexcept {
  return static_cast<op>(index % turns);
}

std::vector<std::string> workload::words(uint32_t index) const {
  switch (op_of(index)) {
    case op::get: return {"GET", key(index)};
    case op::set:
      return {"SET", key(index), key(index) + '#' + std::to_string(index)};
    case op::incr: break;
  }
  return {"INCR", counter()};
}

bool workload::fits(uint32_t index, const raw_reply& x) const {
  using kind = raw_reply::kind;
  switch (op_of(index)) {
    case op::get:
      // Nil before the first SET, and after a restart.
      return x.what == kind::nil
             || (x.what == kind::text && x.text.starts_with(key(index) + '#'));
    case op::set: return x.what == kind::status && x.text == "OK";
    case op::incr: break;
  }
  return x.what == kind::integer && x.number > 0;
}

std::string workload::key(uint32_t index) const {
  return prefix_ + ':' + std::to_string(index / turns % keys);
}

} // namespace redoubt::demo
