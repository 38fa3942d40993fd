#!/usr/bin/env python3
"""Writes messages/command_table.inc from a redis-server's COMMAND and from
scripts/command_classes.txt. With --check it writes nothing and fails if the
file is not what it would write.

Needs redis-server 7.0 on the path (or in REDIS_SERVER); starts one of its own
on a socket in a temporary directory and ends it.
"""

import argparse
import difflib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES_FILE = ROOT / "scripts" / "command_classes.txt"
TABLE_FILE = ROOT / "messages" / "command_table.inc"

# A newer server would bring commands whose class nobody has decided.
SUPPORTED = "7.0."

CLASSES = ("read_only", "idempotent", "convergent", "accumulating")

# The rest (fast, loading, stale …) says nothing of use to a client.
FLAGS = ("write", "readonly", "denyoom", "admin", "pubsub", "noscript",
         "blocking", "movablekeys")

START_LIMIT_S = 10
STOP_LIMIT_S = 5


class Problem(Exception):
    """Something that the reader of the message can put right."""


class Server:
    """A private redis-server that ends with the `with` block."""

    def __enter__(self):
        program = os.environ.get("REDIS_SERVER", "redis-server")
        self.directory = tempfile.mkdtemp(prefix="redoubt-table-")
        self.path = os.path.join(self.directory, "redis.sock")
        try:
            self.process = subprocess.Popen(
                [program, "--port", "0", "--unixsocket", self.path,
                 "--save", "", "--appendonly", "no", "--dir", self.directory],
                stdout=subprocess.DEVNULL)
        except OSError as error:
            shutil.rmtree(self.directory)
            raise Problem(f"cannot start {program}: {error}") from error
        try:
            self.stream = self.connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory)

    def connect(self):
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit and self.process.poll() is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(START_LIMIT_S)
            try:
                connection.connect(self.path)
                return connection.makefile("rwb")
            except OSError:
                connection.close()
                time.sleep(0.02)
        raise Problem("the private redis-server did not start")

    def ask(self, *arguments):
        parts = [b"*%d\r\n" % len(arguments)]
        for x in arguments:
            parts.append(b"$%d\r\n%s\r\n" % (len(x), x.encode()))
        self.stream.write(b"".join(parts))
        self.stream.flush()
        return self.read()

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise Problem("the private redis-server hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Problem(f"the private redis-server answered {rest.decode()}")
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        size = int(rest)
        if size < 0:
            return None
        if kind == b"*":
            return [self.read() for _ in range(size)]
        return self.stream.read(size + 2)[:-2].decode()


class Command:
    """One entry of COMMAND, or of its subcommands."""

    def __init__(self, entry):
        self.name = entry[0].upper().replace("|", " ")
        self.arity = entry[1]
        self.flags = [x for x in FLAGS if x in entry[2]]
        self.first_key, self.last_key, self.key_step = entry[3:6]
        self.subcommands = [Command(x) for x in entry[9]]
        if self.subcommands:
            self.flags.append("container")


class Entry:
    """One line of the classes file."""

    def __init__(self, cls):
        self.cls = cls
        self.by = "none"
        self.keys = None
        self.refuse = "none"
        self.newer = False


def read_entry(words, where):
    """The name and the entry of a line's words."""
    position = next((i for i, x in enumerate(words) if x in CLASSES), 0)
    if position == 0:
        raise Problem(f"{where}: expected NAME and one of {', '.join(CLASSES)}")
    entry = Entry(words[position])
    for word in words[position + 1:]:
        key, _, value = word.partition("=")
        if word == "newer":
            entry.newer = True
        elif key in ("by", "keys", "refuse") and value:
            setattr(entry, key, value)
        else:
            raise Problem(f"{where}: '{word}' is none of by=, keys=, refuse= "
                          "and newer")
    return " ".join(words[:position]), entry


def read_entries(path):
    result = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{path.name}:{number}"
        name, entry = read_entry(words, where)
        if name in result:
            raise Problem(f"{where}: {name} stands here twice")
        result[name] = entry
    return result


def read_commands(server):
    """The server's version, and its commands by name."""
    info = server.ask("INFO", "server").splitlines()
    version = dict(x.split(":", 1) for x in info if ":" in x)["redis_version"]
    if not version.startswith(SUPPORTED):
        raise Problem(f"the table is made with redis {SUPPORTED}x, "
                      f"this is {version}")
    result = {}
    for x in map(Command, server.ask("COMMAND")):
        for command in [x, *x.subcommands]:
            result[command.name] = command
    return version, result


def default_entry(command):
    if "readonly" in command.flags or command.name.endswith(" HELP"):
        return Entry("read_only")
    if "container" in command.flags:
        return Entry("accumulating")
    return None


def complaints_about(command, entry):
    """What the classes file fails to say of a command, one sentence each."""
    if entry is None:
        kind = "a write command" if "write" in command.flags else "not readonly"
        yield f"{command.name} is {kind} and has no class"
        return
    if "write" in command.flags and entry.cls == "read_only" \
            and entry.by == "none":
        yield f"{command.name} is a write command; it cannot be read_only"
    if "movablekeys" in command.flags and entry.keys is None:
        yield f"{command.name} has movable keys and no keys="
    if "blocking" in command.flags and entry.refuse == "none" \
            and entry.by == "none":
        yield f"{command.name} blocks and has neither refuse= nor by="


def join(commands, entries):
    """Pairs of commands and entries by name, or a Problem with all gaps."""
    problems, pairs = [], []
    for name, command in commands.items():
        entry = entries.get(name) or default_entry(command)
        problems += complaints_about(command, entry)
        if name in entries and entry.newer:
            problems.append(f"{name} is marked newer, but the server knows it")
        pairs.append((command, entry))
    for name, entry in entries.items():
        if name in commands:
            continue
        if not entry.newer:
            problems.append(f"{name} is no command of this server")
        # Arity 0: nobody knows.
        pairs.append((Command([name, 0, [], 0, 0, 0, [], [], [], []]), entry))
    if problems:
        raise Problem("\n".join(f"{CLASSES_FILE.name}: {x}" for x in problems))
    return sorted(pairs, key=lambda x: x[0].name)


def row(command, entry):
    opening = "REDOUBT_COMMAND("
    head = f'{opening}"{command.name}", {command.arity}, ' \
           f'"{" ".join(command.flags)}",'
    tail = f"{command.first_key}, {command.last_key}, {command.key_step}, " \
           f"{entry.cls}, {entry.by}, {entry.keys or 'by_position'}, " \
           f"{entry.refuse})"
    return f"{head}\n{' ' * len(opening)}{tail}\n"


def table(version, pairs):
    header = (
        f"// Made by scripts/generate_command_table.py from redis {version}\n"
        "// (COMMAND) and scripts/command_classes.txt. Do not edit: change\n"
        "// the classes file and run the script.\n"
        "//\n"
        "// name, arity, flags,\n"
        "// first key, last key, step, class, class rule, key rule, refusal\n"
        "\n")
    return header + "".join(row(*x) for x in pairs)


def check(text):
    """True if the file is up to date; prints the difference otherwise."""
    present = TABLE_FILE.read_text() if TABLE_FILE.exists() else ""
    if present == text:
        return True
    sys.stderr.writelines(difflib.unified_diff(
        present.splitlines(True), text.splitlines(True),
        TABLE_FILE.name, "as it should be"))
    print(f"{TABLE_FILE.name} is out of date: run scripts/"
          f"{pathlib.Path(__file__).name}", file=sys.stderr)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true",
                        help="write nothing; exit 1 if the file is out of date")
    options = parser.parse_args()
    # Unwinds, so that the server ends with the script.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        entries = read_entries(CLASSES_FILE)
        with Server() as server:
            version, commands = read_commands(server)
        text = table(version, join(commands, entries))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.check:
        return 0 if check(text) else 1
    TABLE_FILE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
