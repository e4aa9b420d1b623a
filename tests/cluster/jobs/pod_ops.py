"""Plain functions that manifests name as ops: each does one thing that a step can do, or suffer."""

import ctypes
import os
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import kedge as dg


def one():
    return 1


def add_one(x):
    return x + 1


def total(values):
    return sum(values)


def large():
    return os.urandom(300 << 20)


def count(values):
    return len(values)


def numbers(context, config):
    for i in range(config["count"]):
        yield dg.DynamicOutput(i, mapping_key=f"n{i}")


@dg.op(out=dg.DynamicOut())
def ten():
    for i in range(10):
        yield dg.DynamicOutput(i, mapping_key=f"n{i}")


@dg.op(out=dg.DynamicOut())
def three():
    for i in range(3):
        yield dg.DynamicOutput(i, mapping_key=f"n{i}")


@dg.op(out=dg.DynamicOut())
def none():
    yield from ()


@dg.op(out=dg.DynamicOut())
def parts(x):
    for i in range(x):
        yield dg.DynamicOutput(i, mapping_key=f"p{i}")


@dg.op
def says(context, x):
    context.log.info(f"working on {x}")
    print("plain words", flush=True)
    return x


def raises():
    raise ValueError("no luck today")


@dg.op
def fails_on_two(x):
    if x == 2:
        raise ValueError("two is too much")
    return x


@dg.op
def asks_for_another_try(context):
    if context.retry_number < 2:
        raise dg.RetryRequested(max_retries=3)
    return context.retry_number


def exits_with_three():
    os._exit(3)


def ends_with_code_5():
    os._exit(5)


def crashes():
    ctypes.string_at(0)


def eats_memory():
    """200 MiB that are really used."""
    block = bytearray(200 << 20)
    for i in range(0, len(block), 4096):
        block[i] = 1
    return len(block)


def fills_the_disk():
    with open("/small/file", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


def waits_for_a_word():
    """Until the word $WORD is in the store, or for ten minutes."""
    from kedge.io.stores import open_store

    store = open_store(os.environ["KEDGE_STORE"])
    until = time.time() + 600
    print("waiting", flush=True)
    while time.time() < until:
        if store.exists(f"words/{os.environ['WORD']}"):
            return "went on"
        time.sleep(0.1)
    raise TimeoutError("nobody said the word")


def outlasts_its_record():
    """It returns at once, and its process goes on until the word $WORD is in the store."""
    threading.Thread(target=waits_for_a_word).start()
    return 1


def waits_with(x):
    return waits_for_a_word()


@dg.op
def fails_once(x):
    """The clone n2 fails until somebody has said that it is mended."""
    from kedge.io.stores import open_store

    if x == 2 and not open_store(os.environ["KEDGE_STORE"]).exists("words/mended"):
        raise ValueError("not mended")
    return x


def waits_for_its_store_to_go():
    """Until nobody takes connections there, or for ten minutes."""
    store = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    until = time.time() + 600
    while time.time() < until:
        try:
            socket.create_connection((store.hostname, store.port), timeout=5).close()
        except (ConnectionRefusedError, TimeoutError):
            return "went on"
        time.sleep(0.1)
    raise TimeoutError("the store stayed")


def sleeps():
    print("sleeping", flush=True)
    time.sleep(300)


def ignores_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("not listening", flush=True)
    time.sleep(300)


def uid():
    return os.getuid()


@dg.op
def reads_everything():
    """What a step can see of its place."""
    found = {"uid": os.getuid(), "env": sorted(os.environ), "token": os.path.exists("/var/run/secrets/kubernetes.io")}
    try:
        open("/app/file", "w").close()
        found["root"] = "writable"
    except OSError as error:
        found["root"] = error.strerror
    return found


@dg.op
def greets():
    return os.environ["GREETING"]
