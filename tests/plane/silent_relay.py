"""Stands between a client and a server, and can silence or cut the connections that are open, as networks do."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from cluster import plane as planes


class SilentRelay:
    """Relays TCP connections from a free port of loopback, until told to be silent on those that are open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._generation = 0
        self._sockets: list[socket.socket] = []
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> int:
        """From now on nothing comes through on the open connections; new ones work. Returns how many there were."""
        self._generation += 1
        return len(self._sockets) // 2

    def cut(self) -> None:
        """Close the connections that are open; new ones work."""
        self._generation += 1
        cut, self._sockets = self._sockets, []
        _close(cut)

    def close(self) -> None:
        """Close everything."""
        _close([self._server, *self._sockets])

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pipe, args=(source, sink, self._generation), daemon=True).start()

    def _pipe(self, source: socket.socket, sink: socket.socket, generation: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if generation == self._generation:
                    sink.sendall(data)
            if generation == self._generation:
                sink.shutdown(socket.SHUT_WR)


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def relayed(plane: planes.Running, folder: Path) -> tuple[SilentRelay, Path]:
    """A relay before a plane, and a kubeconfig that leads through it."""
    config = yaml.safe_load(plane.kubeconfig.read_text())
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    relay = SilentRelay(str(server.hostname), int(server.port or 443))
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return relay, path
