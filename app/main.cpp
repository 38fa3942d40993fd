#include <redoubt/app/cli.hpp>

#include <exception>

int main(int argc, char** argv) {
  using namespace redoubt::app;
  try {
    return run(argc, argv);
  } catch (const std::exception& x) {
    print_error(x.what());
    return internal;
  }
}
