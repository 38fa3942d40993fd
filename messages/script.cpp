#include <redoubt/messages/script.hpp>

#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace redoubt {

namespace {

std::string sha1_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(),
                 nullptr)
      != 1)
    throw std::runtime_error("OpenSSL has no SHA-1");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (unsigned int i = 0; i < size; ++i) {
    result += digits[digest[i] >> 4];
    result += digits[digest[i] & 15];
  }
  return result;
}

} // namespace

script::script(std::string_view text, command_class cls)
  : text_(std::make_shared<const std::string>(text)),
    hash_(sha1_of(text)),
    cls_(cls) {
}

command script::call(std::initializer_list<detail::argument> keys,
                     std::initializer_list<detail::argument> arguments) const {
  detail::argument key_count{keys.size()};
  std::vector<std::string_view> all;
  all.reserve(3 + keys.size() + arguments.size());
  all.push_back(cls_ == command_class::read_only ? "EVALSHA_RO" : "EVALSHA");
  all.push_back(hash_);
  all.push_back(key_count.view());
  for (auto& each : keys)
    all.push_back(each.view());
  for (auto& each : arguments)
    all.push_back(each.view());
  return command{argument_list{all}, cls_, text_};
}

} // namespace redoubt
