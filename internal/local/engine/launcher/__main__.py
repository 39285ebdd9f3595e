"""The local AWS engine: ministack, with the fixes of fixes/ applied before it serves.

Besides ministack's own variables it reads, and keeps from the functions it runs:
  ENGINE_WITHOUT      names of fixes to leave out, separated by commas; "all" is the stock engine
  ENGINE_ATTACHED     "1": end when standard input does, that is, with whoever started the engine
  ENGINE_RUNTIME_API  host:port that stands between functions and the Lambda Runtime API; empty for nobody
"""
import asyncio
import os
import signal
import sys
import threading

import hypercorn.asyncio

import attempts
import fixes
import runtime_api


def main():
    fixes.apply(without=os.environ.pop("ENGINE_WITHOUT", ""))
    if between := os.environ.pop("ENGINE_RUNTIME_API", ""):
        runtime_api.lead_through(between)
        attempts.tell(between)
    if os.environ.pop("ENGINE_ATTACHED", "") == "1":
        threading.Thread(target=end_with_input, daemon=True).start()
    from ministack import app

    hypercorn.asyncio.serve = serving_until_end(hypercorn.asyncio.serve)
    try:
        app.main()
    finally:
        kill_functions()


def serving_until_end(stock):
    """Take the signals from the server, which would first wait for connections and for functions to return."""

    def serve(app, config):
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, end)
        return stock(app, config, shutdown_trigger=asyncio.Event().wait)

    return serve


def end_with_input():
    """The starter holds the other end of standard input and never writes to it: an end of file is its death."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def end(*_):
    """End at once, functions included: nothing here outlives the process, so there is nothing to put in order."""
    kill_functions()
    os._exit(0)


def kill_functions():
    while kill_group():
        pass


def kill_group():
    """Kill every other process of our group, if we lead it, and tell whether there was one."""
    if os.getpgrp() != os.getpid():
        return False
    killed = False
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                state, _, group = stat.read().rpartition(")")[2].split()[:3]
            if int(group) == os.getpid() != int(pid) and state != "Z":
                os.kill(int(pid), signal.SIGKILL)
                killed = True
        except OSError:
            continue  # it ended by itself
    return killed


main()
