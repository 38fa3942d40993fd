// Runs a fuzz target over files, without libFuzzer: the corpus in every test run,
// and findings under any other compiler. `fuzz_<target> FILE_OR_FOLDER…`

#include <redoubt/tests/fuzz/target.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> files_of(const fs::path& where) {
  if (!fs::is_directory(where))
    return {where};
  std::vector<fs::path> result;
  for (auto& each : fs::directory_iterator{where})
    if (each.is_regular_file())
      result.push_back(each.path());
  std::sort(result.begin(), result.end());
  return result;
}

bool replay(const fs::path& file) {
  // Flushed, as the next line may be the last words of the process.
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);
  std::ifstream stream{file, std::ios::binary};
  if (!stream)
    return false;
  std::vector<uint8_t> bytes{std::istreambuf_iterator<char>{stream}, {}};
  // Not a byte more than the input, so that reading beyond it is seen.
  bytes.shrink_to_fit();
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return true;
}

} // namespace

int main(int argc, char** argv) {
  size_t count = 0;
  for (int i = 1; i < argc; ++i)
    for (auto& file : files_of(argv[i])) {
      if (!replay(file)) {
        std::fprintf(stderr, "cannot be read: %s\n", file.c_str());
        return EXIT_FAILURE;
      }
      ++count;
    }
  std::printf("%zu inputs\n", count);
  // An empty corpus proves nothing.
  return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
