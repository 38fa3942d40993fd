#include <redoubt/app/lab/private_redis.hpp>

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/close_range.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace redoubt::lab {

namespace {

using clock = std::chrono::steady_clock;

// One command of ours; more only if the server is stopped or blocked.
constexpr timeval command_limit{5, 0};

constexpr auto shutdown_limit = std::chrono::seconds{5};

constexpr std::streamoff log_tail_bytes = 2000;

struct reply_deleter {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};

using reply_ptr = std::unique_ptr<redisReply, reply_deleter>;

std::string render(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_NIL: return "(nil)";
    case REDIS_REPLY_INTEGER: return std::to_string(reply.integer);
    case REDIS_REPLY_ARRAY: {
      std::string lines;
      for (size_t i = 0; i < reply.elements; ++i)
        lines.append(i == 0 ? "" : "\n").append(render(*reply.element[i]));
      return lines;
    }
    default: return {reply.str, reply.len};
  }
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos)
    return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders{path ? path : ""};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (auto full = std::filesystem::path{folder} / name;
        ::access(full.c_str(), X_OK) == 0)
      return full;
  throw std::runtime_error{name + " is not in PATH: install Redis"};
}

/// Keeps this thread from dying of a SIGPIPE: hiredis writes to sockets that
/// the server may have closed.
class sigpipe_guard {
public:
  sigpipe_guard() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }

  sigpipe_guard(const sigpipe_guard&) = delete;
  sigpipe_guard& operator=(const sigpipe_guard&) = delete;

  ~sigpipe_guard() {
    timespec at_once{};
    ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t pipe_;
  sigset_t before_;
};

// Lets one millisecond pass.
void pause_briefly() noexcept {
  ::poll(nullptr, 0, 1);
}

// What the child does between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_server(pid_t parent, const char* folder, int log,
                                char* const* arguments) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(127); // The parent died before it could tie us to itself.
  // A Ctrl-C is the parent's to handle, in its own order.
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (auto each : {SIGINT, SIGTERM, SIGPIPE, SIGHUP})
    static_cast<void>(::signal(each, SIG_DFL));
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  if (::chdir(folder) == 0)
    ::execv(arguments[0], arguments);
  ::_exit(127);
}

} // namespace

void private_redis::context_deleter::operator()(
  redisContext* context) const noexcept {
  redisFree(context);
}

private_redis::private_redis(redis_options options)
  : options_(std::move(options)), program_(find_program(options_.program)) {
  folder_ = make_private_folder();
  try {
    reservation_ = reserve_port(port_);
    start();
  } catch (...) {
    kill();
    std::filesystem::remove_all(folder_);
    throw;
  }
}

private_redis::~private_redis() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void private_redis::start(const std::vector<std::string>& more) {
  if (pid_ != 0 && !exited() && answers())
    return;
  kill();
  spawn(more);
  wait_ready();
}

// A server that dies by itself cannot be waited for yet when its sockets close,
// and its listener may even outlive its connections.
bool private_redis::answers() const {
  try {
    auto context = connect();
    return !run(*context, {"PING"}).empty();
  } catch (const std::runtime_error&) {
    return false;
  }
}

void private_redis::kill() {
  disconnect();
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGKILL);
  reap();
}

void private_redis::shutdown() {
  disconnect();
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGTERM);
  for (auto limit = clock::now() + shutdown_limit; clock::now() < limit;) {
    if (exited())
      return;
    pause_briefly();
  }
  kill();
}

void private_redis::stop() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGSTOP);
  ::waitpid(pid_, nullptr, WUNTRACED);
}

void private_redis::cont() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGCONT);
  ::waitpid(pid_, nullptr, WCONTINUED);
}

std::string private_redis::command(const std::vector<std::string>& arguments) {
  std::lock_guard guard{mutex_};
  if (!context_)
    context_ = connect();
  try {
    return run(*context_, arguments);
  } catch (...) {
    context_.reset();
    throw;
  }
}

std::string private_redis::log_tail() const {
  std::ifstream log{folder_ + "/redis.log", std::ios::ate};
  if (!log)
    return {};
  auto size = static_cast<std::streamoff>(log.tellg());
  log.seekg(std::max<std::streamoff>(0, size - log_tail_bytes));
  std::ostringstream text;
  text << log.rdbuf();
  return text.str();
}

void private_redis::spawn(const std::vector<std::string>& more) {
  std::vector<std::string> words{
    program_,       "--port",    std::to_string(port_),
    "--bind",       "127.0.0.1", "--unixsocket",
    socket_path(),  "--save",    "",
    "--appendonly", "no",        "--daemonize",
    "no",           "--dir",     folder_};
  if (!options_.password.empty())
    words.insert(words.end(), {"--requirepass", options_.password});
  words.insert(words.end(), options_.arguments.begin(),
               options_.arguments.end());
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& each : words)
    arguments.push_back(each.data());
  arguments.push_back(nullptr);
  auto log_path = folder_ + "/redis.log";
  unique_fd log{
    ::open(log_path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)};
  if (!log)
    throw_errno("open redis.log");
  auto parent = ::getpid();
  auto pid = ::fork();
  if (pid < 0)
    throw_errno("fork");
  if (pid == 0)
    become_server(parent, folder_.c_str(), log.get(), arguments.data());
  pid_ = pid;
}

void private_redis::wait_ready() {
  auto limit = clock::now() + options_.start_limit;
  std::string last;
  while (clock::now() < limit) {
    if (exited())
      throw std::runtime_error{program_ + " did not start:\n" + log_tail()};
    try {
      auto context = connect();
      last = run(*context, {"PING"});
      if (options_.may_be_loading || !last.starts_with("LOADING"))
        return;
    } catch (const std::runtime_error& error) {
      last = error.what();
    }
    pause_briefly();
  }
  auto text = program_ + " is not ready in time (" + last + "):\n" + log_tail();
  kill();
  throw std::runtime_error{text};
}

bool private_redis::exited() noexcept {
  if (::waitpid(pid_, nullptr, WNOHANG) == 0)
    return false;
  pid_ = 0;
  return true;
}

void private_redis::reap() noexcept {
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  pid_ = 0;
}

void private_redis::disconnect() {
  std::lock_guard guard{mutex_};
  context_.reset();
}

private_redis::context_ptr private_redis::connect() const {
  context_ptr result{
    redisConnectUnixWithTimeout(socket_path().c_str(), command_limit)};
  if (!result || result->err != 0)
    throw std::runtime_error{std::string{"cannot connect to redis-server: "}
                             + (result ? result->errstr : "out of memory")};
  redisSetTimeout(result.get(), command_limit);
  if (!options_.password.empty())
    run(*result, {"AUTH", options_.password});
  return result;
}

std::string
private_redis::run(redisContext& context,
                   const std::vector<std::string>& arguments) const {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (auto& each : arguments) {
    texts.push_back(each.data());
    sizes.push_back(each.size());
  }
  sigpipe_guard guard;
  reply_ptr reply{static_cast<redisReply*>(redisCommandArgv(
    &context, static_cast<int>(texts.size()), texts.data(), sizes.data()))};
  if (!reply)
    throw std::runtime_error{std::string{"no answer from redis-server: "}
                             + context.errstr};
  return render(*reply);
}

} // namespace redoubt::lab
