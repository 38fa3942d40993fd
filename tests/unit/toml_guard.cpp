#define CAF_SUITE toml_guard

#include <redoubt/messages/toml_guard.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;

namespace {

/// `é` in UTF-8, and what takes its place.
const std::string letter = "\xc3\xa9";
const std::string gone = "\x01\x01";

void check_kept(const std::string& text) {
  CAF_MESSAGE("text: " << text);
  CAF_CHECK_EQUAL(without_stray_bytes(text + letter + "\n"),
                  text + letter + "\n");
}

void check_replaced(const std::string& text) {
  CAF_MESSAGE("text: " << text);
  CAF_CHECK_EQUAL(without_stray_bytes(text + letter + "\n"),
                  text + gone + "\n");
}

} // namespace

CAF_TEST(ASCII stays as it is) {
  std::string text = "[a]\nb = \"c\" # d\ne = '''f\n'''\n";
  CAF_CHECK_EQUAL(without_stray_bytes(text), text);
  CAF_CHECK_EQUAL(without_stray_bytes(""), "");
}

CAF_TEST(letters outside of strings and comments are replaced) {
  for (auto text :
       {"", "a = 1", "a = ", "[", "a = \"b\"", "a = 'b'", "# b\n",
        "a = \"\\\\\"", "a = '\\'", "a = \"\\\"\"", "a = '#'", "a = '''b'''",
        "a = \"\"\"b\"\"\"", "a = ''", "a = '''b'''''", "a = '''b'''''''",
        "a = \"\"\"\"\"\"\"\"", "a = \"b\n", "a = 'b\n"})
    check_replaced(text);
}

CAF_TEST(letters in strings and comments are kept) {
  for (auto text :
       {"# ", "a = 1 # '", "a = \"", "a = '", "a = \"\\\"", "a = \"'",
        "a = '\"", "a = '''b\n", "a = \"\"\"b\n", "a = '''''",
        "a = \"\"\"\\\"\"\"", "a = '''b''''''", "a = \"\"\"b\"\" "})
    check_kept(text);
}

CAF_TEST(the mark at the start of a file is kept) {
  CAF_CHECK_EQUAL(without_stray_bytes("\xef\xbb\xbf"
                                      "a"),
                  "\xef\xbb\xbf"
                  "a");
}

CAF_TEST(a text may end anywhere) {
  std::string text = "a = \"\"\"b\\\"\"\"\"\"\n'c' = 'd' # e";
  for (size_t n = 0; n <= text.size(); ++n)
    CAF_CHECK_EQUAL(without_stray_bytes(text.substr(0, n)), text.substr(0, n));
}
